"""What commands print as JSON keeps to the schemas in docs/schemas, which are made from the types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from syncer.app import App
from syncer.cli.output.schemas import COMMANDS, main
from syncer.intake.wordpress.state import WordPressAlarm, WordPressState
from syncer.reports.as_json import as_json
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support import eventful
from tests.support.documents.reports import whole
from tests.support.paths import SCHEMAS
from tests.support.processes import commands, inside, inside_json
from tests.support.schemas import valid
from tests.support.views import changed, from_json
from tests.support.walk import put


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation in which everything happened; its commands run under the real clock."""
    with eventful.installation(tmp_path_factory.mktemp("schemas")) as (app, _, _):
        yield app


def test_the_files_are_those_that_the_command_makes(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_text("{}", encoding="utf-8")

    main(tmp_path)

    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.iterdir()}, "run `make schemas`"
    assert set(made) == {f"{command.replace(' ', '-')}.json" for command in COMMANDS}


def test_an_empty_installation_keeps_to_them(settings_file: Callable[..., Path]) -> None:
    path = settings_file()
    inside(path, "init")

    valid("status", inside_json(path, "status"))
    valid("events", inside_json(path, "events"))
    valid("find", inside_json(path, "find", stdin=eventful.PLAIN))
    valid("report", json.loads(inside(path, "report", "--format", "json").stdout))
    valid("dossier", inside_json(path, "dossier", stdin=eventful.PLAIN))


@pytest.mark.slow
def test_an_installation_in_which_everything_happened_keeps_to_them(everything: App) -> None:
    path = everything.settings.path
    shown = inside_json(path, "events")

    assert len(shown) == 11
    valid("events", shown)
    valid("events", inside_json(path, "events", "--state", "overdue"))
    valid("find", inside_json(path, "find", stdin=eventful.PLAIN))
    for event in shown:
        valid("show", inside_json(path, "show", event["id"]))
        valid("dossier", inside_json(path, "dossier", event["id"]))
    valid("report", json.loads(inside(path, "report", "--format", "json").stdout))
    valid("status", inside_json(path, "status"))


@pytest.mark.slow
def test_a_status_with_daemons_owners_anchors_and_alarms_keeps_to_its_schema(everything: App) -> None:
    everything.presence.arrive()
    lease = everything.leases.acquire("crm")
    assert lease
    everything.notary.tick()
    alarms = (WordPressAlarm("request_vanished", "1:42", datetime(2026, 11, 1, tzinfo=UTC), "ask who did it"),)
    told = WordPressState(True, None, 1, 3, (*alarms, WordPressAlarm("sweep_overdue", "site 1", None, "start it")))

    data = json.loads(as_json(changed(everything.status.read(), wordpress=told)))

    everything.leases.release(lease)
    everything.presence.leave()
    assert data["daemons"]
    assert data["destinations"]["crm"]["owner_pid"]
    assert data["audit"]["anchors"]["folder"]["at"]
    assert [alarm["since"] for alarm in data["wordpress"]["alarms"]] == ["2026-11-01T00:00:00.000000Z", None]
    valid("status", data)


def test_after_a_purge_they_are_kept_too(app: App, clock: Clock) -> None:
    clock.advance(days=-41 * 31)  # the triggers ask the server's clock, so the entries are truly old
    put(app, "erasure", eventful.PLAIN, "k1")
    drain(app)
    clock.advance(days=40 * 31)
    app.purge.carry_out()
    (event,) = app.reader.events()

    history, log = (json.loads(as_json(v)) for v in (app.reader.show(event.id), whole(app)))

    assert {entry["facts"] is None for entry in history["audit"]} == {True}
    assert "confirmed_seq" in log["events"][0]["deliveries"][0]
    valid("show", history)
    valid("report", log)


def test_a_value_made_again_from_its_json_is_the_same(everything: App) -> None:
    log = whole(everything)

    assert from_json(COMMANDS["report"], json.loads(as_json(log))) == log


@pytest.mark.slow
def test_what_commands_do_keeps_to_them_too(settings_file: Callable[..., Path]) -> None:
    path = settings_file()
    inside(path, "init")
    inside_json(path, "submit", "erasure", stdin="ada@lovelace.test\nnot an address\n")
    inside(path, "drain")
    keys = inside_json(path, "audit", "key")["keys"]
    note = inside_json(path, "audit", "checkpoint")
    proof = path.with_name("proof.json")
    inside(path, "audit", "prove", "1", "--out", str(proof))
    valid("audit prove", json.loads(proof.read_text(encoding="utf-8")))

    plan = inside_json(path, "resync", "--held", "--reason", "look at it again")
    done = inside_json(path, "resync", "--held", "--reason", "look at it again", "--apply", plan["digest"])

    assert (plan["applied"], done["applied"], len(done["deliveries"])) == (False, True, 2)
    assert note["anchors"][0]["name"] == "folder"
    assert inside_json(path, "audit", "verify")["anchored"]["size"] == note["size"]
    assert inside_json(path, "audit", "check-proof", str(proof), "--key", keys[0])["seq"] == 1
    assert not inside_json(path, "audit", "check-proof", str(path), "--key", keys[0])["ok"]
    assert inside_json(path, "retention", "--dry-run")["dry_run"]
    assert all(item["ok"] for item in inside_json(path, "check")["checks"])
    assert {item["destination"] for item in inside_json(path, "watch")} == {"newsletter", "crm"}
    assert [item["today"] for item in inside_json(path, "reconcile")] == ["as_recorded", "as_recorded"]


def test_every_option_json_has_its_schema() -> None:
    with_json = {name for name, command in commands() if "as_json" in {option.name for option in command.params}}

    assert with_json | {"audit prove"} == set(COMMANDS)


BROKEN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a key too many": lambda event: event | {"email": "ada@lovelace.test"},
    "a key missing": lambda event: {key: value for key, value in event.items() if key != "warning"},
    "a state that does not exist": lambda event: event | {"state": "lost"},
    "a number as text": lambda event: event | {"warning": "7"},
    "a moment without its zone": lambda event: event | {"received_at": "2026-11-24T09:00:00.000000"},
    "a day that does not exist": lambda event: event | {"due_on": "2026-02-30"},
    "none where there is always one": lambda event: event | {"due_on": None},
    "evidence in halves": lambda event: event | {"deliveries": [event["deliveries"][0] | {"first_attempt_at": None}]},
    "a confirmation without its entry": lambda event: (
        event
        | {"deliveries": [{key: value for key, value in event["deliveries"][0].items() if key != "confirmed_seq"}]}
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_broken_does_not_pass(everything: App, how: str) -> None:
    log = json.loads(as_json(whole(everything)))
    first = next(event for event in log["events"] if event["state"] == "fulfilled")
    valid("report", log | {"events": [first]})

    with pytest.raises(ValidationError):
        valid("report", log | {"events": [BROKEN[how](first)]})
