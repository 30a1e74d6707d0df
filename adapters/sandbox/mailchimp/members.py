"""The calls about one member: add, read, change, rename, archive, erase."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.sandbox.mailchimp.belongings import notes_call, tags_call
from adapters.sandbox.mailchimp.bodies import (
    compliance,
    invalid,
    key_of,
    not_allowed,
    not_found,
    not_modelled,
    now,
    problem,
)
from adapters.sandbox.mailchimp.oddities import Oddities
from adapters.sandbox.mailchimp.queries import chosen, full
from adapters.sandbox.mailchimp.records import fill, give_sms, member_body, shown, tag
from adapters.sandbox.mailchimp.sent import sent
from adapters.sandbox.messages import Reply, Request, as_json
from adapters.sandbox.server import Sandbox

MEMBER = re.compile(r"^lists/([^/]+)/members/([^/]+)(/.+)?$")
#: every address at the reserved example domains is refused on add (recorded by grouparoo)
_FAKE = re.compile(r"@(.*\.)?example\.(com|org|net)$")
#: what an add and a PUT-create may set (specification); a PATCH may not make somebody transactional
_NEW = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
_CHANGED = ("subscribed", "unsubscribed", "cleaned", "pending")
#: nobody has left or bounced in these
_STAYED = ("subscribed", "pending", "transactional")
#: taken from a body as it stands
_PLAIN = ("email_type", "language", "vip", "interests", "ip_signup", "ip_opt", "timestamp_signup", "timestamp_opt")

Member = dict[str, Any]


class MemberCalls(Sandbox):
    """Audiences with their members, and what can be asked about one of them."""

    def __init__(
        self,
        audiences: Sequence[str],
        required_merge_fields: Mapping[str, Sequence[str]],
        latency: float,
        jitter: float,
        port: int,
    ) -> None:
        super().__init__(latency=latency, jitter=jitter, port=port)
        self.odd = Oddities()
        #: audience -> merge tags without which it takes nobody, unless the call says `skip_merge_validation=true`
        self.required_merge_fields: dict[str, tuple[str, ...]] = {
            audience: tuple(tags) for audience, tags in required_merge_fields.items()
        }
        self._lists: dict[str, dict[str, Member]] = {audience: {} for audience in audiences}
        self._forgotten: set[tuple[str, str]] = set()
        self._before: dict[tuple[str, str], Member | None] = {}
        self._contacts: dict[tuple[str, str], str] = {}

    def _hold(self, audience: str, member: Member) -> None:
        """Keep a member under the hash of their address, to be found by contact id as well."""
        self._lists[audience][member["id"]] = member
        self._contacts[audience, member["contact_id"]] = member["id"]

    def _key(self, audience: str, key: str) -> str:
        """Return the hash that is meant by a hash in either case, an address or a contact id."""
        # upper-case MD5 was recorded by duartejc, the others are documented
        if "@" in key:
            return key_of(key)
        known = self._contacts.get((audience, key.lower()))
        held = self._lists[audience].get(known) if known else None
        return held["id"] if held and held["contact_id"] == key.lower() else key.lower()

    def _member(self, request: Request, audience: str, given: str, tail: str) -> Reply:
        if audience not in self._lists:
            return not_found()
        people, key = self._lists[audience], self._key(audience, given)
        if request.method != "GET":
            # shallow, as below: what hangs on a member is replaced, never changed in place
            self._before[audience, key] = copy.copy(people.get(key))
        if tail == "/actions/delete-permanent":
            # the page names only the MD5 here, neither address nor contact id
            return self._delete_permanently(request, audience, given.lower())
        if tail:
            return self._belonging(request, people.get(key), tail)
        if request.method == "PUT":
            return self._put(request, audience, key)
        if key not in people:
            return not_found()
        if request.method == "GET":
            return self._answer(people[key], request)
        if request.method == "PATCH":
            return self._patch(request, people[key])
        if request.method == "DELETE":
            return self._archive(people[key])
        return not_allowed("GET, PUT, PATCH, DELETE")

    def _belonging(self, request: Request, member: Member | None, tail: str) -> Reply:
        if member is None:
            return not_found()
        if tail == "/tags":
            return tags_call(member, request, self.odd)
        if tail == "/notes":
            return notes_call(member, request, self.odd)
        return not_modelled("this part of a member")

    def _answer(self, member: Member, request: Request) -> Reply:
        return as_json(200, chosen(shown(member, full(request)), request))

    # -- the ways out ---------------------------------------------------------------------------------------

    def _delete_permanently(self, request: Request, audience: str, key: str) -> Reply:
        # a body is taken and ignored: the official clients send `null`, mc-woocommerce `[]`; nobody reports a refusal
        if request.method != "POST":
            return not_allowed("POST")
        if self._lists[audience].pop(key, None) is None:
            return not_found()
        # the address cannot be added again by API (documentation; users' reports)
        self._forgotten.add((audience, key))
        return Reply(204)

    def _archive(self, member: Member) -> Reply:
        if member["status"] in ("archived", "cleaned", "pending"):
            # not 404, not 204 (60 of 60 recorded by grouparoo)
            detail = (
                "This list member cannot be removed. Can not archive a contact that is bounced, pending or archived"
            )
            return problem(405, "Method Not Allowed", detail, Allow="GET, PUT")
        _set_status(member, "archived")
        member["last_changed"] = now()
        return Reply(204)

    # -- changes --------------------------------------------------------------------------------------------

    def _patch(self, request: Request, member: Member) -> Reply:
        wanted = sent(request)
        refused = (
            _status_refused(wanted, "status", _CHANGED, member)
            or self._sms_refused(wanted)
            or self._merge_refused(request, member, wanted)
            or self._rename_refused(wanted, member)
        )
        if refused:
            return refused
        before = copy.copy(member)
        self._rename(wanted, member)
        self._set(wanted, member)
        if status := wanted.get("status"):
            _set_status(member, status)
        if before != member:
            member["last_changed"] = now()
        return self._answer(member, request)

    def _set(self, wanted: Mapping[str, Any], member: Member) -> None:
        """Take over what a body says of the member, except status, address and tags."""
        # a tag that the audience does not have is dropped without a word (recorded by grouparoo)
        known = {*member["merge_fields"], *self.required_merge_fields.get(member["list_id"], ())}
        fill(member, {name: value for name, value in wanted.get("merge_fields", {}).items() if name in known})
        member.update({name: wanted[name] for name in _PLAIN if name in wanted})
        if (sms := _sms_status(wanted)) and self.odd.sms_channel == "obeyed":
            give_sms(member, sms)

    def _sms_refused(self, wanted: Mapping[str, Any]) -> Reply | None:
        if "sms_channel" in wanted and self.odd.sms_channel == "refused":
            return invalid("sms_channel", "This field is not allowed.")
        return None

    def _merge_refused(self, request: Request, member: Member, wanted: Mapping[str, Any]) -> Reply | None:
        """Refuse a member without what the audience requires (MC4WP#545), unless the flag is set (documentation)."""
        if request.query.get("skip_merge_validation") == "true":
            return None
        required = self.required_merge_fields.get(member["list_id"], ())
        values = {**member["merge_fields"], **wanted.get("merge_fields", {})}
        missing = [name for name in required if values.get(name) in (None, "")]
        errors = tuple((name, "Please enter a value") for name in missing)
        return problem(400, "Invalid Resource", "Your merge fields were invalid.", errors) if errors else None

    def _rename_refused(self, wanted: Mapping[str, Any], member: Member) -> Reply | None:
        email = wanted.get("email_address")
        if not email or key_of(email) == member["id"]:
            return None
        if "@" not in email:
            return problem(400, "Invalid Resource", "Please provide a valid email address.")
        if member["status"] != "subscribed":
            # mailchimp-user-sync#96
            rule = 'You can only update email addresses for members with a status of "subscribed."'
            return invalid("email address", f'This member\'s status is "{member["status"]}." {rule}')
        audience, key = member["list_id"], key_of(email)
        there = self._lists[audience].get(key)
        taken = "Deleted" if (audience, key) in self._forgotten else there["status"] if there else None
        # MailChimp.Net#201; "Deleted" reported in 2026
        return (
            invalid("email address", f'"{email}" is already in this list with a status of "{taken}".')
            if taken
            else None
        )

    def _rename(self, wanted: Mapping[str, Any], member: Member) -> None:
        """Move the member to the hash of the new address: the old one is 404 at once (39 of 39, grouparoo)."""
        email = wanted.get("email_address")
        if email and email != member["email_address"]:
            del self._lists[member["list_id"]][member["id"]]
            member.update(email_address=email, id=key_of(email))
            self._hold(member["list_id"], member)

    # -- adds -----------------------------------------------------------------------------------------------

    def _put(self, request: Request, audience: str, key: str) -> Reply:
        people, wanted = self._lists[audience], sent(request)
        if key in people:
            # a machine's PUT re-subscribes what the API unsubscribed, and leaves timestamp_opt (grouparoo)
            return self._patch(request, people[key])
        # creates, and under the hash of the address in the body, not of the key in the URL (grouparoo)
        return self._add(request, audience, wanted.get("status_if_new") or wanted.get("status"))

    def _add(self, request: Request, audience: str, status: str | None) -> Reply:
        wanted = sent(request)
        email, status = wanted.get("email_address", ""), status or wanted.get("status")
        there = self._lists[audience].get(key_of(email))
        before = there or member_body(email, audience, "", now())
        refused = (
            _add_refused(email, status)
            or self._taken(email, audience, there)
            or _status_refused({"status": status}, "status", _NEW, before)
            or self._merge_refused(request, before, wanted)
        )
        if refused:
            return refused
        # an archived contact is revived, and its opt-in moved to now (41 of 41, grouparoo)
        member = {**before, "email_address": email, "status": status, "timestamp_opt": now(), "last_changed": now()}
        self._set(wanted, member)
        tag(member, [*(row["name"] for row in member["tags"]), *wanted.get("tags", ())])
        self._hold(audience, member)
        return self._answer(member, request)

    def _taken(self, email: str, audience: str, there: Member | None) -> Reply | None:
        if (audience, key_of(email)) in self._forgotten:
            detail = f"{email} was permanently deleted and cannot be re-imported."
            more = "The contact must re-subscribe to get back on the list."
            return problem(400, "Forgotten Email Not Subscribed", f"{detail} {more}")
        if there and there["status"] != "archived":
            detail = f"{email} is already a list member. Use PUT to insert or update list members."
            return problem(400, "Member Exists", detail)
        return None


def _sms_status(wanted: Mapping[str, Any]) -> str | None:
    """Return the status of `{"sms_channel": {"marketing_consent": {"status": …}}}`, as mc-woocommerce writes it."""
    value: Any = wanted
    for name in ("sms_channel", "marketing_consent", "status"):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _status_refused(
    wanted: Mapping[str, Any], field: str, allowed: tuple[str, ...], member: Mapping[str, Any]
) -> Reply | None:
    status = wanted.get(field)
    if status is not None and status not in allowed:
        return invalid(field, f"Value must be one of: {', '.join(allowed)}.")
    # who left by themselves cannot be subscribed by API (users' reports; MC4WP#798 of 2025)
    left = member["_by_person"] and member["status"] not in _STAYED
    return compliance() if left and status in ("subscribed", "pending") else None


def _set_status(member: Member, status: str) -> None:
    """Set a status. Who had not left by themselves does not count as one who did, whatever the API sets."""
    if member["status"] in _STAYED and status not in _STAYED:
        member["_by_person"] = False
    member["status"] = status


def _add_refused(email: str, status: str | None) -> Reply | None:
    missing = [name for name, value in (("email_address", email), ("status", status)) if not value]
    if missing:
        return invalid(missing[0], f"Required fields were not provided: {', '.join(missing)}")
    if "@" not in email:
        return problem(400, "Invalid Resource", "Please provide a valid email address.")
    if _FAKE.search(email):
        detail = f"{email} looks fake or invalid, please enter a real email address."
        return problem(400, "Invalid Resource", detail)
    return None
