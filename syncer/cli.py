"""The command line: one function per command. Imports stand inside them, so that `--help` is fast."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from syncer import __version__
from syncer.errors import SyncerError, UserError

if TYPE_CHECKING:
    from datetime import datetime

    from syncer.app import App
    from syncer.settings import Settings

JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, for scripts.")
REASON = click.option("--reason", required=True, help="Why; kept in the audit.")


class Context:
    """What stands before the command: where the settings are, and whether to log everything."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.debug = False

    def settings(self) -> Settings:
        """Load the settings and set the log up."""
        from syncer.app import load_settings
        from syncer.log import configure

        configure("debug" if self.debug else "warning")
        settings = load_settings(self.path)
        configure("debug" if self.debug else settings.log.level)
        return settings

    def app(self, actor: str = "cli") -> App:
        """Open the installation."""
        from syncer.app import open_app

        return open_app(self.settings(), actor=actor)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --settings and --debug, and its Context as first argument."""

    @click.option("--settings", "settings_path", type=click.Path(path_type=Path), help="The settings file.")
    @click.option("--debug", is_flag=True, help="Log everything to stderr.")
    @click.pass_obj
    @functools.wraps(command)
    def wrapped(context: Context, settings_path: Path | None, debug: bool, *args: Any, **kwargs: Any) -> Any:
        context.path = settings_path or context.path
        context.debug = debug or context.debug
        return command(context, *args, **kwargs)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="syncer")
@click.option("--settings", type=click.Path(path_type=Path), help="The settings file.")
@click.option("--debug", is_flag=True, help="Log everything to stderr.")
@click.pass_context
def cli(context: click.Context, settings: Path | None, debug: bool) -> None:
    """Carry erasures and objections to mailing-list providers, and keep the proof."""
    context.obj = Context()
    context.obj.path, context.obj.debug = settings, debug


# -- set-up -------------------------------------------------------------------------------------------------


@cli.command()
@common
def init(context: Context) -> None:
    """Make the key file, the tables and the queue table; again is harmless."""
    from syncer.app import initialise

    for line in initialise(context.settings()):
        click.echo(line)


@cli.command()
@JSON
@common
def check(context: Context, as_json: bool) -> int:
    """Try settings, key, database and every destination; say the remedy."""
    from syncer import check as checks
    from syncer import render

    found = [
        {"name": item.name, "ok": item.ok, "detail": item.detail, "remedy": item.remedy}
        for item in checks.run(context.settings())
    ]
    ok = all(item["ok"] for item in found)
    if as_json:
        render.line(render.as_json({"ok": ok, "checks": found}))
    else:
        render.checks(found)
    return 0 if ok else 1


@cli.group()
def db() -> None:
    """Migrations."""


@db.command()
@common
def upgrade(context: Context) -> None:
    """Bring the database's tables up to date."""
    from syncer.app import upgrade as upgrade_database

    click.echo(upgrade_database(context.settings()))


# -- the work -----------------------------------------------------------------------------------------------


@cli.command()
@click.argument("right", type=click.Choice(["erasure", "objection"]))
@click.option("--file", "file", type=click.File(encoding="utf-8", errors="surrogateescape"), help="Default: stdin.")
@click.option("--source", default="cli", show_default=True, help="Where the requests came from.")
@click.option("--ref", help="Your own reference; the same again is the same request.")
@click.option("--received", help="When you received them, ISO 8601; default: now.")
@JSON
@common
def submit(
    context: Context, right: str, file: Any, source: str, ref: str | None, received: str | None, as_json: bool
) -> None:
    """Queue requests; addresses come from stdin or a file, one a line. Prints the event keys."""
    from syncer import render
    from syncer.submit import addresses
    from syncer.submit import submit as queue

    app = context.app()
    try:
        moment = _moment(app, received, "--received") if received else app.clock()
        lines = addresses(file if file is not None else _stdin())
        keys, doubtful = queue(app, right, lines, source=source[:64], ref=ref, received_at=moment)
    finally:
        app.close()
    for number in doubtful:
        click.echo(f"line {number}: the address cannot be used; it will be held for a person", err=True)
    if as_json:
        render.line(render.as_json({"event_keys": keys}))
    else:
        for key in keys:
            click.echo(key)


