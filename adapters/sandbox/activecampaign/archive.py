"""The calls on the contact archive, of which no body was ever published: what is unknown is a switch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from adapters.sandbox.activecampaign.bodies import answer, message, missing, not_modelled, page_of
from adapters.sandbox.activecampaign.contact_bodies import contact_body
from adapters.sandbox.activecampaign.holdings import AccountHoldings
from adapters.sandbox.matching import CONTAINS, matcher
from adapters.sandbox.messages import Reply, Request

#: how an account that offers no archive may answer, by the name that `archive_absent` takes
ABSENT: dict[str, Callable[[], Reply]] = {
    "route": lambda: message(404, "No Route matched"),
    "html": lambda: Reply(404, b"<html><body>Not found</body></html>", "text/html; charset=UTF-8"),
    "object": lambda: answer(404, {}),
    "empty": lambda: Reply(404, b"", None),
    "no_result": lambda: missing("ContactArchive", "0"),
}
_RESTORABLE_AFTER = timedelta(days=30)  # help article 24319534242076
_MOST_AT_ONCE = 100  # page delete-archived-contacts


class ArchiveCalls(AccountHoldings):
    """The calls on /contactArchives."""

    def _archives(self, request: Request, parts: list[str]) -> Reply:
        if self.archive_absent is not None:
            return ABSENT[self.archive_absent]()
        if not self.admin:
            return Reply(404, b"", None)  # EMPTY for a user outside the Admin group (page restore-archived-contacts)
        if not parts and request.method == "GET":
            return self._search_archive(request)
        if parts == ["deleteList"] and request.method == "POST":
            return self._purge_several(request)
        if len(parts) != 1 or not parts[0].isdigit():
            return not_modelled(request)
        if request.method == "DELETE":
            self._archive.pop(parts[0], None)  # 200 also when it was gone already (page delete-archived-contact)
            return answer(200, {})
        if request.method != "GET":
            return not_modelled(request)
        row = self._archive.get(parts[0])
        if row is None:
            return missing("ContactArchive", parts[0])
        # inferred from the other envelopes: the singular
        return answer(200, {self.archive_envelope.removesuffix("s"): self._archived_body(row)})

    def _search_archive(self, request: Request) -> Reply:
        rows = [self._archived_body(row) for row in self._found(request.query.get("search", ""))]
        # envelope and paging are inferred: nobody has shown a body
        content = {self.archive_envelope: page_of(rows, request), "meta": {"total": str(len(rows))}}
        return answer(200, content)

    def _found(self, wanted: str) -> list[dict[str, Any]]:
        """Return the archived contacts that this search shows, and count it for those that it should have shown."""
        if self.archive_search == "blind":
            return []
        found = [row for row in self._archive.values() if self._sought(wanted, row)]
        shown = [row for row in found if row["missed"] >= self.archive_lag]
        for row in found:
            row["missed"] += 1
        return shown

    def _sought(self, wanted: str, row: dict[str, Any]) -> bool:
        if self.archive_search == "ignored" or not wanted:
            return True
        exact = "exact" if self.collation == CONTAINS else self.collation
        return matcher(CONTAINS if self.archive_search == CONTAINS else exact, wanted)(row["email"])

    def _purge_several(self, request: Request) -> Reply:
        numbers = request.fields().get("ids")
        for number in numbers[:_MOST_AT_ONCE] if isinstance(numbers, list) else ():
            self._archive.pop(str(number), None)
        return answer(200, {})

    def _archived_body(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return an archived contact: as it was, when it was deleted, whether it can be restored."""
        age = self.clock() - datetime.fromisoformat(row["deleted_at"])
        more = {
            "id": row["archive_id"],
            "deleted_at": row["deleted_at"],
            "is_restorable": age > _RESTORABLE_AFTER,
        }
        return contact_body(row, self.url) | more
