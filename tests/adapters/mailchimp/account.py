"""An account with three audiences, somebody in it, and what was asked of it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from adapters.contract import Action, Subject
from adapters.errors import AdapterError
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import Fault, MailchimpSandbox
from syncer.privacy.keyring import Keyring, subject

ONE, TWO, THREE = AUDIENCES = ("a1b2c3d4e5", "b2c3d4e5f6", "c3d4e5f6a7")
NEW = "d4e5f6a7b8"
ADDRESS = "jane.roe+news@mailbox.test"
OTHER = "somebody.else@mailbox.test"
ASKED = datetime.now(UTC)
LATER = (ASKED + timedelta(days=2)).isoformat(timespec="seconds")
OBJECTIONS = [Action.UNSUBSCRIBE, Action.SUPPRESS]


def person(address: str = ADDRESS) -> Subject:
    return subject(Keyring(b"k" * 32), address)


class Account(MailchimpSandbox):
    """An account whose owner makes audiences."""

    def add_audience(self, audience: str) -> None:
        with self.lock:
            self._lists[audience] = {}

    def status(self, audience: str, address: str = ADDRESS) -> str | None:
        member = self.member(address, audience)
        return member["status"] if member else None

    def sms(self, audience: str) -> str | None:
        member = self.member(ADDRESS, audience)
        return member["sms_subscription_status"] if member else None

    def calls(self, word: str = "") -> list[str]:
        """The calls so far that hold a word, without the hashes of people."""
        calls = [f"{one.method} {one.path.removeprefix('/3.0')}" for one in self.requests]
        return [re.sub(r"[0-9a-f]{32}", "*", call) for call in calls if word in call]

    def refuses(self, path: str, title: str, status: int, method: str | None = None, times: int | None = None) -> None:
        """Answer where path and method fit with a problem document."""
        body = {"type": "about:blank", "title": title, "status": status, "detail": "-", "instance": "-"}
        kind = "application/problem+json"
        self.fault(
            Fault(status=status, body=json.dumps(body), content_type=kind, path=path, method=method, times=times)
        )


def refused(adapter: Mailchimp, action: Action = Action.DELETE, subject: Subject | None = None) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        adapter.apply(action, subject or person(), ASKED)
    assert "jane" not in str(caught.value)
    return caught.value


def unconfirmed(adapter: Mailchimp, action: Action = Action.DELETE) -> AdapterError:
    with pytest.raises(AdapterError) as caught:
        adapter.confirm(action, person())
    return caught.value
