"""The key file: the versions of an installation's key, one a line, and whose file it must be."""

from __future__ import annotations

import base64
import os
import secrets
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from syncer.clock import now
from syncer.errors import KeyFileError
from syncer.privacy import credentials

KEY_BYTES = 32
LONGEST_FILE = 65536  # bytes of a key file that are looked at
#: before versions there was one line: this and the key
_OLD_PREFIX = "syncer-key-v1:"
_PREFIX = "syncer-key-v2:"
_NO_DATE = "-"


class KeyState(StrEnum):
    """What a version of the key is used for."""

    CURRENT = "current"
    #: replaced, but addresses are still sealed with it: these open until they are sealed anew
    RETIRING = "retiring"
    #: kept to find people by the pseudonyms it made, and to verify what it signed; nothing is written with it
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """One version as the file has it; `created` (UTC) is None for a key from before there were versions."""

    root: bytes = field(repr=False)
    created: date | None
    state: KeyState


def new_line() -> KeyLine:
    """Return a new version that becomes the current one."""
    return KeyLine(secrets.token_bytes(KEY_BYTES), now().date(), KeyState.CURRENT)


def create(path: Path, line: KeyLine) -> None:
    """Write a key file with mode 0600; never overwrite one. Raises KeyFileError."""
    if lent := credentials.out_of_reach(path):
        raise KeyFileError(f"{path}: no key file is made there; {lent}")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path}: there is a key file already; it is never overwritten") from None
    except OSError as error:
        raise KeyFileError(f"{path}: the key file cannot be written ({error.strerror})") from None
    _write(handle, [line])
    _sync_folder(path.parent)  # a key that a power cut takes away would take every pseudonym with it


def read(path: Path) -> tuple[KeyLine, ...]:
    """Return the versions, the current one last.

    Raises KeyFileError for a file that is missing, a link, somebody else's, open to others, or no key file.
    """
    try:
        # whoever may turn a link chooses the key, whatever the file at its end is like; a pipe would never end
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(file.fileno())
            content = file.read(LONGEST_FILE + 1)
    except FileNotFoundError:
        remedy = credentials.out_of_reach(path) or "run `syncer init`, or put it back"
        raise KeyFileError(f"{path}: the key file is missing; {remedy}") from None
    except OSError as error:
        if path.is_symlink():
            raise KeyFileError(f"{path}: the key file is a link; name the file itself in [identity] key_file") from None
        remedy = credentials.out_of_reach(path) or f"run syncer as its owner, or `chmod 600 {path}` as its owner"
        raise KeyFileError(f"{path}: the key file cannot be read ({error.strerror}); {remedy}") from None
    _require_ours(path, info)
    return _parse(path, content)


def replace(path: Path, lines: Sequence[KeyLine]) -> None:
    """Put other versions into the place of a key file's, at once or not at all. Raises KeyFileError.

    Owner and mode stay. What a killed process left behind is removed: it holds keys.
    """
    prefix, suffix = f".{path.name}.", ".new"
    try:
        owner = path.lstat()
        for left in path.parent.glob(f"{prefix}*{suffix}"):
            left.unlink()
        handle, name = tempfile.mkstemp(suffix, prefix, path.parent)  # 0600, under a name that nobody can guess
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(handle, owner.st_uid, owner.st_gid)
        _write(handle, lines)
        Path(name).replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(
            f"{path}: the key file cannot be written ({error.strerror});"
            " run this where the file itself lies, as its owner or as root"
        ) from None


def _write(handle: int, lines: Sequence[KeyLine]) -> None:
    with os.fdopen(handle, "w", encoding="ascii") as file:
        for line in lines:
            created = line.created.isoformat() if line.created else _NO_DATE
            file.write(f"{_PREFIX}{created}:{line.state}:{base64.b64encode(line.root).decode('ascii')}\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _require_ours(path: Path, info: os.stat_result) -> None:
    """Raise KeyFileError unless only root and the user of this process can have written the file, and none read it."""
    if not stat.S_ISREG(info.st_mode):
        raise KeyFileError(f"{path}: the key file cannot be read (not a file); name a file in [identity] key_file")
    if info.st_uid not in (0, os.geteuid()):
        owner = credentials.account(info.st_uid)
        raise KeyFileError(
            f"{path}: the key file belongs to another user ({owner}), who can read and replace it;"
            f" run syncer as that user, or `chown` the file to the one that runs it"
        )
    # systemd's credentials belong to root; only the unit's user may read them, by group or ACL
    if info.st_mode & (0o037 if credentials.is_credential(path) else 0o077):
        raise KeyFileError(f"{path}: others can read the key file; run `chmod 600 {path}`")


def _parse(path: Path, content: bytes) -> tuple[KeyLine, ...]:
    rows = content.decode("ascii", "replace").split()
    if len(content) <= LONGEST_FILE:
        lines = [_line(row) for row in rows]
        whole = [line for line in lines if line is not None]
        states = [line.state for line in whole]
        distinct = len({line.root for line in whole}) == len(lines)
        if lines and distinct and states.count(KeyState.CURRENT) == 1 and states[-1] is KeyState.CURRENT:
            return tuple(whole)
    raise KeyFileError(
        f"{path}: this is not a key file of syncer, or not a whole one;"
        " put back the one that `syncer init`, `key create` or `key rotate` made"
    )


def _line(row: str) -> KeyLine | None:
    try:
        if row.startswith(_OLD_PREFIX):
            created, state, encoded = _NO_DATE, str(KeyState.CURRENT), row.removeprefix(_OLD_PREFIX)
        else:
            created, state, encoded = row.removeprefix(_PREFIX).split(":")
        day = None if created == _NO_DATE else date.fromisoformat(created)
        line = KeyLine(base64.b64decode(encoded, validate=True), day, KeyState(state))
    except ValueError:  # not of this form, not base64, or not even ASCII
        return None
    return line if row.startswith((_OLD_PREFIX, _PREFIX)) and len(line.root) >= KEY_BYTES else None
