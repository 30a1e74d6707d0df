"""`syncer status --watch`: the status again and again, until Ctrl-C; a database that is away is part of it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from syncer.cli.output import console, overview, stdout
from syncer.clock import now
from syncer.database.failures import is_outage
from syncer.reports.as_json import as_json
from syncer.reports.status import needs_attention

if TYPE_CHECKING:
    from rich.live import Live

    from syncer.app import App
    from syncer.cli.common import Context
    from syncer.reports.views import StatusView

#: what the database's absence makes of the exit code, as for every command
AWAY = 2
#: shows one status; None while the database is away, and then why
Show = Callable[["StatusView | None", str], None]


def watch(context: Context, seconds: int, *, as_lines: bool) -> int:
    """Show the status every so many seconds until Ctrl-C; return the exit code of the last one.

    `as_lines` makes each a JSON object in a line. Raises UserError for what a person must mend.
    """
    code = 0
    with _shown(seconds, as_lines=as_lines) as show:
        try:
            for view, why in _read(context):
                code = AWAY if view is None else int(needs_attention(view))
                show(view, why)
                sys.stdout.flush()
                time.sleep(seconds)
        except KeyboardInterrupt:
            return code
    return code


def _read(context: Context) -> Iterator[tuple[StatusView | None, str]]:
    app: App | None = None
    try:
        while True:
            try:
                app = app or context.app()
                view, why = app.status.read(), ""
            except Exception as error:
                if not is_outage(error):
                    raise
                view, why = None, f"the database is away ({type(error).__name__}); it is asked again"
            yield view, why
    finally:
        if app is not None:
            app.close()


@contextmanager
def _shown(seconds: int, *, as_lines: bool) -> Iterator[Show]:
    """Yield what shows a status in this place: in a line, in place on a terminal, or below the one before."""
    if as_lines:
        yield _line
    elif sys.stdout.isatty():
        from rich.live import Live

        from syncer.cli.output.terminal import console as terminal

        # the cursor would stand in the text, and what does not fit the screen would be drawn again below
        with Live(console=terminal(), auto_refresh=False, vertical_overflow="crop") as live:
            yield lambda view, why: _redraw(live, f"{_moment()}, every {seconds} s; Ctrl-C ends it", view, why)
    else:
        yield _block


def _line(view: StatusView | None, why: str) -> None:
    if view is None:
        stdout.remark(f"{_moment()}: {why}")  # no status, and so no line for whoever reads them
    else:
        sys.stdout.write(stdout.json_text(json.dumps(json.loads(as_json(view)), ensure_ascii=False)) + "\n")


def _block(view: StatusView | None, why: str) -> None:
    console.line(f"-- {_moment()}")
    if view is None:
        console.line(why)
    else:
        overview.status(view)
    console.line("")


def _redraw(live: Live, head: str, view: StatusView | None, why: str) -> None:
    from rich.text import Text

    from syncer.cli.output.terminal import console as terminal

    out = terminal()  # of this moment's width
    with out.capture() as captured:
        out.print(head)
        if view is None:
            out.print(why)
        else:
            overview.status(view, out)
    live.update(Text.from_ansi(captured.get().rstrip("\n")), refresh=True)


def _moment() -> str:
    return f"{now():%Y-%m-%d %H:%M:%SZ}"
