"""One ActiveCampaign account."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from adapters.activecampaign.calls import Calls
from adapters.activecampaign.trial import PLAN, ActiveCampaignTrial
from adapters.activecampaign.walk import ActiveCampaignWalk
from adapters.checks import tried
from adapters.contract import Action, Adapter, Check, Limits, Receipt, Seen, SettingsError, Subject, TrialStep
from adapters.errors import Misconfigured
from adapters.http.evidence import NO_HURRY, Trail, evidence
from adapters.http.pacer import Pacer
from adapters.http.transport import Transport
from adapters.options import check_api_key, check_base_url, check_flag

_SENDERS = 6


class ActiveCampaign(Adapter):
    """One account. A delete only moves a contact to an archive, kept 360 days; erasure is a second delete there.

    Calls, per spelling of the address (nearly always one), for one live contact on L lists it can be reached by and
    in A automations:

    | action      | apply                                               | confirm after it | confirm alone |
    | ----------- | --------------------------------------------------- | ---------------- | ------------- |
    | delete      | 5: find, customers, delete, archive, purge          | 2                | 3             |
    | unsubscribe | 2 + L: find, L × status 2, automations; A + 1 for A | 2                | 3             |
    | suppress    | as unsubscribe, + 1 or 2 for the exclusion          | + 1 or 2         | + 1 or 2      |

    So an erasure without leftovers is 7 calls, 6 with `ecommerce = false`; each e-commerce customer found costs one
    delete and, once, a read back. A person not held: delete 3 calls, unsubscribe 1. Where the find does not bring
    the list rows (`include=` is in no specification), each contact costs a read of them more.
    """

    name: ClassVar[str] = "activecampaign"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    options: ClassVar[Mapping[str, str]] = {
        "base_url": "the account's API address, from Settings > Developer (required)",
        "requests_per_second": "pace of the calls (default 4); the account allows 5, plugins included",
        "ecommerce": "whether an erasure also deletes the person's e-commerce customers (default true)",
    }
    title: ClassVar[str] = "ActiveCampaign"
    # from ActiveCampaign's pages on the contact archive (360 days) and on contacts that were unsubscribed before
    remains: ClassVar[Mapping[Action, tuple[str, ...]]] = {
        Action.DELETE: (
            "ActiveCampaign keeps an archive of erased contacts for 360 days. You were removed from that archive too.",
            "It may remember that an address was once unsubscribed. Deals, notes and technical records, such as those"
            " of returned mail, are not part of what was erased, if there were any.",
        ),
        Action.UNSUBSCRIBE: (
            "Your entry stays there, marked as unsubscribed on every mailing list, and no newsletter is sent to it.",
        ),
        Action.SUPPRESS: (
            "Your address stays on a list of those who are never written to, and your entry, where there is one, is"
            " marked as unsubscribed. Both are used for nothing else.",
        ),
    }

    def __init__(self, transport: Transport, *, ecommerce: bool) -> None:
        self._transport = transport
        self._ecommerce = ecommerce

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> ActiveCampaign:
        """Build one from its settings. Raises SettingsError."""
        if "base_url" not in options:
            raise SettingsError("base_url", "base_url is missing: copy the URL from Settings > Developer")
        rate = options.get("requests_per_second", 4)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf:
            raise SettingsError("requests_per_second", "requests_per_second must be a positive number")
        return cls(
            Transport(
                check_base_url(options["base_url"], "/api/3"),
                headers={"Api-Token": check_api_key(api_key)},
                connections=_SENDERS,
                pacer=Pacer(float(rate)),
            ),
            ecommerce=check_flag(options, "ecommerce", True),
        )

    @property
    def limits(self) -> Limits:
        """Six senders: at one second of latency they still reach 97 % of the rate; the pacer keeps it."""
        return Limits(senders=_SENDERS)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        """Find the person, hold on newer consent, then act. Raises AdapterError."""
        with evidence() as trail:
            walk = ActiveCampaignWalk(self._calls(trail), trail, subject)
            if action is Action.DELETE:
                return walk.delete(received_at, ecommerce=self._ecommerce)
            return walk.unsubscribe(received_at, suppress=action is Action.SUPPRESS)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        """Read the person again, by id where the apply found them, else by address. Raises AdapterError."""
        with evidence() as trail:
            walk = ActiveCampaignWalk(self._calls(trail), trail, subject)
            if action is Action.DELETE:
                return walk.confirm_deleted(applied, ecommerce=self._ecommerce)
            return walk.confirm_unsubscribed(applied, suppress=action is Action.SUPPRESS)

    def changed(self, since: datetime | None) -> Iterator[Seen]:
        """Yield the contacts updated since then (UTC); the archive is searched by address only. Raises AdapterError."""
        with evidence() as trail:
            for address in self._calls(trail).changed(since or datetime.fromtimestamp(0, UTC)):
                yield Seen("contact", address)

    def opted_in(self, subject: Subject) -> datetime | None:
        """Return the newest `sdate` of a list by which mail reaches the person. Raises AdapterError."""
        with evidence() as trail:
            return ActiveCampaignWalk(self._calls(trail), trail, subject).opted_in()

    def ping(self) -> None:
        """Ask who the key belongs to. Raises AdapterError."""
        with evidence() as trail:
            self._calls(trail).me()

    def check(self) -> list[Check]:
        """Try the key and the three rights without which an answer would silently look like "nobody there"."""
        calls = self._calls(Trail())
        return [
            tried("key", lambda: self._account(calls), "check base_url and the API key in Settings > Developer"),
            tried("admin", lambda: _admin(calls), "put the key's user into the Admin group"),
            tried("archive", lambda: _archive(calls), "put the key's user into the Admin group: erasure needs it"),
            tried("lists", lambda: _lists(calls), "let the key's user see all lists"),
        ]

    def trial_plan(self, place: str | None) -> tuple[str, ...]:
        """Return what a trial does; `place` is the id of a list. Raises SettingsError."""
        if place is not None and not (place.isascii() and place.isdigit()):
            raise SettingsError("in", "write the id of a list, a number, as `syncer check` shows it")
        where = f"list {place}" if place else "the first list that the key sees"
        return tuple(line.format(place=where) for line in PLAN)

    def trial(self, subject: Subject, place: str | None) -> Iterator[TrialStep]:
        """Try every call on an invented contact and yield the steps."""
        with evidence(NO_HURRY) as trail:
            yield from ActiveCampaignTrial(self._transport.sender(trail), trail, subject).run(place)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _account(self, calls: Calls) -> str:
        # the account's name is the first label of its host; nothing in a key tells a trial account from the real one
        calls.me()
        return f"accepted by {self._transport.host}: is that the right account?"

    def _calls(self, trail: Trail) -> Calls:
        """Return the calls, each leaving its step on this trail."""
        return Calls(self._transport.sender(trail), trail.state)


def _admin(calls: Calls) -> str:
    if not calls.is_admin():
        raise Misconfigured("forbidden", "the key's user is not in the Admin group")
    return "the key's user is in the Admin group"


def _archive(calls: Calls) -> str:
    # an address that cannot exist; a search by a word would ignore the archive's 360 days (contact-archives)
    calls.archived(f"nobody-{secrets.token_hex(8)}@syncer.invalid")
    return "the archive can be searched"


def _lists(calls: Calls) -> str:
    # a key with narrow rights can hide lists, and with them subscriptions: a person must know whether this is all
    names = calls.lists()
    return f"the key sees {len(names)} lists: is that all of them? {', '.join(names)}".rstrip()
