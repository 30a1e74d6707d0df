"""Commands of proof: the audit group, replay after a restore, and retention."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.common import JSON, OUT, REASON, Context, common, format_of, require_reason, write_out
from syncer.cli.help.shape import Command, Group
from syncer.cli.output import stdout
from syncer.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from syncer.app import App
    from syncer.audit.offline.claims import CheckedFile
    from syncer.cli.output.results import CheckpointResult, ForkResult, ReplayResult

FILE = click.Path(path_type=Path, dir_okay=False)
PATH = click.Path(path_type=Path)
#: the exit code for a log of which anchored entries are declared lost: not proven, and not found altered either
DECLARED_LOST = 3


@click.group(cls=Group)
def audit() -> None:
    """Verify, sign, prove and export the log of all that was done."""


# -- checking -----------------------------------------------------------------------------------------------


@audit.command()
@click.option("--against", multiple=True, type=PATH, help="Notes from elsewhere; a folder means all in it.")
@click.option(
    "--accept-fork",
    "accepted",
    multiple=True,
    type=click.IntRange(min=1, max=2**63 - 1),
    metavar="ENTRY",
    help="You were told of the restore that this entry records: what it declares lost is stated, and no objection.",
)
@click.option("--full", is_flag=True, help="Verify everything, also what was verified before.")
@click.argument("more", nargs=-1, type=PATH, metavar="[NOTE]...")
@JSON
@common
def verify(
    context: Context,
    against: tuple[Path, ...],
    accepted: tuple[int, ...],
    full: bool,
    more: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Verify the log: its chain, its signed notes, and the tables.

    Every entry since the last verified state is computed anew and compared with each note that was signed since, and
    the requests that it names are held against the tables. With --full, with notes from elsewhere, and where no such
    state counts, that is every entry, every note and every row.
    """
    from syncer.audit.offline.finding import FULL
    from syncer.cli.output import console, printing

    if more and not against:
        raise UserError("audit verify: give each note with --against")
    with context.app() as app:
        everything = full or against or accepted
        finding = app.verify([*against, *more], accepted) if everything else app.verify_since()
        # what a stranger brings decides what he is told, not how the log stands; and a part of it is not all of it
        if not against and not accepted and (finding.scope == FULL or not finding.stands):
            app.verified.record(finding)
    console.answer(finding, as_json, printing.verdict)
    return DECLARED_LOST if finding.declared_lost else 0 if finding.ok else 1


@audit.command()
@click.argument("seq", type=click.IntRange(min=1))
@OUT
@click.option("--json", is_flag=True, hidden=True, expose_value=False, help="JSON is all that it writes.")
@common
def prove(context: Context, seq: int, out: Path | None) -> None:
    """Prove that an entry stands in the signed log.

    SEQ is its number. The proof is a JSON file that needs no database to check.
    """
    from syncer.reports.as_json import as_json

    with context.app() as app:
        proof = app.checkpoints.prove(seq)
    write_out([as_json(proof) + "\n"], out, "json")


@audit.command("check-proof")
@click.argument("proof", type=FILE)
@click.option(
    "--key",
    "given",
    required=True,
    multiple=True,
    help="A public key of the log, as `audit key` prints it, or a file with all of them; repeat it for several.",
)
@JSON
def check_proof(proof: Path, given: tuple[str, ...], as_json: bool) -> int:
    """Verify a proof or a JSON dossier with the public key alone.

    No settings, no database, no secret. What a dossier claims is held against its proven entries; what they do not
    cover is named as unproven.
    """
    from syncer.audit.offline.claims import check_file
    from syncer.audit.offline.inclusion import ProofError, UnreadableProof
    from syncer.cli.output import console
    from syncer.cli.output.results import ProofResult, ProofsResult, Refusal
    from syncer.privacy.masking import visible

    try:
        proven = check_file(_text(proof, "a proof"), [key for item in given for key in _keys(item)])
    except ProofError as error:
        word = "CANNOT BE READ" if isinstance(error, UnreadableProof) else "NOT PROVEN"
        refusal = Refusal(False, str(error))
        console.answer(refusal, as_json, lambda shown: console.line(f"{word}: {visible(shown.reason)}"))
        return 1
    entries, unproven = proven.entries, proven.unproven
    one = ProofResult(True, None, entries[0], unproven) if len(entries) == 1 else None
    console.answer(
        one or ProofsResult(True, None, entries, unproven),
        as_json,
        lambda _: console.lines(map(visible, _proven_lines(proven))),
    )
    return 0


def _proven_lines(proven: CheckedFile) -> Iterator[str]:
    for entry in proven.entries:
        yield f"proven: entry {entry.seq} stands among the first {entry.size} entries of {entry.origin}"
        yield entry.body or "its body was purged; only its digest is proven"
    if proven.unproven:
        yield f"the rest of the file is unproven: {', '.join(proven.unproven)}"


def _keys(given: str) -> list[str]:
    return _text(Path(given), "a key").split() if "+" not in given else [given]


def _text(path: Path, what: str) -> str:
    from syncer.audit.offline.files import text_of

    try:
        return text_of(path.read_bytes())
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path}: cannot be read as {what}; check the path") from None


# -- signing ------------------------------------------------------------------------------------------------


