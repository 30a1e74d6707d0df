"""`preview`: what would happen, asked once; and what `run` and `drain` say of destinations in shadow mode."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import click

from syncer.cli.common import JSON, Context, common, read_addresses
from syncer.cli.help.completion import events
from syncer.cli.help.shape import Command
from syncer.cli.output import stdout
from syncer.domain.rights import ACCEPTED_RIGHTS, Right
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.decisions.previews import Previewed, Told
    from syncer.delivery.shadow.modes import ModeChange
    from syncer.settings.checked import Settings

#: seconds between two lines of a preview that nobody sees on a terminal
SECONDS = 60.0


@click.command(cls=Command)
@click.option(
    "--event",
    "events_",
    multiple=True,
    shell_complete=events,
    help="This request, by its case number or the first characters of its id; repeat it for several.",
)
@click.option("--held", is_flag=True, help="Everything that is held.")
@click.option("--file", "file", type=click.File("rb"), help="A list or a CSV export of addresses; - for stdin.")
@click.option(
    "--right",
    type=click.Choice([right.value for right in sorted(ACCEPTED_RIGHTS)]),
    help="What the people of the file would ask for; default: erasure.",
)
@JSON
@common
def preview(
    context: Context, events_: tuple[str, ...], held: bool, file: BinaryIO | None, right: str | None, as_json: bool
) -> int:
    """Show what would happen, without doing it.

    Each destination is read as an erasure or objection would read it, and nothing but reads can leave: who would be
    found, which calls would be made, what would be held. Choose --event, --held or --file. It is audited.
    """
    from syncer.app import require_secrets
    from syncer.cli.output import console

    if sum((bool(events_), held, file is not None)) != 1:
        raise UserError("preview: choose what, and one way only: --event, --held or --file")
    if right is not None and file is None:
        raise UserError("--right is for --file: a request says itself what it asks for")
    with context.app() as app:
        app.trust.require()
        require_secrets(app.settings)
        people = read_addresses(file) if file is not None else None
        ids = [app.reader.resolve(item) for item in events_]
        with _progress() as told:
            if people is not None:
                found = app.previews.of_people(people, Right(right or Right.ERASURE), told)
            else:
                found = app.previews.of_events(ids, held=held, told=told)
    console.answer(tuple(found), as_json, _show)
    return 1 if any(each.code or each.unanswered for each in found) else 0


@contextmanager
def _progress() -> Iterator[Told]:
    """Show on stderr how it goes: a bar on a terminal, elsewhere a line for each minute that it takes."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("asking", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    said = time.monotonic()

    def tell_now_and_then(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= SECONDS:
            stdout.remark(f"asked about {done} of {total}")
            said = time.monotonic()

    yield tell_now_and_then


def _show(found: Sequence[Previewed]) -> None:
    from syncer.cli.output import console
    from syncer.domain.codes import meaning

    out = console.console()
    if not found:
        out.print("nothing to preview")
        return
    table = console.grid("whom", "destination", "action", "found there", "what would happen")
    for each in found:
        whom = each.event or f"line {each.line}"
        there = "not known" if each.unanswered else list(each.found) or "nobody"
        table.add_row(whom, each.destination, each.action or "-", there, _would(each))
    out.print(table)
    for code in dict.fromkeys(code for each in found if (code := each.code or each.unanswered)):
        out.print(f"{code}: {meaning(code)}")


def _would(each: Previewed) -> str | list[str]:
    if each.unanswered:
        return f"not known: {each.unanswered}"
    would = [f"would call {call}" for call in each.would]
    if each.code:
        return [*would, f"would be held: {each.code}"]
    return would or "nothing would be changed"


def settings_of(context: Context, *, shadow: bool) -> Settings:
    """Load the settings, with every destination in shadow mode where that was asked for."""
    from syncer.settings.checked import in_shadow

    return in_shadow(context.settings()) if shadow else context.settings()


def tell(changes: Sequence[ModeChange]) -> None:
    """Say on stderr which destinations changed their mode; a changed mode must not go unseen."""
    for change in changes:
        if change.mode == "shadow":
            stdout.remark(f"{change.destination} is in shadow mode from now on: it is read, and nothing is carried out")
        else:
            stdout.remark(f"{change.destination} is LIVE from now on; {change.due} previewed became due")