@cli.command()
@common
def run(context: Context) -> int:
    """Be the daemon: take, deliver, read back, until SIGTERM."""
    app = context.app("daemon")
    try:
        return app.run()
    finally:
        app.close()


@cli.command()
@click.option("--max-seconds", type=click.FloatRange(min=0), help="Stop after so long.")
@common
def drain(context: Context, max_seconds: float | None) -> int:
    """Work until nothing is due now."""
    from syncer.log import configure
    from syncer.report import Reader, needs_attention

    app = context.app()
    try:
        if sys.stderr.isatty() and not context.debug:
            configure("error")  # the bar says how it goes
            result = _with_bar(app, max_seconds)
        else:
            result = app.drain(max_seconds)
        status = Reader(app).status()
    finally:
        app.close()
    click.echo(
        f"taken {result.taken}, confirmed {result.confirmed}; now held {result.held}, retrying {result.retrying},"
        f" still due {result.still_due}" + ("; another daemon did the work" if result.waited_for_owner else "")
    )
    if needs_attention(status):
        click.echo("something needs attention: `syncer status`, `syncer events --state held`", err=True)
        return 1
    return 0


def _with_bar(app: App, max_seconds: float | None) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("deliveries"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        return app.drain(max_seconds, lambda now: bar.update(task, completed=now.done, total=now.done + now.open))


# -- reading ------------------------------------------------------------------------------------------------


@cli.command()
@JSON
@common
def status(context: Context, as_json: bool) -> int:
    """Show what is open, held, late and paused."""
    from syncer import render
    from syncer.report import Reader, needs_attention

    app = context.app()
    try:
        found = Reader(app).status()
    finally:
        app.close()
    if as_json:
        render.line(render.as_json(found))
    else:
        render.status(found)
    return 1 if needs_attention(found) else 0


@cli.command()
@click.option("--state", type=click.Choice(["open", "held", "fulfilled", "overdue"]))
@click.option("--since", help="Received on or after: YYYY-MM-DD, or ISO 8601.")
@JSON
@common
def events(context: Context, state: str | None, since: str | None, as_json: bool) -> int:
    """List events with their deliveries."""
    from syncer.report import Reader

    app = context.app()
    try:
        moment = _moment(app, since, "--since") if since else None
        found = Reader(app).events(state=state, since=moment)
    finally:
        app.close()
    return _list(found, as_json)


def _list(found: list[dict[str, Any]], as_json: bool) -> int:
    from syncer import render

    if as_json:
        render.line(render.as_json(found))
    else:
        render.events(found)
    return 1 if any(event["state"] == "held" or event["overdue"] for event in found) else 0


@cli.command()
@click.argument("event")
@JSON
@common
def show(context: Context, event: str, as_json: bool) -> int:
    """Show one event, its deliveries and its whole timeline. The first characters of its id suffice."""
    from syncer import render
    from syncer.report import Reader

    app = context.app()
    try:
        reader = Reader(app)
        found = reader.show(reader.resolve(event))
    finally:
        app.close()
    if as_json:
        render.line(render.as_json(found))
    else:
        render.show(found)
    return 1 if found["state"] == "held" or found["overdue"] else 0


@cli.command()
@JSON
@common
def find(context: Context, as_json: bool) -> int:
    """Find the events of a person: the address comes from stdin, and the look-up is audited."""
    from syncer.errors import AddressError
    from syncer.identity import normalise
    from syncer.report import Reader
    from syncer.submit import addresses

    app = context.app()
    try:
        lines = addresses(_stdin())
        if len(lines) != 1:
            raise UserError(f"find takes one address, {len(lines)} were given")
        try:
            ref = app.keyring.ref(normalise(lines[0][1]))
        except AddressError as error:
            raise UserError(f"the address cannot be used ({error.code}); correct it") from None
        found = Reader(app).events(subject=ref)
        app.operations.looked_up(ref, len(found))
    finally:
        app.close()
    if not found and not as_json:
        click.echo("no event for this address")
        return 0
    return _list(found, as_json)


# -- decisions ----------------------------------------------------------------------------------------------


@cli.command()
@click.option("--event", "events_", multiple=True, help="An event; may be given several times.")
@click.option("--destination", help="Everything of one destination.")
@click.option("--held", is_flag=True, help="Everything that is held.")
@click.option("--confirmed-since", help="Read back what was confirmed since then.")
@click.option("--file", "file", type=click.File(encoding="utf-8"), help="Lines `ADDRESS` or `EVENT ADDRESS`.")
@REASON
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
    file: Any,
    reason: str,
    yes: bool,
    digest: str | None,
    as_json: bool,
) -> None:
    """Start held and retrying deliveries over, read confirmed ones back. Shows its plan first."""
    from syncer import render
    from syncer.report import Reader

    _require_reason(reason)
    app = context.app()
    try:
        reader = Reader(app)
        plan = app.operations.plan_resync(
            events=[reader.resolve(item) for item in events_],
            destination=destination,
            held=held,
            confirmed_since=_moment(app, confirmed_since, "--confirmed-since") if confirmed_since else None,
            addresses=_file_lines(reader, file) if file is not None else (),
        )
        if digest is not None and digest != plan.digest:
            raise UserError("the plan has changed since that digest; run it again without --apply and look")
        applied = bool(plan.deliveries) and (yes or digest is not None)
        if applied:
            app.operations.apply_resync(plan, reason)
    finally:
        app.close()
    rows = [
        {"event": item.event, "destination": item.destination, "from": item.from_, "to": item.to}
        for item in plan.deliveries
    ]
    found = {"digest": plan.digest, "applied": applied, "deliveries": rows}
    if as_json:
        render.line(render.as_json(found))
        return
    render.plan(found, plan.skipped)
    said = "carried out; the lanes take it up now" if applied else "nothing was changed; --yes carries it out"
    click.echo(said, err=True)


