"""`python -m syncer.cli.help.man [FILE]`: writes syncer(1), a manual page made from the commands and their help."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from syncer import __version__
from syncer.cli.help.catalog import SECTIONS
from syncer.cli.help.usage import EXITS, USAGE

#: what stands once, at the head
_COMMON = frozenset({"--settings", "--debug", "--help"})
_FILES = {
    "./settings.toml, /etc/syncer/settings.toml": "the settings; every key is explained there",
    "/etc/syncer/keys": "the key file and the providers' keys, the account's alone",
    "/var/lib/syncer": "the database and the signed checkpoints",
}
_ENVIRONMENT = {
    "SYNCER_SETTINGS": "the settings file, where --settings does not name one",
    "SYNCER_TABLE__KEY": "any single value of the settings: SYNCER_DATABASE__URL, SYNCER_DESTINATIONS__CRM__BASE_URL",
    "NO_COLOR": "no colours on a terminal",
}


def page() -> str:
    """Return the manual page, in the macros of man(7)."""
    from syncer.cli.main import cli

    root = click.Context(cli, info_name="syncer")
    return "\n".join([*_head(cli), *_commands(root, cli), *_tail()]) + "\n"


def _head(cli: click.Group) -> Iterator[str]:
    yield f'.TH SYNCER 1 "" "syncer {__version__}" "User Commands"'
    yield from (".SH NAME", "syncer \\- carry erasures and objections to mailing-list providers")
    yield from (".SH SYNOPSIS", ".B syncer", "[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]...")
    yield from (".SH DESCRIPTION", _plain(cli.help or ""))
    yield ".PP"
    yield _plain(
        "Commands run under the account whose the key file is, never as root: where the package made that account,"
        " `sudo -u syncer syncer status`. People's addresses come from standard input or a file, never from the"
        " command line."
    )
    yield ".SH OPTIONS"
    yield "Each command has them too."
    yield from _options(click.Context(cli, info_name="syncer"), frozenset())


def _commands(context: click.Context, group: click.Group) -> Iterator[str]:
    for title, names in SECTIONS.items():
        yield f'.SH "{_plain(title.upper())}"'
        for name in names:
            command = group.get_command(context, name)
            assert command is not None, "the catalog names what there is"
            yield from _command(click.Context(command, info_name=name, parent=context))


def _command(context: click.Context) -> Iterator[str]:
    command, words = context.command, context.command_path.partition(" ")[2]
    yield f'.SS "{_plain(" ".join([words, *command.collect_usage_pieces(context)]))}"'
    yield from _paragraphs(inspect.cleandoc(command.help or ""))
    yield from _options(context)
    if words in USAGE:
        yield from (".PP", "Examples:", ".PP", ".RS", ".nf")
        yield from map(_plain, USAGE[words].examples)
        yield from (".fi", ".RE")
        yield from _exits({code: text for code, text in USAGE[words].exits.items() if text not in EXITS.values()})
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, "the group lists what it has"
            yield from _command(click.Context(below, info_name=name, parent=context))


def _options(context: click.Context, told: frozenset[str] = _COMMON) -> Iterator[str]:
    for option in context.command.get_params(context):
        names, text = option.get_help_record(context) or ("", "")
        if text and told.isdisjoint(option.opts):
            yield from (".TP", f"\\fB{_plain(names)}\\fR", _plain(text))


def _exits(exits: dict[int, str]) -> Iterator[str]:
    if exits:
        yield from (".PP", "Exit status: " + "; ".join(f"{code} = {_plain(text)}" for code, text in exits.items()))


def _tail() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, text in EXITS.items():
        yield from (".TP", f".B {code}", _plain(text))
    for title, told in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT)):
        yield f".SH {title}"
        for name, text in told.items():
            yield from (".TP", f".B {_plain(name)}", _plain(text))
    yield from (".SH SEE ALSO", ".BR systemctl (1),", ".BR journalctl (1)")


def _paragraphs(text: str) -> Iterator[str]:
    # \b on a line of its own is click's word for lines that stay as they are
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
        lines = paragraph.split("\n")
        if number:
            yield ".PP"
        if lines[0].strip() == "\b":
            yield from (".nf", *map(_plain, lines[1:]), ".fi")
        else:
            yield _plain(" ".join(line.strip() for line in lines))


def _plain(text: str) -> str:
    """Return a text as roff takes it literally."""
    literal = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return f"\\&{literal}" if literal.startswith(".") else literal


def main(file: Path) -> None:
    """Write the page."""
    file.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "syncer.1"))
