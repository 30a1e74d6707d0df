"""Commands for decisions that wait for a second person: list them, approve one, reject one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import click

from syncer.cli.common import JSON, REASON, Context, common, file_lines, require_reason
from syncer.cli.help.shape import Command
from syncer.cli.output import stdout

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.output.proposed import ProposalView
    from syncer.decisions.four_eyes.proposal import Proposal
    from syncer.decisions.four_eyes.wanted import Wanted

T = TypeVar("T")
NUMBER = click.argument("proposal", type=click.IntRange(1, 2**63 - 1), metavar="ID")


def or_propose(
    app: App,
    decide: Callable[[], T],
    wanted: Callable[[], Wanted],
    reason: str,
    addresses: Sequence[tuple[str | None, str]] = (),
    *,
    digest: str | None = None,
) -> T | Proposal:
    """Decide, or where the settings ask for a second person, propose it, and say so; return what became of it.

    `digest` is of what was shown, as `propose` takes it.
    """
    from syncer.decisions.four_eyes.authority import NeedsSecondPerson

    try:
        return decide()
    except NeedsSecondPerson:
        proposal = app.proposals.propose(wanted(), reason, addresses, digest=digest)
    stdout.remark(
        f"proposal {proposal.id}: nothing was changed; somebody else carries it out with `syncer approve {proposal.id}`"
    )
    return proposal


@click.command(cls=Command)
@JSON
@common
def proposals(context: Context, as_json: bool) -> int:
    """List decisions that wait for a second person.

    What `[console] four_eyes` names is proposed by one person and carried out by another. Those that ended lately
    follow behind those that wait.
    """
    from syncer.cli.output import console
    from syncer.cli.output.proposed import proposal_view, show_proposals

    with context.app() as app:
        waiting = app.proposals.waiting()
        views = [proposal_view(each, app.proposals.problem(each)) for each in waiting]
        views += [proposal_view(each, None) for each in app.proposals.over()]
    console.answer(tuple(views), as_json, show_proposals)
    return 1 if waiting else 0


@click.command(cls=Command)
@NUMBER
@click.option("--file", "file", type=click.File("rb"), help="The file that was proposed with; nothing of it is kept.")
@REASON
@JSON
@common
def approve(context: Context, proposal: int, file: BinaryIO | None, reason: str, as_json: bool) -> None:
    """Carry out what somebody else proposed.

    ID is its number in `syncer proposals`. Whoever proposed it may not approve it, whichever account they do it by.
    Nothing is done where it would not do any more what it did when it was proposed.
    """
    from syncer.errors import UserError

    require_reason(reason)
    with context.app() as app:
        addresses = file_lines(app.reader, file) if file is not None else ()
        try:
            done = app.proposals.approve(proposal, reason, addresses)
        except UserError:
            app.access_log.refused("approve", "not theirs to approve, decided before, or changed")
            raise
    _answer(done, as_json, "approved and carried out; it is in the audit with both your names and reasons")


@click.command(cls=Command)
@NUMBER
@REASON
@JSON
@common
def reject(context: Context, proposal: int, reason: str, as_json: bool) -> None:
    """Turn down what somebody proposed.

    ID is its number in `syncer proposals`. Whoever proposed it takes it back with this.
    """
    require_reason(reason)
    with context.app() as app:
        done = app.proposals.reject(proposal, reason)
    _answer(done, as_json, "rejected; nothing was changed")


def _answer(done: Proposal, as_json: bool, outcome: str) -> None:
    from syncer.cli.output import console
    from syncer.cli.output.proposed import proposal_view, show_proposals

    def show(view: ProposalView) -> None:
        show_proposals((view,))

    console.answer(proposal_view(done, None), as_json, show)
    stdout.remark(f"proposal {done.id}: {outcome}")
