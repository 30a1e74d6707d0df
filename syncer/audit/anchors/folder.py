"""The file drop folder: one file per note, written whole or not at all, and read back for the comparison at start."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from syncer.audit.anchors.place import AnchorError
from syncer.audit.offline.files import text_of
from syncer.audit.offline.notes import LONGEST, Checkpoint

SUFFIX = ".note"
DIGITS = 12  # of the size in a file's name


def file_name(checkpoint: Checkpoint, suffix: str = SUFFIX) -> str:
    """Return the name of a checkpoint's file: sorted by name, the files of one log are in the order of their sizes."""
    return f"{re.sub(r'[^A-Za-z0-9._-]', '_', checkpoint.origin)}-{checkpoint.size:0{DIGITS}d}{suffix}"


class Folder:
    """A folder for notes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        """Write the note as a file of its own, durably."""
        return str(write(self._path, file_name(checkpoint), note.encode()))

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Say whether the folder has a note of this checkpoint."""
        try:
            return (self._path / file_name(checkpoint)).exists()
        except OSError:
            return False


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file whole or not at all, durably; return its path. Raises AnchorError."""
    target = folder / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".new")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o644)  # nothing in it is secret, and an auditor should read it
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise AnchorError(f"{target} cannot be written ({error.strerror})") from None
    return target


def read(path: Path) -> str:
    """Return the text of a note's file, in whatever form of Unicode.

    Raises OSError, and ValueError for no text, for what is longer than a note and for what is no file: a pipe would
    keep whoever reads it waiting.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LONGEST:
            raise ValueError("longer than a note, or no file")
        return text_of(file.read(LONGEST + 1))


def newest_first(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield the notes of each log in a folder, by the beginning of their names, the largest size first."""
    logs: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        logs.setdefault(path.name.rpartition("-")[0], []).append(path)
    yield from logs.items()


def all_notes(folder: Path, beyond: int = 0) -> list[tuple[str, str]]:
    """Return (path, text) of every note in a folder, each log's in the order of its sizes; "" for an unreadable one.

    Files whose names say that they are of `beyond` entries or fewer are left out.
    """
    notes = []
    for paths in dict(newest_first(folder)).values():
        for path in reversed(paths):
            size = path.stem.rpartition("-")[2]
            if size.isdecimal() and len(size) == DIGITS and int(size) <= beyond:
                continue
            try:
                notes.append((str(path), read(path)))
            except (OSError, ValueError):
                notes.append((str(path), ""))
    return notes
