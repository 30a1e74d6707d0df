"""`preview`, `drain --shadow` and `run --shadow`, as somebody types them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES
from tests.support.operate.shadow import changes
from tests.support.processes import inside, inside_json, started, until
from tests.support.walk import OTHER, PERSON, put, states, whats


@pytest.fixture
def settings(app: App) -> Path:
    return app.settings.path


def test_a_request_is_previewed_once_and_stays_as_it_was(
    app: App, settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    before = states(app)
    event_id = str(app.withdrawals.event_of("k1"))

    shown = inside(settings, "preview", "--event", event_id)
    lines = inside_json(settings, "preview", "--event", event_id)

    assert shown.returncode == 0
    assert f"would call POST /lists/{{list}}/members/{{id}}/actions/delete-permanent, audience {AUDIENCES[0]}" in (
        shown.stdout
    )
    assert "nothing would be changed" in shown.stdout and "nobody" in shown.stdout
    by_name = {line["destination"]: line for line in lines}
    assert by_name["newsletter"]["found"] == [f"audience {AUDIENCES[0]}: subscribed"]
    assert by_name["crm"] | {"subject": None} == {
        "event": event_id, "line": None, "subject": None, "destination": "crm", "action": "delete", "found": [],
        "would": [], "code": None, "unanswered": None,
    }  # fmt: skip
    assert states(app) == before
    assert changes(mailchimp, activecampaign) == []
    assert whats(app).count("delivery:previewed") == 4
    assert "lovelace" not in shown.stdout + shown.stderr + str(lines)
    assert app.verify().ok


def test_what_is_held_is_previewed_with_what_would_hold_it_again(
    app: App, settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.admin = False
    put(app, "erasure", PERSON, "k1")
    drain(app)
    before = len(changes(mailchimp, activecampaign))

    still = inside(settings, "preview", "--held")
    activecampaign.admin = True
    mended = inside(settings, "preview", "--held")

    assert still.returncode == 1 and "would be held: archived_not_purged" in still.stdout
    assert mended.returncode == 0 and "nothing would be changed" in mended.stdout
    assert states(app)["crm"] == ("held", None, "archived_not_purged")
    assert len(changes(mailchimp, activecampaign)) == before
    assert app.verify().ok


def test_people_of_a_file_are_looked_for_and_named_by_their_line(
    app: App, settings: Path, mailchimp: MailchimpSandbox, tmp_path: Path
) -> None:
    mailchimp.add(OTHER, AUDIENCES[1])
    people = tmp_path / "people.txt"
    people.write_text(f"{PERSON}\n{OTHER}\n", encoding="utf-8")

    lines = inside_json(settings, "preview", "--file", str(people), "--right", "objection")

    assert [(line["line"], line["destination"], bool(line["found"])) for line in lines] == [
        (1, "crm", False), (1, "newsletter", False), (2, "crm", False), (2, "newsletter", True),
    ]  # fmt: skip
    assert {line["action"] for line in lines} == {"unsubscribe"}
    assert changes(mailchimp) == []
    assert whats(app).count("operator:looked_up") == 2
    assert "hopper" not in str(lines)


def test_a_provider_that_does_not_answer_is_told_apart_from_nobody_there(
    app: App, settings: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.fault(Fault(status=401, body='{"title": "API Key Invalid", "status": 401}', times=None))
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    shown = inside(settings, "preview", "--event", str(app.withdrawals.event_of("k1")))

    assert shown.returncode == 1
    assert "not known: unauthorized" in shown.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "choose what, and one way only: --event, --held or --file"),
        (("--held", "--event", "1"), "choose what, and one way only"),
        (("--held", "--right", "erasure"), "--right is for --file"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(settings: Path, words: tuple[str, ...], says: str) -> None:
    refused = inside(settings, "preview", *words)

    assert refused.returncode == 2
    assert says in refused.stderr and refused.stderr.count("\n") == 1


@pytest.mark.slow
def test_drain_in_shadow_says_so_and_drain_without_it_says_that_it_went_live(
    app: App, settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")

    trial = inside(settings, "drain", "--shadow")
    assert changes(mailchimp, activecampaign) == []
    assert "newsletter is in shadow mode from now on" in trial.stderr
    (told,) = [each for each in inside_json(settings, "check")["checks"] if each["name"] == "newsletter: shadow mode"]
    assert "a reload keeps it" in told["remedy"]  # of a daemon that was started so

    live = inside(settings, "drain")
    assert "newsletter is LIVE from now on; 1 previewed became due" in live.stderr
    assert {state for state, _, _ in states(app).values()} == {"confirmed"}


@pytest.mark.slow
def test_the_daemon_in_shadow_previews_what_comes_and_ends_as_ever(
    make_app: Callable[..., App], mailchimp: MailchimpSandbox, tmp_path: Path
) -> None:
    app = make_app()
    mailchimp.add(PERSON, AUDIENCES[0])

    with started(app.settings.path, "run", "--shadow", log=tmp_path / "log") as daemon:
        until(lambda: "daemon:started" in whats(app), 30)
        put(app, "erasure", PERSON, "k1")
        until(lambda: {code for _, _, code in states(app).values()} == {"shadowed"}, 30)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0

    assert changes(mailchimp) == []
    assert app.verify().ok


def test_a_long_preview_says_how_far_it_is(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncer.cli.operate.shadow.SECONDS", 0)
    (tmp_path / "people").write_text(f"{PERSON}\n{OTHER}\n", encoding="utf-8")

    done = inside(settings, "preview", "--file", str(tmp_path / "people"))

    assert [line for line in done.stderr.splitlines() if "asked about" in line] == [
        f"asked about {number} of 4" for number in range(5)
    ]
