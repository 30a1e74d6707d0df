"""Exempting, extending and withdrawing at the console."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.console.conftest import place
from tests.console.decide.conftest import filled_form

Send = Callable[..., TestResponse]
SignedIn = Callable[..., FlaskClient]
WHY = "needed for a court case"


@pytest.fixture
def held(filled: tuple[App, Clock]) -> str:
    """The id of a request that is held at the crm."""
    return filled[0].reader.events(state="held")[0].id


def entries(app: App, what: str) -> list[tuple[object, dict[str, object]]]:
    return [((entry.actor or {}).get("user"), dict(entry.facts or {})) for entry in app.ledger.entries((what,))]


def at_crm(app: App, event: str) -> str:
    (found,) = app.reader.events(event_id=event)
    return next(each.state for each in found.deliveries if each.destination == "crm")


def test_ops_exempts_and_the_audit_names_them(
    filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send
) -> None:
    app, _ = filled
    before = len(entries(app, "delivery:exempt"))
    answer = send(signed_in(Role.OPS), f"/requests/{held}/exempt", destination="crm", ground="legal_claims", reason=WHY)

    assert answer.status_code == 303, answer.text
    assert "said=exempt" in answer.headers["Location"]
    assert at_crm(app, held) == "exempt"
    done = entries(app, "delivery:exempt")
    assert len(done) == before + 1
    assert done[-1] == ("anna", {"ground": "legal_claims", "reason": WHY})


def test_the_page_says_what_it_means_in_law_and_for_the_person(held: str, signed_in: SignedIn) -> None:
    shown = signed_in(Role.OPS).get(f"/requests/{held}/exempt").text

    for said in ("Art. 17(3)", "Art. 12(4)", "stand in their dossier", "kept for legal claims"):
        assert said in shown


REASONS = {
    "no": "at least five characters",
    "    x    ": "at least five characters",
    "written by ada@lovelace.test": "no addresses, please",
    "one line\nand another": "without control characters",
    "a bell\x07 rings": "without control characters",
    "\u202eturned round": "without control characters",
    "x" * 1001: "at most 1,000 characters",
    "x" * 5000: "too long",
}


def test_a_reason_is_refused_as_at_the_command_line_and_shown_again(
    filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send
) -> None:
    path, client = f"/requests/{held}/exempt", signed_in(Role.OPS)

    for reason, said in REASONS.items():
        answer = send(client, path, destination="crm", ground="legal_claims", reason=reason)
        assert (answer.status_code, said in answer.text) == (422, True), reason
        assert 'aria-invalid="true"' in answer.text

    assert at_crm(filled[0], held) == "held"


#: what a page never offered; PostgreSQL cannot even be asked for some of it
NOWHERE: tuple[dict[str, str], ...] = tuple({"destination": name} for name in ("nowhere", "crm\0", "\U0001f600"))


def test_what_is_no_choice_is_refused_by_its_field(held: str, signed_in: SignedIn, send: Send) -> None:
    client = signed_in(Role.OPS)

    for form in ({"ground": "withdrawn"}, {"ground": "nothing"}, {"ground": ""}, {"destination": ""}, *NOWHERE):
        typed = {"destination": "crm", "ground": "legal_claims", "reason": WHY} | form
        answer = send(client, f"/requests/{held}/exempt", **typed)
        assert (answer.status_code, WHY in answer.text) == (422, True), form


def test_a_field_twice_and_a_form_that_nobody_was_shown_are_400(held: str, signed_in: SignedIn) -> None:
    client, path = signed_in(Role.OPS), f"/requests/{held}/exempt"

    assert client.post(path, data={"reason": WHY}).status_code == 400
    twice = {"form": "a" * 22, "reason": [WHY, WHY], "destination": "crm", "ground": "other"}
    assert client.post(path, data=twice).status_code == 400


@pytest.mark.slow
def test_the_same_form_twice_has_the_first_result(filled: tuple[App, Clock], held: str, signed_in: SignedIn) -> None:
    app, _ = filled
    client, path = signed_in(Role.OPS), f"/requests/{held}/exempt"
    where, form = filled_form(client.get(path), path, destination="crm", ground="legal_claims", reason=WHY)
    before = len(entries(app, "delivery:exempt"))

    first, again = client.post(where, data=form), client.post(where, data=form)

    assert (first.status_code, first.headers["Location"]) == (again.status_code, again.headers["Location"])
    assert len(entries(app, "delivery:exempt")) == before + 1


def test_what_another_decided_meanwhile_is_409_and_says_who(held: str, signed_in: SignedIn, send: Send) -> None:
    client, path = signed_in(Role.OPS), f"/requests/{held}/exempt"
    shown = client.get(path)
    other = signed_in(Role.OPS, name="berta")
    typed = {"destination": "crm", "ground": "legal_claims", "reason": WHY}
    assert send(other, path, **typed).status_code == 303

    answer = client.post(path, data=filled_form(shown, path, **typed)[1])

    assert answer.status_code == 409
    assert "berta" in answer.text
    assert "Nothing was done." in answer.text


DECISIONS = ("exempt", "extend", "withdraw")


@pytest.mark.slow
def test_whoever_may_not_decide_gets_403_before_anything_is_looked_up(signed_in: SignedIn) -> None:
    for client, what in itertools.product(
        (signed_in(Role.READER), signed_in(Role.COMPLIANCE, name="carla")), DECISIONS
    ):
        assert client.get(f"/requests/nothing/{what}").status_code == 403
        assert client.post(f"/requests/nothing/{what}", data={}).status_code == 403


def test_a_request_that_is_not_there_is_404(signed_in: SignedIn) -> None:
    client = signed_in(Role.OPS)
    wrong = ("nothing", "0" * 36, "999999999", "%00", "ffffffffffffffffffff", "a" * 3000, "%E2%80%AE", "'--")

    for what, event in itertools.product(DECISIONS, wrong):
        assert client.get(f"/requests/{event}/{what}").status_code == 404, event


def test_an_old_second_factor_is_asked_for_again(held: str, signed_in: SignedIn) -> None:
    client = signed_in(Role.OPS, stepped_up=False)

    for what in DECISIONS:
        for answer in (client.get(f"/requests/{held}/{what}"), client.post(f"/requests/{held}/{what}")):
            assert answer.status_code == 303
            assert answer.headers["Location"].startswith("/step-up?next=")


def test_with_actions_off_nothing_can_be_decided(
    filled: tuple[App, Clock], held: str, asking: Callable[..., None]
) -> None:
    asking(actions=False)
    client = place(make_site(filled[0]), filled[0], Role.ADMIN)

    for path in (f"/requests/{held}/exempt", "/resync/plan?held=1", "/submit"):
        assert client.get(path).status_code == 403, path
    assert client.get("/guard/").status_code == 200


# -- extending and withdrawing ------------------------------------------------------------------------------------


def test_an_extension_says_the_new_day_and_is_kept(filled: tuple[App, Clock], signed_in: SignedIn, send: Send) -> None:
    app, clock = filled
    newest = next(each for each in reversed(app.reader.events(state="open")) if each.right == "erasure")
    path, today = f"/requests/{newest.id}/extend", clock.now.astimezone(app.rule.zone).date()
    due = app.rule.extended(newest.received_at).on
    assert f'datetime="{due.isoformat()}"' in signed_in(Role.OPS).get(path).text

    answer = send(signed_in(Role.OPS), path, informed=today.isoformat(), reason="many systems to search")

    assert answer.status_code == 303, answer.text
    (event,) = app.reader.events(event_id=newest.id)
    assert (event.due_on, event.informed_on) == (due, today)


def test_a_day_that_cannot_be_is_named(filled: tuple[App, Clock], signed_in: SignedIn, send: Send) -> None:
    newest = next(each for each in reversed(filled[0].reader.events(state="open")) if each.right == "erasure")

    for informed, said in {"2026-13-01": "Write a day", "2031-01-01": "future", "2020-01-01": "before"}.items():
        answer = send(signed_in(Role.OPS), f"/requests/{newest.id}/extend", informed=informed, reason=WHY)
        assert (answer.status_code, said in answer.text) == (422, True), informed


def test_what_cannot_be_extended_says_so(filled: tuple[App, Clock], signed_in: SignedIn) -> None:
    objection = next(each for each in filled[0].reader.events() if each.right == "objection")

    shown = signed_in(Role.OPS).get(f"/requests/{objection.id}/extend").text

    assert "cannot be extended" in shown
    assert 'name="informed"' not in shown


@pytest.mark.slow
def test_a_request_is_withdrawn_by_its_plan(
    filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send
) -> None:
    answer = send(signed_in(Role.OPS), f"/requests/{held}/withdraw", reason="the wrong person was typed")

    assert answer.status_code == 303, answer.text
    (event,) = filled[0].reader.events(event_id=held)
    assert str(event.ending) == "withdrawn"


def test_another_plan_of_a_withdrawal_is_409(
    filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send
) -> None:
    answer = send(signed_in(Role.OPS), f"/requests/{held}/withdraw", reason=WHY, digest="0" * 64)

    assert answer.status_code == 409
    assert at_crm(filled[0], held) == "held"
