"""An export as an answer: made whole in a file that nobody else can open, audited, and only then sent.

Its SHA-256 is known at its end alone, and what the audit does not have is not answered. So it is written first.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import IO

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from syncer.console.access import person
from syncer.console.desk import desk
from syncer.console.pages import error_page
from syncer.console.reading.unreadable import readable
from syncer.console.taking.limits import Slot, limits
from syncer.language.texts import _
from syncer.reports.takeout.octets import file_octets

#: octets of the largest export; the command line makes larger ones
LARGEST = 1 << 30
#: octets that are kept in memory before a file is made, and that are sent at a time
IN_MEMORY, CHUNK = 1 << 20, 1 << 16
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "text": "text/plain; charset=utf-8",
}
SUFFIXES = {"text": "txt"}


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken out: its pieces, and how many rows it has once all were gone through.

    `kind` and `fmt` are as the audit names them; `name` is the file's, without its ending.
    """

    kind: str
    fmt: str
    name: str
    pieces: Iterable[str]
    rows: Callable[[int], int]

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.name}.{SUFFIXES.get(self.fmt, self.fmt)}"


class NoRoom(HTTPException):
    """Raised where an export has no room on this machine, or is too large for it."""

    code = 507


def handed_out(make: Callable[[ExitStack], Taken]) -> Response:
    """Make an export, audit it, and return it as an attachment.

    `make` may leave what has to be closed once the pieces were gone through. Raises TooManyRequests,
    UnreadableTables, what the database and the log raise, and whatever `make` does: then nothing is answered of it, and
    nothing is left of its file.
    """
    slot = limits().take(person().name)
    with ExitStack() as undone:
        undone.callback(slot.release)
        app = desk().acting()
        app.trust.require()
        file = tempfile.SpooledTemporaryFile(IN_MEMORY, mode="w+b", prefix="syncer-")  # noqa: SIM115 — closed below
        undone.callback(_closed, file)
        with readable(), ExitStack() as opened:
            taken = make(opened)
            try:
                count, size, digest = _written(file, file_octets(taken.pieces, taken.fmt))
            except NoRoom:
                return _no_room()
        app.access_log.exported(taken.kind, taken.fmt, taken.rows(count), digest)
        file.seek(0)
        answer = Response(Sending(file, slot), direct_passthrough=True, content_type=MEDIA_TYPES[taken.fmt])
        answer.headers["Content-Length"] = str(size)
        answer.headers["Content-Disposition"] = f'attachment; filename="{taken.file}"'
        undone.pop_all()  # from here on the answer closes both
    return answer


class Sending(Iterator[bytes]):
    """The octets of a file in chunks. Closing it, before its first as well as after its last, ends file and slot.

    No generator: one that was never begun runs none of its code when it is closed.
    """

    def __init__(self, file: IO[bytes], slot: Slot) -> None:
        self._file = file
        self._slot = slot

    def __next__(self) -> bytes:
        if chunk := self._file.read(CHUNK):
            return chunk
        raise StopIteration

    def close(self) -> None:
        """End it, also where whoever asked has gone away."""
        _closed(self._file)
        self._slot.release()


def _written(file: IO[bytes], octets: Iterable[bytes]) -> tuple[int, int, str]:
    """Write everything; return how many pieces and octets it was, and the SHA-256 (hex). Raises NoRoom."""
    digest, count, size = sha256(), 0, 0
    for chunk in octets:
        count, size = count + 1, size + len(chunk)
        if size > LARGEST:
            raise NoRoom
        digest.update(chunk)
        try:
            file.write(chunk)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise NoRoom from None
    try:
        file.flush()
    except OSError:
        raise NoRoom from None
    return count, size, digest.hexdigest()


def _closed(file: IO[bytes]) -> None:
    """Close a file; what a full disk did not take of it is tried once more, and fails once more."""
    with suppress(OSError):
        file.close()


def _no_room() -> Response:
    said = _(
        "This machine has no room for the export, or it is too large for the console. Take a shorter period, or let"
        " whoever runs syncer make it on the command line. Nothing was handed out."
    )
    return error_page(507, _("There is no room for this"), said)
