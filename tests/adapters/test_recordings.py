"""Recorded and published provider answers, replayed. The files lie beside the repository and may be absent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from adapters.activecampaign import answers as activecampaign_answers
from adapters.activecampaign.rows import LEFT, REACHED, read_row
from adapters.contract import Action, Outcome, Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import Answer, read_answer
from adapters.mailchimp import answers as mailchimp_answers
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import MailchimpSandbox
from tests.support.paths import FIXTURES

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recorded answers are not here")


def lines(pattern: str) -> list[dict[str, Any]]:
    paths = sorted(FIXTURES.glob(pattern))
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines()]


def member_reads() -> list[Any]:
    reads = []
    for one in lines("mailchimp/recordings/*.jsonl"):
        match = re.search(r"/lists/([A-Za-z0-9]+)/members/([0-9a-fA-F]{32})(\?|$)", one["request"]["url"])
        if match and one["request"]["method"] == "GET":
            reads.append(pytest.param(match[1], one["response"], id=f"{match[1]}-{len(reads)}"))
    return reads


@pytest.mark.parametrize(("audience", "recorded"), member_reads())
def test_every_recorded_member_is_read_for_what_it_says(audience: str, recorded: dict[str, Any]) -> None:
    body = recorded["body"]
    address = body.get("email_address", "nobody@example.org")
    adapter = Mailchimp.configured({"audiences": [audience], "ecommerce": False}, "key-us3")
    base = f"https://us3.api.mailchimp.com/3.0/lists/{audience}"
    with responses.RequestsMock() as mock:
        mock.get(base, json={"id": audience, "name": "recorded"})
        mock.get(
            re.compile(re.escape(base) + "/members/.*"),
            status=recorded["status"],
            body=json.dumps(body),
            content_type=recorded["headers"]["Content-Type"],
            headers={"X-Request-Id": recorded["headers"].get("X-Request-Id", "none")},
        )
        try:
            receipt = adapter.confirm(Action.UNSUBSCRIBE, Subject("ref", (address,)))
        except Transient as error:
            assert error.code == "not_yet" and body["status"] in mailchimp_answers.REACHED
        else:
            gone = recorded["status"] == 404
            assert receipt.outcome is (Outcome.ABSENT if gone else Outcome.DONE)
            read = next(step for step in receipt.steps if step.call == "GET /lists/{list}/members/{id}")
            assert read.state == ("absent" if gone else body["status"])
            assert read.request_id
        finally:
            adapter.close()


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(one["response"], id=f"{one['response']['status']}-{number}")
        for number, one in enumerate(lines("mailchimp/recordings/*.jsonl"))
        if one["response"]["status"] >= 400
    ],
)
def test_every_recorded_error_is_named(recorded: dict[str, Any]) -> None:
    answer = read_answer(recorded["status"], recorded["headers"], json.dumps(recorded["body"]).encode(), 1)
    error = mailchimp_answers.failure(answer)
    expected = {400: Permanent, 401: Misconfigured, 404: Misconfigured, 405: Permanent, 429: Transient}

    assert type(error) is expected[recorded["status"]]
    assert "@" not in str(error)
    assert mailchimp_answers.is_absent(answer) is (recorded["status"] == 404)


AUDIENCE = "a1b2c3d4e5"
#: only where an audience asks for consent under the GDPR
OPTIONAL = {"marketing_permissions"}


def recorded_keys(pattern: str, rows: str | None = None) -> dict[str, type]:
    """Every key of the answers to a GET since 2020, or of the rows in them, with the type of its values."""
    bodies = [
        one["response"]["body"]
        for name in ("grouparoo", "duartejc")
        for one in lines(f"mailchimp/recordings/{name}_*.jsonl")
        if one["request"]["method"] == "GET" and one["response"]["status"] == 200
        if re.search(pattern, one["request"]["url"])
    ]
    objects = [row for body in bodies for row in (body[rows] if rows else [body])]
    return {key: type(value) for one in objects for key, value in one.items() if key not in OPTIONAL}


@pytest.mark.parametrize(
    ("pattern", "path", "rows"),
    [
        (r"/members/[0-9a-fA-F]{32}(\?|$)", f"lists/{AUDIENCE}/members/ada@lovelace.test", None),
        (r"/members(\?|$)", f"lists/{AUDIENCE}/members", None),
        (r"/3.0/lists(\?|$)", "lists", "lists"),
        (r"/merge-fields(\?|$)", f"lists/{AUDIENCE}/merge-fields", "merge_fields"),
        (r"/3.0/(\?|$)", "", None),
    ],
)
def test_the_sandbox_lacks_no_key_that_was_recorded(pattern: str, path: str, rows: str | None) -> None:
    with MailchimpSandbox(audiences=(AUDIENCE,)) as sandbox:
        sandbox.add("ada@lovelace.test", AUDIENCE, status="unsubscribed")
        body = requests.get(f"{sandbox.url}/3.0/{path}", auth=("any", sandbox.api_key), timeout=10).json()
    shown = {key: type(value) for key, value in (body[rows][0] if rows else body).items()}

    recorded = recorded_keys(pattern, rows)

    assert recorded
    assert {key: shown.get(key) for key in recorded} == recorded


CASES: dict[str, tuple[type[AdapterError], str]] = {
    "forgotten": (Permanent, "rejected"),
    "forgotten_no_type_field": (Permanent, "rejected"),
    "compliance_state": (Permanent, "rejected"),
    "already_member": (Permanent, "rejected"),
    "rename_onto_forgotten": (Permanent, "rejected"),
    "archive_not_possible": (Permanent, "rejected"),
    "not_found": (Misconfigured, "wrong_address"),
    "invalid_path": (Misconfigured, "wrong_address"),
    "bad_key_or_dc": (Misconfigured, "unauthorized"),
    "wrong_datacenter": (Misconfigured, "unauthorized"),
    "too_many_requests": (Transient, "rate_limited"),
    "throttled_no_body": (Transient, "rate_limited"),
    "akamai_json": (Transient, "unavailable"),
    "akamai_blocked_text": (Transient, "unavailable"),
    "fake_email": (Permanent, "rejected"),
    "merge_field": (Permanent, "rejected"),
}


def mailchimp_errors() -> Iterator[Any]:
    path = FIXTURES / "mailchimp" / "error_bodies.json"
    for one in json.loads(path.read_text("utf-8")) if path.exists() else []:
        statuses = one.get("http_status")
        for status in statuses if isinstance(statuses, list) else [statuses]:
            if one["case"] in CASES:
                yield pytest.param(one, status, id=f"{one['case']}-{status}")


@pytest.mark.parametrize(("one", "status"), list(mailchimp_errors()))
def test_every_collected_mailchimp_error_has_its_meaning(one: dict[str, Any], status: int) -> None:
    body = one["body"]
    payload = body if isinstance(body, str) else json.dumps(body)
    content_type = one.get("content_type") or ("" if isinstance(body, str) else "application/problem+json")

    error = mailchimp_answers.failure(read_answer(status, {"Content-Type": content_type}, payload.encode(), 1))

    assert (type(error), error.code) == CASES[one["case"]]
    assert "@" not in str(error)


def published(one: dict[str, Any]) -> Answer:
    body = one["body"]
    payload = body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": one.get("content_type") or "", **one.get("headers", {})}
    return read_answer(one["status"] or 200, headers, payload.encode(), 1)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(one, id=f"{one['request']}-{one['status']}")
        for one in lines("activecampaign/examples.jsonl")
        if one["status"] >= 400
    ],
)
def test_every_published_activecampaign_error_has_its_meaning(one: dict[str, Any]) -> None:
    answer = published(one)
    message = str(one["body"].get("message", "")).lower() if isinstance(one["body"], dict) else ""
    error = activecampaign_answers.failure(answer)

    if "no result found" in message:
        noun = message.removeprefix("no result found for ").split(" with id")[0]
        assert activecampaign_answers.is_absent(answer, (noun,))
    elif "rate limit exceeded" in message:
        assert isinstance(error, Transient) and error.cools_lane
    elif one["status"] == 403 and message != "could not create subscriberseries":
        assert (type(error), error.code) == (Permanent, "forbidden")
    elif one["status"] in (400, 422):
        assert (type(error), error.code) == (Permanent, "rejected")
    assert "@" not in str(error)


SHAPES: dict[str, tuple[type[AdapterError], str, float | None]] = {
    "login_page": (Misconfigured, "login_page", None),
    "edge_502_json": (Transient, "unavailable", 60.0),
    "edge_504_html": (Transient, "unavailable", None),
    "maintenance": (Transient, "unavailable", None),
    "validation_email": (Permanent, "rejected", None),
    "throttled": (Transient, "rate_limited", 30.0),
    "throttled_as_503": (Transient, "unavailable", None),
}


@pytest.mark.parametrize("case", sorted(SHAPES))
def test_every_known_shape_of_activecampaign_has_its_meaning(case: str) -> None:
    shapes = json.loads((FIXTURES / "activecampaign" / "shapes.json").read_text("utf-8"))
    one = next(shape for shape in shapes if shape["case"] == case)

    error = activecampaign_answers.failure(published(one))

    assert (type(error), error.code, getattr(error, "retry_after", None)) == SHAPES[case]


def test_published_list_rows_are_read() -> None:
    one = next(
        one
        for one in lines("activecampaign/examples.jsonl")
        if one["request"] == "GET /contacts/{id}/contactLists" and one["status"] == 200
    )
    rows = [read_row(row) for row in one["body"]["contactLists"]]

    assert rows and all(row.status in REACHED | LEFT for row in rows)
    assert rows[0].since is not None and rows[0].since < datetime.now(UTC)
