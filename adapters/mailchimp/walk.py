"""One person's walk through a Mailchimp account: read everything, hold on newer consent, act, read back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.contract import Action, Handle, Outcome, Receipt, Subject
from adapters.errors import Misconfigured, Permanent, Transient
from adapters.handles import ids_of
from adapters.http.evidence import Trail
from adapters.mailchimp.answers import LEFT
from adapters.mailchimp.consent import newer_consent, opted_in
from adapters.mailchimp.customers import PreviewedShopCustomers, ShopCustomers
from adapters.mailchimp.members import Member, Members, PreviewedMembers
from adapters.mailchimp.scopes import MOST_ROUNDS, Scopes
from adapters.mailchimp.setbacks import Setbacks, again
from adapters.preview import Would
from adapters.values import in_utc

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

#: audience -> the person there, [] where absent; an audience that could not be read is missing
Held = dict[str, list[Member]]


class MailchimpWalk:
    """One person's walk through the account.

    What fails in one audience or store is kept until the others are done (`Setbacks`), and raised at the end.
    """

    def __init__(
        self, client: Client, scopes: Scopes, trail: Trail, subject: Subject, would: Would | None = None
    ) -> None:
        """With `would` it is a preview: what an apply would change is noted there, and not changed."""
        self._trail = trail
        self._subject = subject
        self._scopes = scopes
        self._setbacks = Setbacks()
        self._members = Members(client, trail, subject)
        self._customers = ShopCustomers(client, scopes, trail, subject, self._setbacks)
        if would is not None:
            self._members = PreviewedMembers(client, trail, subject, would)
            self._customers = PreviewedShopCustomers(client, scopes, trail, subject, self._setbacks, would)
        self._notes: list[str] = []

    def apply(self, action: Action, received_at: datetime) -> Receipt:
        """Read everything, then change what must be changed: members first, shops after them, SMS last."""
        held = self._everywhere()
        members = _all(held)
        for member in members:
            consent = newer_consent(member, self._subject, received_at) if _changes(action, member) else None
            if consent:
                raise consent
        handles = {Handle("audience", member.audience) for member in members}
        for member in members:
            with self._setbacks.audience(member.audience):
                self._act(action, member)
        if action is Action.SUPPRESS:
            handles |= self._leave_tombstones(audience for audience, there in held.items() if not there)
        if action is Action.DELETE:
            handles |= self._delete_customers()
        else:
            for member in members:
                with self._setbacks.audience(member.audience):
                    self._end_sms(member, received_at)
        self._setbacks.raise_gravest()
        outcome = Outcome.DONE if handles else Outcome.ABSENT
        return Receipt(outcome, self._trail.steps, tuple(self._notes), tuple(sorted(handles)))

    def confirm(self, action: Action, applied: Receipt | None) -> Receipt:
        """Read again, changing nothing. Raises Transient `not_yet` or `suppression_missing`, Permanent `sms_reachable`.

        Alone, it proves anew which audiences and stores there are.
        """
        began = time.monotonic()
        handles = applied.handles if applied else ()
        forgotten = ids_of("forgotten", handles)
        acted_in = ids_of("audience", handles) + forgotten
        held = self._read(acted_in) if handles else self._everywhere(anew=True)
        members = _all(held)
        if action is Action.DELETE:
            stores = ids_of("store", handles) if handles else None
            if members or self._customers.find(stores, since=began):
                raise Transient("not_yet", "the person is still there")
        else:
            self._judge_reach(members)
            missing = any(not there for audience, there in held.items() if audience not in forgotten)
            if action is Action.SUPPRESS and missing:
                # nobody there who could be reached: not the same as a person who is back
                self._setbacks.keep(Transient("suppression_missing", "an audience shows no suppression of the person"))
        self._setbacks.raise_gravest()
        outcome = applied.outcome if applied else Outcome.DONE if members else Outcome.ABSENT
        return Receipt(outcome, self._trail.steps, handles=handles)

    def opted_in(self) -> datetime | None:
        """Return the newest confirmed opt-in or sign-up (UTC) of the person in any audience."""
        members = _all(self._everywhere())
        self._setbacks.raise_gravest()
        found = [consent for one in members if (consent := opted_in(one, self._subject))]
        return max((when for _, when in found), default=None)

    # -- reading --------------------------------------------------------------------------------------------

    def _everywhere(self, *, anew: bool = False) -> Held:
        """Read the person in every audience there is.

        A member's 404 is also the answer of an audience that was deleted within the minute for which a proof serves.
        So where one came (and always, if `anew`), the audiences are proven again: those that are gone do not count,
        and those that are new are read too.
        """
        held: Held = {}
        asked: set[str] = set()
        audiences = self._scopes.audiences()
        rounds = iter(range(MOST_ROUNDS))
        while unread := [audience for audience in audiences if audience not in asked]:
            if next(rounds, None) is None:
                raise Transient("unreadable", "the account lists other audiences each time it is asked")
            asked.update(unread)
            held |= self._read(unread)
            if anew or not all(held.get(audience) for audience in unread):
                audiences = self._scopes.audiences(time.monotonic())
        for audience, error in audiences.failed.items():
            with self._setbacks.audience(audience):
                raise again(error)
        return {audience: there for audience, there in held.items() if there or audience in audiences}

    def _read(self, audiences: Iterable[str]) -> Held:
        held: Held = {}
        struck: dict[str, Misconfigured] = {}
        wanted = tuple(dict.fromkeys(audiences))
        self._trail.allow(len(wanted))
        for audience in wanted:
            with self._setbacks.audience(audience):
                try:
                    held[audience] = list(self._members.read(audience))
                except Misconfigured as error:
                    if error.code not in ("login_page", "redirected"):
                        raise
                    struck[audience] = error  # of the account, or of this audience alone: the others tell
        for audience, refusal in struck.items():
            if not held:
                raise refusal
            with self._setbacks.audience(audience):
                raise Transient("unreadable", f"{refusal.detail}, unlike in other audiences")
        return held

    def _judge_reach(self, members: list[Member]) -> None:
        """Raise Transient `not_yet` where mail reaches the person; keep what else is not as it should be."""
        if any(member.mail_reaches for member in members):
            raise Transient("not_yet", "the person can still be reached")
        for member in members:
            with self._setbacks.audience(member.audience):
                _require_known(member)
                if member.sms_reaches:
                    raise _reachable_by_sms(member, "")

    # -- acting ---------------------------------------------------------------------------------------------

    def _act(self, action: Action, member: Member) -> None:
        if not member.known:
            raise Permanent("unknown_state", "the contact has a status unknown to this version and is left as it is")
        if action is Action.DELETE:
            self._members.erase(member)
            if member.sms_reaches:
                self._note(member, "could be reached by SMS; Mailchimp shows nothing of that once a contact is erased.")
        elif not _changes(action, member):
            self._note(member, f"{member.status}, gets no mail; left as it is.{_HIDDEN.get(member.status, '')}")
        else:
            if member.status == "transactional":
                self._note(member, "was transactional, a customer who never opted in.")
            if not self._members.unsubscribe(member):
                self._note(member, f"archived, and Mailchimp would not change it.{_HIDDEN['archived']}")

    def _end_sms(self, member: Member, received_at: datetime) -> None:
        """End the text messages, which no mail status ends. Raises Permanent `sms_reachable` where that failed."""
        if not member.sms_known:
            raise Permanent("unknown_state", "the contact has an SMS status unknown to this version")
        if not member.sms_reaches:
            return
        error = self._members.end_sms(member)
        now = self._members.again(member.audience, member.key)
        if now is None or not (now.sms_reaches or not now.sms_known):
            self._note(member, "text messages were ended, too.")
            return
        if isinstance(error, Transient):
            detail = f"SMS could not be ended yet ({error.detail})"
            raise Transient(error.code, detail, retry_after=error.retry_after, hold_as="sms_reachable")
        why = f", the call was refused with {error.detail}" if error else ", though Mailchimp took the call"
        changed = now.sms_changed
        if changed and changed > in_utc(received_at):
            why += f"; the SMS subscription was last changed on {changed:%Y-%m-%d}, after the request"
        raise _reachable_by_sms(now, why)

    def _leave_tombstones(self, audiences: Iterable[str]) -> set[Handle]:
        """Make an unsubscribed contact where there is none; return the handles by which confirm knows them."""
        handles = set()
        for audience in audiences:
            with self._setbacks.audience(audience):
                state = self._members.leave_tombstone(audience)
                if state == "gone" and audience in self._scopes.audiences(time.monotonic()):
                    raise Transient("unreadable", "is listed, and answers 404 to a new entry")
                if state == "forgotten":
                    self._notes.append(f"Audience {audience}: erased for good before, cannot be added again.")
                if state != "gone":
                    handles.add(Handle("audience" if state == "made" else "forgotten", audience))
        return handles

    def _delete_customers(self) -> set[Handle]:
        handles = set()
        for customer in self._customers.find():
            handles.add(Handle("store", customer.store))
            with self._setbacks.shop(self._customers.named(customer.store)):
                self._customers.delete(customer)
        return handles

    def _note(self, member: Member, text: str) -> None:
        self._notes.append(f"Audience {member.audience}: {text}")


#: what a status hides (brandonseydel/MailChimp.Net#529)
_HIDDEN = {
    "archived": " Whether it was unsubscribed before, Mailchimp does not show; taken out of the archive it may get mail"
    " again."
}
_BY_HAND = "end it by hand at Mailchimp: Audience > All contacts > the contact > unsubscribe from SMS, then resync"


def _all(held: Held) -> list[Member]:
    return [member for there in held.values() for member in there]


def _changes(action: Action, member: Member) -> bool:
    """Say whether the action would change this contact."""
    if action is Action.DELETE:
        return True
    return not member.known or member.mail_reaches or (action is Action.SUPPRESS and member.status == "archived")


def _require_known(member: Member) -> None:
    """Raise Permanent `unknown_state` for a status, of mail or of SMS, that this version does not know."""
    if not (member.known and member.sms_known):
        raise Permanent("unknown_state", "the contact has a status unknown to this version")


def _reachable_by_sms(member: Member, why: str) -> Permanent:
    mail = "mail is stopped, but the contact can" if member.status in LEFT else "the contact can"
    return Permanent("sms_reachable", f"{mail} still be reached by SMS ({member.sms}){why}: {_BY_HAND}")
