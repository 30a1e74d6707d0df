"""ActiveCampaign tried out: one invented contact from its creation to the proof that nothing of it is left.

It answers on a real account what no document and no recording does: whether a delete archives, under which id and
how soon the archive shows it, whether it can be purged at once, and what the answers look like.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from adapters.activecampaign.answers import CONTACT, expect, expect_done, is_absent, is_forbidden, objects, read_id
from adapters.addresses import is_person
from adapters.contract import Subject, TrialStep
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http.answer import Answer
from adapters.http.evidence import Trail
from adapters.http.transport import Params, Send
from adapters.trial import CLEANINGS, Trial, failed

#: seconds before each further search for the contact just deleted
_WAITS = (0.0, 2.0, 5.0, 10.0)
_NOT_ADMIN = "the key's user is not in the Admin group: every erasure will be held, even of a person unknown there"
_HELD = "every erasure will be held until the archive shows what was deleted"

PLAN = (
    "add the invented contact and put it on {place}: automations that start there will run for it",
    "find it by its address, also in capital letters",
    "unsubscribe it and read its lists",
    "delete it and read that it is gone",
    "look for it in the contact archive, for up to 17 seconds, and delete it there for good",
    "look for it in the archive and by its address once more",
)


class ActiveCampaignTrial:
    """One trial with one invented contact; `sleep` waits so many seconds."""

    def __init__(self, send: Send, trail: Trail, subject: Subject, sleep: Callable[[float], None] = time.sleep) -> None:
        self._send = send
        self._subject = subject
        self._trial = Trial(trail, sleep)
        self._sleep = sleep
        self._nothing_left = False
        self._contact = ""
        self._archived = ""

    def run(self, place: str | None) -> Generator[TrialStep, None, None]:
        """Yield the steps; what was added is removed again as far as the provider allows, however they end."""
        try:
            yield from self._steps(place)
        except BaseException:
            with contextlib.suppress(AdapterError):
                for _ in self._clean():
                    pass  # interrupted: nobody is shown a step any more
            raise
        yield from self._clean()

    def _steps(self, place: str | None) -> Iterator[TrialStep]:
        yield self._try("ask whose key it is", "GET", "/users/me", judge=_has("user"))
        yield self._rights()
        yield self._try("add the contact", "POST", "/contacts", body=self._person(), judge=self._read_contact)
        if not self._contact:
            return
        yield from self._lists(place)
        yield self._find("find it by its address", self._subject.address)
        yield self._find("find it in capital letters", self._subject.address.upper(), optional=True)
        yield self._try("delete it", "DELETE", self._path("contacts"), judge=_done)
        yield self._try("read that it is gone", "GET", self._path("contacts"), judge=_gone)
        yield from self._archive()
        last = self._find("look for it by its address", self._subject.address, gone=True)
        self._nothing_left = last.ok
        yield last

    def _clean(self) -> Iterator[TrialStep]:
        """Remove what is not proven gone: an answer may have been lost, a delete throttled, the trial interrupted."""
        if self._nothing_left:
            return
        for _ in range(CLEANINGS):
            step = self._find("look for what is left", self._subject.address, gone=True)
            left = [row for row in objects(self._last.get("contacts", [])) if self._is_it(row)]
            yield step
            if step.ok or not left:
                break
            for row in left:
                yield self._try("delete what is left", "DELETE", f"/contacts/{read_id(row)}", judge=_done)
        if self._search().ok and self._archived:
            path = f"/contactArchives/{self._archived}"
            yield self._try("delete what is left in the archive", "DELETE", path, judge=_done)

    def _lists(self, place: str | None) -> Iterator[TrialStep]:
        if place is None:
            yield self._try("see the lists", "GET", "/lists", params=[("limit", "100")], judge=_has("lists"))
            rows = objects(self._last.get("lists", []))
            if not rows:
                return
            place = read_id(rows[0])
        yield self._try(
            "put it on a list", "POST", "/contactLists", body=self._row(place, 1), judge=_has("contactList")
        )
        yield self._try("unsubscribe it", "POST", "/contactLists", body=self._row(place, 2), judge=_has("contactList"))
        path = self._path("contacts") + "/contactLists"
        yield self._try("read that it is unsubscribed", "GET", path, judge=_unsubscribed)

    def _archive(self) -> Iterator[TrialStep]:
        step = self._search()
        for seconds in _WAITS[1:]:
            if self._archived or not step.ok:
                break
            self._sleep(seconds)
            step = self._search()
        if step.ok and not self._archived:
            step = failed(step, f"the archive does not show the contact after {sum(_WAITS):g} seconds: {_HELD}")
        yield step
        if not self._archived:
            return
        path = f"/contactArchives/{self._archived}"
        yield self._try("read it in the archive", "GET", path, judge=_has())
        yield self._try("delete it from the archive", "DELETE", path, judge=_done)
        self._archived = ""
        step = self._search("look for it in the archive again")
        yield failed(step, f"the archive still shows it: {_HELD}") if self._archived else step

    def _rights(self) -> TrialStep:
        def judge(answer: Answer) -> str:
            if is_forbidden(answer):
                raise Permanent("forbidden", _NOT_ADMIN)
            expect(answer)
            return ""

        return self._try("ask for Admin rights", "GET", "/settings/account", judge=judge)

    def _search(self, name: str = "look for it in the archive") -> TrialStep:
        def judge(answer: Answer) -> str:
            if answer.status == 404:
                raise Permanent("archived_not_purged", "no access to a contact archive: every erasure will be held")
            rows = [row for row in objects(expect(answer, "contactArchives")["contactArchives"]) if self._is_it(row)]
            self._archived = read_id(rows[0]) if rows else ""
            return "" if self._archived in ("", self._contact) else "the archive shows it under another id"

        return self._try(name, "GET", "/contactArchives", params=[("search", self._subject.address)], judge=judge)

    def _find(self, name: str, address: str, *, optional: bool = False, gone: bool = False) -> TrialStep:
        def judge(answer: Answer) -> str:
            rows = objects(expect(answer, "contacts")["contacts"])
            shown = any(self._is_it(row) for row in rows)
            if not all(self._is_it(row) for row in rows):
                raise Permanent("filter_ignored", "a search by address answers with other people too")
            if shown is not gone or optional:
                return "" if shown is not gone else "letter case counts in a search by address"
            raise Transient("not_yet", "it is still found" if gone else "a search by its address does not find it")

        return self._try(name, "GET", "/contacts", params=[("email", address)], judge=judge)

    def _try(
        self,
        name: str,
        method: str,
        path: str,
        *,
        judge: Callable[[Answer], str],
        params: Params = (),
        body: Any = None,
    ) -> TrialStep:
        template = "/".join("{id}" if part.isdigit() else part for part in path.split("/"))
        return self._trial.step(name, lambda: self._send(method, path, template, "trial", params, body), judge)

    @property
    def _last(self) -> Mapping[str, Any]:
        return self._trial.answer.object if self._trial.answer is not None else {}

    def _read_contact(self, answer: Answer) -> str:
        contact = answer.object.get("contact")
        if answer.status not in (200, 201) or not isinstance(contact, dict) or not self._is_it(contact):
            raise Permanent("rejected", f"HTTP {answer.status}: the contact was not added, so nothing else was tried")
        self._contact = read_id(contact)
        return ""

    def _is_it(self, row: Mapping[str, Any]) -> bool:
        return is_person(row.get("email"), self._subject)

    def _person(self) -> dict[str, Any]:
        return {"contact": {"email": self._subject.address}}

    def _row(self, list_id: str, status: int) -> dict[str, Any]:
        return {"contactList": {"list": int(list_id), "contact": int(self._contact), "status": status}}

    def _path(self, kind: str) -> str:
        return f"/{kind}/{self._contact}"


def _has(*keys: str) -> Callable[[Answer], str]:
    def judge(answer: Answer) -> str:
        if answer.status not in (200, 201) or not all(key in answer.object for key in keys):
            raise Permanent("rejected", f"HTTP {answer.status}, not as documented")
        return ""

    return judge


def _done(answer: Answer) -> str:
    expect_done(answer)
    return ""


def _gone(answer: Answer) -> str:
    if not is_absent(answer, CONTACT):
        raise Transient("not_yet", f"HTTP {answer.status}: the contact is not shown to be gone")
    return ""


def _unsubscribed(answer: Answer) -> str:
    rows = objects(expect(answer, "contactLists")["contactLists"])
    if any(str(row.get("status")) != "2" for row in rows) or not rows:
        raise Transient("not_yet", "the list does not show it as unsubscribed")
    return ""
