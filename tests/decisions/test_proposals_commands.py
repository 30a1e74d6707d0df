"""The command line is no way around a second person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox
from syncer.app import App
from syncer.domain.permissions import Permission
from syncer.service.drain import drain
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.walk import PERSON, event, put, states

WHY = ("--reason", "needed for a court case")
EYES = '\n[console]\nurl = "http://localhost:8484/"\nfour_eyes = ["exempt", "extend", "release", "resync"]\n'


@pytest.fixture
def settings(settings_file: Callable[..., Path], app: App, activecampaign: ActiveCampaignSandbox) -> Path:
    """Settings that ask for a second person for everything, and an erasure that is held at the crm."""
    activecampaign.add(PERSON)
    activecampaign.admin = False
    put(app, "erasure", PERSON, "k1")
    drain(app)
    path = app.settings.path
    assert path is not None
    path.write_text(path.read_text(encoding="utf-8") + EYES, encoding="utf-8")
    return path


@pytest.mark.slow
def test_each_command_proposes_and_changes_nothing(settings: Path, app: App) -> None:
    held = event(app).id
    today = app.clock().astimezone(app.rule.zone).date().isoformat()

    done = run(settings, "exempt", held, "--destination", "crm", "--ground", "legal_claims", *WHY)
    assert (done.returncode, done.stdout) == (0, "")
    assert "proposal 1: nothing was changed" in done.stderr
    assert run(settings, "extend", held, "--informed", today, *WHY).returncode == 0
    resync = as_json(settings, "resync", "--held", "--yes", *WHY)
    assert (resync["applied"], resync["proposal"]) == (False, 3)
    assert states(app)["crm"][0] == "held"
    assert event(app).extended_at is None

    withdraw = as_json(settings, "withdraw", held, "--yes", *WHY)
    assert (withdraw["applied"], withdraw["proposal"]) == (False, 4)
    assert states(app)["crm"][0] == "held"

    listed = run(settings, "proposals")
    assert listed.returncode == 1
    assert all(
        word in listed.stdout for word in ("exempt of", "extend of", "resync of", "withdrawal of", "WAITS until")
    )
    assert [(each["kind"], each["outcome"]) for each in as_json(settings, "proposals")] == [
        ("exempt", None),
        ("extend", None),
        ("resync", None),
        ("exempt", None),
    ]
    changed = run(settings, "withdraw", held, "--apply", "another digest", *WHY)
    assert (changed.returncode, "has changed" in changed.stderr) == (2, True)


def test_the_same_login_does_not_approve_and_another_does(settings: Path, app: App) -> None:
    run(settings, "exempt", event(app).id, "--destination", "crm", "--ground", "legal_claims", *WHY)

    own = run(settings, "approve", "1", *WHY)
    assert own.returncode == 2
    assert "somebody else has to approve it" in own.stderr
    assert run(settings, "approve", "1", "--reason", "no").returncode == 2
    assert run(settings, "approve", "2", *WHY).returncode == 2
    assert states(app)["crm"][0] == "held"

    somebody = {"kind": "cli", "user": "somebody-else", "uid": 54321, "login_uid": 54321}
    app.acting_as(somebody, frozenset(Permission)).proposals.approve(1, "saw the letter of the court")
    assert states(app)["crm"] == ("exempt", None, "legal_claims")
    assert run(settings, "approve", "1", *WHY).returncode == 2
    (shown,) = as_json(settings, "proposals")
    assert (shown["outcome"], shown["decider"]) == ("approved", "somebody-else")
    assert run(settings, "proposals").returncode == 0


def test_who_proposed_it_takes_it_back(settings: Path, app: App) -> None:
    run(settings, "exempt", event(app).id, "--destination", "crm", "--ground", "legal_claims", *WHY)

    assert as_json(settings, "reject", "1", "--reason", "it was another request")["outcome"] == "rejected"
    assert run(settings, "proposals").returncode == 0


def test_what_was_withdrawn_before_asks_nobody_again(settings: Path, app: App) -> None:
    app.withdrawals.withdraw(event(app).id, "entered twice")

    again = run(settings, "withdraw", event(app).id, "--yes", *WHY)

    assert (again.returncode, "was withdrawn before, and nothing of it is open" in again.stderr) == (0, True)
    assert run(settings, "proposals").returncode == 0


def test_a_file_with_somebody_nobody_knows_is_proposed_by_the_plan_that_was_shown(
    settings: Path, app: App, tmp_path: Path
) -> None:
    file = tmp_path / "addresses.txt"
    file.write_text(f"{PERSON}\nnobody@people.test\n", encoding="utf-8")
    chosen = ("resync", "--file", str(file), "--held", *WHY)
    digest = as_json(settings, *chosen)["digest"]

    proposed = as_json(settings, *chosen, "--apply", digest)

    assert (proposed["proposal"], proposed["digest"]) == (1, digest)
    assert app.proposals.get(1).digest == digest
