"""Commands that carry out a person's decision: resync, exempt, withdraw, extend, pause, resume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import click

from syncer.cli.common import (
    DESTINATION,
    EVENT,
    JSON,
    REASON,
    WHY,
    Context,
    common,
    day_of,
    file_lines,
    legible,
    moment_of,
    require_reason,
)
from syncer.cli.help.completion import destinations, events
from syncer.cli.help.shape import Command
from syncer.cli.operate.proposals import or_propose
from syncer.cli.output import stdout
from syncer.domain.rights import GROUNDS
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.output.results import ResyncResult, WithdrawResult
    from syncer.decisions.four_eyes.proposal import Proposal
    from syncer.decisions.withdrawing.withdrawal import Withdrawal
    from syncer.reports.views import EventView

PLAN_CHANGED = "the plan has changed since the digest"

# -- decisions ----------------------------------------------------------------------------------------------


@click.command(cls=Command)
@click.option(
    "--event",
    "events_",
    multiple=True,
    shell_complete=events,
    help="This request, by its case number or the first characters of its id; repeat it for several.",
)
@click.option("--destination", callback=legible, shell_complete=destinations, help="Everything of one destination.")
@click.option("--held", is_flag=True, help="Everything that is held.")
@click.option("--confirmed-since", help="Read back what was confirmed since then: YYYY-MM-DD, or ISO 8601.")
@click.option("--file", "file", type=click.File("rb"), help="Lines `ADDRESS` or `EVENT ADDRESS`, or a CSV export.")
@click.option("--as-written", is_flag=True, help="You vouch that addresses in the file which look damaged are right.")
@click.option("--reason", default="", callback=legible, help=f"{WHY}  [required]")  # a refusal is audited too
@click.option("--yes", is_flag=True, help="Carry the plan out.")
@click.option("--apply", "digest", metavar="DIGEST", help="Carry the plan out if it still has this digest.")
@click.option(
    "--deletions", type=click.IntRange(min=0), help="How many deletions start over, where the guard would stop them."
)
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
    deletions: int | None,
    as_json: bool,
) -> None:
    """Start held deliveries over, read confirmed ones back.

    Shows its plan with a digest, and changes nothing until --yes or --apply DIGEST. Retrying deliveries start over
    too, and what was passed on to a destination that nobody can read back is sent once more. What to do is chosen with
    --event, --destination, --held, --confirmed-since or --file.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import ResyncResult, planned_lines
    from syncer.decisions.four_eyes.proposal import start_over
    from syncer.decisions.resync_plan import Selection

    with context.app() as app:
        with _refusal_audited(app, "resync", "no usable reason"):
            require_reason(reason)
        selection = Selection(
            events=tuple(app.reader.resolve(item) for item in events_),
            destination=destination,
            held=held,
            confirmed_since=moment_of(app, confirmed_since, "--confirmed-since") if confirmed_since else None,
            addresses=file_lines(app.reader, file) if file is not None else (),
            as_written=as_written,
        )
        plan = app.resync.plan(selection)
        with _refusal_audited(app, "resync", PLAN_CHANGED):
            if digest is not None and digest != plan.digest:
                raise UserError("the plan has changed since that digest; run it again without --apply and look")
        applied = bool(plan.deliveries) and (yes or digest is not None)
        proposal = None
        if applied:
            plan.require_deletions(deletions)
            proposal = or_propose(
                app,
                lambda: app.resync.apply(plan, reason),
                lambda: start_over(selection, plan),
                reason,
                selection.addresses,
                digest=plan.digest,
            )
        applied = applied and proposal is None
    console.answer(
        ResyncResult(
            plan.digest,
            applied,
            planned_lines(plan.deliveries),
            plan.deletions,
            bool(plan.to_release),
            None if proposal is None else proposal.id,
        ),
        as_json,
        lambda result: _show_plan(result, plan.skipped),
    )


def _show_plan(result: ResyncResult, skipped: Sequence[str]) -> None:
    from syncer.cli.output import printing

    printing.plan(result, skipped)
    if result.asks_for_number:
        stdout.remark(f"deletions that start over: {result.deletions}, more than the guard lets begin today")
    if result.proposal is None:
        done, shown = "carried out; the lanes take it up now", "nothing was changed; --yes carries it out"
        stdout.remark(done if result.applied else shown)


@contextmanager
def _refusal_audited(app: App, command: str, why: str) -> Iterator[None]:
    """Let a refusal of a command pass, and leave in the audit who was refused."""
    try:
        yield
    except UserError:
        app.access_log.refused(command, why)
        raise


