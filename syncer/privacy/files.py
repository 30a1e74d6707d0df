"""Files that are written for somebody: for their owner's eyes, whole or not at all, through nobody's link."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

#: where a name stands for what the process has open, whatever that is: /dev/stdout, /dev/fd/63
_OPEN_ALREADY = (Path("/dev"), Path("/proc"))
#: where names among those stand for files all the same: a file system in memory
_FILES = Path("/dev/shm")  # noqa: S108 — looked at, not written to


@contextmanager
def written(path: Path, *, public: bool = False) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` at the end of the block; one that fails leaves what was there.

    Only its owner may read it (0600). A file that is there already keeps what its owner and its group may do with it,
    and loses what others may. `public` is for what tells nothing of anybody: everybody may read it (0644). What is no
    file, a pipe for instance, is written to as it is. Raises OSError, also for a link: it leads where somebody else
    may have chosen.
    """
    if stands_for_something_open(path):
        with path.open("wb") as file:
            yield file
        return
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    done = False
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            os.fchmod(file.fileno(), 0o644 if public else _mode(file.fileno(), path))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        done = True
    finally:
        if not done:
            Path(temporary).unlink(missing_ok=True)


def stands_for_something_open(path: Path) -> bool:
    """Say whether a name leads to what the process has open, or to a pipe, and not to a file that could be replaced."""
    whole = Path(os.path.abspath(path))
    if not whole.is_relative_to(_FILES) and any(whole.is_relative_to(folder) for folder in _OPEN_ALREADY):
        return True
    return path.exists() and not path.is_file()


def _mode(handle: int, path: Path) -> int:
    """Give the new file to whom the old one belongs, and return its mode."""
    try:
        before = path.lstat()
    except FileNotFoundError:
        return 0o600
    mode = stat.S_IMODE(before.st_mode) & 0o770
    with contextlib.suppress(OSError):
        os.fchown(handle, before.st_uid, before.st_gid)
    return mode if os.fstat(handle).st_gid == before.st_gid else mode & 0o700
