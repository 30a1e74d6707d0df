"""The vendor's specification sees what is wrong, and the whole demo passes it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from adapters.sandbox import MailchimpSandbox
from adapters.sandbox.messages import Reply, Request
from syncer.setup import demo
from tests.vendors.installed import specification_or_skip
from tests.vendors.specification import KNOWN_ERRORS, Exchange, Specification
from tests.vendors.watching import PRODUCT, Watch, findings

pytestmark = pytest.mark.vendors

MEMBER = "/3.0/lists/a1b2c3d4e5/members/0123456789abcdef0123456789abcdef"
MEMBERS = "/3.0/lists/a1b2c3d4e5/members"
JSON = {"content-type": "application/json"}
PROBLEM = {"type": "https://x.test/", "title": "x", "status": 404, "detail": "x", "instance": "x"}


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification(specification_or_skip())


def request(method: str, path: str, body: Any = None, **query: str) -> Request:
    return Request(method, path, query, JSON if body is not None else {}, json.dumps(body).encode() if body else b"")


def reply(status: int, body: Any, content_type: str = "application/json; charset=utf-8") -> Reply:
    return Reply(status, json.dumps(body).encode(), content_type)


@pytest.mark.parametrize(
    ("asked", "finding"),
    [
        (request("GET", MEMBERS, status="bogus"), "status: enum"),
        (request("GET", MEMBERS, count="1001"), "count: maximum"),
        (request("GET", MEMBERS, count="many"), "count: type"),
        (request("GET", MEMBERS, limit="5"), "unknown parameter limit"),
        (request("GET", "/3.0/search-members"), "query is missing"),
        (request("PATCH", MEMBER, {"status": "archived"}), "status.enum"),
        (request("PATCH", MEMBER, {"state": "unsubscribed"}), "unknown key state"),
        (request("PATCH", MEMBER, {"vip": "yes"}), "vip.type"),
        (request("PATCH", MEMBER), "content type missing"),
        (
            request("PATCH", MEMBER, {"status": "unsubscribed"}, skip_merge_validation="1"),
            "skip_merge_validation: type",
        ),
        (request("PUT", MEMBER, {"status_if_new": "unsubscribed"}), "required"),
        (request("PUT", MEMBER, {"email_address": 1, "status_if_new": "unsubscribed"}), "email_address.type"),
        (request("POST", f"{MEMBER}/actions/delete-permanent", {"a": 1}), "a body where none is documented"),
        (request("POST", "/3.0/ping"), "no such operation"),
    ],
)
def test_a_request_that_the_vendor_does_not_document_is_found(
    specification: Specification, asked: Request, finding: str
) -> None:
    found = specification.of_request(Exchange(asked, reply(200, {})))

    assert len(found) == 1 and finding in found[0]
    assert "0123456789abcdef" not in found[0]


@pytest.mark.parametrize(
    ("asked", "answered", "finding"),
    [
        (request("GET", MEMBER), reply(200, {"status": "away"}), "status.enum"),
        (request("GET", MEMBER), reply(200, {"last_changed": "yesterday"}), "last_changed.format"),
        (request("GET", MEMBER), reply(200, {"web_id": "1"}), "web_id.type"),
        (request("GET", MEMBER), reply(200, {"tags": [{"tag": "x"}]}), "tags.unknown key tag"),
        (request("GET", MEMBER), reply(201, {}), "status 201"),
        (request("GET", MEMBER), reply(200, {}, "text/html"), "content type text/html"),
        (request("GET", MEMBER), reply(404, {"title": "x"}, "application/problem+json"), "required"),
        (request("GET", MEMBER), Reply(429, b"", None), "content type missing"),
        (request("DELETE", MEMBER), Reply(204, b"{}"), "a body where none is documented"),
        (request("GET", "/3.0/lists"), reply(200, {"lists": [], "constraints": {"may_create": True}}), "required"),
        (request("GET", "/3.0/nowhere"), reply(200, {}), "no such operation"),
    ],
)
def test_an_answer_that_the_vendor_does_not_document_is_found(
    specification: Specification, asked: Request, answered: Reply, finding: str
) -> None:
    found = specification.of_answer(Exchange(asked, answered))

    assert any(finding in one for one in found)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (request("GET", MEMBER), reply(200, {"timestamp_signup": "", "sms_subscription_status": "pending"})),
        (request("GET", MEMBER), reply(404, PROBLEM, "application/problem+json; charset=utf-8")),
        (request("GET", "/3.0/lists", fields="total_items"), reply(200, {"total_items": 1})),
        (request("GET", "/3.0/nowhere"), reply(404, PROBLEM)),
        (request("GET", "/3.0/reports"), reply(501, {})),
    ],
)
def test_what_is_documented_or_known_of_the_vendor_is_no_finding(
    specification: Specification, asked: Request, answered: Reply
) -> None:
    assert specification.of_answer(Exchange(asked, answered)) == []
    assert specification.of_request(Exchange(request("PATCH", MEMBER, {"sms_channel": {}}), reply(200, {}))) == []


def test_every_known_error_of_the_vendor_says_where_it_is_known_from() -> None:
    assert all(re.compile(pattern) and reason for pattern, reason in KNOWN_ERRORS)


class Asked(MailchimpSandbox):
    """One that `make test-vendors` does not watch itself: what it is asked is wrong on purpose."""


@pytest.mark.parametrize(("client", "number"), [("list-syncer", 1), ("curl/8", 0)])
def test_only_what_the_product_asks_is_held_against_it(specification: Specification, client: str, number: int) -> None:
    with Asked() as mc, Watch(Asked) as watch:
        headers = {"User-Agent": client, "Connection": "close"}
        auth = ("any", mc.api_key)
        requests.get(f"{mc.url}/3.0/lists", {"limit": "5"}, auth=auth, headers=headers, timeout=10)

    assert len(findings(watch.take(), specification)) == number
    assert watch.take() == []


def test_a_status_that_only_a_test_can_seed_is_no_finding(specification: Specification) -> None:
    with MailchimpSandbox() as mc, Watch(MailchimpSandbox) as watch:
        mc.add("ada@lovelace.test", "a1b2c3d4e5", status="paused")
        path = f"{mc.url}/3.0/lists/a1b2c3d4e5/members/ada@lovelace.test"
        requests.get(path, auth=("any", mc.api_key), headers={"Connection": "close"}, timeout=10)

    seen = watch.take()
    assert [one.reply.status for one in seen] == [200]
    assert findings(seen, specification) == []


def test_the_whole_demo_keeps_to_the_specification(
    specification: Specification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEMO_MAILCHIMP_KEY", "DEMO_ACTIVECAMPAIGN_KEY"):
        monkeypatch.setenv(name, "set by the demo")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with Watch(MailchimpSandbox) as watch:
        assert demo.run(Console(file=io.StringIO())) == 0

    seen = watch.take()
    asked = {(one.request.method, one.reply.status) for one in seen if one.request.headers["user-agent"] == PRODUCT}
    assert {("GET", 200), ("GET", 404), ("POST", 204), ("PATCH", 200), ("PUT", 200), ("DELETE", 204)} <= asked
    assert findings(seen, specification) == []
