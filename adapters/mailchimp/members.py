"""The person as a contact of one audience: read, judged, changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.addresses import is_person, spellings_of
from adapters.contract import Subject
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http.answer import Answer
from adapters.http.evidence import Trail
from adapters.mailchimp.answers import LEFT, REACHED, expect, expect_here, is_absent, state_of, title_of
from adapters.preview import Would
from adapters.values import utc, utc_or_none

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

#: gets text messages, or may; the number itself is personal data that nothing here needs
SMS_REACHED = frozenset({"subscribed", "pending"})
#: gets none; "" where Mailchimp tells nothing of SMS. All words of the specification of 2026-08
_SMS_LEFT = frozenset({"unsubscribed", "nonsubscribed", ""})
_SMS_FIELDS = ["sms_subscription_status", "sms_subscription_last_updated"]
_FIELDS = ["email_address", "list_id", "status", "timestamp_opt", "timestamp_signup", *_SMS_FIELDS]
#: seen in Mailchimp's own WooCommerce plugin (2026-03) and in no specification: only what is read back counts
_NO_SMS = {"sms_channel": {"marketing_consent": {"status": "unsubscribed"}}}


@dataclass(frozen=True, slots=True)
class Member:
    """The person in one audience. Times are UTC, None where Mailchimp gives none.

    `sms_changed` is when the SMS subscription was last updated, by whomever: no consent time.
    """

    audience: str
    key: str = field(repr=False)
    status: str
    opt_in: datetime | None
    sign_up: datetime | None
    sms: str = ""
    sms_changed: datetime | None = None

    @property
    def known(self) -> bool:
        """Say whether the status is one that this version knows."""
        return self.status in REACHED | LEFT

    @property
    def mail_reaches(self) -> bool:
        """Say whether mail reaches the person here."""
        return self.status in REACHED

    @property
    def sms_reaches(self) -> bool:
        """Say whether text messages reach the person here, whatever the mail status."""
        return self.sms in SMS_REACHED

    @property
    def sms_known(self) -> bool:
        """Say whether the SMS status is one that this version knows."""
        return self.sms in SMS_REACHED | _SMS_LEFT

    @property
    def state(self) -> str:
        """What the evidence says of the person here."""
        mail = self.status if self.known else "unknown"
        return f"{mail}, SMS {self.sms if self.sms_known else 'unknown'}" if self.sms not in _SMS_LEFT else mail


class Members:
    """The calls about one person as a member of audiences."""

    def __init__(self, client: Client, trail: Trail, subject: Subject) -> None:
        self._lists = client.lists
        self._trail = trail
        self._subject = subject
        self._spellings = spellings_of(subject)

    def read(self, audience: str) -> Iterator[Member]:
        """Yield the person in an audience, once per spelling under which they are held.

        Raises Permanent `filter_ignored` for anybody else.
        """
        for spelling in self._spellings:
            member = self.again(audience, _key(spelling))
            if member is not None:
                yield member

    def again(self, audience: str, key: str) -> Member | None:
        """Read the contact of this key; None where there is none."""
        answer = self._lists.get_list_member(audience, key, fields=_FIELDS)
        if is_absent(answer):
            self._trail.state("absent")
            return None
        member = read_member(answer, audience, key, self._subject)
        self._trail.state(member.state)
        return member

    def erase(self, member: Member) -> None:
        """Delete the contact for good."""
        answer = self._lists.delete_list_member_permanent(member.audience, member.key)
        if answer.status == 405:
            raise Transient("rejected", "delete-permanent answered 405: the state is read again")
        if answer.status == 410:
            raise Transient("unknown_state", "delete-permanent answered 410: the state is read again")
        if is_absent(answer):
            self._trail.state("absent")  # gone since it was read
            return
        expect_here(answer, 204)
        self._trail.state("deleted")

    def unsubscribe(self, member: Member) -> bool:
        """End the mail; say whether Mailchimp took the change: an archived contact may refuse it."""
        body = {"status": "unsubscribed"}
        answer = self._lists.update_list_member(member.audience, member.key, body, skip_merge_validation=True)
        if member.status == "archived" and answer.status in (400, 405):
            # whether an archived contact can be changed is documented nowhere
            self._trail.state("archived")
            return False
        self._trail.state("absent" if is_absent(answer) else state_of(answer))
        return True

    def end_sms(self, member: Member) -> AdapterError | None:
        """Try to end the text messages; return why the call failed. Only a read afterwards tells whether it worked.

        No documentation knows this call, so whatever it answers says nothing about the account: neither that the
        key is not good, nor that the lane must wait. Raises what would strike every call: 401, 429, an unreachable
        host.
        """
        try:
            answer = self._lists.update_list_member(member.audience, member.key, _NO_SMS, skip_merge_validation=True)
            if answer.status in (401, 429):
                expect(answer)
        except Transient as error:
            if error.cools_lane or error.code == "unreachable":
                raise
            return Transient(error.code, error.detail)
        if answer.status == 200:
            return None
        if answer.status >= 500 or answer.status in (408, 409, 425):
            return Transient("unavailable", f"HTTP {answer.status}", retry_after=answer.retry_after)
        return Permanent("rejected", f"HTTP {answer.status}")

    def leave_tombstone(self, audience: str) -> str:
        """Make the unsubscribed contact where there is none.

        Return the state there: "forgotten" where Mailchimp refuses the address for ever, "unsubscribed" where it says
        so in refusing it, "gone" where it knows no such audience, else "made".
        """
        address = self._spellings[0]  # the normalised form
        body = {"email_address": address, "status_if_new": "unsubscribed"}
        answer = self._lists.set_list_member(audience, _key(address), body, skip_merge_validation=True)
        if answer.status == 400 and title_of(answer) == "forgotten email not subscribed":
            self._trail.state("forgotten")
            return "forgotten"
        if answer.status == 400 and title_of(answer) == "member in compliance state":
            self._trail.state("unsubscribed")
            return "unsubscribed"
        if is_absent(answer):
            self._trail.state("gone")
            return "gone"
        self._trail.state(state_of(answer))
        return "made"


class PreviewedMembers(Members):
    """The same for a preview: what would change something is noted, and taken as documented."""

    def __init__(self, client: Client, trail: Trail, subject: Subject, would: Would) -> None:
        super().__init__(client, trail, subject)
        self._would = would
        self._sms_ended: set[tuple[str, str]] = set()

    def again(self, audience: str, key: str) -> Member | None:
        """Read the contact, as it would be now."""
        member = super().again(audience, key)
        return replace(member, sms="unsubscribed") if member and (audience, key) in self._sms_ended else member

    def erase(self, member: Member) -> None:
        """Note the call."""
        self._would.call("POST /lists/{list}/members/{id}/actions/delete-permanent", f"audience {member.audience}")

    def unsubscribe(self, member: Member) -> bool:
        """Note the call."""
        self._would.call("PATCH /lists/{list}/members/{id}", f"audience {member.audience}")
        return True

    def end_sms(self, member: Member) -> AdapterError | None:
        """Note the call."""
        self._would.call("PATCH /lists/{list}/members/{id}", f"audience {member.audience}")
        self._sms_ended.add((member.audience, member.key))
        return None

    def leave_tombstone(self, audience: str) -> str:
        """Note the call."""
        self._would.call("PUT /lists/{list}/members/{id}", f"audience {audience}")
        return "made"


def read_member(answer: Answer, audience: str, key: str, subject: Subject) -> Member:
    """Read a member and make sure that it is the one asked for.

    Raises Permanent `filter_ignored` for anybody else, `unknown_state` for an opt-in time of another form than
    documented.
    """
    body = expect_here(answer, 200, "email_address", "list_id", "status")
    if not is_person(body["email_address"], subject) or body["list_id"] != audience:
        raise Permanent("filter_ignored", "Mailchimp answered with another contact or audience than asked for")
    status, sms = body["status"], body.get("sms_subscription_status") or ""
    return Member(
        audience,
        key,
        status if isinstance(status, str) else "?",
        _opt_time(body.get("timestamp_opt"), status),
        _opt_time(body.get("timestamp_signup"), status),
        sms if isinstance(sms, str) else "?",
        utc_or_none(body.get("sms_subscription_last_updated")),
    )


def _opt_time(value: object, status: object) -> datetime | None:
    """Return an opt-in time. Raises Permanent `unknown_state` for one of an unknown form where consent may hide in it.

    A contact that has not confirmed shows none whatever its times are (adapters/mailchimp/consent.py).
    """
    if value in (None, ""):
        return None
    return utc_or_none(value) if status in ("pending", "transactional") else utc(value)


def _key(spelling: str) -> str:
    """Return the key under which Mailchimp keeps an address: the MD5 of its lower-case form. Never logged."""
    return hashlib.md5(spelling.lower().encode(), usedforsecurity=False).hexdigest()