def _file_lines(reader: Any, file: Any) -> list[tuple[str | None, str]]:
    from syncer.submit import addresses

    found: list[tuple[str | None, str]] = []
    for _number, text in addresses(file):
        head, _, rest = text.partition(" ")
        found.append((reader.resolve(head), rest.strip()) if rest and "@" not in head else (None, text))
    return found


@cli.command()
@click.argument("event")
@click.option("--destination", required=True)
@click.option(
    "--ground",
    required=True,
    type=click.Choice(["legal_claims", "legal_obligation", "impossible", "disproportionate", "other"]),
)
@REASON
@common
def exempt(context: Context, event: str, destination: str, ground: str, reason: str) -> None:
    """Close a held delivery by a person's decision."""
    from syncer.model import Ground
    from syncer.report import Reader

    _require_reason(reason)
    app = context.app()
    try:
        app.operations.exempt(Reader(app).resolve(event), destination, Ground(ground), reason)
    finally:
        app.close()
    click.echo(f"{destination}: exempt; it is in the audit with your name and the reason")


@cli.command()
@click.argument("destination")
@REASON
@common
def pause(context: Context, destination: str, reason: str) -> None:
    """Stop a destination's lane until it is resumed."""
    _lane(context, destination, reason, "pause")


@cli.command()
@click.argument("destination")
@REASON
@common
def resume(context: Context, destination: str, reason: str) -> None:
    """Start a destination's lane again."""
    _lane(context, destination, reason, "resume")


def _lane(context: Context, destination: str, reason: str, what: str) -> None:
    _require_reason(reason)
    app = context.app()
    try:
        getattr(app.operations, what)(destination, reason)
    finally:
        app.close()
    click.echo(f"{destination}: {what}d")


# -- proof --------------------------------------------------------------------------------------------------


@cli.group()
def audit() -> None:
    """The audit chain."""


@audit.command()
@JSON
@common
def verify(context: Context, as_json: bool) -> int:
    """Check the whole chain and name the first bad entry."""
    from syncer import render

    app = context.app()
    try:
        found = app.ledger.verify(app.engine)
    finally:
        app.close()
    content = {"ok": found.ok, "entries": found.entries, "first_bad": found.first_bad, "reason": found.reason}
    if as_json:
        render.line(render.as_json(content))
    elif found.ok:
        click.echo(f"{found.entries} entries, unbroken; not proven: that nothing was cut off together with the head")
    else:
        click.echo(f"NOT INTACT: {found.reason}")
    return 0 if found.ok else 1


