"""`syncer check --try`: one invented contact at each provider, from its creation to the proof that it is gone."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.contract import TrialStep
from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.setup import trial
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.walk import PERSON

#: computes for long, so it runs with the long tests
pytestmark = pytest.mark.slow

CRM = ("check", "--try", "crm", "--domain", "operator.test")
NEWSLETTER = ("check", "--try", "newsletter", "--domain", "operator.test", "--in", AUDIENCES[0])


@pytest.mark.parametrize("words", [CRM, NEWSLETTER], ids=["activecampaign", "mailchimp"])
def test_the_plan_comes_first_and_changes_nothing(
    app: App, words: tuple[str, ...], mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    done = run(app.settings.path, *words)

    assert done.returncode == 0, done.stderr
    assert "syncer-trial-" in done.stdout and "nothing was done; --yes carries it out" in done.stdout
    assert mailchimp.requests == [] and activecampaign.requests == []
    assert as_json(app.settings.path, *words)["applied"] is False


def test_activecampaign_is_tried_from_adding_to_the_empty_archive(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.add(PERSON)
    before = activecampaign.contacts()

    done = run(app.settings.path, *CRM, "--yes")

    assert done.returncode == 0, done.stdout
    for what in ("add the contact", "unsubscribe it", "delete it from the archive", "look for it in the archive again"):
        assert f"ok   {what}: " in done.stdout
    assert "keys: contactArchives, meta (and " in done.stdout
    assert activecampaign.contacts() == before and activecampaign.archived() == []


def test_mailchimp_is_tried_in_the_named_audience_and_the_address_stays_blocked(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    before = mailchimp.members()

    plan = run(app.settings.path, *NEWSLETTER)
    done = run(app.settings.path, *NEWSLETTER, "--yes")

    assert "the address stays blocked" in plan.stdout
    assert done.returncode == 0, done.stdout
    for what in ("add the contact", "unsubscribe it", "read that it is gone", "add it again"):
        assert f"ok   {what}: " in done.stdout
    assert mailchimp.members() == before


def test_check_and_status_show_how_the_last_trial_ended(app: App) -> None:
    untried = run(app.settings.path, "check")
    assert "warn crm: trial: nobody has tried yet what this account does" in _one_line(untried.stdout)
    run(app.settings.path, *CRM, "--yes")

    assert "with an invented contact: all as documented" in _one_line(run(app.settings.path, "check").stdout)
    [entry] = app.ledger.entries(("destination:tried",))
    assert "contactArchives.deleted_at" in str(entry.facts), "the shapes of the answers are the evidence"
    tried = as_json(app.settings.path, "status")["destinations"]["crm"]["tried"]
    assert tried["ok"] and tried["steps"] > 10
    assert "tried with an invented contact" in run(app.settings.path, "status").stdout
    assert app.ledger.verify().ok


def test_a_key_without_rights_is_told_beforehand_what_it_means(
    make_app: Callable[..., App], activecampaign: ActiveCampaignSandbox
) -> None:
    app = make_app()
    activecampaign.admin = False

    done = run(app.settings.path, *CRM, "--yes")

    assert done.returncode == 1
    assert "every erasure will be held" in _one_line(done.stdout)
    assert activecampaign.contacts() == [], "the contact is deleted as far as the provider allows"
    assert "every erasure will be held" in _one_line(run(app.settings.path, "check").stdout)
    assert "NOT as documented" in _one_line(run(app.settings.path, "status").stdout)


def test_an_archive_that_never_shows_the_contact_fails_the_trial(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    body = json.dumps({"contactArchives": [], "meta": {"total": "0"}})
    activecampaign.fault(
        Fault(status=200, body=body, content_type="application/json", path="/contactArchives$", times=None)
    )

    steps = as_json(app.settings.path, *CRM, "--yes")["steps"]

    [search] = [step for step in steps if step["name"] == "look for it in the archive"]
    assert not search["ok"] and "every erasure will be held" in search["finding"]


def test_a_provider_that_is_away_ends_the_trial_with_a_line(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.close()

    done = run(app.settings.path, *CRM, "--yes")

    assert done.returncode == 1
    assert "FAIL add the contact" in done.stdout and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("--try", "crm"), "needs --domain"),
        (("--try", "nobody", "--domain", "operator.test"), "use one of newsletter, crm"),
        (("--try", "newsletter", "--domain", "operator.test"), "name the audience"),
        (("--try", "crm", "--domain", "operator.test", "--in", "x"), "the id of a list"),
        (("--try", "crm", "--domain", "not a domain"), "one of your own"),
        (("--try", "crm", "--domain", "example.com"), "one of your own"),
        (("--domain", "operator.test"), "belong to --try"),
    ],
)
def test_a_mistake_is_one_line_with_its_remedy(app: App, words: tuple[str, ...], remedy: str) -> None:
    done = run(app.settings.path, "check", *words)

    assert done.returncode == 2
    assert remedy in done.stderr.replace("name a domain of your own", "one of your own")
    assert len(done.stderr.splitlines()) == 1


def test_a_paused_lane_is_not_tried(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    app.leases.ensure(["crm"])
    run(app.settings.path, "pause", "crm", "--reason", "moving to another account")

    done = run(app.settings.path, *CRM, "--yes")

    assert done.returncode == 2 and "resume" in done.stderr
    assert activecampaign.requests == []


def test_the_invented_address_is_on_the_screen_and_nowhere_else(app: App, tmp_path: Path) -> None:
    done = run(app.settings.path, *CRM, "--yes")
    [address] = [word.strip(",") for word in done.stdout.split() if word.startswith("syncer-trial-")]

    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert address.encode() not in kept and b"operator.test" not in kept


# -- whatever happens, nothing is left ----------------------------------------------------------------------


def ended(app: App, name: str, ends_at: str | None = None) -> tuple[TrialStep, ...]:
    """Carry a trial out in this process, interrupted by Ctrl-C once a step was shown; return its steps."""
    place = AUDIENCES[0] if name == "newsletter" else None
    plan, shown = trial.plan(app, name, "operator.test", place), list[TrialStep]()

    def show(step: TrialStep) -> None:
        shown.append(step)
        if step.name == ends_at:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        trial.carry_out(app, plan, show)
    assert ends_at in (None, shown[-1].name)
    return tuple(shown)


@pytest.mark.parametrize(
    "ends_at", ["add the contact", "find it by its address", "delete it", "look for it in the archive"]
)
def test_ctrl_c_leaves_no_invented_contact_at_activecampaign(
    app: App, activecampaign: ActiveCampaignSandbox, ends_at: str
) -> None:
    ended(app, "crm", ends_at)

    assert activecampaign.contacts() == [] and activecampaign.archived() == []
    [entry] = app.ledger.entries(("destination:tried",))
    assert ends_at in str(entry.facts)


@pytest.mark.parametrize("ends_at", ["add the contact", "read it", "unsubscribe it", "delete it a second time"])
def test_ctrl_c_leaves_no_invented_contact_at_mailchimp(app: App, mailchimp: MailchimpSandbox, ends_at: str) -> None:
    ended(app, "newsletter", ends_at)

    assert mailchimp.members() == []


@pytest.mark.parametrize("name", ["crm", "newsletter"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, body="", headers={"Retry-After": "1"}, times=2),
        Fault(status=429, body="", method="DELETE", headers={"Retry-After": "1"}),
        Fault(status=429, body="", path="delete-permanent", headers={"Retry-After": "1"}),
        Fault(status=503, body="", method="POST", headers={"Retry-After": "1"}),
    ],
    ids=["whatever", "delete", "delete-permanent", "add"],
)
def test_a_trial_waits_where_the_provider_throttles_and_learns_all_the_same(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, name: str, fault: Fault
) -> None:
    (activecampaign if name == "crm" else mailchimp).fault(replace(fault))

    steps = ended(app, name)

    assert all(step.ok for step in steps)
    assert activecampaign.contacts() == [] and activecampaign.archived() == [] and mailchimp.members() == []


@pytest.mark.parametrize("name", ["crm", "newsletter"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", r"/contacts$|/members$"), ("DELETE", "/contacts/"), ("POST", "delete-permanent")],
    ids=["add", "delete", "delete-permanent"],
)
@pytest.mark.parametrize("after_effect", [True, False])
def test_a_trial_whose_call_is_cut_off_leaves_nothing(
    app: App,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    name: str,
    method: str,
    path: str,
    after_effect: bool,
) -> None:
    fault = Fault(kind="close", method=method, path=path, after_effect=after_effect)
    (activecampaign if name == "crm" else mailchimp).fault(fault)

    steps = ended(app, name)

    assert steps[-1].ok, steps[-1]
    assert activecampaign.contacts() == [] and activecampaign.archived() == [] and mailchimp.members() == []


def test_what_a_trial_cannot_remove_is_shown(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    activecampaign.fault(Fault(status=500, body="", method="DELETE", path="/contacts/", times=None))

    steps = ended(app, "crm")

    assert not next(step for step in reversed(steps) if step.name == "look for what is left").ok


def _one_line(text: str) -> str:
    return " ".join(text.split())
