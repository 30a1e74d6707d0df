"""Accounts of more people than fit into memory: their rows are made up page by page, as they are asked for."""

from __future__ import annotations

import re
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.messages import Reply, Request, as_json

PEOPLE = 660_000
#: what a contact or a customer weighs beside its id and address, in characters
WEIGHT = "x" * 2600


class ManyContacts(ActiveCampaignSandbox):
    """An account whose listings at the paths of `many` hold `people`, whatever the filter asks for.

    `address` makes the address of a number.
    """

    many = r"/contacts$"
    people = PEOPLE
    address = "person{}@many.test".format

    def __init__(self) -> None:
        super().__init__(rate=None)
        self.pages: list[str] = []

    def handle(self, request: Request) -> Reply:
        """Make up one page."""
        path = request.path.removeprefix("/api/3")
        if request.method != "GET" or not re.search(self.many, path):
            return super().handle(request)
        self.pages.append(path)
        query = request.query
        first = int(query.get("id_greater") or query.get("offset") or 0)
        last = min(first + int(query["limit"]), self.people)
        rows = [self._row(number) for number in range(first + 1, last + 1)]
        return as_json(200, {path.strip("/"): rows, "meta": {"total": str(self.people)}})

    def _row(self, number: int) -> dict[str, Any]:
        return {"id": str(number), "email": self.address(number), "orgid": {"note": WEIGHT}}


class ManyMembers(MailchimpSandbox):
    """An account whose listings at the paths of `many` hold `rows`, whatever is asked for."""

    many = r"/customers$"
    rows = PEOPLE
    address = "person{}@many.test".format

    def __init__(self, audiences: tuple[str, ...] = ("a1b2c3d4e5",)) -> None:
        super().__init__(audiences=audiences)
        self.pages: list[str] = []

    def handle(self, request: Request) -> Reply:
        """Make up one page."""
        path = request.path.removeprefix("/3.0")
        if request.method != "GET" or not re.search(self.many, path):
            return super().handle(request)
        self.pages.append(path)
        first = int(request.query.get("offset") or 0)
        last = min(first + int(request.query["count"]), self.rows)
        rows = [self.row(number) for number in range(first, last)]
        return as_json(200, {path.rpartition("/")[2]: rows, "total_items": self.rows})

    def row(self, number: int) -> dict[str, Any]:
        """Return one row: a customer or a member."""
        return {"id": f"row{number}", "email_address": self.address(number), "status": "subscribed", "note": "x" * 100}
