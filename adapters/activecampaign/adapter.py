"""One ActiveCampaign account."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from adapters.checks import in_turn, shown_name, tried
from adapters.contract import (
    Action,
    Adapter,
    Check,
    Evidence,
    Limits,
    Preview,
    Receipt,
    Remaining,
    Seen,
    SettingsError,
    Stays,
    Subject,
    TrialStep,
    nameless,
)
from adapters.errors import AdapterError, Misconfigured
from adapters.http.evidence import LAST_CALLS, LONGEST_WALK, NO_HURRY, Trail, evidence
from adapters.http.pacer import Pacer
from adapters.http.transport import Transport
from adapters.options import check_api_key, check_base_url, check_flag
from adapters.preview import Would, previewed
from adapters.values import numeric_id

if TYPE_CHECKING:
    from adapters.activecampaign.calls.asking import Asking
    from adapters.activecampaign.erasure import Erasure
    from adapters.activecampaign.objection import Objection

_SENDERS = 6
#: what stands in the sample settings for an account's name; an account's own is in lower case
_PLACEHOLDER = "ACCOUNT"
#: pages of lists that `check` names
_LIST_PAGES = 2
_TO_ADMIN = "put the key's user into the Admin group"
_KEY = "check base_url and the API key in Settings > Developer"
_RIGHT_ACCOUNT = "see that this is the right account: nothing in a key tells a trial account from the real one"
_ALL_LISTS = "see that these are all lists: what a key with narrow rights does not see counts as not there"
_HELD = "every erasure will be held as archived_not_purged, also of people who are not there"


class ActiveCampaign(Adapter):
    """One account. A delete only moves a contact to an archive, kept 360 days; erasure is a second delete there.

    A single page of the vendor's reference describes the search in that archive, and no answer of it is public. So a
    contact that was deleted counts as erased once it was seen there and purged (`Receipt.unseen`). A key whose user
    is not in the Admin group cannot look there: every erasure will be held as `archived_not_purged`.

    Calls, per spelling of the address (nearly always one), for one live contact on L lists it can be reached by and
    in A automations:

    | action      | apply                                               | confirm after it        | confirm alone |
    | ----------- | --------------------------------------------------- | ----------------------- | ------------- |
    | delete      | 5: find, delete, archive, purge, customers          | 3: by id, find, archive | 3             |
    | unsubscribe | 2 + L: find, L × status 2, automations; A + 1 for A | 2                       | 3             |
    | suppress    | as unsubscribe, + 1 to 3 for the exclusion          | + 1 to 3                | + 1 to 3      |

    So an erasure without leftovers is 8 calls, 7 with `ecommerce = false`; each e-commerce customer found costs one
    delete and, once, a read back; a contact that the archive does not show, one more. A person not held: delete 3
    calls, unsubscribe 1. Where the find brings no list rows (`include=` is in no specification), each contact costs a
    read of them more.

    A new subscription leaves no date behind (`dates_every_change`): `changed` without a date lists all contacts.
    """

    name: ClassVar[str] = "activecampaign"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    evidence: ClassVar[Evidence] = Evidence.READ_BACK
    options: ClassVar[Mapping[str, str]] = {
        "base_url": "the account's API address, from Settings > Developer (required)",
        "requests_per_second": "pace of the calls (default 4); the account allows 5, plugins included",
        "ecommerce": "whether an erasure also deletes the person's e-commerce customers (default true)",
    }
    title: ClassVar[str] = "ActiveCampaign"
    dates_every_change: ClassVar[bool] = False
    # ActiveCampaign's pages on the contact archive (360 days) and on contacts that were unsubscribed before; deals and
    # notes have calls of their own, which syncer does not make
    remains: ClassVar[Mapping[Action, tuple[Remaining, ...]]] = {
        Action.DELETE: (
            Remaining(
                "Deals and notes about you that are kept there, if there are any, were not removed with your entry.",
                Stays.LEFT,
            ),
            Remaining(
                "ActiveCampaign keeps an archive of erased contacts for 360 days. You were removed from that archive"
                " too, as its own search shows, the only way to look into it. Technical records, such as those of"
                " returned mail, cannot be removed through its interface, and it may remember that an address was once"
                " unsubscribed.",
                Stays.OUT_OF_REACH,
            ),
        ),
        Action.UNSUBSCRIBE: (
            Remaining(
                "Your entry stays there, marked as unsubscribed on every mailing list, and no newsletter goes to it.",
                Stays.NOT_ASKED,
            ),
            Remaining(
                "Text and WhatsApp messages have refusals of their own there, which this does not change and its"
                " interface does not show.",
                Stays.OUT_OF_REACH,
            ),
        ),
        Action.SUPPRESS: (
            Remaining(
                "Your address stays on a list of those who are never written to, so that you are not added again by"
                " mistake.",
                Stays.SUPPRESSION,
                outlives_entry=True,  # an exclusion: no erasure of a contact removes it
            ),
            Remaining(
                "Your entry, where there is one, stays there, marked as unsubscribed, and no newsletter is sent to it.",
                Stays.NOT_ASKED,
            ),
        ),
    }

    def __init__(self, transport: Transport, *, ecommerce: bool, patience: float = LONGEST_WALK) -> None:
        """`patience` is how long one verb may take for one person, in seconds."""
        self._transport = transport
        self._patience = patience
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
                _base_url(options["base_url"]),
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
        with evidence(self._patience) as trail:
            return self._errand(action, trail, subject).apply(received_at)

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        """Read as an apply does, and say what it would change. Raises AdapterError."""
        from adapters.activecampaign.preview import PreviewedErasure, PreviewedObjection

        would = Would()
        with evidence(self._patience) as trail:
            asking, suppress = self._asking(trail), action is Action.SUPPRESS
            errand: Erasure | Objection = (
                PreviewedErasure(asking, trail, subject, would, ecommerce=self._ecommerce)
                if action is Action.DELETE
                else PreviewedObjection(asking, trail, subject, would, suppress=suppress)
            )
            return previewed(trail, would, lambda: errand.apply(received_at))

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        """Read the person again, by id where the apply found them, and by address. Raises AdapterError."""
        with evidence(self._patience) as trail:
            return self._errand(action, trail, subject).confirm(applied)

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        """Yield the contacts updated since then (UTC), or all; the archive is searched by address only.

        Raises AdapterError. A contact put on a list again keeps its old date: only the listing of all shows that.
        """
        from adapters.activecampaign.calls.everybody import Everybody

        with evidence(NO_HURRY, keep=LAST_CALLS) as trail:
            yield from Everybody(self._asking(trail), since).seen(after)

    def opted_in(self, subject: Subject) -> datetime | None:
        """Return the newest `sdate` of a list that the person confirmed. Raises AdapterError."""
        from adapters.activecampaign.rows import opted_in
        from adapters.activecampaign.walk import ActiveCampaignWalk

        with evidence(self._patience) as trail:
            consent = opted_in(ActiveCampaignWalk(self._asking(trail), trail, subject).find_with_rows(), subject)
        return consent[1] if consent else None

    def ping(self) -> None:
        """Ask who the key belongs to. Raises AdapterError."""
        with evidence(self._patience) as trail:
            self._asking(trail).me()

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        """Try the key and the three rights without which an answer would silently look like "nobody there"."""
        asking = self._asking(Trail())
        return in_turn(
            lambda: tried("key", lambda: self._account(asking), _KEY, _RIGHT_ACCOUNT),
            lambda: tried("admin", lambda: _admin(asking), f"{_TO_ADMIN}: until then {_HELD}"),
            lambda: tried("archive", lambda: _archive(asking), _archive_remedy),
            lambda: tried("lists", lambda: _lists(asking), "let the key's user see all lists", _ALL_LISTS),
        )

    def size(self) -> int | None:
        """Return how many contacts the account has: the total of a listing of one. Raises AdapterError."""
        from adapters.activecampaign.calls.listing import total_of

        with evidence(self._patience) as trail:
            asking = self._asking(trail)
            answer = asking.ask("GET", "/contacts", scope="contact", params=(("limit", "1"),))
            return total_of(asking.expect(answer, "contacts"))

    def trial_plan(self, place: str | None) -> tuple[str, ...]:
        """Return what a trial does; `place` is the id of a list. Raises SettingsError."""
        from adapters.activecampaign.trial import PLAN

        if place is not None and not numeric_id(place):
            raise SettingsError("in", "write the id of a list, a number, as `syncer check` shows it")
        where = f"list {place}" if place else "the first list that the key sees"
        return tuple(line.format(place=where) for line in PLAN)

    def trial(self, subject: Subject, place: str | None) -> Generator[TrialStep, None, None]:
        """Try every call on an invented contact and yield the steps."""
        from adapters.activecampaign.trial import ActiveCampaignTrial

        with evidence(NO_HURRY) as trail:
            yield from ActiveCampaignTrial(self._transport.sender(trail), trail, subject).run(place)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _account(self, asking: Asking) -> str:
        # the account's name is the first label of its host; nothing in a key tells a trial account from the real one
        asking.me()
        return f"accepted by {self._transport.host}"

    def _errand(self, action: Action, trail: Trail, subject: Subject) -> Erasure | Objection:
        from adapters.activecampaign.erasure import Erasure
        from adapters.activecampaign.objection import Objection

        asking = self._asking(trail)
        if action is Action.DELETE:
            return Erasure(asking, trail, subject, ecommerce=self._ecommerce)
        return Objection(asking, trail, subject, suppress=action is Action.SUPPRESS)

    def _asking(self, trail: Trail) -> Asking:
        """Return what asks the questions of one walk, each leaving its step on this trail."""
        from adapters.activecampaign.calls.asking import (
            Asking,  # here and above: who calls nobody loads the class alone
        )

        return Asking(self._transport.sender(trail), trail.state)


def _base_url(value: object) -> str:
    if isinstance(value, str) and urlsplit(value).netloc.startswith(f"{_PLACEHOLDER}."):
        raise SettingsError(
            "base_url",
            f"{_PLACEHOLDER} is the sample's placeholder; put your account's name there, as in Settings > Developer",
        )
    return check_base_url(value, "/api/3")


def _admin(asking: Asking) -> str:
    from adapters.activecampaign.calls.archive import NO_ADMIN

    if not asking.is_admin():
        raise Misconfigured("forbidden", NO_ADMIN)
    return "the key's user is in the Admin group"


def _archive(asking: Asking) -> str:
    from adapters.activecampaign.calls.archive import Archive

    # an address that cannot exist; a search by a word would ignore the archive's 360 days (contact-archives)
    nobody = f"nobody-{secrets.token_hex(8)}@syncer.invalid"
    Archive(asking, Subject("", (nobody,))).search(nobody)
    return "the archive can be searched"


def _archive_remedy(error: AdapterError) -> str:
    from adapters.activecampaign.calls.archive import NO_ADMIN

    remedy = _TO_ADMIN if error.detail == NO_ADMIN else "look at the answer, and ask ActiveCampaign's support"
    return f"{remedy}: until then {_HELD}"


def _lists(asking: Asking) -> str:
    from adapters.activecampaign.calls.listing import LARGEST, Listing, pages

    # a key with narrow rights can hide lists, and with them subscriptions: a person must know whether this is all
    rows = [
        row for page in islice(pages(asking, Listing("/lists", "lists", "account")), _LIST_PAGES) for row in page.rows
    ]
    names = [f"{shown_name(row.get('name'))} ({numeric_id(row.get('id')) or '?'})" for row in rows]
    more = " or more" if len(rows) >= _LIST_PAGES * LARGEST else ""
    return f"the key sees {len(names)} lists{more}{': ' if names else ''}{', '.join(names)}"
