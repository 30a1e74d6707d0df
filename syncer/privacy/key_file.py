"""The key file: the versions of an installation's key, one a line, and whose file it must be."""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from syncer.clock import now
from syncer.errors import KeyFileError
from syncer.privacy import own_file

KEY_BYTES = 32
#: before versions there was one line: this and the key
_OLD_PREFIX = "syncer-key-v1:"
_PREFIX = "syncer-key-v2:"
#: how each line of the other kind of key file begins, which `console_key` makes
CONSOLE_PREFIX = "syncer-console-key-v1:"
FILE = own_file.FileOfKeys("key file", "[identity] key_file", "run `syncer init`, or put it back")
#: of a key from before there were versions
NO_DATE = "-"


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
    own_file.create(path, _text([line]), FILE)


def read(path: Path) -> tuple[KeyLine, ...]:
    """Return the versions, the current one last.

    Raises KeyFileError for a file that is missing, a link, somebody else's, open to others, or no key file.
    """
    return parsed(path, own_file.read(path, FILE))


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
        own_file.write(handle, _text(lines))
        Path(name).replace(path)
        own_file.sync_folder(path.parent)
    except OSError as error:
        raise KeyFileError(
            f"{path}: the key file cannot be written ({error.strerror});"
            " run this where the file itself lies, as its owner or as root"
        ) from None


def _text(lines: Sequence[KeyLine]) -> str:
    return "".join(
        f"{_PREFIX}{line.created.isoformat() if line.created else NO_DATE}:{line.state}:"
        f"{base64.b64encode(line.root).decode('ascii')}\n"
        for line in lines
    )


def parsed(path: Path, content: bytes) -> tuple[KeyLine, ...]:
    """Return the versions that a file of this content holds. Raises KeyFileError."""
    rows = content.decode("ascii", "replace").split()
    if len(content) <= own_file.LONGEST_FILE:
        lines = [_line(row) for row in rows]
        whole = [line for line in lines if line is not None]
        states = [line.state for line in whole]
        distinct = len({line.root for line in whole}) == len(lines)
        if lines and distinct and states.count(KeyState.CURRENT) == 1 and states[-1] is KeyState.CURRENT:
            return tuple(whole)
    if content.startswith(CONSOLE_PREFIX.encode()):
        raise KeyFileError(
            f"{path}: this is a key of the web console, which opens no address and signs nothing;"
            " name the installation's own key file in [identity] key_file"
        )
    raise KeyFileError(
        f"{path}: this is not a key file of syncer, or not a whole one;"
        " put back the one that `syncer init`, `key create` or `key rotate` made"
    )


def _line(row: str) -> KeyLine | None:
    try:
        if row.startswith(_OLD_PREFIX):
            created, state, encoded = NO_DATE, str(KeyState.CURRENT), row.removeprefix(_OLD_PREFIX)
        else:
            created, state, encoded = row.removeprefix(_PREFIX).split(":")
        day = None if created == NO_DATE else date.fromisoformat(created)
        line = KeyLine(base64.b64decode(encoded, validate=True), day, KeyState(state))
    except ValueError:  # not of this form, not base64, or not even ASCII
        return None
    return line if row.startswith((_OLD_PREFIX, _PREFIX)) and len(line.root) >= KEY_BYTES else None
