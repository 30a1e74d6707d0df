"""Looking a person up: who asked is on record before anything is answered; nobody is as plain as somebody."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from syncer.app import App
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support import eventful
from tests.support.html import Parsed
from tests.support.looking.requests import add_request, damage

ADDRESS = eventful.PLAIN


def test_a_person_is_found_by_address_and_the_address_goes_nowhere(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    officer = signed_in(Role.COMPLIANCE, name="olga")

    answer = officer.post("/requests/find", data={"address": f" {ADDRESS.upper()} "})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/people/{app.keyring.ref(ADDRESS)}/")
    page = officer.get(answer.headers["Location"])
    assert "There is 1 request of this person." in page.text
    assert ADDRESS not in page.text
    last = app.ledger.entries(("operator:looked_up",))[-1]
    assert last.actor == {"kind": "console", "user": "olga", "via": "passkey", "from": "127.0.0.0/24"}
    assert last.facts == {"events": 1}
    assert not [row for row in app.ledger.rows() if ADDRESS in str(row["body"])]


def test_nobody_is_as_plain_as_somebody(empty: App, looking: Callable[..., FlaskClient]) -> None:
    officer = looking(Role.COMPLIANCE)

    answer = officer.post("/requests/find", data={"address": "nobody@here.test"})

    assert answer.status_code == 303
    page = officer.get(answer.headers["Location"])
    assert page.status_code == 200
    assert "No request of this person is here." in page.text
    assert len(empty.ledger.entries(("operator:looked_up",))) == 1


def test_who_looked_stands_on_the_persons_page(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    officer = signed_in(Role.COMPLIANCE, name="olga")
    for address in (ADDRESS, eventful.BACK):
        officer.post("/requests/find", data={"address": address})

    page = Parsed(signed_in(Role.READER).get(f"/people/{app.keyring.ref(ADDRESS)}/").text)

    assert page.text.count("olga") == 1
    assert "Who looked this person up" in page.text
    nobody = signed_in(Role.READER).get(f"/people/{'p1:' + 'x' * 43}/").text
    assert "Nobody, as far as the last 10,000 look-ups say." in nobody


def test_opening_a_persons_page_writes_nothing(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    reader = signed_in(Role.READER)
    before = app.ledger.head()

    reader.get(f"/people/{app.keyring.ref(ADDRESS)}/")

    assert app.ledger.head() == before


def test_an_answer_that_nobody_could_record_is_not_given(empty: App, looking: Callable[..., FlaskClient]) -> None:
    officer = looking(Role.COMPLIANCE)

    def refuse(_c: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("INSERT INTO syncer_audit"):
            raise OperationalError(statement, {}, Exception("database or disk is full"))

    sa.event.listen(empty.engine, "before_cursor_execute", refuse)
    answer = officer.post("/requests/find", data={"address": ADDRESS})
    sa.event.remove(empty.engine, "before_cursor_execute", refuse)

    assert answer.status_code in (500, 503)
    assert "Location" not in answer.headers
    assert ADDRESS not in answer.text and empty.keyring.ref(ADDRESS) not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "empty"), ("ada", "no_at"), ("ada@", ""), ("a" * 600 + "@x.test", "too_long"), ("a\x00b@x.test", ""),
        ("a\u202e@x.test", ""), ("ada＠lovelace.test", "full_width_at"), ("\udcff@x.test", ""),
        ('"><script>alert(1)</script>@@', ""), ("J\u00c3\u00bcrgen@x.test", "damage"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_comes_back_with_the_words_of_the_command(
    empty: App, looking: Callable[..., FlaskClient], typed: str, why: str
) -> None:
    before = empty.ledger.head()

    answer = looking(Role.COMPLIANCE).post("/requests/find", data={"address": typed.encode("utf-8", "surrogateescape")})

    page = Parsed(answer.text)
    (field,) = [each for each in page.all("input") if each.get("name") == "address"]
    assert answer.status_code == 422
    assert "the address cannot be used (" in page.text or "the address shows damage (" in page.text
    assert field["aria-invalid"] == "true"
    if typed.isprintable() and typed.isascii():
        assert field["value"] == typed
    assert not page.all("script")[1:]
    assert "@" not in re.sub(r'value="[^"]*"', "", answer.text.replace("@page", ""))
    looked = empty.ledger.entries(("operator:looked_up",))
    # "no event has it as it is" is an answer about somebody, too
    assert [entry.facts for entry in looked] == ([{"events": 0}] if "no event has it" in page.text else [])
    assert empty.ledger.head()[0] == before[0] + len(looked)


def test_no_address_and_two_addresses_are_refused(looking: Callable[..., FlaskClient]) -> None:
    officer = looking(Role.COMPLIANCE)

    assert officer.post("/requests/find", data={}).status_code == 422
    assert officer.post("/requests/find", data={"address": ["a@x.test", "b@x.test"]}).status_code == 422


def test_a_reader_may_not_look_anybody_up(looking: Callable[..., FlaskClient], empty: App) -> None:
    reader = looking(Role.READER)

    assert reader.get("/requests/find").status_code == 403
    assert reader.post("/requests/find", data={"address": ADDRESS}).status_code == 403
    assert empty.ledger.entries(("operator:looked_up",)) == []


def test_requests_under_an_older_key_are_found_too(
    empty: App, looking: Callable[..., FlaskClient], tmp_path: Path
) -> None:
    refs = (empty.keyring.ref(ADDRESS), "p1:" + "o" * 43)
    add_request(empty, 1, subject=refs[0])
    add_request(empty, 2, subject=refs[1])
    officer = looking(Role.COMPLIANCE)

    page = officer.get(f"/people/{refs[0]}/?also={refs[1]}")

    assert "There are 2 requests of this person." in page.text
    assert officer.get(f"/people/{refs[0]}/?also=ada@lovelace.test").status_code == 400
    assert officer.get(f"/people/{refs[0]}/?also={','.join([refs[1]] * 51)}").status_code == 400


def test_a_person_with_very_many_requests_is_shown_the_newest(empty: App, looking: Callable[..., FlaskClient]) -> None:
    for number in range(205):
        add_request(empty, number, subject="p1:" + "m" * 43)

    page = looking().get(f"/people/p1:{'m' * 43}/")

    assert "There are more than 200 requests of this person" in page.text


def test_an_entry_of_the_log_that_is_no_json_hides_no_other_look(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    ref = app.keyring.ref(ADDRESS)
    signed_in(Role.COMPLIANCE, name="olga").post("/requests/find", data={"address": ADDRESS})
    damage(
        app,
        "UPDATE syncer_audit SET body = ? WHERE seq = (SELECT min(seq) FROM syncer_audit WHERE what = ?)",
        f'{{"subject":"{ref}"',
        "operator:looked_up",
    )

    page = signed_in(Role.READER).get(f"/people/{ref}/")

    assert page.status_code == 200
    assert "olga" in page.text
