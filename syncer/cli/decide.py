"""Commands that carry out a person's decision: resync, exempt, withdraw, extend, pause, resume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import click

from syncer.cli.common import JSON, REASON, Context, common, day_of, legible, moment_of, read_addresses, require_reason
from syncer.cli.output import stdout
from syncer.domain.rights import GROUNDS
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.output.results import ResyncResult, WithdrawResult
    from syncer.reports.reader import Reader
    from syncer.reports.views import EventView

PLAN_CHANGED = "the plan has changed since the digest"

# -- decisions ----------------------------------------------------------------------------------------------


@click.command()
@click.option("--event", "events_", multiple=True, help="An event; repeat it for several.")
@click.option("--destination", help="Everything of one destination.")
@click.option("--held", is_flag=True, help="Everything that is held.")
@click.option("--confirmed-since", help="Read back what was confirmed since then.")
@click.option("--file", "file", type=click.File("rb"), help="Lines `ADDRESS` or `EVENT ADDRESS`, or a CSV export.")
@click.option("--as-written", is_flag=True, help="You vouch that addresses in the file which look damaged are right.")
@click.option(
    "--reason", default="", callback=legible, help="Why; kept in the audit.  [required]"
)  # a refusal is audited too
@click.option("--yes", is_flag=True, help="Carry the plan out.")
@click.option("--apply", "digest", help="Carry the plan out if it still has this digest.")
@JSON
@common
def resync(
    context: Context,
    events_: tuple[str, ...],
    destination: str | None,
    held: bool,
    confirmed_since: str | None,
    file: BinaryIO | None,
    as_written: bool,
    reason: str,
    yes: bool,
    digest: str | None,
    as_json: bool,
) -> None:
    """Start held and retrying deliveries over, read confirmed ones back. Shows its plan first."""
    from syncer.cli.output import console
    from syncer.cli.output.results import ResyncResult, planned_lines
    from syncer.decisions.resync import Selection

    with context.app() as app:
        with _refusal_audited(app, "resync", "no usable reason"):
            require_reason(reason)
        selection = Selection(
            events=tuple(app.reader.resolve(item) for item in events_),
            destination=destination,
            held=held,
            confirmed_since=moment_of(app, confirmed_since, "--confirmed-since") if confirmed_since else None,
            addresses=_file_lines(app.reader, file) if file is not None else (),
            as_written=as_written,
        )
        plan = app.resync.plan(selection)
        with _refusal_audited(app, "resync", PLAN_CHANGED):
            if digest is not None and digest != plan.digest:
                raise UserError("the plan has changed since that digest; run it again without --apply and look")
        applied = bool(plan.deliveries) and (yes or digest is not None)
        if applied:
            app.resync.apply(plan, reason)
    console.answer(
        ResyncResult(plan.digest, applied, planned_lines(plan.deliveries)),
        as_json,
        lambda result: _show_plan(result, plan.skipped),
    )


def _show_plan(result: ResyncResult, skipped: Sequence[str]) -> None:
    from syncer.cli.output import printing

    printing.plan(result, skipped)
    outcome = "carried out; the lanes take it up now" if result.applied else "nothing was changed; --yes carries it out"
    stdout.remark(outcome)


@contextmanager
def _refusal_audited(app: App, command: str, why: str) -> Iterator[None]:
    """Let a refusal of a command pass, and leave in the audit who was refused."""
    try:
        yield
    except UserError:
        app.access_log.refused(command, why)
        raise


def _file_lines(reader: Reader, file: BinaryIO) -> tuple[tuple[str | None, str], ...]:
    lines: list[tuple[str | None, str]] = []
    for _number, text in read_addresses(file, with_events=True):
        head, *rest = text.split(maxsplit=1)
        lines.append((reader.resolve(head), rest[0]) if rest and "@" not in head else (None, text))
    return tuple(lines)


@click.command()
@click.argument("event")
@click.option("--destination", required=True, help="The destination that is not told.")
@click.option(
    "--ground",
    required=True,
    type=click.Choice([str(ground) for ground in GROUNDS]),
    help="What allows it (Art. 17(3), Art. 19). All fit an erasure; impossible and other fit an objection.",
)
@REASON
@common
def exempt(context: Context, event: str, destination: str, ground: str, reason: str) -> None:
    """Close a held delivery by a person's decision."""
    from syncer.cli.output import console
    from syncer.domain.rights import Ground

    require_reason(reason)
    with context.app() as app:
        app.interventions.exempt(app.reader.resolve(event), destination, Ground(ground), reason)
    console.line(f"{destination}: exempt; it is in the audit with your name and the reason")


