"""Every command that a page, or a text of the program, tells somebody to type exists with these options."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache

import click
import pytest

from syncer.cli.main import cli
from tests.support.paths import ROOT
from tests.support.processes import commands

#: who reads them; the changelog tells of what was
PAGES = [
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "settings.toml") if "CHANGE" not in path.name
]
UNITS = sorted(ROOT.glob("packaging/units/*"))
TEXTS = sorted((*ROOT.glob("syncer/**/*.py"), *ROOT.glob("syncer/**/*.html"), *ROOT.glob("syncer/**/*.po")))
#: how a line of a code block, or of a unit, begins before the program's name
BEFORE = r"(?:sudo -u syncer |runuser -u syncer -- |podman exec syncer |\$AS |ExecStart(?:Pre)?=-?)?[\w./]*"
TYPED = re.compile(rf"^\s*{BEFORE}\bsyncer ((?:--?)?[a-z].*)$", re.MULTILINE)
IN_BACKQUOTES = re.compile(rf"`{BEFORE}\bsyncer ((?:--?)?[a-z][^`]*)`")
#: what ends a command in a line of a shell
END = re.compile(r"\s*\\?(?:[|<>;&\\]|\s#|\s…).*$", re.DOTALL)


def named() -> Iterator[tuple[str, str]]:
    """Each of them, with where it stands."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for typed in [*IN_BACKQUOTES.findall(text), *(line for block in blocks for line in TYPED.findall(block))]:
            yield path.name, typed
    for path in UNITS:
        for typed in TYPED.findall(path.read_text(encoding="utf-8")):
            yield path.name, typed
    for path in TEXTS:
        text = path.read_text(encoding="utf-8")
        texts = _literals(text) if path.suffix == ".py" else [_joined(text)]
        for typed in (each for literal in texts for each in IN_BACKQUOTES.findall(literal)):
            yield path.relative_to(ROOT).as_posix(), typed


def _literals(source: str) -> list[str]:
    nodes = ast.walk(ast.parse(source))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _joined(catalogue: str) -> str:
    """A catalogue or a template, with the strings of a catalogue in one piece, and without what it keeps for later."""
    there = "\n".join(line for line in catalogue.splitlines() if not line.startswith("#~"))
    return there.replace('"\n"', "").replace('\\"', '"')


@cache
def known() -> dict[str, click.Command]:
    groups = {name: cli.get_command(click.Context(cli), name) for name in cli.list_commands(click.Context(cli))}
    return {name: command for name, command in groups.items() if command is not None} | dict(commands())


def mistake(typed: str) -> str | None:
    """Say what is wrong with a command as it is named; values, and what is left out, are the reader's."""
    words = shlex.split(END.sub("", typed))
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] == "--settings" else words[1:]
    if not words:
        return None
    name = max((each for each in known() if each.split() == words[: len(each.split())]), key=len, default=None)
    if name is None:
        return "there is no such command"
    command = known()[name]
    following = words[len(name.split()) :]
    if isinstance(command, click.Group) and following and not following[0].startswith("-"):
        return "there is no such command below it"
    options = {option for each in command.get_params(click.Context(command)) for option in each.opts}
    wrong = [word for word in following if word.startswith("-") and word.partition("=")[0] not in {*options, "-", "-h"}]
    return f"it has no {', '.join(wrong)}" if wrong else None


def test_every_command_that_somebody_is_told_to_type_exists_with_its_options() -> None:
    found = sorted(set(named()))

    assert len(found) > 250
    assert [(where, typed, wrong) for where, typed in found if (wrong := mistake(typed))] == []


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("status --jsn", "it has no --jsn"),
        ("guard free", "there is no such command below it"),
        ("stats", "there is no such command"),
        ("--settings FILE audit verify --full | jq .ok", None),
    ],
)
def test_a_mistake_is_seen(typed: str, wrong: str | None) -> None:
    assert mistake(typed) == wrong
