"""Withdrawing a request that was submitted by mistake: nobody is asked any further, and what was done is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from adapters.contract import Action, Limits, Outcome, Receipt, Step, Subject
from adapters.errors import Misconfigured, Transient
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import ResyncPlanChanged, Selection
from syncer.delivery.lane import Lane
from syncer.domain.endings import Ending
from syncer.domain.rights import Ground
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, event, put, rows, states, whats

REASON = "the wrong person was typed"
WHY = ("--reason", REASON)
CLOSED = ("exempt", None, "withdrawn")


def happened(app: App, key: str = "k1") -> dict[str, str]:
    """Withdraw the event of a key; return destination -> what had happened there."""
    return {item.destination: item.happened for item in app.withdrawals.withdraw(of(app, key), REASON).deliveries}


def of(app: App, key: str) -> str:
    found = app.withdrawals.event_of(key)
    assert found is not None
    return found


def entries(app: App, *words: str) -> list[tuple[str, str | None, dict[str, object]]]:
    return [(entry.what, entry.destination, dict(entry.facts or {})) for entry in app.ledger.entries(words)]


@pytest.fixture
def half_done(app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> App:
    """Give an erasure that the newsletter carried out, and that is held at the crm after an attempt."""
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    activecampaign.admin = False
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert {name: state for name, (state, _, _) in states(app).items()} == {"newsletter": "confirmed", "crm": "held"}
    return app


# -- what it does ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_of_a_request_that_nobody_was_asked_about_nothing_is_ever_sent(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    assert happened(app) == {"crm": "never_asked", "newsletter": "never_asked"}

    drain(app)
    assert "delivery:attempted" not in whats(app)
    assert set(states(app).values()) == {CLOSED}
    ended = event(app)
    assert (ended.state, ended.email_sealed, ended.next_recheck_at) == ("fulfilled", None, None)
    assert app.verify().ok


def test_what_was_carried_out_stays_and_what_was_not_is_asked_no_further(half_done: App) -> None:
    assert happened(half_done) == {"newsletter": "carried_out", "crm": "asked"}

    assert states(half_done) == {"newsletter": ("confirmed", "done", None), "crm": CLOSED}
    (view,) = half_done.reader.events()
    assert (view.state, view.ending) == ("fulfilled", Ending.WITHDRAWN)
    told = entries(half_done, "event:withdrawn", "delivery:exempt")
    digest = told[0][2].pop("digest")
    assert isinstance(digest, str)
    assert told == [
        ("event:withdrawn", None, {"reason": REASON, "destinations": ["newsletter:carried_out", "crm:asked"]}),
        ("delivery:exempt", "crm", {"ground": "withdrawn", "reason": REASON, "happened": "asked", "attempts": 1}),
    ]
    assert half_done.verify().ok


def test_what_a_destination_was_proven_not_to_hold_is_not_called_carried_out(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.admin = False
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)

    assert happened(app) == {"newsletter": "not_held", "crm": "asked"}


@pytest.mark.slow
def test_somebody_who_was_erased_by_mistake_can_be_added_back_and_stays(
    half_done: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    happened(half_done)
    assert (event(half_done).email_sealed, event(half_done).next_recheck_at) == (None, None)

    mailchimp.add(PERSON, AUDIENCES[0], last_changed=clock.now.isoformat())
    for days in (1, 7, 30):
        clock.advance(days=days)
        drain(half_done)
        assert all(not seen.incidents for seen in look(half_done).values())

    assert mailchimp.member(PERSON, AUDIENCES[0]) is not None
    assert "delivery:reappeared" not in whats(half_done)


def test_attempts_that_were_given_back_still_count_as_asked(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.api_key = "revoked"
    app.interventions.pause("crm", "a review")
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert {row.destination: row.attempts for row in rows(app, app.tables.delivery)} == {"newsletter": 0, "crm": 0}

    assert happened(app) == {"newsletter": "asked", "crm": "never_asked"}


# -- while a daemon works on it -------------------------------------------------------------------------------


class Slow(Mailchimp):
    """A destination that answers only when it is let, and then as the test says."""

    def __init__(self, senders: int = 1) -> None:
        self.answer = threading.Event()
        self.called = threading.Event()
        self.senders = senders
        self.applied = 0
        self.read_back: list[Exception] = []

    @property
    def limits(self) -> Limits:
        return Limits(self.senders)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        self.applied += 1
        self.called.set()
        self.answer.wait(20)
        return Receipt(Outcome.DONE, (Step("all", "DELETE /", 200, None, 1),))

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        if self.read_back:
            raise self.read_back.pop(0)
        return Receipt(Outcome.DONE, (Step("all", "GET /", 404, None, 1),))

    def ping(self) -> None:
        """Answer."""

    def close(self) -> None:
        self.answer.set()


def lane(app: App, adapter: Slow) -> Lane:
    app.leases.ensure(list(app.settings.destinations))
    return Lane("newsletter", adapter, app.transactions, app.store, app.leases, app.seals, app.stop, burst_wait=0.01)


def test_a_lane_records_nothing_over_what_was_withdrawn_while_it_called(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    adapter = Slow()
    worker = lane(app, adapter)
    turn = threading.Thread(target=worker.turn)
    turn.start()
    assert adapter.called.wait(10)

    assert happened(app) == {"newsletter": "unanswered", "crm": "never_asked"}
    adapter.answer.set()
    turn.join(20)
    worker.release()

    assert set(states(app).values()) == {CLOSED}
    late = [(what, name, facts["answer"]) for what, name, facts in entries(app, "delivery:answered")]
    assert late[0] == ("delivery:answered", "newsletter", "applied")
    assert not {"delivery:applied", "delivery:confirmed"} & set(whats(app))
    assert event(app).email_sealed is None
    assert app.verify().ok


def test_what_a_lane_had_claimed_and_not_begun_is_never_asked(app: App) -> None:
    for key in ("k1", "k2"):  # of one person: the second waits for the first
        put(app, "erasure", PERSON, key)
    prepare(app)
    adapter = Slow()
    worker = lane(app, adapter)
    turn = threading.Thread(target=worker.turn)
    turn.start()
    assert adapter.called.wait(10)

    assert happened(app, "k2") == {"newsletter": "never_asked", "crm": "never_asked"}
    adapter.answer.set()
    turn.join(20)
    worker.release()

    assert adapter.applied == 1
    assert app.verify().ok


def test_what_was_applied_is_read_back_and_never_carried_out_again(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    adapter = Slow()
    adapter.answer.set()
    # one attempt reads three times
    again = [Transient("not_yet", "still there") for _ in range(3)]
    adapter.read_back = [Misconfigured("unauthorized", "the key was revoked"), *again]
    worker = lane(app, adapter)
    worker.turn()
    assert states(app)["newsletter"][0] == "applied"

    assert happened(app) == {"newsletter": "carried_out", "crm": "never_asked"}
    assert (states(app)["newsletter"][0], event(app).state) == ("applied", "open")
    app.interventions.resume("newsletter", "the key is back")
    worker.turn()
    worker.release()

    assert adapter.read_back == []
    assert adapter.applied == 1
    assert set(states(app).values()) == {CLOSED}
    assert (event(app).state, event(app).email_sealed) == ("fulfilled", None)
    assert app.verify().ok


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_running_daemon_lets_go_of_what_is_withdrawn_under_its_hands(
    settings_file: Callable[..., Path], tmp_path: Path, mailchimp: MailchimpSandbox, engine: str
) -> None:
    settings = settings_file()
    assert run(settings, "init").returncode == 0
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.latency = 1.5  # of four calls
    (key,) = run(settings, "submit", "erasure", stdin=PERSON).stdout.split()
    with started(settings, "run", log=tmp_path / "log"):
        until(lambda: mailchimp.request_count > 0, 60)
        done = run(settings, "withdraw", key, *WHY, "--yes", "--json")
        mailchimp.latency = 0.0
        by_name = {line["destination"]: line for line in json.loads(done.stdout)["deliveries"]}

        assert (by_name["newsletter"]["happened"], by_name["newsletter"]["to"]) == ("unanswered", "exempt")
        until(lambda: "delivery:answered" in [entry["what"] for entry in _timeline(settings)], 30)

    (shown,) = as_json(settings, "events")
    assert shown["ending"] == "withdrawn"
    assert {item["destination"]: item["state"] for item in shown["deliveries"]}["newsletter"] == "exempt"
    assert as_json(settings, "audit", "verify")["ok"]


def _timeline(settings: Path) -> list[dict[str, str]]:
    (only,) = as_json(settings, "events")
    return list(as_json(settings, "show", only["id"])["audit"])


# -- the command ----------------------------------------------------------------------------------------------


def test_the_plan_comes_first_and_its_digest_stands_for_it(half_done: App) -> None:
    path, case = half_done.settings.path, str(half_done.reader.events()[0].case)

    plan = run(path, "withdraw", case, *WHY)

    assert plan.returncode == 0
    assert "newsletter: carried out, which cannot be called back; it stays confirmed\n" in plan.stdout
    assert "crm: asked once, not through; it is not asked any further. It may have been carried out in" in plan.stdout
    assert "nothing was changed; --yes carries it out" in plan.stderr
    assert "event:withdrawn" not in whats(half_done)
    refused = run(path, "withdraw", case, *WHY, "--apply", "0" * 64)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "operator:refused" in whats(half_done)
    digest = as_json(path, "withdraw", case, *WHY)["digest"]
    done = as_json(path, "withdraw", case, *WHY, "--apply", digest)
    assert (done["applied"], done["digest"], done["withdrawn_before"]) == (True, digest, False)
    assert [(line["destination"], line["from"], line["to"], line["happened"]) for line in done["deliveries"]] == [
        ("newsletter", "confirmed", "confirmed", "carried_out"),
        ("crm", "held", "exempt", "asked"),
    ]


def test_withdrawing_again_is_harmless_and_nothing_brings_a_withdrawn_request_back(half_done: App) -> None:
    path, case = half_done.settings.path, str(half_done.reader.events()[0].case)
    assert run(path, "withdraw", case, *WHY, "--yes").returncode == 0
    before = whats(half_done)

    again = run(path, "withdraw", case, *WHY, "--yes")

    assert (again.returncode, again.stdout) == (0, "")
    assert "was withdrawn before, and nothing of it is open; nothing was changed" in again.stderr
    assert whats(half_done) == before
    one = run(path, "resync", "--event", case, *WHY, "--yes")
    assert (one.returncode, one.stderr.count("\n")) == (2, 1)
    assert "was withdrawn" in one.stderr
    all_of_them = run(path, "resync", "--confirmed-since", "2000-01-01", *WHY, "--yes")
    assert "newsletter: its request was withdrawn" in " ".join(all_of_them.stdout.split())
    assert states(half_done)["newsletter"][0] == "confirmed"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_resync_that_was_planned_before_brings_nothing_of_a_withdrawn_request_back(half_done: App) -> None:
    resync, event_id = half_done.resync, event(half_done).id
    plan = resync.plan(Selection(events=(event_id,), destination="newsletter"))
    happened(half_done)

    resync.apply(plan, REASON)
    with pytest.raises(ResyncPlanChanged):
        resync.apply(plan, REASON, exactly=True)

    assert states(half_done) == {"newsletter": ("confirmed", "done", None), "crm": CLOSED}
    drain(half_done)
    assert event(half_done).state == "fulfilled"
    assert half_done.verify().ok


def test_what_is_through_cannot_be_withdrawn(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)

    done = run(app.settings.path, "withdraw", event(app).id, *WHY, "--yes")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is open any more; what was carried out or passed on cannot be called back" in done.stderr
    assert "event:withdrawn" not in whats(app)


@pytest.mark.parametrize("named", ["4711", "0123456789", "nobody's key"])
def test_who_is_not_there_is_said_in_one_line(app: App, named: str) -> None:
    done = run(app.settings.path, "withdraw", named, *WHY, "--yes")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_request_in_the_queue_is_taken_from_there_to_be_withdrawn(app: App) -> None:
    put(app, "erasure", PERSON, "form 1")

    plan = run(app.settings.path, "withdraw", "form 1", *WHY)
    assert plan.returncode == 2
    assert "still in the queue, and nobody was asked yet; --yes takes it from there" in plan.stderr
    assert run(app.settings.path, "withdraw", "form 1", *WHY, "--yes").returncode == 0

    drain(app)
    assert set(states(app).values()) == {CLOSED}
    assert "delivery:attempted" not in whats(app)


def test_a_case_number_is_never_taken_for_the_key_of_another_request(app: App) -> None:
    put(app, "erasure", PERSON, "9")
    prepare(app)
    put(app, "erasure", OTHER, "2")
    prepare(app)
    cases = {view.event_key: view.case for view in app.reader.events()}
    named = str(cases["9"])
    assert named != "9"
    app.queue.insert([{"event_key": named, "kind": "erasure", "email": OTHER, "created_at": app.clock()}])
    prepare(app)

    assert as_json(app.settings.path, "withdraw", named, *WHY)["event"] == of(app, "9")


def test_a_request_that_was_held_as_it_came_can_be_withdrawn(app: App) -> None:
    put(app, "nonsense", "no address", "k1")
    prepare(app)

    assert happened(app) == {"crm": "never_asked", "newsletter": "never_asked"}
    assert event(app).state == "fulfilled"
    assert app.verify().ok


def test_a_plan_that_changed_meanwhile_is_not_carried_out(half_done: App) -> None:
    digest = half_done.withdrawals.plan(event(half_done).id).digest
    half_done.interventions.exempt(event(half_done).id, "crm", Ground.OTHER, "decided meanwhile")

    with pytest.raises(UserError):
        half_done.withdrawals.withdraw(event(half_done).id, REASON, digest)


def test_the_reference_of_a_withdrawn_request_is_not_taken_again_in_silence(app: App) -> None:
    path, letter = app.settings.path, ("submit", "erasure", "--ref", "letter 7")
    key = run(path, *letter, stdin=PERSON).stdout.strip()
    assert run(path, "withdraw", key, *WHY, "--yes").returncode == 0

    again = run(path, *letter, stdin=PERSON)
    other = run(path, "submit", "erasure", "--ref", "letter 8", stdin=PERSON)

    assert (again.returncode, again.stdout) == (2, "")
    assert "was withdrawn" in again.stderr
    assert "give another --ref" in again.stderr
    assert other.returncode == 0
    assert app.queue.count() == 1


def test_a_row_that_says_withdrawn_where_the_log_does_not_is_not_vouched_for(half_done: App) -> None:
    (open_one,) = half_done.reader.events()
    d = half_done.tables.delivery
    with half_done.engine.begin() as connection:
        connection.execute(
            d.update().where(d.c.destination == "crm").values(state="exempt", code="withdrawn", next_attempt_at=None)
        )

    done = run(half_done.settings.path, "withdraw", str(open_one.case), *WHY, "--yes")

    assert done.returncode == 2
    assert "the log does not: somebody wrote to the database; run `syncer audit verify --full`" in done.stderr
