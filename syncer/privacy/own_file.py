"""Files that hold keys: made once, never overwritten, and read only where nobody else can have written or read them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from syncer.errors import KeyFileError
from syncer.privacy import credentials

LONGEST_FILE = 65536  # bytes of a file that are looked at


@dataclass(frozen=True, slots=True)
class FileOfKeys:
    """How messages speak of one kind of file: its name, the setting that names its path, what to do where it lacks."""

    name: str
    setting: str
    missing: str


def create(path: Path, text: str, kind: FileOfKeys) -> None:
    """Write a file with mode 0600; never overwrite one. Raises KeyFileError."""
    if lent := credentials.out_of_reach(path):
        raise KeyFileError(f"{path}: no {kind.name} is made there; {lent}")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path}: there is a key file already; it is never overwritten") from None
    except OSError as error:
        raise KeyFileError(f"{path}: the {kind.name} cannot be written ({error.strerror})") from None
    write(handle, text)
    sync_folder(path.parent)  # a key that a power cut takes away would take every pseudonym with it


def read(path: Path, kind: FileOfKeys) -> bytes:
    """Return the first LONGEST_FILE bytes and one more.

    Raises KeyFileError for a file that is missing, a link, somebody else's, or open to others.
    """
    try:
        # whoever may turn a link chooses the key, whatever the file at its end is like; a pipe would never end
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            info = os.fstat(file.fileno())
            content = file.read(LONGEST_FILE + 1)
    except FileNotFoundError:
        remedy = credentials.out_of_reach(path) or kind.missing
        raise KeyFileError(f"{path}: the {kind.name} is missing; {remedy}") from None
    except OSError as error:
        if path.is_symlink():
            raise KeyFileError(f"{path}: the {kind.name} is a link; name the file itself in {kind.setting}") from None
        remedy = credentials.out_of_reach(path) or f"run syncer as its owner, or `chmod 600 {path}` as its owner"
        raise KeyFileError(f"{path}: the {kind.name} cannot be read ({error.strerror}); {remedy}") from None
    require_ours(path, info, kind)
    return content


def write(handle: int, text: str) -> None:
    """Write a text of ASCII to an open file, to the disk, and close it."""
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_ours(path: Path, info: os.stat_result, kind: FileOfKeys) -> None:
    """Raise KeyFileError unless only root and the user of this process can have written the file, and none read it."""
    if not stat.S_ISREG(info.st_mode):
        raise KeyFileError(f"{path}: the {kind.name} cannot be read (not a file); name a file in {kind.setting}")
    if info.st_uid not in (0, os.geteuid()):
        owner = credentials.account(info.st_uid)
        raise KeyFileError(
            f"{path}: the {kind.name} belongs to another user ({owner}), who can read and replace it;"
            f" run syncer as that user, or `chown` the file to the one that runs it"
        )
    # systemd's credentials belong to root; only the unit's user may read them, by group or ACL
    if info.st_mode & (0o037 if credentials.is_credential(path) else 0o077):
        raise KeyFileError(f"{path}: others can read the {kind.name}; run `chmod 600 {path}`")