@click.command()
@click.argument("event")
@REASON
@click.option("--yes", is_flag=True, help="Carry the plan out.")
@click.option("--apply", "digest", help="Carry the plan out if it still has this digest.")
@JSON
@common
def withdraw(context: Context, event: str, reason: str, yes: bool, digest: str | None, as_json: bool) -> None:
    """Withdraw a request that was submitted by mistake. Shows its plan first.

    EVENT is its case number, the first characters of its id, or the key that `submit` printed. Who was not asked yet
    never is; what was carried out stays so, cannot be called back, and is not looked after any more. It is final: a
    request that was right after all is submitted again.

    \b
    syncer withdraw 4711 --reason "the wrong person was typed"
    syncer withdraw 4711 --reason "the wrong person was typed" --yes
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import withdraw_result
    from syncer.decisions.withdrawal import PlanChanged

    require_reason(reason)
    with context.app() as app:
        event_id = _to_withdraw(app, event, take=yes)
        applied = yes or digest is not None
        try:
            plan = app.withdrawals.withdraw(event_id, reason, digest) if applied else app.withdrawals.plan(event_id)
        except PlanChanged:
            app.access_log.refused("withdraw", PLAN_CHANGED)
            raise
        (shown,) = app.reader.events(event_id=event_id)
    result = withdraw_result(plan, applied=applied and plan.closes)
    console.answer(result, as_json, lambda it: _show_withdrawal(it, shown))


def _to_withdraw(app: App, event: str, *, take: bool) -> str:
    """Return the id of the event that is meant; a request that still waits in the queue is taken from there first."""
    try:
        return app.reader.resolve(event)
    except UserError:
        found = app.withdrawals.event_of(event)
        if found is None and app.queue.holds(event):
            if not take:
                raise UserError(
                    "withdraw: the request is still in the queue, and nobody was asked yet; --yes takes it from there"
                    " and withdraws it"
                ) from None
            app.intake.take_all()
            found = app.withdrawals.event_of(event)
        if found is None:
            raise
        return found


def _show_withdrawal(result: WithdrawResult, event: EventView) -> None:
    from syncer.cli.output import printing

    if result.withdrawn_before and all(line.from_ is line.to for line in result.deliveries):
        stdout.remark(f"event {result.event} was withdrawn before, and nothing of it is open; nothing was changed")
        return
    printing.withdrawal(result, event)
    stdout.remark(
        "withdrawn; it is in the audit with your name and the reason"
        if result.applied
        else "nothing was changed; --yes carries it out"
    )


@click.command()
@click.argument("event")
@click.option("--informed", required=True, help="The day on which the person was told why: YYYY-MM-DD.")
@REASON
@common
def extend(context: Context, event: str, informed: str, reason: str) -> None:
    """Extend the time to answer a complex erasure to three months after receipt; once for each event."""
    from syncer.cli.output import console
    from syncer.decisions.extension import Extension

    require_reason(reason)
    told = day_of(informed, "--informed")
    with context.app() as app:
        due = app.extensions.extend(Extension(app.reader.resolve(event), reason, told))
    console.line(f"due on {due.on} now; it is in the audit with your name, the reason and the day the person was told")


@click.command()
@click.argument("destination")
@REASON
@common
def pause(context: Context, destination: str, reason: str) -> None:
    """Stop a destination's lane until it is resumed."""
    _lane(context, destination, reason, "pause")


@click.command()
@click.argument("destination")
@REASON
@common
def resume(context: Context, destination: str, reason: str) -> None:
    """Start a destination's lane again."""
    _lane(context, destination, reason, "resume")


def _lane(context: Context, destination: str, reason: str, what: str) -> None:
    from syncer.cli.output import console

    require_reason(reason)
    with context.app() as app:
        getattr(app.interventions, what)(destination, reason)
    console.line(f"{destination}: {what}d")