@click.command(cls=Command)
@EVENT
@click.option(
    "--destination",
    required=True,
    callback=legible,
    shell_complete=destinations,
    help="The destination that is not told, by its name in the settings.",
)
@click.option(
    "--ground",
    required=True,
    type=click.Choice([str(ground) for ground in GROUNDS]),
    help="What allows it. legal_claims: needed for legal claims, Art. 17(3)(e); legal_obligation: a law wants it kept,"
    " Art. 17(3)(b); impossible, disproportionate: telling the destination is, Art. 19; other: the reason says it. All"
    " fit an erasure, impossible and other fit an objection.",
)
@REASON
@common
def exempt(context: Context, event: str, destination: str, ground: str, reason: str) -> None:
    """Close a held delivery: a destination is not told.

    EVENT is the request's case number, or the first characters of its id. The decision is yours: it stands in the
    report and in the person's dossier with its ground and reason, and in the audit with your name.
    """
    from syncer.cli.output import console
    from syncer.decisions.four_eyes.wanted import WantedExemption
    from syncer.domain.rights import Ground

    require_reason(reason)
    with context.app() as app:
        wanted = WantedExemption(app.reader.resolve(event), destination, Ground(ground))
        proposal = or_propose(
            app,
            lambda: app.interventions.exempt(wanted.event_id, wanted.destination, wanted.ground, reason),
            lambda: wanted,
            reason,
        )
    if proposal is None:
        console.line(f"{destination}: exempt; it is in the audit with your name and the reason")


@click.command(cls=Command)
@EVENT
@REASON
@click.option("--yes", is_flag=True, help="Carry the plan out.")
@click.option("--apply", "digest", metavar="DIGEST", help="Carry the plan out if it still has this digest.")
@JSON
@common
def withdraw(context: Context, event: str, reason: str, yes: bool, digest: str | None, as_json: bool) -> None:
    """Withdraw a request that was submitted by mistake.

    Shows its plan with a digest, and changes nothing until --yes or --apply DIGEST. EVENT is its case number, the first
    characters of its id, or the key that `submit` printed. Who was not asked yet never is; what was carried out stays
    so, cannot be called back, and is not looked after any more. It is final: a request that was right after all is
    submitted again.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import withdraw_result
    from syncer.decisions.withdrawing.withdrawal import Withdrawal

    require_reason(reason)
    with context.app() as app:
        event_id = _to_withdraw(app, event, take=yes)
        plan, proposal = app.withdrawals.plan(event_id), None
        applied = yes or digest is not None
        if applied and (plan.closes or digest not in (None, plan.digest)):  # or there is nothing to ask anybody about
            done = _withdraw(app, event_id, reason, digest)
            plan, proposal = (done, None) if isinstance(done, Withdrawal) else (plan, done.id)
        (shown,) = app.reader.events(event_id=event_id)
    result = withdraw_result(plan, applied=applied and plan.closes and proposal is None, proposal=proposal)
    console.answer(result, as_json, lambda it: _show_withdrawal(it, shown))


def _withdraw(app: App, event_id: str, reason: str, digest: str | None) -> Withdrawal | Proposal:
    """Withdraw an event, or propose it; who was refused since the plan has changed stands in the audit."""
    from syncer.decisions.four_eyes.proposal import ProposalChanged
    from syncer.decisions.four_eyes.wanted import WantedWithdrawal
    from syncer.decisions.withdrawing.withdrawal import PlanChanged

    try:
        return or_propose(
            app,
            lambda: app.withdrawals.withdraw(event_id, reason, digest),
            lambda: WantedWithdrawal(event_id),
            reason,
            digest=digest,
        )
    except (PlanChanged, ProposalChanged):
        app.access_log.refused("withdraw", PLAN_CHANGED)
        raise


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
    if result.proposal is not None:
        return
    stdout.remark(
        "withdrawn; it is in the audit with your name and the reason"
        if result.applied
        else "nothing was changed; --yes carries it out"
    )


@click.command(cls=Command)
@EVENT
@click.option("--informed", required=True, help="The day on which the person was told why: YYYY-MM-DD.")
@REASON
@common
def extend(context: Context, event: str, informed: str, reason: str) -> None:
    """Extend the time to answer a complex erasure to three months.

    They count from the receipt of EVENT, given by its case number or the first characters of its id. A request can be
    extended once (Art. 12(3)), within its first month and after the person was told why.
    """
    from syncer.cli.output import console
    from syncer.decisions.extension import Extension
    from syncer.decisions.four_eyes.wanted import Prolongation
    from syncer.domain.deadlines import Due

    require_reason(reason)
    told = day_of(informed, "--informed")
    with context.app() as app:
        wanted = Extension(app.reader.resolve(event), reason, told)
        due = or_propose(
            app, lambda: app.extensions.extend(wanted), lambda: Prolongation(wanted.event_id, told), reason
        )
    if isinstance(due, Due):
        console.line(
            f"due on {due.on} now; it is in the audit with your name, the reason and the day the person was told"
        )


@click.command(cls=Command)
@DESTINATION
@REASON
@common
def pause(context: Context, destination: str, reason: str) -> None:
    """Stop the work at a destination until it is resumed.

    Its requests wait and grow late; the other destinations go on.
    """
    _lane(context, destination, reason, "pause")


@click.command(cls=Command)
@DESTINATION
@REASON
@common
def resume(context: Context, destination: str, reason: str) -> None:
    """Go on with the work at a destination.

    It is also how to go on at once where syncer paused a destination itself and probes every 15 minutes.
    """
    _lane(context, destination, reason, "resume")


def _lane(context: Context, destination: str, reason: str, what: str) -> None:
    from syncer.cli.output import console

    require_reason(reason)
    with context.app() as app:
        getattr(app.interventions, what)(destination, reason)
    console.line(f"{destination}: {what}d")
