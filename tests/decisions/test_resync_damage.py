"""Requests whose address came damaged: nobody starts them over as they are, and a person can bring them to an end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from syncer.service.drain import drain
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.walk import PERSON, event, put, states

ODD, MEANT = "ada%2Bnews@lovelace.test", "ada+news@lovelace.test"


@pytest.fixture
def settings(settings_file: Callable[..., Path], mailchimp: MailchimpSandbox) -> Path:
    """An installation with one erasure that is held for its damaged address; the person it meant is subscribed."""
    path = settings_file()
    assert run(path, "init").returncode == 0
    mailchimp.add(MEANT, AUDIENCES[0])
    run(path, "submit", "erasure", stdin=ODD)
    run(path, "drain")
    return path


def bring(settings: Path, line: str | bytes, *words: str) -> tuple[int, str]:
    file = settings.parent / "again.txt"
    file.write_bytes(line if isinstance(line, bytes) else line.encode())
    done = run(settings, "resync", "--file", str(file), "--reason", "asked the person", "--yes", *words)
    run(settings, "drain")
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_resync_of_everything_held_leaves_a_damaged_address_alone_and_says_why(
    settings: Path, mailchimp: MailchimpSandbox
) -> None:
    done = run(settings, "resync", "--held", "--reason", "the cause is gone", "--yes")
    run(settings, "drain")

    assert " ".join(done.stdout.split()).count("its address shows damage (percent encoding)") == 2, done.stdout
    assert [item["state"] for item in as_json(settings, "events")] == ["held"]
    assert mailchimp.member(MEANT, AUDIENCES[0]) is not None


def test_a_request_that_is_held_for_its_time_alone_can_be_started_over_as_before(app: App) -> None:
    put(app, "erasure", PERSON, "k1", received_at=app.clock().replace(year=1999))
    drain(app)
    assert event(app).state == "held"

    app.resync.apply(app.resync.plan(Selection(held=True)), "the clock was wrong")
    drain(app)

    assert event(app).state == "fulfilled"


@pytest.mark.slow
@pytest.mark.parametrize("between", [" ", "\t", ";", ", "], ids=["blank", "tab", "semicolon", "comma"])
@pytest.mark.parametrize(
    "save", [str.encode, lambda text: text.encode("utf-16"), lambda text: text.encode("utf-8-sig")]
)
def test_the_right_address_ends_it_from_a_file_of_any_editor(
    settings: Path, mailchimp: MailchimpSandbox, save: Callable[[str], bytes], between: str
) -> None:
    (held,) = as_json(settings, "events")

    code, said = bring(settings, save(f"{held['id']}{between}{MEANT}\r\n"))

    assert code == 0, said
    assert [item["state"] for item in as_json(settings, "events")] == ["fulfilled"]
    assert mailchimp.member(MEANT, AUDIENCES[0]) is None


def test_the_damaged_address_is_refused_with_its_sign_until_a_person_vouches_for_it(
    settings: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(ODD, AUDIENCES[0])
    (held,) = as_json(settings, "events")

    code, said = bring(settings, f"{held['id']} {ODD}")
    assert (code, len(said.splitlines())) == (2, 1)
    assert "damaged: percent encoding" in said
    assert "--as-written" in said
    assert ODD not in said
    assert [item["state"] for item in as_json(settings, "events")] == ["held"]

    code, said = bring(settings, f"{held['id']} {ODD}", "--as-written")
    assert code == 0, said
    assert [item["state"] for item in as_json(settings, "events")] == ["fulfilled"]
    assert mailchimp.member(ODD, AUDIENCES[0]) is None
    assert [item["id"] for item in as_json(settings, "find", stdin=ODD)] == [held["id"]]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["find", "dossier"])
@pytest.mark.parametrize(
    ("asked", "sign"),
    [(ODD, "percent encoding"), ("josÃ©@lovelace.test", "wrong encoding"), ("<ada@lovelace.test>", "quoting marks")],
    ids=range(3),
)
def test_a_look_up_of_a_damaged_address_never_answers_nobody(
    settings: Path, command: str, asked: str, sign: str
) -> None:
    done = run(settings, command, stdin=asked)

    assert (done.returncode, done.stdout) == (2, "")
    assert sign in done.stderr
    assert "lovelace" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_look_up_finds_the_person_from_the_file_of_any_editor(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert states(app)

    for raw in (f"\ufeff{PERSON}\r\n".encode(), PERSON.encode("utf-16"), f"Email;Name\n{PERSON};Ada".encode()):
        assert len(as_json(app.settings.path, "find", stdin=raw.decode("utf-8", "surrogateescape"))) == 1
