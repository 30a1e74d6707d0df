"""The console's pages in every language: no text escapes the catalogues, and each page says which language it is in."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from syncer.alerting.catalog import CRITICAL, KINDS, Sign
from syncer.app import App
from syncer.decisions.four_eyes.wanted import Prolongation
from syncer.domain.codes import GROUNDS
from syncer.domain.endings import Ending
from syncer.domain.model import EventState, State
from syncer.domain.permissions import Role
from syncer.language.texts import through
from syncer.settings.alerting.channels import WebhookChannel
from tests.support.console.crawl import Crawler
from tests.support.console.served import NAMES, SOURCE, ServedConsole, console
from tests.support.language.pseudo import LOGIN, Pseudo, escaped_texts
from tests.support.receivers.alerting import hold

CODES_IN_HELP = (*State, *EventState, *Ending, *GROUNDS, *Role)
#: what is no text: names, zones, what was typed into forms, and days and months, which come from Babel
VALUES = (
    r"\bsyncer\b[\w/.]*", rf"\b({'|'.join(NAMES.values())}|anna|berta)\b", r"Mailchimp", r"ActiveCampaign",
    r"\b(newsletter|crm)\b", r"Europe/Berlin", SOURCE, r"\b(pager|webhook|bell)\b",
    r"\b(UTC|CET|CEST)\b", r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{4}", r"p1:\S+",
    LOGIN, r"\b(wordpress|form|cli)\b", r"court.*A0", r"\(?=cmd.*A0\)?", r"many systems to search by hand",
    r"\b\d+ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b", r"</script><b>", r"\b(Deutsch|English|français)\b",
    # codes, which stand beside their words in the help; a place of notes
    rf"^({'|'.join(CODES_IN_HELP)})$", r"\(?\b[a-z]+:[a-z_]+\)?", r"^folder$", r"^(csv|json|html|jsonl)$",
    r"account review by the provider", r"127\.0\.0\.\d\S*", r"\b(HTML|JSON|CSV|PDF|SHA-256)\b",
    r"\b[0-9a-f]{8,}(-[0-9a-f]{4,})*\b", r"needed for a court case",
)  # fmt: skip
WHY = "needed for a court case"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedConsole]:
    """The console of an installation in which everything happened, each alert is raised, and decisions wait."""
    with console(tmp_path_factory.mktemp("languages"), four_eyes=("extend",)) as served:
        app, zone = served.app, served.desk.zone
        channel = WebhookChannel(kind="webhook", url_env="NOWHERE", secret_env="NOWHERE")
        app.settings = replace(app.settings, channels={"pager": channel})
        hold(app, *(Sign(name, CRITICAL, {"requests": 3, "since": 7}, "crm") for name in KINDS))
        today = app.clock().astimezone(zone).date()
        for event in app.reader.events(state="held"):
            if event.right == "erasure" and event.extended_at is None:
                app.proposals.propose(Prolongation(event.id, today), WHY)
        yield served


def client_of(here: ServedConsole, *roles: Role, **how: Any) -> FlaskClient:
    """What asks as somebody with roles; as nobody where none is named."""
    client = here.site.test_client()
    port = here.origin.rpartition(":")[2]
    client.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "SERVER_PORT": port}
    if roles:
        client.set_cookie(here.desk.cookie, here.cookie(*roles, **how), domain="localhost", secure=False)
    return client


@pytest.mark.parametrize("role", [Role.ADMIN, None])
def test_no_text_of_a_page_escapes(here: ServedConsole, role: Role | None) -> None:
    client = client_of(here, *((role,) if role else ()))

    with through(Pseudo()):
        seen = [each for each in Crawler(here.site, client).crawl() if each.is_html and not 300 <= each.status < 400]
        seen_nowhere = client.get("/nowhere").text

    assert {each.url: found for each in seen if (found := escaped_texts(each.text, VALUES))} == {}
    assert [each.url for each in seen if "%(" in each.text] == [], "a value is missing in its place"
    assert escaped_texts(seen_nowhere, VALUES) == []
    if role:
        views = {each.view for each in seen}
        assert {"request.request_page", "people.person", "recipients.recipient", "audit.entry"} <= views
        assert {"exempt.exempt", "extend.extend", "withdraw.withdraw", "resync.plan"} <= views


def answers(here: ServedConsole) -> Iterator[tuple[str, str, dict[str, str], int]]:
    """What is wrong in its own way: method, path, form, and the status that it is answered with."""
    app = here.app
    erasures = [event for event in app.reader.events(state="held") if event.right == "erasure"]
    held = [event for event in erasures if event.extended_at is None]
    closed = next(event for event in app.reader.events() if event.ending is not None)
    objection = next(event for event in app.reader.events() if event.right == "objection")
    today = app.clock().date()
    tomorrow = (today + timedelta(days=1)).isoformat()
    one, digest = f"/requests/{held[0].id}", {"digest": "0" * 64, "reason": WHY}
    for query in ("state=nonsense", "received=soon", "state=held&state=open", "due=never", "recipient=nobody"):
        yield "GET", f"/requests/?{query}", {}, 400
    for query in ("what=nonsense", "since=soon", "since=2026-02-01&until=2026-01-01", "before=x", "subject=x"):
        yield "GET", f"/audit/?{query}", {}, 400
    for query in ("destination=nowhere", "held=2", "event=x", "event=99999", "confirmed_since=x", "nonsense=1"):
        yield "GET", f"/resync/plan?{query}", {}, 400
    for path in (
        "/requests/99999/",
        "/people/p1:nobody/",
        "/audit/999999",
        "/recipients/nobody/",
        "/requests/x/exempt",
    ):
        yield "GET", path, {}, 404
    typed = {"destination": "crm", "ground": "legal_claims"}
    for reason in ("no", "a\x07bell rings", "to ada@lovelace.test", "x" * 1001, "x" * 5000):
        yield "POST", f"{one}/exempt", {**typed, "reason": reason}, 422
    yield "POST", f"{one}/exempt", {"destination": "", "ground": "nothing", "reason": WHY}, 422
    yield "POST", f"{one}/exempt", {**typed, "destination": "newsletter", "reason": WHY}, 409
    yield "POST", f"/requests/{closed.id}/exempt", {**typed, "reason": WHY}, 409
    for day in ("2020-01-01", "2031-01-01", "soon"):
        yield "POST", f"{one}/extend", {"informed": day, "reason": WHY}, 422
    for event in (closed, objection):
        yield "POST", f"/requests/{event.id}/extend", {"informed": today.isoformat(), "reason": WHY}, 409
    yield "POST", f"{one}/withdraw", digest, 409
    yield "POST", f"/requests/{closed.id}/withdraw", digest, 409
    yield "POST", f"{one}/withdraw", {"reason": "no", "digest": "0"}, 422
    yield "POST", "/resync/plan?held=1", digest, 409
    yield "POST", "/resync/plan?held=1", {**digest, "reason": "no", "deletions": "many"}, 422
    for what in ("release", "refuse"):
        yield "POST", f"/guard/{what}", digest, 409
        yield "POST", f"/guard/{what}", {"reason": "no", "digest": "0"}, 422
    for proposal in app.proposals.waiting():
        yield "POST", f"/decisions/{proposal.id}/approve", digest, 409
        yield "POST", f"/decisions/{proposal.id}/approve", {"reason": "no", "digest": "0"}, 422
    yield "POST", "/decisions/999/reject", digest, 404
    yield "POST", "/recipients/crm/pause", {"reason": "no"}, 422
    letter = {"right": "erasure", "address": "ada@lovelace.test", "received": today.isoformat(), "way": "letter"}
    for wrong in (
        *({"received": day} for day in ("soon", "1999-01-01", (today + timedelta(days=2)).isoformat())),
        *({"address": text} for text in ("", "nobody", "a@b@c", "ada@", "ada%40lovelace.test", "x" * 1001)),
        {"reference": "to ada@lovelace.test"}, {"reference": "x" * 300}, {"reference": "a\x07b"}, {"way": "raven"},
    ):  # fmt: skip
        yield "POST", "/submit", letter | wrong, 422
    yield "POST", "/requests/find", {"address": "nobody"}, 422
    yield "POST", "/alerts/999/acknowledge", {"until": tomorrow, "reason": WHY}, 409
    yield "POST", "/alerts/1/acknowledge", {"until": "soon", "reason": "no"}, 422
    yield "POST", "/reports/", {"format": "stone"}, 400
    yield "POST", "/dossier", {"ref": "x"}, 404
    yield "POST", "/audit/1/nothing", {}, 404


def sent(client: FlaskClient, method: str, path: str, form: dict[str, str]) -> tuple[int, str]:
    """Send it, a decision under a key of its own; what is answered."""
    key = {} if path.startswith(("/alerts/", "/dossier")) else {"form": secrets.token_urlsafe(16)}
    with client.open(path, method=method, data=form | key if method == "POST" else None) as answer:
        return answer.status_code, answer.get_data(as_text=True)


def test_no_text_of_an_answer_to_what_is_wrong_escapes(here: ServedConsole) -> None:
    client, escaped, other = client_of(here, Role.ADMIN), {}, {}

    for method, path, form, status in list(answers(here)):
        with through(Pseudo()):
            answered, text = sent(client, method, path, form)
        if found := escaped_texts(text, VALUES):
            escaped[f"{path} {form}"] = found
        if answered != status:
            other[f"{path} {form}"] = answered, status

    assert (escaped, other) == ({}, {})


def test_no_text_about_a_proposal_escapes(here: ServedConsole) -> None:
    proposal = here.app.proposals.waiting()[0]
    form = {"reason": WHY, "digest": proposal.digest}
    # who runs the tests proposed it; the console's account of that name is the same person
    own, other = client_of(here, Role.ADMIN, name=str(proposal.proposer["user"])), client_of(here, Role.ADMIN)

    with through(Pseudo()):
        said = [sent(own, "POST", f"/decisions/{proposal.id}/approve", form)]
        said += [sent(other, "POST", f"/decisions/{proposal.id}/reject", form) for _ in range(2)]

    assert [status for status, _text in said] == [409, 303, 409]
    assert [found for status, text in said if status != 303 and (found := escaped_texts(text, VALUES))] == []


@contextmanager
def _cut(app: App) -> Iterator[None]:
    """The log is not the one that was signed, for as long as the block lasts."""
    table = app.tables.head.name
    with app.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {table} SET seq = seq - 1"))
    try:
        yield
    finally:
        with app.engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE {table} SET seq = seq + 1"))


def test_no_text_of_a_refusal_escapes(here: ServedConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise sa.exc.OperationalError("", {}, ConnectionError())

    admin, reader, said = client_of(here, Role.ADMIN), client_of(here, Role.READER), {}
    with through(Pseudo()):
        said[403] = sent(reader, "GET", "/users/", {})
        said[405] = sent(admin, "DELETE", "/requests/", {})
        said[413] = sent(admin, "POST", "/submit", {"address": "x" * 70_000})
        with _cut(here.app):
            said[503] = sent(admin, "POST", "/submit", {})
        for status, failure in ((429, 429), (500, RuntimeError), (-503, away)):
            monkeypatch.setitem(here.site.view_functions, "help.help_page", _failing(failure))
            said[status] = sent(admin, "GET", "/help", {})

    assert {status: answer[0] for status, answer in said.items()} == {status: abs(status) for status in said}
    assert {status: found for status, (_, text) in said.items() if (found := escaped_texts(text, VALUES))} == {}


def _failing(failure: Any) -> Callable[[], None]:
    """A view that answers with a status, raises, or calls what raises."""
    from flask import abort

    def view() -> None:
        if isinstance(failure, int):
            abort(failure)
        elif isinstance(failure, type):
            raise failure
        failure()

    view.public = True  # type: ignore[attr-defined]
    return view


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_browser_gets_the_language_that_it_asks_for(here: ServedConsole, language: str) -> None:
    answer = here.site.test_client().get(
        "/nowhere", headers={"Accept-Language": f"{language}-XX, {language};q=0.9, en;q=0.1"}
    )

    assert f'<html lang="{language}">' in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/users/", 403, {}),
        ("POST", "/sign-out", 403, {"Sec-Fetch-Site": "cross-site"}),
        ("GET", "/", 400, {"Host": "elsewhere.test"}),
        ("DELETE", "/requests/", 405, {}),
    ],
)
def test_what_is_refused_before_its_page_is_looked_for_is_in_the_readers_language(
    here: ServedConsole, method: str, path: str, status: int, headers: dict[str, str]
) -> None:
    answer = client_of(here, Role.READER).open(path, method=method, headers={"Accept-Language": "de"} | headers)

    assert (answer.status_code, '<html lang="de">' in answer.text) == (status, True)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "2031-03-01 is in the future"),
        ("de", "1. März 2031 liegt in der Zukunft"),
        ("fr", "1 mars 2031 est dans le futur"),
    ],
)
def test_a_refusal_is_in_the_readers_language_and_its_day_too(here: ServedConsole, language: str, said: str) -> None:
    held = here.app.reader.events(state="held")
    event = next(each for each in held if each.right == "erasure" and each.extended_at is None)
    client = client_of(here, Role.ADMIN)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    here.app.settings = replace(here.app.settings, console=replace(here.desk.settings, four_eyes=()))

    status, text = sent(client, "POST", f"/requests/{event.id}/extend", {"informed": "2031-03-01", "reason": WHY})

    assert (status, said in text) == (422, True)