@audit.command()
@JSON
@common
def checkpoint(context: Context, as_json: bool) -> int:
    """Sign the log now and carry the note to every anchor.

    The daemon does it on a clock.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import AnchorResult, CheckpointResult
    from syncer.database.failures import half_done

    again = "audit checkpoint: the log may be signed already; run it again, it carries the note away"
    with context.app() as app, half_done(again):
        made, anchors = app.notary.make()
    lines = tuple(AnchorResult(item.name, item.kind, item.place, item.error) for item in anchors)
    console.answer(CheckpointResult(made.size, made.note, lines), as_json, _show_checkpoint)
    return 1 if any(anchor.error for anchor in anchors) else 0


def _show_checkpoint(result: CheckpointResult) -> None:
    from syncer.cli.output.stdout import document

    document(result.note)
    for anchor in result.anchors:
        stdout.remark(f"{anchor.name}: {anchor.error or anchor.place}")


@audit.command()
@JSON
@common
def key(context: Context, as_json: bool) -> None:
    """Print the public key that checks this log's notes and proofs.

    Give it to whoever keeps them.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import KeyResult

    with context.app() as app:
        result = KeyResult(tuple(str(item) for item in app.origins.public_keys()))
    console.answer(result, as_json, lambda shown: console.lines(shown.keys))


@audit.command()
@click.option(
    "--format",
    "fmt",
    type=click.Choice(["jsonl", "json", "csv"]),
    help="jsonl, the default: one entry a line, as `docs/verify_log.py` and `syncer replay` read it; json: one array.",
)
@OUT
@JSON
@common
def export(context: Context, fmt: str | None, out: Path | None, as_json: bool) -> None:
    """Export every entry of the log."""
    from syncer.reports.takeout.documents import audit_pieces

    fmt = format_of(fmt, as_json, "jsonl")
    with context.app() as app:
        lines = audit_pieces(app.ledger.rows(), fmt)
        app.trust.require()  # before the first line: this command writes that it was run
        count, sha256 = write_out(lines, out, fmt)
        app.access_log.exported("audit", fmt, count - (fmt != "jsonl"), sha256)


# -- after a restore ----------------------------------------------------------------------------------------


@audit.command()
@click.option("--against", type=FILE, help="A note from elsewhere, when the state folder was restored too.")
@REASON
@JSON
@common
def fork(context: Context, against: Path | None, reason: str, as_json: bool) -> None:
    """Record that the database was restored.

    The log goes on under a new name; `syncer replay` comes next.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import ForkResult, LostPart

    require_reason(reason)
    with context.app(retired=True) as app:
        fork_made = app.forks.record(reason, against)
        public = str(app.origins.public_keys()[-1])
    lost = LostPart(fork_made.lost.origin, fork_made.lost.size)
    result = ForkResult(fork_made.seq, fork_made.origin, fork_made.kept, lost, fork_made.shared, public)
    console.answer(result, as_json, _show_fork)


def _show_fork(result: ForkResult) -> None:
    from syncer.cli.output import console

    console.line(f"entry {result.seq} records it: {result.kept} entries are here, {result.lost.size} were anchored")
    console.line(f"the log goes on as {result.origin}; its public key is now {result.key}")
    console.line("next: `syncer replay --since NOTE --reason …` with the last note before the backup")


@click.command(cls=Command)
@click.option("--since", required=True, type=FILE, help="A note: what was confirmed after it is read back again.")
@click.option("--export", type=FILE, help="An audit export that reaches beyond the backup.")
@REASON
@click.option("--yes", is_flag=True, help="Carry the plan out.")
@click.option("--apply", "digest", metavar="DIGEST", help="Carry the plan out if it still has this digest.")
@JSON
@common
def replay(
    context: Context, since: Path, export: Path | None, reason: str, yes: bool, digest: str | None, as_json: bool
) -> int:
    """Repeat what a restored backup undid.

    Shows its plan with a digest, and changes nothing until --yes or --apply DIGEST. What only the lost part of the log
    knew is listed. Run `syncer audit fork` first.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import ReplayResult, planned_lines

    require_reason(reason)
    with context.app() as app:
        planned = app.replays.plan(since, export)
        plan = planned.plan
        if digest is not None and digest != plan.digest:
            raise UserError("the plan has changed since that digest; run it again without --apply and look")
        applied = bool(plan.deliveries) and (yes or digest is not None)
        if applied:
            app.replays.carry_out(planned, reason)
    result = ReplayResult(plan.digest, applied, planned_lines(plan.deliveries), planned.lost, plan.skipped)
    console.answer(result, as_json, _show_replay)
    return 1 if planned.lost else 0


def _show_replay(result: ReplayResult) -> None:
    from syncer.cli.output import console, printing

    printing.plan(result, result.skipped)
    for item in result.lost:
        console.line(f"lost: {item.event or '-'} key {item.event_key or '-'}: {item.remedy}")
    console.line("carried out" if result.applied else "nothing was changed; repeat with --yes or --apply DIGEST")


# -- retention ----------------------------------------------------------------------------------------------


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Show what would go; change nothing.")
@JSON
@common
def retention(context: Context, dry_run: bool, as_json: bool) -> int:
    """Purge what is past its time from the log, and old addresses.

    Bodies of entries older than `[retention] audit_months` go; the proof of the rest stays.
    """
    from syncer.cli.output import console, printing
    from syncer.cli.output.results import RetentionResult, span_line
    from syncer.database.failures import half_done

    with context.app() as app:
        addresses = _overdue(app)  # before anything is purged: a database that is away says so here
        with half_done("retention: a part may be done; run it again, it goes on where it stopped"):
            bodies = app.purge.due() if dry_run else app.purge.carry_out()
            left = addresses if dry_run or addresses is None else app.shredding.shred()
        months = app.settings.retention.audit_months
    result = RetentionResult(dry_run, months, span_line(bodies.bodies), span_line(bodies.unfinished), addresses, left)
    console.answer(result, as_json, printing.retention)
    return 1 if left and not dry_run else 0


def _overdue(app: App) -> tuple[str, ...] | None:
    """Return the events whose address is past its time; None for an account that may not see addresses."""
    from syncer.events.shredding import AddressesHidden

    try:
        return app.shredding.overdue()
    except AddressesHidden:
        return None
