"""Mailchimp tried out: one invented contact in an audience of the operator's choice, from adding to its deletion.

It answers on a real account what is only reported: that a permanently deleted contact answers 404, that a second
deletion does, and that the address cannot be added again.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from adapters.addresses import is_person
from adapters.contract import Subject, TrialStep
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http.answer import Answer
from adapters.http.evidence import Trail
from adapters.mailchimp.answers import expect, is_absent, title_of
from adapters.trial import CLEANINGS, Trial

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

PLAN = (
    "add the invented contact to audience {place}, subscribed: automations that start there will run for it",
    "unsubscribe it and read that it is",
    "delete it permanently, read that it is gone, and delete it a second time",
    "try to add it again, which Mailchimp should refuse: the address stays blocked in this audience for good",
)


class MailchimpTrial:
    """One trial with one invented contact in one audience; `sleep` waits so many seconds."""

    def __init__(
        self,
        client: Client,
        trail: Trail,
        subject: Subject,
        audience: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lists = client.lists
        self._subject = subject
        self._audience = audience
        self._key = hashlib.md5(subject.address.encode(), usedforsecurity=False).hexdigest()
        self._trial = Trial(trail, sleep)
        self._nothing_left = False

    def run(self) -> Generator[TrialStep, None, None]:
        """Yield the steps; what was added is deleted again as far as Mailchimp allows, however they end."""
        try:
            yield from self._steps()
        except BaseException:
            with contextlib.suppress(AdapterError):
                for _ in self._clean():
                    pass  # interrupted: nobody is shown a step any more
            raise
        yield from self._clean()

    def _clean(self) -> Iterator[TrialStep]:
        """Delete what is not proven gone: an answer may have been lost, a delete throttled, the trial interrupted."""
        if self._nothing_left:
            return
        for _ in range(CLEANINGS):
            step = self._trial.step("look for what is left", self._get, _gone)
            if not step.ok and self._trial.answer is not None and self._trial.answer.status == 404:
                return  # the audience itself is not there
            yield step
            if step.ok or self._trial.answer is None or self._trial.answer.status != 200:
                return
            yield self._trial.step("delete what is left", self._delete, _done)

    def _steps(self) -> Iterator[TrialStep]:
        yield self._trial.step("find the audience", lambda: self._lists.get_list(self._audience), self._names_audience)
        added = self._trial.step("add the contact", self._add, self._shows("subscribed"))
        yield added
        if not added.ok:
            return
        yield self._trial.step("read it", self._get, self._shows("subscribed"))
        yield self._trial.step("unsubscribe it", self._unsubscribe, self._shows("unsubscribed"))
        yield self._trial.step("read that it is unsubscribed", self._get, self._shows("unsubscribed"))
        held = "every erasure will be held or repeated"
        yield self._trial.step("delete it permanently", self._delete, _done, held)
        yield self._trial.step("read that it is gone", self._get, _gone, held)
        yield self._trial.step("delete it a second time", self._delete, _told)
        again = self._trial.step("add it again", self._add, _blocked)
        self._nothing_left = again.ok and not again.finding
        yield again
        if again.ok and again.finding:
            yield self._trial.step("delete it once more", self._delete, _done, held)

    def _add(self) -> Answer:
        body = {"email_address": self._subject.address, "status": "subscribed"}
        answer: Answer = self._lists.add_list_member(self._audience, body, skip_merge_validation=True)
        return answer

    def _get(self) -> Answer:
        answer: Answer = self._lists.get_list_member(self._audience, self._key)
        return answer

    def _unsubscribe(self) -> Answer:
        body = {"status": "unsubscribed"}
        answer: Answer = self._lists.update_list_member(self._audience, self._key, body, skip_merge_validation=True)
        return answer

    def _delete(self) -> Answer:
        answer: Answer = self._lists.delete_list_member_permanent(self._audience, self._key)
        return answer

    def _names_audience(self, answer: Answer) -> str:
        if expect(answer, 200, "id")["id"] != self._audience:
            raise Permanent("wrong_address", "Mailchimp answered with another audience")
        return ""

    def _shows(self, status: str) -> Callable[[Answer], str]:
        def judge(answer: Answer) -> str:
            body = expect(answer, 200, "email_address", "status")
            if not is_person(body["email_address"], self._subject):
                raise Permanent("filter_ignored", "Mailchimp answered with another contact")
            if body["status"] != status:
                raise Transient("not_yet", f"it is not shown as {status}")
            return ""

        return judge


def _done(answer: Answer) -> str:
    expect(answer, 204)
    return ""


def _gone(answer: Answer) -> str:
    if not is_absent(answer):
        raise Transient("not_yet", f"HTTP {answer.status}: the contact is not shown to be gone")
    return ""


def _told(answer: Answer) -> str:
    return "" if is_absent(answer) else f"HTTP {answer.status}, where 404 was expected"


def _blocked(answer: Answer) -> str:
    if answer.status == 400 and title_of(answer) == "forgotten email not subscribed":
        return ""
    if answer.status == 200:
        return "a permanently deleted address can be added again by the API: deletion does not block it here"
    return f"HTTP {answer.status}, where a refusal as a forgotten address was expected"
