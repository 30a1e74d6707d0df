"""What waits for a second person, at the console: a list of what is on record, and a page of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.console.decide.conftest import filled_form

Send = Callable[..., TestResponse]
SignedIn = Callable[..., FlaskClient]
WHY, SEEN = "needed for a court case", "saw the letter of the court"


@contextmanager
def statements(app: App) -> Iterator[list[str]]:
    """Let what is asked of the database meanwhile be kept."""
    asked: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(app.engine, "before_cursor_execute", keep)
    try:
        yield asked
    finally:
        sa.event.remove(app.engine, "before_cursor_execute", keep)


def propose(send: Send, client: FlaskClient, event: str, reason: str = WHY) -> None:
    answer = send(client, f"/requests/{event}/exempt", destination="crm", ground="legal_claims", reason=reason)
    assert answer.headers["Location"] == "/decisions/?said=proposed", answer.text


@pytest.fixture
def held(filled: tuple[App, Clock], asking: Callable[..., None]) -> str:
    """The id of a request that is held at the crm, which nobody exempts alone."""
    asking("exempt")
    return filled[0].reader.events(state="held")[0].id


@pytest.mark.slow
def test_the_list_makes_no_plan_however_much_is_proposed(
    filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send
) -> None:
    app, ops, officer = filled[0], signed_in(Role.OPS), signed_in(Role.COMPLIANCE, name="berta")
    asked = []
    for many in (2, 40):
        for number in range(many):
            propose(send, ops, held, f"{WHY}, letter {many} {number}")
        with statements(app) as said:
            assert officer.get("/decisions/").status_code == 200
        asked.append(len(said))

    assert len(app.proposals.waiting()) == 42
    assert asked[0] == asked[1]


@pytest.mark.slow
def test_the_list_has_pages(filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send) -> None:
    ops = signed_in(Role.OPS)
    for number in range(51):
        propose(send, ops, held, f"{WHY}, letter {number}")

    def numbers(path: str) -> list[int]:
        return [int(each) for each in re.findall(r"Look at proposal (\d+), then decide", ops.get(path).text)]

    assert numbers("/decisions/") == list(range(1, 51))
    assert 'href="/decisions/?after=50"' in ops.get("/decisions/").text
    assert numbers("/decisions/?after=50") == [51]
    assert "Nothing that came later waits" in ops.get("/decisions/?after=51").text
    for wrong in ("x", "-1", "1&after=2", "9" * 19, "%C2%B2"):
        assert ops.get(f"/decisions/?after={wrong}").status_code == 400, wrong
    assert ops.get("/decisions/?before=1").status_code == 400


@pytest.mark.slow
def test_a_page_of_one_is_there_for_everybody_who_reads_and_404_for_what_is_not(
    held: str, signed_in: SignedIn, send: Send
) -> None:
    propose(send, signed_in(Role.OPS), held)
    reader = signed_in(Role.READER, name="rita")

    shown = reader.get("/decisions/1").text

    assert WHY in shown and "Your roles do not allow" in shown and 'name="digest"' not in shown
    for number in ("2", "0", str(2**63), "x"):
        assert reader.get(f"/decisions/{number}").status_code == 404


def test_what_somebody_forged_is_409_and_says_so(
    filled: tuple[App, Clock], held: str, signed_in: SignedIn, send: Send
) -> None:
    app, officer = filled[0], signed_in(Role.ADMIN, name="berta")
    propose(send, officer, held)
    signed_in(Role.OPS, name="otto")
    path = "/decisions/1"
    carla = signed_in(Role.COMPLIANCE, name="carla")
    where, form = filled_form(carla.get(path), path, reason=SEEN)
    with app.engine.begin() as connection:
        other = '{"kind": "console", "user": "otto", "via": "passkey", "from": "127.0.0.0/24"}'
        connection.execute(app.tables.proposal.update().values(proposer=other))

    for client in (officer, carla):
        answer = client.post(where, data=form)
        assert (answer.status_code, "somebody wrote to the database" in answer.text) == (409, True)

    assert "somebody wrote to the database" in carla.get(path).text
    assert app.proposals.get(1).outcome is None
    assert send(carla, path, reason="nobody proposed this").status_code == 303
    assert app.proposals.get(1).outcome == "rejected"
