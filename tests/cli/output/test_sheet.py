"""What a pipe gets is what a terminal of any width would show, without its colours; and rich is not loaded for it."""

from __future__ import annotations

import io

import pytest

from syncer.cli.output.console import console, grid
from syncer.cli.output.sheet import Grid, Marked, PlainSheet, marked
from syncer.cli.output.terminal import EscapingConsole

TEXTS = ["", "plain", "Jürgen 日本語 한국어", "cafe\u0301", "עברית", "ab\x1b[2Kcd", "a [bold]b[/bold] :smile:"]


def table() -> Grid:
    found = grid("name", "#number", "event", "last")
    for number, text in enumerate(TEXTS):
        found.add_row(text, str(10**number), marked(text, "bold red"), "-" if number else text * 3)
    return found


def by_rich(shown: str | Marked | Grid) -> str:
    out = io.StringIO()
    EscapingConsole(file=out, width=100_000, highlight=False, markup=False, emoji=False).print(shown)
    return out.getvalue()


@pytest.mark.parametrize(
    "shown", [*TEXTS, "\n\nafter two lines", Marked((("ok  ", "green"), ("日本", "default"))), table()]
)
def test_a_pipe_gets_what_rich_would_print_on_a_line_without_end(
    shown: str | Marked | Grid, capsys: pytest.CaptureFixture[str]
) -> None:
    PlainSheet().print(shown)

    assert capsys.readouterr().out == by_rich(shown)


def test_a_cell_of_several_texts_is_one_line_in_a_pipe_and_several_on_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = grid("event", "deliveries")
    found.add_row("0a", ["crm held", "shop confirmed"])
    console().print(found)

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "event  deliveries",
        "0a     crm held; shop confirmed",
    ]
    assert [line.rstrip() for line in by_rich(found).splitlines()] == [
        "event  deliveries",
        "0a     crm held",
        "       shop confirmed",
    ]


def test_colours_that_are_asked_for_come_in_a_pipe_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert isinstance(console(), EscapingConsole)
    monkeypatch.delenv("FORCE_COLOR")
    assert isinstance(console(), PlainSheet)
