"""Commands for the guard: how it stands, what it stopped, and what a person decides about that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.common import JSON, REASON, Context, common, legible, moment_of, require_reason
from syncer.cli.help.completion import events
from syncer.cli.help.shape import ActingGroup
from syncer.cli.operate.proposals import or_propose
from syncer.cli.output import stdout

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.output.stopped import GuardPlanResult
    from syncer.decisions.four_eyes.proposal import Proposal
    from syncer.decisions.four_eyes.wanted import Release
    from syncer.decisions.guarded import GuardPlan, StoppedChoice

PLAN_CHANGED = "the plan has changed since the digest"
APPLY = click.option(
    "--apply", "digest", required=True, metavar="DIGEST", help="Carry the plan out if it still has this digest."
)


def _chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose among the requests that are stopped."""
    for option in (
        click.option(
            "--event",
            "events_",
            multiple=True,
            shell_complete=events,
            help="This request, by its case number or the first characters of its id; repeat it for several.",
        ),
        click.option("--received-until", "until", help="Received before: YYYY-MM-DD, or ISO 8601."),
        click.option("--source", callback=legible, help="Only what this source brought; - for what names none."),
    ):
        command = option(command)
    return command


@click.group(cls=ActingGroup, invoke_without_command=True)
@JSON
@common
def guard(context: Context, as_json: bool) -> int:
    """See and decide what unusually many deletions stopped.

    Alone it shows, for each destination, how many deletions may begin in 24 hours, how many did, and how many wait.
    Once more than that are to begin, none of them does until a person has looked: with plan, release and refuse.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    from syncer.cli.output import console
    from syncer.cli.output.stopped import guard_result, show_guard

    with context.app() as app:
        result = guard_result(app.guard_decisions.standings(app.settings.destinations))
    console.answer(result, as_json, show_guard)
    return 1 if any(each.since is not None for each in result.destinations.values()) else 0


@guard.command()
@_chosen
@JSON
@common
def plan(context: Context, source: str | None, until: str | None, events_: tuple[str, ...], as_json: bool) -> int:
    """Show the requests that are stopped, with a digest.

    By source, day of receipt and hour of intake: a flood shows there. One decision is for all destinations.
    """
    with context.app() as app:
        choice = _choice(app, source, until, events_)
        result = _result(app, app.guard_decisions.plan(choice), applied=False)
    _show(
        result,
        as_json,
        "nothing was changed; `syncer guard release` or `syncer guard refuse` with --apply DIGEST decides"
        if result.requests
        else "`syncer guard` shows how each destination stands",
    )
    return 1 if result.requests else 0


@guard.command()
@_chosen
@REASON
@APPLY
@click.option(
    "--deletions", required=True, type=click.IntRange(min=0), help="How many deletions the plan has: type its number."
)
@JSON
@common
def release(
    context: Context,
    source: str | None,
    until: str | None,
    events_: tuple[str, ...],
    reason: str,
    digest: str,
    deletions: int,
    as_json: bool,
) -> None:
    """Let exactly these deletions begin, at all destinations.

    The same options as for the plan, its digest and its number. What came later is not among them, and stays stopped.
    """
    from syncer.decisions.guarded import GuardPlan

    require_reason(reason)
    with context.app() as app:
        choice = _choice(app, source, until, events_)
        done = or_propose(
            app,
            lambda: _unless_changed(
                app, "guard release", lambda: app.guard_decisions.release(choice, reason, digest, deletions)
            ),
            lambda: _wanted(app, choice, digest, deletions),
            reason,
        )
        if isinstance(done, GuardPlan):
            result = _result(app, done, applied=True)
        else:
            result = replace(_result(app, app.guard_decisions.plan(choice), applied=False), proposal=done.id)
    _show(result, as_json, "released; the lanes take it up now" if result.applied else "nothing was released yet")


@guard.command()
@_chosen
@REASON
@APPLY
@JSON
@common
def refuse(
    context: Context,
    source: str | None,
    until: str | None,
    events_: tuple[str, ...],
    reason: str,
    digest: str,
    as_json: bool,
) -> None:
    """Hold exactly these deletions: nobody asked for them.

    The same options as for the plan, and its digest. `resync` starts one over that was genuine after all, `guard
    withdraw` closes all that were not.
    """
    require_reason(reason)
    with context.app() as app:
        choice = _choice(app, source, until, events_)
        done = _unless_changed(app, "guard refuse", lambda: app.guard_decisions.refuse(choice, reason, digest))
        result = _result(app, done, applied=True)
    _show(result, as_json, "refused; they are held now, as `syncer events --state held` shows")


@guard.command()
@_chosen
@REASON
@click.option("--apply", "digest", metavar="DIGEST", help="Carry the plan out if it still has this digest.")
@click.option("--requests", type=click.IntRange(min=0), help="How many requests the plan has: type its number.")
@JSON
@common
def withdraw(
    context: Context,
    source: str | None,
    until: str | None,
    events_: tuple[str, ...],
    reason: str,
    digest: str | None,
    requests: int | None,
    as_json: bool,
) -> None:
    """Withdraw the requests that were refused, all of them.

    Shows its plan with a digest, and changes nothing until --apply DIGEST with --requests and its number. The same
    options as for the plan choose among them. It is final, as `withdraw` is for one.
    """
    from syncer.decisions.guarded import GuardPlan

    require_reason(reason)
    with context.app() as app:
        choice = _choice(app, source, until, events_)
        if digest is None:
            done: GuardPlan | Proposal = app.refused.plan(choice)
        else:
            done = _withdraw(app, choice, reason, digest, requests)
        if isinstance(done, GuardPlan):
            result = _result(app, done, applied=digest is not None)
        else:
            result = replace(_result(app, app.refused.plan(choice), applied=False), proposal=done.id)
    said = "nothing was changed"
    if result.requests:
        said = "nothing was changed; --apply DIGEST with --requests and its number carries it out"
    if result.applied:
        said = "withdrawn; each is in the audit with your name and the reason"
    said = said if result.proposal is None else "nothing was withdrawn yet"
    _show(result, as_json, said, "no request of that is held since it was refused")


def _withdraw(app: App, choice: StoppedChoice, reason: str, digest: str, requests: int | None) -> GuardPlan | Proposal:
    from syncer.decisions.four_eyes.wanted import WantedWithdrawals
    from syncer.errors import UserError

    if requests is None:
        raise UserError("guard: --apply asks for --requests: type how many the plan has")

    def refused() -> GuardPlan:
        return _unless_changed(app, "guard withdraw", lambda: app.refused.required(choice, digest, requests))

    return or_propose(
        app,
        lambda: _unless_changed(app, "guard withdraw", lambda: app.refused.withdraw(choice, reason, digest, requests)),
        lambda: WantedWithdrawals(tuple(each.event for each in refused().requests)),
        reason,
    )


def _choice(app: App, source: str | None, until: str | None, named: tuple[str, ...]) -> StoppedChoice:
    from syncer.decisions.guarded import StoppedChoice

    before = moment_of(app, until, "--received-until") if until else None
    return StoppedChoice(source, before, tuple(app.reader.resolve(item) for item in named))


def _wanted(app: App, choice: StoppedChoice, digest: str, deletions: int) -> Release:
    """Return a release as it is proposed: the requests of the plan, and none that comes later."""
    from syncer.decisions.four_eyes.wanted import Release

    decided = _unless_changed(app, "guard release", lambda: app.guard_decisions.required(choice, digest))
    return Release(tuple(request.event for request in decided.requests), deletions)


def _result(app: App, decided: GuardPlan, *, applied: bool) -> GuardPlanResult:
    from syncer.cli.output.stopped import plan_result

    standings = app.guard_decisions.standings(app.settings.destinations)
    return plan_result(decided, standings, app.rule.zone, applied=applied)


def _unless_changed(app: App, command: str, decide: Callable[[], GuardPlan]) -> GuardPlan:
    """Decide; where the plan is another one by now, leave in the audit who was refused."""
    from syncer.decisions.guarded import StoppedPlanChanged

    try:
        return decide()
    except StoppedPlanChanged:
        app.access_log.refused(command, PLAN_CHANGED)
        raise


def _show(result: GuardPlanResult, as_json: bool, outcome: str, empty: str = "nothing of that is stopped") -> None:
    from syncer.cli.output import console
    from syncer.cli.output.stopped import show_plan

    console.answer(result, as_json, lambda it: show_plan(it, empty))
    stdout.remark(outcome)
