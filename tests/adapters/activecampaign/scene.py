"""One person of an ActiveCampaign account, and what was asked about them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, Receipt, Subject
from adapters.errors import AdapterError
from adapters.sandbox import ActiveCampaignSandbox
from adapters.sandbox.messages import Reply, Request

ADDRESS = "jane.roe+news@mailbox.test"
OTHER = "somebody.else@mailbox.test"
SUBJECT = Subject("ref", (ADDRESS,))
ASKED = datetime.now(UTC)
LATER = (ASKED + timedelta(days=2)).isoformat(timespec="seconds")
BASE = "https://account.api-us1.com/api/3"


def lists_of(sandbox: ActiveCampaignSandbox) -> dict[str, str]:
    contact = sandbox.contact(ADDRESS)
    assert contact is not None
    return {name: str(status) for name, status in contact["lists"].items()}


def calls(sandbox: ActiveCampaignSandbox) -> list[str]:
    return [f"{one.method} {re.sub(r'/[0-9]+', '/*', one.path.removeprefix('/api/3'))}" for one in sandbox.requests]


def refused(adapter: ActiveCampaign, action: Action = Action.DELETE, subject: Subject = SUBJECT) -> AdapterError:
    """Return what an apply raises."""
    with pytest.raises(AdapterError) as caught:
        adapter.apply(action, subject, ASKED)
    return caught.value


def unproven(adapter: ActiveCampaign, subject: Subject = SUBJECT, applied: Receipt | None = None) -> AdapterError:
    """Return what the confirm of a delete raises."""
    with pytest.raises(AdapterError) as caught:
        adapter.confirm(Action.DELETE, subject, applied)
    return caught.value


def with_unseen(unseen: int) -> Subject:
    """Return the person, of whom an earlier attempt left so many contacts unseen."""
    return Subject("ref", (ADDRESS,), unseen=unseen)


class Capped(ActiveCampaignSandbox):
    """An account that gives `most` rows a page, whatever is asked for, and fails above `fails_above`."""

    most = 100
    fails_above: float = 100
    failure = Reply(504, b"", None)

    def handle(self, request: Request) -> Reply:
        """Answer as usual, but for the size of the pages."""
        if "limit" in request.query:
            if int(request.query["limit"]) > self.fails_above:
                return self.failure
            request.query["limit"] = str(min(int(request.query["limit"]), self.most))
        return super().handle(request)
