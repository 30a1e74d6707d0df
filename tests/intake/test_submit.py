"""`submit` from file to queue row to event: all or nothing, damage held, a person's word carried along."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.database.connections import writing
from syncer.errors import AddressError
from syncer.intake.queue import QueueRow
from syncer.intake.vouching import is_vouched, vouched_key
from syncer.privacy.damage import damage
from syncer.privacy.keyring import Keyring
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import run as process
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows

#: what arrived, and who was meant
DAMAGED = {"ada%2Bnews@lovelace.test": "ada+news@lovelace.test", "josÃ©@lovelace.test": "josé@lovelace.test"}
KEYS = Keyring(b"\x01" * 32)


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


def details(app: App) -> list[str]:
    held = app.reader.events(state="held")
    entries = [entry for event in held for entry in app.reader.show(event.id).audit]
    return [(entry.facts or {})["detail"] for entry in entries if entry.what == "event:held"]


def test_a_damaged_address_in_the_queue_is_held_with_its_sign_and_the_person_is_not_called_absent(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    for number, (arrived, meant) in enumerate(DAMAGED.items()):
        mailchimp.add(meant, AUDIENCES[0])
        put(app, "erasure", arrived, f"form {number}")

    drain(app)

    assert {row.state for row in rows(app, app.tables.event)} == {"held"}
    assert {row.subject for row in rows(app, app.tables.event)} == {None}
    assert sorted(details(app)) == [
        "email: the address cannot be used (damaged: letters read in the wrong encoding)",
        "email: the address cannot be used (damaged: percent encoding)",
    ]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_nul_among_many_good_lines_holds_its_own_line_and_every_key_is_printed(
    settings_file: Callable[..., Path], engine: str
) -> None:
    settings = settings_file()
    assert run(settings, "init").returncode == 0
    lines = [f"p{number}@list.test" for number in range(600)] + ["bad\0@list.test"]

    done = process(settings, "submit", "erasure", "--source", "Bücherladen", stdin="\n".join(lines))

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(set(done.stdout.splitlines())) == 601
    assert done.stderr.startswith("line 601: the address cannot be used")
    assert as_json(settings, "status")["queue"]["waiting"] == 601


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_octets_that_no_database_takes_are_queued_visibly_and_held(
    settings_file: Callable[..., Path], tmp_path: Path, engine: str
) -> None:
    settings = settings_file()
    assert run(settings, "init").returncode == 0
    file = tmp_path / "list.txt"
    file.write_bytes(b"ada@list.test\n" + "josé@list.test\n".encode() + b"m\xfcl\0ler@list.test\n")

    done = run(settings, "submit", "erasure", "--file", str(file), "--ref", "r" * 191, "--source", "s\udcff" * 9)
    run(settings, "drain")

    assert done.returncode == 0, done.stderr
    assert sorted(event["state"] for event in as_json(settings, "events")) == ["fulfilled", "fulfilled", "held"]


@pytest.mark.parametrize(
    "content", [b"Name,Street\nAda,Mill Lane\n", b"\xff\xfea", b"PK\x03\x04\n\0\n\0"], ids=range(3)
)
def test_a_file_that_is_no_list_queues_nothing(settings: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "list"
    file.write_bytes(content)

    done = run(settings, "submit", "erasure", "--file", str(file))

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert as_json(settings, "status")["queue"] == {"waiting": 0, "refused": 0}


def test_a_folder_in_place_of_a_file_is_one_line_and_exit_2(settings: Path, tmp_path: Path) -> None:
    for words in (("submit", "erasure"), ("resync", "--reason", "again please")):
        done = run(settings, *words, "--file", str(tmp_path))

        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.slow
def test_who_vouches_for_an_odd_address_has_it_carried_out_as_it_is(
    settings: Path, mailchimp: MailchimpSandbox
) -> None:
    odd = "jos%C3%A9@lovelace.test"
    mailchimp.add(odd, AUDIENCES[0])
    words = ("submit", "erasure", "--as-written", "--ref", "ticket 7")

    first = run(settings, *words, stdin=f"{odd}\n{PERSON}\n")
    again = run(settings, *words, stdin=f"{PERSON}\n{odd}\n")
    run(settings, "drain")

    assert (first.returncode, first.stderr) == (0, "")
    assert sorted(first.stdout.split()) == sorted(again.stdout.split())
    assert [event["state"] for event in as_json(settings, "events")] == ["fulfilled", "fulfilled"]
    assert mailchimp.member(odd, AUDIENCES[0]) is None


def test_a_word_for_one_address_or_right_does_not_count_for_another_and_no_producer_can_give_it(app: App) -> None:
    odd, other = DAMAGED
    keys = app.keyring
    good = vouched_key(keys, odd, "erasure-1")
    for number, (key, address) in enumerate(
        [(good, other), (good + "x", odd), (good.replace("erasure-1", "erasure-2"), odd), ("submit:as-written::", odd),
         (vouched_key(KEYS, odd, "erasure-1"), odd), ("submit:as-written:é:é", odd), ("submit:as-written:", odd)]
    ):  # fmt: skip
        if number:  # the first two keys differ in nothing but their address
            put(app, "erasure", address, key)
    put(app, "erasure", OTHER, "good")

    prepare(app)

    states = sorted(row.state for row in rows(app, app.tables.event))
    assert states == ["held"] * 6 + ["open"]
    assert not is_vouched(keys, row(good, other))
    assert not is_vouched(keys, row(good, None))
    assert is_vouched(keys, row(good, odd.upper()))


def row(key: str, email: str | None) -> QueueRow:
    return QueueRow(1, key, "erasure", email, None, None, None, None)


def test_nobody_can_vouch_for_what_is_no_address(settings: Path) -> None:
    given = "'ada@lovelace.test\n<ada@lovelace.test>\nada@@x\ngrace@hopper.test\n"
    done = run(settings, "submit", "erasure", "--as-written", stdin=given)
    run(settings, "drain")

    assert done.stderr.splitlines()[0].startswith("line 2: the address cannot be used (local_part)")
    assert sorted(event["state"] for event in as_json(settings, "events")) == ["fulfilled", "fulfilled", "held", "held"]
    with pytest.raises(AddressError):
        vouched_key(KEYS, "<a@b.test>", "1")
    assert damage("'ada@lovelace.test")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--received", "2030-01-01", "--received: this is more than a day in the future"),
        ("--received", "1999-12-31", "--received: this is before the year 2000"),
        ("--received", "yesterday", "--received: not a date"),
        ("--source", "s" * 65, "--source: 65 characters, and 64 are kept"),
        ("--source", "a/b@list.test", "--source: no addresses, please"),
        ("--source", "one\ntwo", "--source: plain text, please"),
        ("--source", " ", "--source: plain text, please, neither empty"),
        ("--ref", "r" * 192, "--ref: 192 characters, and 191 are kept"),
        ("--ref", "mailto/ada@lovelace.test", "--ref: no addresses, please"),
        ("--ref", "7\x1b[2J", "--ref: plain text, please"),
        ("--ref", "", "--ref: plain text, please, neither empty"),
    ],
)
def test_what_the_intake_would_hold_or_not_keep_is_refused_at_once(
    settings: Path, option: str, value: str, said: str
) -> None:
    done = run(settings, "submit", "erasure", option, value, stdin=PERSON)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert "@" not in done.stderr
    assert as_json(settings, "status")["queue"]["waiting"] == 0


@pytest.mark.parametrize("ahead", [timedelta(hours=23), timedelta(hours=25)], ids=["a clock that differs", "too far"])
def test_submit_and_the_intake_draw_the_line_of_the_future_at_the_same_moment(app: App, ahead: timedelta) -> None:
    moment = app.clock() + ahead
    refused = run(app.settings.path, "submit", "erasure", "--received", moment.isoformat(), stdin=OTHER).returncode
    put(app, "erasure", PERSON, "a producer's", received_at=moment)

    prepare(app)

    (event,) = [event for event in app.reader.events() if event.event_key == "a producer's"]
    assert (event.code, refused) == (("malformed", 2) if ahead > timedelta(days=1) else (None, 0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "purge"}, "kind: neither erasure nor objection"),
        ({"received_at": "2999-01-01"}, "received_at: more than a day in the future"),
        ({"received_at": "1970-01-01"}, "received_at: before the year 2000"),
        ({"received_at": "soon"}, "received_at: not a time"),
        ({"email": "nobody"}, "email: the address cannot be used (no_at)"),
        (
            {"kind": "purge", "email": "nobody"},
            "kind: neither erasure nor objection; email: the address cannot be used (no_at)",
        ),
    ],
)
def test_a_held_row_says_which_of_its_fields_was_wrong(app: App, change: dict[str, str], said: str) -> None:
    put(app, change.get("kind", "erasure"), change.get("email", OTHER), "odd")
    with writing(app.queue.engine) as connection:
        connection.execute(app.queue.table.update().values(received_at=sa.literal(change.get("received_at"), sa.Text)))

    prepare(app)

    (event,) = app.reader.events()
    assert details(app) == [said]
    assert f"\nwhy       {said}\n" in run(app.settings.path, "show", event.id).stdout
