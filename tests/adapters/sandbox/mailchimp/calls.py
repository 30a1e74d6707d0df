"""Calls to the Mailchimp sandbox over real HTTP, with nothing of ours in between."""

from __future__ import annotations

import hashlib
from typing import Any

import requests

from adapters.sandbox import MailchimpSandbox

AUDIENCE = "a1b2c3d4e5"
PERSON = "ada@lovelace.test"


def key_of(email: str) -> str:
    """The hash under which Mailchimp keeps an address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


KEY = key_of(PERSON)


def call(mc: MailchimpSandbox, method: str, path: str, **more: Any) -> requests.Response:
    """Make one call with the right key, on a connection of its own."""
    more.setdefault("auth", ("any", mc.api_key))
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Connection"] = "close"
        return session.request(method, f"{mc.url}/3.0/{path}", allow_redirects=False, timeout=10, **more)


def member(method: str, mc: MailchimpSandbox, tail: str = "", **more: Any) -> requests.Response:
    """Make one call about the person."""
    return call(mc, method, f"lists/{AUDIENCE}/members/{KEY}{tail}", **more)


def add(mc: MailchimpSandbox, email: str = PERSON, status: str = "subscribed", **more: Any) -> requests.Response:
    """Add somebody by API; `params` and further keys of the body may be given."""
    params = more.pop("params", {})
    body = {"email_address": email, "status": status, **more}
    return call(mc, "POST", f"lists/{AUDIENCE}/members", json=body, params=params)
