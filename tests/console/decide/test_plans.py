"""Resync plans, the guard, a second person and entering a request, at the console."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from html import escape
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.reading.requests.register import PAGE
from syncer.console.site import make_site
from syncer.decisions.guarded import StoppedChoice
from syncer.domain.permissions import Permission, Role
from syncer.service.drain import drain, prepare
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.console.conftest import ORIGIN, place
from tests.console.decide.conftest import filled_form
from tests.support.operate.guarded import FIVE, flood, stopped

Send = Callable[..., TestResponse]
SignedIn = Callable[..., FlaskClient]
WHY, SEEN = "permission was given to the key", "saw the letter of the court"


def facts(app: App, what: str) -> list[dict[str, object]]:
    return [dict(entry.facts or {}) for entry in app.ledger.entries((what,))]


def asked_of(address: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}


# -- resync -------------------------------------------------------------------------------------------------------


def test_a_plan_says_what_happens_and_is_carried_out_with_its_number(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send
) -> None:
    app, _ = filled
    client, path = signed_in(Role.OPS), "/resync/plan?held=1&destination=crm"
    shown = client.get(path).text
    assert "deletes for good" in shown
    assert "3 deletions begin" in shown

    for deletions, status in (("", 422), ("2", 422), ("two", 422), ("3", 303)):
        answer = send(client, path, reason=WHY, deletions=deletions)
        assert answer.status_code == status, (deletions, answer.text)

    (resynced,) = facts(app, "operator:resynced")
    assert resynced["reason"] == WHY
    held = app.reader.events(state="held")
    assert not [
        each for event in held for each in event.deliveries if (each.destination, each.state) == ("crm", "held")
    ]


def test_a_plan_that_deletes_asks_for_a_second_factor_and_one_that_reads_does_not(
    filled: tuple[App, Clock], site: Flask, signed_in: SignedIn, send: Send
) -> None:
    client = signed_in(Role.OPS, stepped_up=False)

    away = send(client, "/resync/plan?held=1&destination=crm", reason=WHY, deletions="3")
    assert asked_of(away.headers["Location"])["next"] == "/resync/plan?held=1&destination=crm"
    assert "Nothing was changed yet." in client.get(away.headers["Location"]).text
    assert facts(filled[0], "operator:resynced") == []

    reading = "/resync/plan?confirmed_since=2026-01-01&destination=crm"
    assert "read again" in client.get(reading).text
    assert send(client, reading, reason="does the provider still say so?").status_code == 303


def test_a_plan_of_all_that_a_page_of_the_register_shows_is_there_again_after_the_sign_in(site: Flask) -> None:
    chosen = "&".join(f"event=01a2311{number:01x}-0000-7000-8000-000000000000" for number in range(10))
    path = f"/resync/plan?{'&'.join([chosen] * (PAGE // 10))}"

    away = site.test_client().get(path).headers["Location"]

    assert asked_of(away)["next"] == path
    assert f'value="{escape(path)}"' in site.test_client().get(away).text


def test_a_plan_that_has_changed_is_409_and_the_new_one_is_shown(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send
) -> None:
    client, path = signed_in(Role.OPS), "/resync/plan?held=1"
    shown = client.get(path)
    typed = {"reason": WHY, "deletions": "4"}
    assert send(client, path, **typed).status_code == 303

    answer = client.post(path, data=filled_form(shown, path, **typed)[1] | {"form": "b" * 22})

    assert answer.status_code == 409
    assert "Nothing was done" in answer.text
    assert len(facts(filled[0], "operator:resynced")) == 1


def test_what_was_withdrawn_meanwhile_does_not_start_over(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send
) -> None:
    app, client = filled[0], signed_in(Role.OPS)
    held = app.reader.events(state="held")[0].id
    path = f"/resync/plan?event={held}"
    where, form = filled_form(client.get(path), path, reason=WHY, deletions="1")
    other = signed_in(Role.OPS, name="berta")
    assert send(other, f"/requests/{held}/withdraw", reason="the wrong person was typed").status_code == 303

    answer = client.post(where, data=form)

    assert (answer.status_code, "berta" in answer.text) == (409, True)
    assert client.get(path).status_code == 400


@pytest.mark.slow
def test_what_was_withdrawn_while_its_form_was_read_does_not_start_over(
    filled: tuple[App, Clock], signed_in: SignedIn
) -> None:
    app, client = filled[0], signed_in(Role.OPS)
    held = app.reader.events(state="held")[0].id
    path = f"/resync/plan?event={held}"
    where, form = filled_form(client.get(path), path, reason=WHY, deletions="1")
    claimed: list[bool] = []

    def see(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(f"INSERT INTO {app.tables.once.name}"):
            claimed.append(True)

    def withdraw(*_: object) -> None:
        if claimed:
            claimed.clear()
            berta = {"kind": "console", "user": "berta"}
            app.acting_as(berta, frozenset(Permission)).withdrawals.withdraw(held, "the wrong person was typed")

    sa.event.listen(app.engine, "before_cursor_execute", see)
    sa.event.listen(app.engine.pool, "checkin", withdraw)
    answer = client.post(where, data=form)
    sa.event.remove(app.engine.pool, "checkin", withdraw)
    sa.event.remove(app.engine, "before_cursor_execute", see)

    assert str(app.reader.events(event_id=held)[0].ending) == "withdrawn"
    assert (answer.status_code, "berta" in answer.text) == (409, True)
    assert facts(app, "operator:resynced") == []


def test_a_filter_that_is_none_is_named_and_never_ignored(signed_in: SignedIn) -> None:
    client = signed_in(Role.OPS)
    wrong = {
        "held=yes": "held",
        "held=1&held=1": "held",
        "destination=nowhere": "nowhere",
        "confirmed_since=yesterday": "confirmed_since",
        "confirmed_since=9999-12-31T99": "confirmed_since",
        "event=0": "event",
        "nothing=1": "nothing",
        "destination=a%00b": "destination",
    }

    for query, named in wrong.items():
        answer = client.get(f"/resync/plan?{query}")
        assert (answer.status_code, named in answer.text) == (400, True), query


def test_without_a_choice_the_page_asks_for_one(signed_in: SignedIn) -> None:
    answer = signed_in(Role.OPS).get("/resync/plan")

    assert answer.status_code == 200
    assert 'name="confirmed_since"' in answer.text


# -- a second person ------------------------------------------------------------------------------------------------


def test_a_number_that_no_proposal_can_have_is_404(signed_in: SignedIn) -> None:
    anna = signed_in(Role.ADMIN)

    for number in (2**63, 10**40):
        for what in ("approve", "reject"):
            form = {"form": "k" * 20 + what, "reason": WHY, "digest": "0"}
            assert anna.post(f"/decisions/{number}/{what}", data=form).status_code == 404


@pytest.mark.slow
def test_two_people_exempt_by_proposal(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send, asking: Callable[..., None]
) -> None:
    app, _ = filled
    asking("exempt", "resync", "extend")
    held = app.reader.events(state="held")[0].id
    path = f"/requests/{held}/exempt"
    ops = signed_in(Role.OPS)
    assert "Propose the exemption" in ops.get(path).text
    answer = send(ops, path, destination="crm", ground="legal_claims", reason=WHY)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/decisions/?said=proposed")
    assert app.reader.events(event_id=held)[0].deliveries[1].state == "held"
    assert send(ops, "/resync/plan?held=1", reason=WHY, deletions="4").headers["Location"].startswith("/decisions/")

    officer = signed_in(Role.COMPLIANCE, name="berta")
    for shown in (officer.get("/decisions/").text, officer.get("/decisions/1").text):
        assert "Exempt ActiveCampaign:" in shown and WHY in shown and "anna" in shown
    assert send(officer, "/decisions/1", reason="no").status_code == 422
    assert send(officer, "/decisions/1", reason=SEEN).status_code == 303

    (event,) = app.reader.events(event_id=held)
    assert f"The request, case {event.case}" in officer.get("/decisions/1").text
    assert [each.state for each in event.deliveries if each.destination == "crm"] == ["exempt"]
    (approved,) = facts(app, "operator:approved")
    assert (approved["reason"], approved["proposed_by"]) == (SEEN, "anna")
    # the other proposal is about what was decided meanwhile
    assert "cannot be carried out any more" in officer.get("/decisions/2").text
    ended = officer.get("/decisions/1").text
    assert "approved and carried out" in ended and SEEN in ended and "Approve and carry out" not in ended
    assert facts(app, "operator:resynced") == []


def test_nobody_approves_their_own_and_nobody_twice(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send, asking: Callable[..., None]
) -> None:
    app, _ = filled
    asking("exempt")
    held = app.reader.events(state="held")[0].id
    anna = signed_in(Role.ADMIN)
    send(anna, f"/requests/{held}/exempt", destination="crm", ground="legal_claims", reason=WHY)
    (proposal,) = app.proposals.waiting()
    typed = {"reason": SEEN, "digest": proposal.digest}

    own = anna.post(f"/decisions/{proposal.id}/approve", data={**typed, "form": "c" * 22})
    assert (own.status_code, "Somebody else" in own.text) == (409, True)
    shown = anna.get(f"/decisions/{proposal.id}").text
    assert "You proposed this" in shown and "Approve and carry out" not in shown

    berta = signed_in(Role.COMPLIANCE, name="berta")
    other = berta.post(f"/decisions/{proposal.id}/approve", data={**typed, "digest": "0" * 64, "form": "d" * 22})
    assert other.status_code == 409
    assert berta.post(f"/decisions/{proposal.id}/reject", data={**typed, "form": "e" * 22}).status_code == 303
    late = signed_in(Role.COMPLIANCE, name="carla").post(
        f"/decisions/{proposal.id}/approve", data={**typed, "form": "f" * 22}
    )
    assert (late.status_code, "rejected" in late.text, "berta" in late.text) == (409, True, True)
    assert berta.post("/decisions/999/approve", data={**typed, "form": "g" * 22}).status_code == 404
    for client in (signed_in(Role.OPS, name="otto"), signed_in(Role.READER, name="rita")):
        assert client.post(f"/decisions/{proposal.id}/approve", data=typed).status_code == 403
        assert client.post("/decisions/999/reject", data=typed).status_code == 403


# -- recipients -------------------------------------------------------------------------------------------------------


def test_a_recipient_is_paused_and_resumed_once(filled: tuple[App, Clock], signed_in: SignedIn) -> None:
    app, _ = filled
    client = signed_in(Role.OPS)

    def post(what: str, **form: str) -> int:
        return client.post(f"/recipients/crm/{what}", data=form).status_code

    assert [post("pause", reason="no"), post("pause", reason=WHY), post("pause", reason=WHY)] == [422, 303, 303]
    lane = app.leases.get("crm")
    assert lane is not None and lane.paused
    assert [post("resume", reason=WHY), post("resume", reason=WHY)] == [303, 303]
    assert len([each for each in facts(app, "lane:paused") if each["reason"] == WHY]) == 1
    assert len([each for each in facts(app, "lane:resumed") if each["reason"] == WHY]) == 1
    assert client.post("/recipients/nowhere/pause", data={"reason": WHY}).status_code == 404
    assert signed_in(Role.COMPLIANCE, name="c").post("/recipients/crm/pause", data={"reason": WHY}).status_code == 403


def test_two_who_pause_a_recipient_at_the_same_moment_have_one_effect(filled: tuple[App, Clock], site: Flask) -> None:
    app, barrier, ends = filled[0], threading.Barrier(4), []

    def pause(client: FlaskClient) -> None:
        barrier.wait()
        ends.append(client.post("/recipients/crm/pause", data={"reason": WHY}).status_code)

    clients = [place(site, app, Role.OPS, name=name) for name in ("anna", "berta", "carla", "dora")]
    threads = [threading.Thread(target=pause, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [303] * 4
    assert [each["reason"] for each in facts(app, "lane:paused")].count(WHY) == 1


# -- entering a request ------------------------------------------------------------------------------------------------

LETTER = {"right": "erasure", "address": "letter@writer.test", "received": "2026-11-20", "way": "letter"}


def test_a_letter_goes_into_the_queue_once_per_form(filled: tuple[App, Clock], signed_in: SignedIn) -> None:
    app, _ = filled
    client = signed_in(Role.COMPLIANCE)
    where, form = filled_form(client.get("/submit"), "/submit", **LETTER, reference="L 47/26")
    before = app.queue.count()

    answers = [client.post(where, data=form) for _ in range(2)]

    assert [(each.status_code, each.headers["Location"]) for each in answers] == [(303, "/submit?said=submitted")] * 2
    assert app.queue.count() == before + 1
    (entered,) = facts(app, "operator:submitted")
    assert (entered["way"], entered["right"]) == ("letter", "erasure")
    assert "letter@writer.test" not in str(list(app.ledger.entries(("operator:submitted",))))
    prepare(app)
    event = app.reader.events(subject=app.keyring.ref("letter@writer.test"))[0]
    assert (event.source, event.source_ref) == ("letter", "L 47/26")
    assert event.received_at.astimezone(app.rule.zone).date().isoformat() == "2026-11-20"


def test_two_clicks_at_the_same_moment_are_one_request(filled: tuple[App, Clock], site: Flask) -> None:
    app, _ = filled
    shown = place(site, app, Role.COMPLIANCE)
    where, form = filled_form(shown.get("/submit"), "/submit", **LETTER)
    cookie = shown.get_cookie("__Host-syncer", domain="localhost")
    assert cookie is not None
    before, ends, barrier = app.queue.count(), [], threading.Barrier(3)

    def click() -> None:
        client = site.test_client()
        client.environ_base |= shown.environ_base
        client.set_cookie("__Host-syncer", cookie.value, domain="localhost", path="/", secure=False)
        barrier.wait()
        ends.append(client.post(where, data=form).status_code)

    threads = [threading.Thread(target=click) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [303] * 3
    assert app.queue.count() == before + 1


def test_what_cannot_be_entered_is_said_beside_its_field(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send
) -> None:
    app, client = filled[0], signed_in(Role.COMPLIANCE)
    before = app.queue.count()
    wrong: list[tuple[dict[str, str], str]] = [
        ({"address": "nobody"}, "cannot be used"),
        ({"address": ""}, "This is needed"),
        ({"address": "a" * 2000}, "too long"),
        ({"received": "2027-01-01"}, "in the future"),
        ({"received": "1801-01-01"}, "before the year"),
        ({"received": "0001-01-01"}, "Write a day"),
        ({"received": "soon"}, "Write a day"),
        ({"right": "everything"}, "Choose one of the list"),
        ({"way": "pigeon"}, "Choose one of the list"),
        ({"reference": "of ada@lovelace.test"}, "no addresses, please"),
        ({"reference": "a\x07b"}, "control characters"),
        ({"reference": "x" * 200}, "shorten it"),
    ]

    for form, said in wrong:
        answer = send(client, "/submit", **(LETTER | form))
        assert (answer.status_code, said in answer.text) == (422, True), (form, answer.text)
        assert "letter@writer.test" in answer.text or "address" in form

    assert app.queue.count() == before
    assert facts(app, "operator:submitted") == []


def test_an_address_that_looks_damaged_is_questioned_and_can_be_vouched_for(
    filled: tuple[App, Clock], signed_in: SignedIn, send: Send
) -> None:
    app, client = filled[0], signed_in(Role.COMPLIANCE)
    damaged = LETTER | {"address": "zo%C3%AB@people.test"}

    answer = send(client, "/submit", **damaged)
    assert (answer.status_code, 'name="as_written"' in answer.text) == (422, True)

    assert send(client, "/submit", **damaged, as_written="1").status_code == 303
    prepare(app)
    assert app.reader.events(subject=app.keyring.ref("zo%c3%ab@people.test"))


def test_a_reader_enters_nothing(signed_in: SignedIn) -> None:
    client = signed_in(Role.READER)

    assert (client.get("/submit").status_code, client.post("/submit", data=LETTER).status_code) == (403, 403)


# -- the guard ---------------------------------------------------------------------------------------------------


@pytest.fixture
def flooded(make_app: Callable[..., App]) -> App:
    """Eight requests of a shop and two of a form, all of them stopped."""
    app = make_app(guard=FIVE)
    app.settings = replace(app.settings, console=ConsoleSettings(url=f"{ORIGIN}/"))
    flood(app, 8)
    flood(app, 2, source="form", name="genuine")
    prepare(app)
    drain(app)
    assert stopped(app) == 10
    return app


def test_a_flood_in_which_every_request_names_another_source_makes_no_endless_page(
    flooded: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncer.console.views.decide.guard.SHOWN", 1)

    shown = place(make_site(flooded), flooded, Role.OPS).get("/guard/").text

    assert "?source=shop" in shown and "?source=form" not in shown, "the source of most stays"
    assert "and 1 more" in shown


def test_what_is_cut_from_the_days_and_from_the_refused_is_said(flooded: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("guard", "refused"):
        monkeypatch.setattr(f"syncer.console.views.decide.{name}.SHOWN", 0)
    ops = place(make_site(flooded), flooded, Role.OPS)

    shown = ops.get("/guard/").text
    assert shown.count("and 2 more") == 1  # sources
    assert shown.count("and 1 more") == 1  # days
    everything = flooded.guard_decisions.plan(StoppedChoice())
    flooded.guard_decisions.refuse(StoppedChoice(), "a bug in the shop's module", everything.digest)
    assert "and 2 more" in ops.get("/guard/refused").text


@pytest.mark.slow
def test_the_guard_is_released_by_source_and_the_rest_refused(flooded: App, send: Send) -> None:
    ops = place(make_site(flooded), flooded, Role.OPS)
    shown = ops.get("/guard/").text
    assert "10 requests wait" in shown and "20 deletions would begin" in shown
    assert "shop" in shown and "form" in shown

    path = "/guard/?source=form"
    for deletions, status in (("20", 422), ("x", 422), ("", 422), ("4", 303)):
        assert send(ops, path, 0, reason="both asked by mail", deletions=deletions).status_code == status, deletions
    assert stopped(flooded) == 8
    shown = ops.get("/guard/?source=shop")
    assert send(ops, "/guard/?source=shop", 1, reason="no").status_code == 422
    assert send(ops, "/guard/?source=shop", 1, reason="a bug in the shop's module").status_code == 303
    assert stopped(flooded) == 0

    late = ops.post(
        "/guard/release?source=shop",
        data=filled_form(shown, "", 0, reason="they are genuine", deletions="16")[1],
    )
    assert (late.status_code, "anna" in late.text) == (409, True)
    assert "Nothing is stopped" in ops.get("/guard/").text


@pytest.mark.slow
def test_whoever_may_not_release_sees_the_guard_and_no_form(flooded: App) -> None:
    site = make_site(flooded)
    reader = place(site, flooded, Role.READER, name="rita")

    shown = reader.get("/guard/").text
    assert "10 requests wait" in shown
    assert "Release them" not in shown
    for what in ("release", "refuse"):
        assert reader.post(f"/guard/{what}", data={"reason": WHY}).status_code == 403
    stale = place(site, flooded, Role.OPS, stepped_up=False)
    assert stale.post("/guard/release", data={"reason": WHY}).headers["Location"].startswith("/step-up")
    assert reader.get("/guard/?source=a&source=b").status_code == 400
    assert reader.get("/guard/?day=x").status_code == 400


@pytest.mark.slow
def test_what_was_refused_is_withdrawn_together_by_its_number(flooded: App, send: Send) -> None:
    site = make_site(flooded)
    ops = place(site, flooded, Role.OPS)
    assert "refused requests are held" not in ops.get("/guard/").text
    send(ops, "/guard/", 1, reason="a bug in the shop's module")
    assert "10 refused requests are held" in ops.get("/guard/").text
    path = "/guard/refused?source=shop"
    shown = ops.get(path)
    assert "8 refused requests are held" in shown.text

    for requests, status in (("10", 422), ("x", 422), ("", 422), ("8", 303)):
        answer = send(ops, path, reason="nobody asked for them", requests=requests)
        assert answer.status_code == status, (requests, answer.text)

    assert len(facts(flooded, "event:withdrawn")) == 8
    late = ops.post(path, data=filled_form(shown, path, reason="nobody asked", requests="8")[1])
    assert (late.status_code, "Nothing was done" in late.text, "What happened last" in late.text) == (409, True, True)
    assert "Nothing of that was refused" in ops.get(path).text
    assert "2 refused requests are held" in ops.get("/guard/refused").text
    reader = place(site, flooded, Role.READER, name="rita")
    assert "Withdraw them" not in reader.get("/guard/refused").text
    assert reader.post(path, data={"reason": WHY}).status_code == 403
    assert reader.get("/guard/refused?day=x").status_code == 400


@pytest.mark.slow
def test_two_people_withdraw_what_was_refused_by_proposal(flooded: App, send: Send) -> None:
    assert flooded.settings.console is not None
    eyes = replace(flooded.settings.console, four_eyes=("exempt",))
    flooded.settings = replace(flooded.settings, console=eyes)
    site = make_site(flooded)
    ops = place(site, flooded, Role.OPS)
    send(ops, "/guard/", 1, reason="a bug in the shop's module")
    answer = send(ops, "/guard/refused", reason="nobody asked for them", requests="10")
    assert answer.headers["Location"] == "/decisions/?said=proposed"

    officer = place(site, flooded, Role.COMPLIANCE, name="berta")
    assert "Withdraw 10 refused requests" in officer.get("/decisions/").text
    assert send(officer, "/decisions/1", reason=SEEN).status_code == 303

    assert len(facts(flooded, "event:withdrawn")) == 10
    assert "No refused request is held" in officer.get("/guard/refused").text