@audit.command()
@click.option("--format", "fmt", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
@common
def export(context: Context, fmt: str, out: Path | None) -> None:
    """Export every entry."""
    import json

    from syncer import render

    app = context.app()
    try:
        rows = app.ledger.rows(app.engine)
        lines = render.audit_csv(rows) if fmt == "csv" else (json.dumps(row) + "\n" for row in rows)
        count, sha256 = _write(lines, out)
        app.operations.exported("audit", fmt, count - (fmt == "csv"), sha256)
    finally:
        app.close()


@cli.command()
@click.option("--format", "fmt", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@click.option("--since", help="Received on or after: YYYY-MM-DD, or ISO 8601.")
@click.option("--until", help="Received before.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
@common
def report(context: Context, fmt: str, since: str | None, until: str | None, out: Path | None) -> int:
    """Write the propagation log for compliance."""
    from syncer.report import Reader

    app = context.app()
    try:
        found = Reader(app).report(
            _moment(app, since, "--since") if since else None, _moment(app, until, "--until") if until else None
        )
        text = _rendered(found, fmt)
        _, sha256 = _write([text], out)
        app.operations.exported("report", fmt, sum(len(e["deliveries"]) for e in found["events"]), sha256)
    finally:
        app.close()
    counts = found["summary"]
    return 1 if counts["held"] or counts["overdue"] or not found["integrity"]["verified"] else 0


def _rendered(found: dict[str, Any], fmt: str) -> str:
    from syncer import render

    if fmt == "text":
        return render.report_text(found)
    return render.report_csv(found) if fmt == "csv" else render.as_json(found) + "\n"


@cli.command()
def demo() -> int:
    """Try the whole thing against the sandbox; no account needed."""
    from syncer.demo import run as play
    from syncer.render import demo_console

    return play(demo_console())


# -- helpers ------------------------------------------------------------------------------------------------


def _write(lines: Any, out: Path | None) -> tuple[int, str]:
    """Write text to a file or stdout; returns how many pieces and their SHA-256 (hex)."""
    import hashlib

    digest, count = hashlib.sha256(), 0
    try:
        target = out.open("w", encoding="utf-8", newline="") if out else None
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); choose another --out") from None
    try:
        for line in lines:
            digest.update(line.encode())
            (target or sys.stdout).write(line)
            count += 1
    finally:
        if target:
            target.close()
    if out:
        click.echo(f"{out}: written, SHA-256 {digest.hexdigest()}", err=True)
    return count, digest.hexdigest()


def _stdin() -> Any:
    if sys.stdin.isatty():
        click.echo("addresses, one a line; end with Ctrl-D", err=True)
    get: Any = click.get_text_stream  # click leaves a part of its type open
    stream: Any = get("stdin", errors="surrogateescape")
    return stream


def _require_reason(reason: str) -> None:
    if len(reason.strip()) < 5:
        raise UserError("--reason: say why in at least five characters; it is kept in the audit")
    if "@" in reason:
        raise UserError("--reason: no addresses, please: it is kept in the audit for years")


def _moment(app: App, text: str, option: str) -> datetime:
    """Read a time; a bare date is midnight in the controller's time zone."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option}: not a date; write YYYY-MM-DD or an ISO 8601 date-time") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=app.settings.deadlines.zone)
    return found.astimezone(UTC)


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command and exit as designed: 0 fine, 1 something needs attention, 2 called or configured wrongly."""
    try:
        code = cli.main(args=argv, prog_name="syncer", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.Abort:
        code = 130
    except click.ClickException as error:
        click.echo(f"syncer: {_usage(error)}", err=True)
        code = 2
    except UserError as error:
        click.echo(str(error), err=True)
        code = error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except Exception as error:  # noqa: BLE001 — the last line of defence: one line, no traceback, no data
        click.echo(_internal(error), err=True)
        code = 2
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: click.ClickException) -> str:
    # click repeats what was typed, and somebody may have typed an address
    text = error.format_message()
    if "@" in text:
        return "an address does not belong on the command line (it stands in the process list); use stdin or --file"
    return f"{text} See `syncer --help`."


def _internal(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    if type(error).__module__.startswith("sqlalchemy"):
        return f"syncer: the database failed ({type(error).__name__} at {where}); see that it runs, `syncer check`"
    code = f" {error}" if isinstance(error, SyncerError) else ""
    return f"syncer: internal error ({type(error).__name__}{code} at {where}); please report this line"
