"""What a person decides about what the guard stopped: by plan, digest and number, once for all destinations."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.decisions.guarded import StoppedChoice, StoppedPlanChanged
from syncer.decisions.resync_plan import Selection
from syncer.domain.model import State
from syncer.errors import UserError
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.operate.guarded import FIVE, begun, flood, lane, stopped, told
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import ENGINES
from tests.support.walk import put, rows

BOTH = ("newsletter", "crm")
WHY = "asked the shop"
ALL = StoppedChoice()


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(guard=FIVE)


def flooded(app: App, count: int = 8) -> None:
    flood(app, count)
    put(app, "erasure", "ada@lovelace.test", "k1", source="form")
    put(app, "erasure", "grace@hopper.test", "k2", source="form")
    drain(app)
    assert begun(app) == 0


def by_state(app: App, source: str) -> set[tuple[str, str | None]]:
    ids = {row.id for row in rows(app, app.tables.event) if row.source == source}
    return {(row.state, row.code) for row in rows(app, app.tables.delivery) if row.event_id in ids}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_one_source_sent_is_released_and_the_rest_refused(app: App) -> None:
    flooded(app)
    decisions, form, shop = app.guard_decisions, StoppedChoice(source="form"), StoppedChoice(source="shop")
    plan = decisions.plan(form)
    assert (len(plan.requests), plan.deletions, plan.by_destination) == (2, 4, {"crm": 2, "newsletter": 2})

    decisions.release(form, WHY, plan.digest, 4)
    drain(app)

    assert by_state(app, "form") == {("confirmed", None)}
    assert by_state(app, "shop") == {("pending", "guarded")}
    assert lane(app).guard_since is not None

    decisions.refuse(shop, WHY, decisions.plan(shop).digest)
    drain(app)

    assert by_state(app, "shop") == {("held", "guard_refused")}
    assert [begun(app, name) for name in BOTH] == [2, 2]
    assert lane(app).guard_since is None
    assert len(told(app, "guard:cleared")) == 2
    assert app.status.read().destinations["crm"].guard.counted == 0  # type: ignore[union-attr]
    assert app.verify().ok


def test_a_digest_is_refused_after_one_more_arrival(app: App) -> None:
    flooded(app)
    plan = app.guard_decisions.plan(ALL)
    flood(app, 1, name="later")
    drain(app)

    with pytest.raises(StoppedPlanChanged):
        app.guard_decisions.release(ALL, WHY, plan.digest, plan.deletions)

    assert begun(app) == 0
    assert stopped(app) == 11


def test_another_number_than_the_one_shown_is_refused(app: App) -> None:
    flooded(app)
    plan = app.guard_decisions.plan(ALL)

    with pytest.raises(UserError, match="has 20"):
        app.guard_decisions.release(ALL, WHY, plan.digest, 10)

    assert stopped(app) == 10


def test_a_release_touches_no_limit_and_uses_none_of_it_up(app: App) -> None:
    flooded(app)
    plan = app.guard_decisions.plan(ALL)
    app.guard_decisions.release(ALL, WHY, plan.digest, plan.deletions)
    drain(app)
    assert begun(app) == 10

    flood(app, 5, name="next")
    drain(app)
    assert begun(app) == 15

    flood(app, 1, name="too-many")
    drain(app)
    assert begun(app) == 15
    assert stopped(app) == 1


def test_what_is_released_goes_at_all_destinations_also_where_nothing_was_stopped(app: App, clock: Clock) -> None:
    app.leases.ensure(BOTH)
    app.interventions.pause("crm", "the account moves")
    flood(app, 6)
    drain(app)
    assert (stopped(app, "newsletter"), stopped(app, "crm")) == (6, 0)
    plan = app.guard_decisions.plan(ALL)
    assert plan.by_destination == {"crm": 6, "newsletter": 6}

    app.guard_decisions.release(ALL, WHY, plan.digest, 12)
    app.interventions.resume("crm", "the account moved")
    drain(app)

    assert [begun(app, name) for name in BOTH] == [6, 6]
    assert told(app, "guard:tripped", "crm") == []


def test_a_refused_request_that_was_genuine_is_started_over(app: App) -> None:
    flooded(app)
    app.guard_decisions.refuse(ALL, WHY, app.guard_decisions.plan(ALL).digest)
    genuine = next(row.id for row in rows(app, app.tables.event) if row.event_key == "k1")

    plan = app.resync.plan(Selection(events=(genuine,)))
    assert (plan.deletions, plan.to_release) == (2, frozenset())
    app.resync.apply(plan, "it was genuine")
    drain(app)

    assert {row.state for row in rows(app, app.tables.delivery) if row.event_id == genuine} == {"confirmed"}
    assert app.verify().ok


def test_a_persons_own_plan_beyond_the_limit_names_its_number_and_is_the_release(app: App) -> None:
    flooded(app)
    app.guard_decisions.refuse(ALL, WHY, app.guard_decisions.plan(ALL).digest)
    plan = app.resync.plan(Selection(held=True))
    assert plan.deletions == 20

    with pytest.raises(UserError, match="--deletions 20"):
        plan.require_deletions(None)
    with pytest.raises(UserError, match="the plan has 20"):
        plan.require_deletions(10)
    plan.require_deletions(20)
    app.resync.apply(plan, "all genuine after all")
    drain(app)

    assert [begun(app, name) for name in BOTH] == [10, 10]
    assert len([row for row in rows(app, app.tables.event) if row.released_at]) == 10
    assert app.status.read().destinations["crm"].guard.counted == 0  # type: ignore[union-attr]
    assert app.verify().ok


def test_what_the_guard_stopped_is_no_matter_of_resync(app: App) -> None:
    flooded(app)
    ids = tuple(row.id for row in rows(app, app.tables.event))

    plan = app.resync.plan(Selection(events=ids))

    assert plan.deliveries == ()
    assert all("syncer guard plan" in line for line in plan.skipped)


def test_a_withdrawn_request_leaves_the_guard_and_the_last_one_ends_the_stop(app: App) -> None:
    flooded(app, 4)
    for row in rows(app, app.tables.event):
        app.withdrawals.withdraw(row.id, "made by a test")
    drain(app)

    assert stopped(app) == 0
    assert lane(app).guard_since is None
    assert told(app, "guard:cleared", "crm") == [{"why": "nothing waits any more"}]
    assert app.verify().ok


@pytest.mark.slow
def test_a_careless_import_of_people_who_were_erased_trips(app: App, clock: Clock) -> None:
    for batch in range(3):
        flood(app, 5, name=f"erased{batch}")
        drain(app)
        clock.advance(days=2)
    assert begun(app) == 15
    _come_back(app)
    drain(app)

    assert begun(app) == 15
    assert stopped(app) == 15
    assert {row.state for row in rows(app, app.tables.delivery)} == {"retrying", "confirmed"}
    assert app.verify().ok

    plan = app.guard_decisions.plan(ALL)
    app.guard_decisions.release(ALL, WHY, plan.digest, plan.deletions)
    drain(app)
    assert {row.state for row in rows(app, app.tables.delivery)} == {"confirmed"}
    assert app.verify().ok


def test_who_comes_back_after_a_release_was_released_by_nobody(app: App) -> None:
    flooded(app, 6)
    plan = app.guard_decisions.plan(ALL)
    app.guard_decisions.release(ALL, WHY, plan.digest, plan.deletions)
    drain(app)
    _come_back(app)
    drain(app)

    assert stopped(app) == 8
    assert [row.released_at for row in rows(app, app.tables.event)] == [None] * 8
    assert app.verify().ok


def test_who_is_found_again_by_a_recheck_counts_anew(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> None:
    for batch in range(2):
        flood(app, 3, name=f"erased{batch}")
        drain(app)
        clock.advance(hours=30)
    for batch, number in product(range(2), range(3)):
        mailchimp.add(f"erased{batch}.{number}@people.test", AUDIENCES[0])
    clock.advance(days=8)
    drain(app)

    # one after the other is read back, so that some may begin before the guard sees too many
    again = sum(facts.get("first", False) for facts in told(app, "delivery:attempted", "newsletter")) - 6
    assert again <= 5
    assert stopped(app) == 6 - again > 0
    assert len(told(app, "delivery:reappeared")) == 6
    assert app.verify().ok


def _come_back(app: App) -> None:
    """Let everybody who was erased at the newsletter be seen there again, as the daily look does."""
    from adapters.contract import Seen
    from syncer.delivery.reappearance import Incident, reappear

    d, e = app.tables.delivery, app.tables.event
    query = sa.select(d.c.id, d.c.event_id, d.c.destination, d.c.action, e.c.right, e.c.subject, e.c.received_at)
    query = query.add_columns(e.c.created_at, e.c.event_key).select_from(d.join(e, d.c.event_id == e.c.id))
    with app.engine.connect() as connection:
        found = connection.execute(query.where(d.c.destination == "newsletter", d.c.state == State.CONFIRMED)).all()
    addresses = {"k1": "ada@lovelace.test", "k2": "grace@hopper.test"}
    for row in found:
        address = addresses.get(row.event_key, f"{row.event_key.replace('-', '.')}@people.test")
        incident = Incident(row, Seen("audience a1b2c3d4e5", address), None, ())
        assert reappear(app.transactions, app.store, app.seals, incident)


# -- the commands -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_commands_lead_from_the_stop_to_its_end(app: App) -> None:
    flooded(app, 6)
    settings = app.settings.path

    shown = as_json(settings, "guard")
    assert shown["destinations"]["crm"] | {"since": None} == {
        "limit": 5, "counted": 0, "waiting": 8, "since": None, "contacts": None,
    }  # fmt: skip
    assert as_json(settings, "status")["destinations"]["crm"]["guard"]["waiting"] == 8
    assert "STOPPED crm since" in run(settings, "status").stdout
    plan = as_json(settings, "guard", "plan", "--source", "form")
    assert (plan["deletions"], plan["by_source"], plan["applied"]) == (4, {"form": 2}, False)
    assert plan["destinations"]["crm"] == {"deletions": 2, "contacts": None}
    text = run(settings, "guard", "plan")
    assert (text.returncode, "8 requests, 16 deletions" in text.stdout) == (1, True)

    refused = run(settings, "guard", "release", "--source", "form", "--reason", WHY, "--apply", "0" * 64,
                  "--deletions", "4")  # fmt: skip
    assert (refused.returncode, "changed since that digest" in refused.stderr) == (2, True)
    done = as_json(settings, "guard", "release", "--source", "form", "--reason", WHY, "--apply", plan["digest"],
                   "--deletions", "4")  # fmt: skip
    assert done["applied"]
    rest = as_json(settings, "guard", "plan")
    assert rest["by_source"] == {"shop": 6}
    as_json(settings, "guard", "refuse", "--reason", WHY, "--apply", rest["digest"])

    assert run(settings, "guard").returncode == 0
    nothing = run(settings, "guard", "plan")
    assert (nothing.returncode, nothing.stdout) == (0, "nothing of that is stopped\n")
    assert "release" not in nothing.stderr
    (by_hand,) = [facts for facts in told(app, "guard:released") if "requests" in facts]
    assert (by_hand["requests"], by_hand["deletions"], by_hand["reason"]) == (2, 4, WHY)
    assert told(app, "operator:refused")[0]["command"] == "guard release"


def test_resync_asks_for_the_number_on_the_command_line(app: App) -> None:
    flooded(app)
    app.guard_decisions.refuse(ALL, WHY, app.guard_decisions.plan(ALL).digest)
    words = ("resync", "--held", "--reason", "all genuine", "--yes")

    asked = run(app.settings.path, *words)

    assert asked.returncode == 2
    assert "--deletions 20" in asked.stderr
    done = as_json(app.settings.path, *words, "--deletions", "20")
    assert (done["deletions"], done["asks_for_number"], done["applied"]) == (20, True, True)


def test_the_report_tells_the_officer_what_was_stopped_and_what_to_decide(app: App, tmp_path: Path) -> None:
    flooded(app)

    report = run(app.settings.path, "report")
    text = report.stdout
    html = run(app.settings.path, "report", "--format", "html").stdout

    for page in (text, html):
        assert "Find out whether real people asked for them" in page
        assert "syncer guard plan" in page
    events = json.loads(run(app.settings.path, "events", "--json").stdout)
    assert len(events) == 10
    assert report.returncode == 1
    assert "10 stopped by the guard until a person has looked, 0 under way" in text
    assert "unusually many deletions were to begin" in text
    shown = run(app.settings.path, "show", events[0]["id"])
    assert shown.returncode == 1
    assert "do    see who asked, with `syncer guard plan`" in shown.stdout
