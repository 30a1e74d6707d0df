"""One person's walk through an ActiveCampaign account: find, hold on newer consent, act, read back."""

from __future__ import annotations

from datetime import datetime

from adapters.activecampaign.answers import CONTACT, LEFT, REACHED, Contact, expect_done, is_absent, newer_consent
from adapters.activecampaign.calls import Calls
from adapters.addresses import spellings_of
from adapters.contract import Handle, Outcome, Receipt, Subject
from adapters.errors import AdapterError, Permanent, Transient
from adapters.handles import ids_of
from adapters.http.answer import Answer
from adapters.http.evidence import Trail

#: how often a delete that ActiveCampaign blocks is tried again, in seconds: the allowance is renewed monthly
_BLOCKED_WAIT = 86400.0
#: how often automations are read and left in one apply; unsubscribing can itself start one
_ROUNDS = 3
_IMPORT = 'import the address under Contacts > Import > "Import as excluded email address", then resync'


class ActiveCampaignWalk:
    """One person's walk through the account."""

    def __init__(self, calls: Calls, trail: Trail, subject: Subject) -> None:
        self._calls = calls
        self._trail = trail
        self._spellings = spellings_of(subject)
        self._notes: list[str] = []

    def delete(self, received_at: datetime, *, ecommerce: bool) -> Receipt:
        """Delete the live contacts, purge the archive, delete the e-commerce customers."""
        contacts = self._find_with_rows()
        self._hold_newer_consent(contacts, received_at)
        customers, refused = self._customers() if ecommerce else ([], None)
        for contact in contacts:
            self._delete(contact)
        archived = self._archived()
        for one in archived:
            self._calls.purge(one)
        for one in customers:
            self._calls.delete_customer(one)
        if refused:
            raise refused
        if len(archived) < len(contacts):
            self._notes.append("The archive did not show every contact just deleted; it is searched again later.")
        handles = (
            *(Handle("contact", contact.id) for contact in contacts),
            *(Handle("archived", one) for one in archived),
            *(Handle("customer", one) for one in customers),
        )
        return self._receipt(Outcome.DONE if handles else Outcome.ABSENT, handles)

    def confirm_deleted(self, applied: Receipt | None, *, ecommerce: bool) -> Receipt:
        """Prove the contacts gone, by id where they are known, the archive empty and the customers gone."""
        handles = applied.handles if applied else ()
        known = ids_of("contact", handles)
        live = not all(self._calls.is_gone(one) for one in known)
        if not live and (not handles or len(known) > 1):
            # several of one address fill pages that shift, so ids prove only what was seen: search again
            live = any(self._calls.find(spelling) for spelling in self._spellings)
        if live or self._archived():
            raise Transient("not_yet", "the person is still there")
        if ecommerce and (not handles or ids_of("customer", handles)):
            customers, refused = self._customers()
            if refused:
                raise refused
            if customers:
                raise Transient("not_yet", "the person is still an e-commerce customer")
        return self._receipt(applied.outcome if applied else Outcome.ABSENT, handles)

    def unsubscribe(self, received_at: datetime, *, suppress: bool) -> Receipt:
        """Set every list row by which mail comes to 2, then leave the automations; for suppress, exclude too."""
        contacts = self._find_with_rows()
        if any(row.status not in REACHED | LEFT for contact in contacts for row in contact.rows or ()):
            raise Permanent("unknown_state", "a list row has a status unknown to this version")
        if not all(contact.rows for contact in contacts):
            self._prove_lists()
        self._hold_newer_consent(contacts, received_at)
        for contact in contacts:
            left = sorted({row.status for row in contact.rows or () if row.status in LEFT})
            if left:
                self._notes.append(f"List rows of status {', '.join(left)} receive nothing; left as they are.")
            self._stop_mail(contact)
        if suppress:
            self._exclude([contact.spelling for contact in contacts] or [self._spellings[0]])
        handles = tuple(Handle("contact", contact.id) for contact in contacts)
        return self._receipt(Outcome.DONE if handles or suppress else Outcome.ABSENT, handles)

    def confirm_unsubscribed(self, applied: Receipt | None, *, suppress: bool) -> Receipt:
        """Read lists and automations again; for suppress, the exclusion."""
        handles = applied.handles if applied else ()
        contacts = [] if handles else self._find()
        ids = ids_of("contact", handles) or tuple(contact.id for contact in contacts)
        for one in ids:
            rows = self._calls.rows(one)
            if not rows:
                self._prove_lists()
            if any(row.status not in REACHED | LEFT for row in rows):
                raise Permanent("unknown_state", "a list row has a status unknown to this version")
            if any(row.status in REACHED for row in rows):
                raise Transient("not_yet", "the person is still on a list")
            if self._calls.automations(one):
                raise Transient("not_yet", "the person is still in an automation")
        if suppress and not all(self._covering(s)[0] for s in {c.spelling for c in contacts} or {self._spellings[0]}):
            raise Transient("not_yet", "no exclusion covers the person")
        outcome = applied.outcome if applied else Outcome.DONE if ids or suppress else Outcome.ABSENT
        return self._receipt(outcome, handles)

    def opted_in(self) -> datetime | None:
        """Return the newest subscription to a list by which mail reaches the person."""
        rows = [row for contact in self._find_with_rows() for row in contact.rows or ()]
        return max((row.since for row in rows if row.status in REACHED and row.since), default=None)

    def _find_with_rows(self) -> list[Contact]:
        return [
            contact if contact.rows is not None else Contact(contact.id, contact.spelling, self._calls.rows(contact.id))
            for contact in {contact.id: contact for contact in self._find()}.values()
        ]

    def _find(self) -> list[Contact]:
        return [contact for spelling in self._spellings for contact in self._calls.find(spelling)]

    def _prove_lists(self) -> None:
        """Make sure that a contact without list rows has none: a key that may see no lists is not shown them.

        Raises Permanent `forbidden`.
        """
        self._calls.lists()
        self._trail.state("visible")

    def _hold_newer_consent(self, contacts: list[Contact], received_at: datetime) -> None:
        for contact in contacts:
            consent = newer_consent(contact.rows or (), received_at)
            if consent:
                raise consent

    def _delete(self, contact: Contact) -> None:
        """Delete one contact; if that does not go through at once, at least no more mail goes out."""
        try:
            answer = self._calls.delete(contact.id)
            if is_absent(answer, CONTACT):
                self._trail.state("absent")
                return
            if answer.status != 200:
                raise self._delete_failure(answer)
            expect_done(answer)
            self._trail.state("deleted")
        except Transient as error:
            if error.code == "rate_limited":
                raise
            stopped = self._try_to_stop_mail(contact)
            if error.code != "delete_blocked":
                raise
            # a day's wait is right only while no mail goes out meanwhile
            mail = "mail is stopped" if stopped else "mail could not be stopped yet"
            wait = _BLOCKED_WAIT if stopped else None
            raise Transient("delete_blocked", f"{error.detail}; {mail}", retry_after=wait) from None

    def _delete_failure(self, answer: Answer) -> AdapterError:
        """Return why a delete was refused. Status and body of a used-up delete allowance are documented nowhere.

        So every 4xx without another known meaning counts as that (help article 115001663450).
        """
        error = self._calls.meaning(answer)
        if error.code == "unknown_state":
            return Transient("unknown_state", "the delete answered 410: the state is read again")
        if isinstance(error, Permanent):
            return Transient("delete_blocked", f"ActiveCampaign refused the delete with HTTP {answer.status}")
        return error

    def _try_to_stop_mail(self, contact: Contact) -> bool:
        try:
            self._stop_mail(contact)
        except AdapterError:
            return False  # the failure of the delete is the one to report
        return True

    def _stop_mail(self, contact: Contact) -> None:
        for row in contact.rows or ():
            if row.status in REACHED:
                self._calls.unsubscribe(contact.id, row.list)
        for _ in range(_ROUNDS):
            active = self._calls.automations(contact.id)
            if not active:
                return
            for automation in active:
                self._calls.leave_automation(automation)

    def _archived(self) -> list[str]:
        return list(dict.fromkeys(one for spelling in self._spellings for one in self._calls.archived(spelling)))

    def _customers(self) -> tuple[list[str], Permanent | None]:
        """Return the customers' ids and, for a key or plan without e-commerce, why they cannot be read.

        That is raised last, so that it does not stop the erasure.
        """
        ids: list[str] = []
        try:
            for spelling in self._spellings:
                ids += self._calls.customers(spelling)
        except Permanent as error:
            if error.code != "forbidden":
                raise
            remedy = "the key may not read e-commerce customers: grant it, or set ecommerce = false"
            return [], Permanent("forbidden", remedy)
        return list(dict.fromkeys(ids)), None

    def _exclude(self, spellings: list[str]) -> None:
        """Make sure that an exclusion covers each address. One can be widened by the API, but not created."""
        for spelling in dict.fromkeys(spellings):
            covered, exact = self._covering(spelling)
            if covered:
                continue
            if not exact:
                raise Permanent("exclusion_needed", f"mail is stopped, but no exclusion covers the person: {_IMPORT}")
            try:
                self._calls.widen_exclusion(exact)
            except Permanent as error:
                raise Permanent("exclusion_needed", f"an exclusion exists but cannot be widened: {_IMPORT}") from error

    def _covering(self, spelling: str) -> tuple[bool, str]:
        """Say whether an exclusion covers the address; if none does, return the id of an exact but narrower one.

        A rule on the domain does not contain the address, so it is looked for by the domain. Rules on a shorter
        ending or on a beginning cannot be found by the API's filter: an exact one is then asked for, which harms
        nobody.
        """
        exact = ""
        for phrase in (spelling, spelling[spelling.rfind("@") :]):
            for row in self._calls.exclusions(phrase):
                fits = _fits(str(row.get("matchPhrase", "")), str(row.get("matchType", "")), spelling)
                if fits and row.get("channel") in ("all", "allEmail"):
                    self._trail.state("excluded")
                    return True, ""
                if fits == "exact":
                    exact = str(row.get("id"))
            if exact:
                break
        self._trail.state("not excluded")
        return False, exact

    def _receipt(self, outcome: Outcome, handles: tuple[Handle, ...]) -> Receipt:
        return Receipt(outcome, self._trail.steps, tuple(dict.fromkeys(self._notes)), handles)


def _fits(phrase: str, kind: str, spelling: str) -> str:
    """Return the kind of rule if it fits the address, else "". A beginning may be called "begin" or "start"."""
    phrase, spelling = phrase.casefold(), spelling.casefold()
    fits = {
        "exact": phrase == spelling,
        "end": bool(phrase) and spelling.endswith(phrase),
        "begin": bool(phrase) and spelling.startswith(phrase),
        "start": bool(phrase) and spelling.startswith(phrase),
    }
    return kind if fits.get(kind, False) else ""
