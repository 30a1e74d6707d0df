"""Standard output that may not be UTF-8: what it cannot show is escaped, and no command fails for it."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from syncer.errors import SyncerError, UserError
from syncer.privacy.masking import escaped
from syncer.reports.takeout.octets import ESCAPE, JSON_FORMATS, MARK, visible_json


def prepare() -> None:
    """Let standard output escape what its encoding lacks, instead of ending the command.

    Raises UserError when it is closed: what a command says, the keys of what it queued for one, would be lost.
    """
    if sys.stderr is None:  # Python's way to say closed, here and below; remarks go nowhere then
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 — open for as long as the process lives
    if sys.stdout is None:
        raise UserError("standard output is closed; open it (> /dev/null will do). Nothing was changed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=ESCAPE)


def given_up() -> bool:
    """Say whether standard output refuses what was written to it; from then on it takes everything, and drops it."""
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b"\n")  # Python may keep nothing of what could not be written
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python would fail once more when it ends
        return True
    return False


def encoding() -> str:
    """Return the encoding of standard output; UTF-8 for one that takes text as it is."""
    return codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name


def json_text(text: str) -> str:
    """Return JSON as standard output can carry it: in plain ASCII where that is not UTF-8, and the same value."""
    text = visible_json(text)
    return text if encoding() == "utf-8" else text.encode("ascii", ESCAPE).decode("ascii")


def remark(text: str) -> None:
    """Print one line to stderr: a remark, an error."""
    sys.stderr.write(escaped(text) + "\n")


def document(text: str) -> None:
    """Write text that is UTF-8 wherever it goes: a note, a plugin, a page that says so itself.

    A terminal gets it escaped: whoever looks at it there is not who it is made for.
    """
    if sys.stdout.isatty():
        text = escaped(text, keep="\n\t")
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None or encoding() == "utf-8":
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    buffer.write(text.encode("utf-8", ESCAPE))


class Outlet:
    """Where a command writes a report of one format to: a file in UTF-8, or standard output as it can show it."""

    def __init__(self, out: Path | None, fmt: str) -> None:
        self._out = out
        self._fmt = fmt
        self._file: BinaryIO | None = None
        self._writing = ExitStack()

    def __enter__(self) -> Outlet:
        if self._out is not None:
            from syncer.privacy.files import written  # slow to load, and most commands write no file

            with self._choosing_another():
                self._file = self._writing.enter_context(written(self._out))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._choosing_another():
            self._writing.__exit__(kind, error, trace)  # writes the rest; where the command failed, nothing

    @contextmanager
    def _choosing_another(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self._out}: cannot be written ({error.strerror}); choose another --out") from None

    @property
    def head(self) -> str:
        """What stands before the first line: the byte order mark by which a spreadsheet knows UTF-8 in a CSV file."""
        return MARK if self._file is not None and self._fmt == "csv" else ""

    def write(self, text: str) -> bytes:
        """Write a piece; return the octets that it became."""
        if self._fmt in JSON_FORMATS:
            text = json_text(text) if self._file is None else visible_json(text)
        if self._file is not None:
            octets = text.encode("utf-8", ESCAPE)
            with self._choosing_another():
                self._file.write(octets)
            return octets
        if self._fmt == "html":
            document(text)
            return text.encode("utf-8", ESCAPE)
        shown = escaped(text, keep="\n\r\t") if sys.stdout.isatty() else text
        sys.stdout.write(shown)
        return shown.encode(encoding(), ESCAPE)


def internal(error: Exception) -> str:
    """Return the line that tells of an error nobody expected: what it is and where, and nothing that it holds."""
    if isinstance(error, OSError) and given_up():
        return (
            f"syncer: standard output cannot be written ({error.strerror}); what the command had done by then stands,"
            " see `syncer status`"
        )
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    if type(error).__module__.startswith("sqlalchemy"):
        return f"syncer: the database failed ({type(error).__name__} at {where}); see that it runs, `syncer check`"
    code = f" {error}" if isinstance(error, SyncerError) else ""
    report = "please report this line in the project's issue tracker, see README"
    return f"syncer: internal error ({type(error).__name__}{code} at {where}); {report}"
