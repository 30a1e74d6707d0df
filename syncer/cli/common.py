"""What the commands share: where the settings are, options, dates, reasons, standard input, files."""

from __future__ import annotations

import functools
import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from syncer.cli.help.completion import destinations, events
from syncer.cli.output import stdout
from syncer.domain.reasons import reason_problem
from syncer.errors import UserError
from syncer.language.texts import LANGUAGES

if TYPE_CHECKING:
    from datetime import date, datetime

    from syncer.app import App
    from syncer.reports.reader import Reader
    from syncer.reports.views import EventView
    from syncer.settings.checked import Settings

#: new objects before a garbage collection while a command starts: it makes fewer, and keeps them all
STARTED_AFTER = 400_000
#: the same once an installation is open; Python's own 700 is for programs that make less
GARBAGE_AFTER = 20_000
#: where syncer looks for its settings, as the help says it
SETTINGS = "The settings file; default: SYNCER_SETTINGS, ./settings.toml, /etc/syncer/settings.toml."
JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout, for scripts.")


def legible(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Return what was typed as UTF-8, whatever the locale took it for; octets that are none stay visible."""
    return None if value is None else value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


OUT = click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write; default: stdout.")
LANGUAGE = click.option(
    "--language", type=click.Choice(LANGUAGES), help="Of the HTML; default: language in [controller], or English."
)
#: a request, and a destination, as a command's argument
EVENT = click.argument("event", callback=legible, shell_complete=events)
DESTINATION = click.argument("destination", callback=legible, shell_complete=destinations)
HOST = click.option(
    "--host", default="localhost", show_default=True, help="The host from which syncer connects (MariaDB, MySQL)."
)
WHY = "Why, in one line and without addresses; kept in the audit."
REASON = click.option("--reason", required=True, callback=legible, help=WHY)


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

    def app(self, *, retired: bool = False, settings: Settings | None = None) -> App:
        """Open the installation; `retired` as for `open_app`. `settings` are those of the file unless given."""
        from syncer.app import open_app

        app = open_app(settings or self.settings(), retired=retired)
        settle_down()
        return app


def settle_down() -> None:
    """Collect garbage from now on as a program does that works: what was loaded stays, and is not looked at again."""
    if gc.get_threshold()[0] == STARTED_AFTER:  # a process of its own
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --settings and --debug, and its Context as first argument."""

    @click.option("--settings", "settings_path", type=click.Path(path_type=Path), help=SETTINGS)
    @click.option("--debug", is_flag=True, help="Log everything to stderr.")
    @click.pass_obj
    @functools.wraps(command)
    def wrapped(context: Context, settings_path: Path | None, debug: bool, *args: Any, **kwargs: Any) -> Any:
        context.path = settings_path or context.path
        context.debug = debug or context.debug
        return command(context, *args, **kwargs)

    return wrapped


def write_out(lines: Iterable[str], out: Path | None, fmt: str) -> tuple[int, str]:
    """Write a report of this format to a file or stdout; return how many pieces, and the SHA-256 (hex) of them."""
    import hashlib

    digest, count = hashlib.sha256(), 0
    with stdout.Outlet(out, fmt) as outlet:
        for count, line in enumerate(lines, 1):
            digest.update(outlet.write(outlet.head + line if count == 1 else line))
    if out:
        stdout.remark(f"{out}: written, SHA-256 {digest.hexdigest()}")
    return count, digest.hexdigest()


def format_of(fmt: str | None, as_json: bool, default: str) -> str:
    """Return the format to write: of --format, or of --json, which is short for one. Raises UserError for both."""
    if as_json and fmt not in (None, "json"):
        raise UserError(f"--json and --format {fmt} are two things; give one of them")
    return "json" if as_json else fmt or default


def language_of(app: App, language: str | None, fmt: str) -> str:
    """Return the language to write in: the one that was named, or that of the settings.

    Raises UserError for one that is named for a format which is English for everybody.
    """
    if language is not None and fmt != "html":
        raise UserError(f"--language is about HTML: {fmt} is for scripts and archives, and English for everybody")
    return language or app.settings.controller.language


def read_addresses(file: BinaryIO | None, *, with_events: bool = False) -> tuple[tuple[int, str], ...]:
    """Return (line number, text) of what a file, or standard input, holds; its remarks go to stderr.

    Raises UserError for what cannot be read and for what is no list of addresses.
    """
    from syncer.intake.address_file import read_addresses as read

    name = getattr(file, "name", "--file") if file is not None else "standard input"
    try:
        raw = file.read() if file is not None else _stdin()
    except OSError as error:
        raise UserError(f"{name}: cannot be read ({error.strerror}); give a file of addresses") from None
    found = read(raw, str(name), with_events=with_events)
    for remark in found.remarks:
        stdout.remark(remark)
    return found.lines


def file_lines(reader: Reader, file: BinaryIO) -> tuple[tuple[str | None, str], ...]:
    """Return (event id or None, address) of what a file brings: lines `ADDRESS` or `EVENT ADDRESS`."""
    lines: list[tuple[str | None, str]] = []
    for _number, text in read_addresses(file, with_events=True):
        head, *rest = text.split(maxsplit=1)
        lines.append((reader.resolve(head), rest[0]) if rest and "@" not in head else (None, text))
    return tuple(lines)


def _stdin() -> bytes:
    if sys.stdin is None:  # Python's way to say closed
        raise UserError("standard input is closed; write addresses to it, one a line, or name a file with --file")
    if sys.stdin.isatty():
        stdout.remark("addresses, one a line; end with Ctrl-D")
    return sys.stdin.buffer.read()


def read_person(app: App, command: str) -> tuple[str, ...]:
    """Read one address from standard input; return its pseudonyms, that of the present key first.

    Raises UserError for none, several or a bad one, and for one that shows damage unless an event has exactly that:
    "nobody" would not be true of the person who was meant.
    """
    from syncer.errors import AddressError
    from syncer.privacy.addresses import normalise
    from syncer.privacy.damage import damage

    lines = read_addresses(None)
    if len(lines) != 1:
        raise UserError(f"{command} takes one address, {len(lines)} were given")
    address = lines[0][1]
    sign = damage(address)
    try:
        refs = app.keyring.refs(normalise(address))
    except AddressError as error:
        raise UserError(f"the address cannot be used ({sign or error.code}); correct it") from None
    if sign and not app.reader.events(subject=refs):
        raise UserError(f"the address shows damage ({sign}), and no event has it as it is; correct it")
    return refs


def require_reason(reason: str) -> None:
    """Raise UserError unless the reason says something and holds no address."""
    if problem := reason_problem(reason):
        raise UserError(f"--reason: {problem}")


def moment_of(app: App, text: str, option: str) -> datetime:
    """Read a time; a bare date is midnight in the controller's time zone."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=app.settings.deadlines.zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):  # the second for a time in a year that UTC does not have
        raise UserError(f"{option}: not a date; write YYYY-MM-DD or an ISO 8601 date-time") from None


def span_of(app: App, since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """Read --since and --until, as `moment_of`. Raises UserError where no moment lies between them."""
    first = moment_of(app, since, "--since") if since else None
    end = moment_of(app, until, "--until") if until else None
    if first is not None and end is not None and end <= first:
        raise UserError("--until must be later than --since: it is the first moment that does not count any more")
    return first, end


def day_of(text: str, option: str) -> date:
    """Read a plain day, YYYY-MM-DD."""
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option}: not a day; write YYYY-MM-DD") from None


def list_events(events: Iterable[EventView], as_json: bool) -> int:
    """Print events as they come; return the exit code, 1 when one is held or late."""
    from syncer.cli.output import console

    waiting = False

    def seen() -> Iterator[EventView]:
        nonlocal waiting
        for event in events:
            waiting = waiting or event.waits_for_a_person
            yield event

    def show(shown: Iterable[EventView]) -> None:
        from syncer.cli.output import printing  # words for people, which JSON has no use for

        printing.events(shown)

    console.answer_each(seen(), as_json, show)
    return 1 if waiting else 0
