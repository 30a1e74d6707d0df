"""What stands in a table or comes from a provider is shown, not obeyed: on a terminal, in JSON, in a report."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import load_settings, open_app
from syncer.cli.output.console import grid
from syncer.cli.output.sheet import Marked, marked
from syncer.cli.output.stdout import json_text
from syncer.cli.output.terminal import EscapingConsole
from syncer.privacy.masking import escaped
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

#: clears the line, sets a terminal's title; a C1 introducer; turns the text round; begins a line; hides
HOSTILE = "\x1b[2K\x1b]0;x\x07\x9b31m\u202eevil\u2066\u200e\u2028\x85\nno fault was found\r\u200b\x7f\U000e0041"
OBEYED = [character for character in HOSTILE if not character.isprintable() and character != "\n"]
PERSON = "ada@lovelace.test"


@pytest.fixture
def settings(
    settings_file: Callable[..., Path], mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> Path:
    """An installation in whose tables somebody wrote what a terminal obeys, wherever a text may stand."""
    path = settings_file()
    run(path, "init")
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.admin = False  # held there
    run(path, "submit", "erasure", stdin=PERSON)
    run(path, "drain")
    with open_app(load_settings(path)) as app, app.engine.begin() as connection:
        for table in (app.tables.event, app.tables.delivery, app.tables.lane, app.tables.anchor, app.tables.daemon):
            for column in ("event_key", "source", "source_ref", "code", "adapter", "reason", "place", "error"):
                if column in table.c:
                    connection.execute(table.update().values({column: HOSTILE}))
        connection.execute(app.tables.lane.update().values(paused=True, paused_by="operator", paused_at=app.clock()))
    return path


def held(settings: Path) -> str:
    return str(as_json(settings, "events")[0]["id"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("status",), ("events",), ("show", "EVENT"), ("find",), ("check",), ("report",), ("report", "--format", "csv"),
        ("audit", "verify"), ("metrics",), ("resync", "--event", "EVENT", "--reason", "look at it"), ("reconcile",),
    ],
    ids=lambda words: " ".join(words),
)  # fmt: skip
def test_finding_17_no_command_lets_a_terminal_obey_what_stands_in_a_table(
    settings: Path, words: tuple[str, ...]
) -> None:
    event = held(settings)

    done = run(settings, *(event if word == "EVENT" else word for word in words), stdin=PERSON)

    shown = done.stdout + done.stderr
    assert shown
    assert [hex(ord(character)) for character in OBEYED if character in shown.replace("\r\n", "\n")] == []
    assert "no fault was found" not in [line.strip() for line in shown.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("words", [("status",), ("events",), ("show", "EVENT"), ("report", "--format", "json")])
def test_finding_17_json_says_the_same_without_a_character_that_a_terminal_obeys(
    settings: Path, words: tuple[str, ...]
) -> None:
    event = held(settings)
    given = [event if word == "EVENT" else word for word in words]

    done = run(settings, *given, *([] if words[0] == "report" else ["--json"]))

    assert [hex(ord(character)) for character in OBEYED if character in done.stdout] == []
    assert "\u202eevil" in json.dumps(json.loads(done.stdout), ensure_ascii=False)


@pytest.mark.slow
def test_finding_17_an_error_shows_what_was_typed_and_no_terminal_obeys_it(settings: Path) -> None:
    done = run(settings, "show", "nobody\x1b[2J\u202e")

    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


def test_finding_17_whatever_the_console_prints_is_escaped_but_for_its_own_colours() -> None:
    out = io.StringIO()
    console = EscapingConsole(file=out, force_terminal=True, width=200, highlight=False, markup=False, emoji=False)
    table = grid("name", "lines")
    table.add_row(HOSTILE, [HOSTILE, "second"])
    table.add_row(marked(HOSTILE, "bold red"), "plain")

    console.print("\n" + HOSTILE)
    console.print(Marked((("ok   ", "green"), (HOSTILE, "default"))))
    console.print(table)

    shown = out.getvalue()
    assert "\x1b[1;31m" in shown  # rich's own
    assert [hex(ord(character)) for character in OBEYED if character in shown and character != "\x1b"] == []
    assert "\x1b[2K" not in shown
    assert "\x1b]0" not in shown
    assert not [line for line in shown.splitlines() if line.startswith("no fault")]
    assert shown.startswith("\n\\u001b[2K")


@pytest.mark.parametrize("character", [chr(number) for number in (*range(0x20), *range(0x7F, 0xA1), 0x202E, 0xE0041)])
def test_finding_17_an_escape_is_never_the_character_itself(character: str) -> None:
    assert escaped(f"a{character}b").isprintable()
    assert json.loads(json_text(json.dumps(character, ensure_ascii=False))) == character
    assert json_text(json.dumps(character, ensure_ascii=False)).isprintable()


def test_finding_17_text_of_every_script_stays_as_it_is() -> None:
    plain = "Jürgen Łukasz Ψυχή 日本語 עברית العربية ताजा №2 – „Zitat“ 😀"

    assert escaped(plain) == plain
    assert json_text(json.dumps(plain, ensure_ascii=False)) == json.dumps(plain, ensure_ascii=False)


def test_finding_17_the_database_itself_is_left_as_it_was_found(settings: Path) -> None:
    run(settings, "status")

    with open_app(load_settings(settings)) as app, app.engine.connect() as connection:
        assert connection.execute(sa.select(app.tables.event.c.event_key)).scalar() == HOSTILE
