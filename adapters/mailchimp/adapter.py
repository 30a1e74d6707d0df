"""One Mailchimp account, all its audiences and stores."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

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
from adapters.http.evidence import LAST_CALLS, LONGEST_WALK, NO_HURRY, Trail, evidence
from adapters.http.transport import Transport
from adapters.mailchimp.answers import LIST_ID, expect
from adapters.options import check_api_key, check_base_url, check_flag
from adapters.preview import Would, previewed

if TYPE_CHECKING:
    from adapters.mailchimp.scopes import Scopes
    from adapters.mailchimp.sdk import Client
    from adapters.mailchimp.walk import MailchimpWalk

_SMS = Remaining(
    "No text messages are sent to a mobile number in these entries. A number kept without your e-mail address cannot be"
    " found by it.",
    Stays.OUT_OF_REACH,
)


#: audiences and shops that `check` names
_TOLD = 500


class Mailchimp(Adapter):
    """One account. Only `delete-permanent` erases: a plain DELETE archives and keeps all data (documented).

    Calls, per spelling of the address (nearly always one), with A audiences and S stores (0 with
    `ecommerce = false`), F of them holding the person:

    | action      | apply                                  | confirm after it | confirm alone     |
    | ----------- | -------------------------------------- | ---------------- | ----------------- |
    | delete      | A + S reads, F writes                  | F reads          | A + S reads, 2 P  |
    | unsubscribe | A reads, a PATCH per audience reached  | F reads          | A reads, P        |
    | suppress    | as unsubscribe, a PUT where absent     | A reads          | A reads, P        |

    P is the proof that the audiences exist: one call per 500 of them, or one per configured audience; the stores,
    which only an erasure asks for, have one of their own. Both are kept for a minute, to know where to look. A
    member's 404 is trusted only with a proof begun after it, so an apply that finds nobody in some audience costs one
    P more; walks under way at the same time share it. An SMS subscription costs a PATCH and a read. One audience, no
    store, a subscriber: an erasure is 3 calls, GET POST GET.

    What fails in one audience or store does not keep the others from being worked on: it is raised at the end, by
    name. A newer consent in any audience, or an answer about somebody else, stops everything before the first change.

    Suppression has a blind spot. An address erased for good cannot be added again, not even as a tombstone: the
    PUT answers 400 "Forgotten Email Not Subscribed", the strongest suppression there is. But a read cannot tell it
    from an address never seen, both are 404. So `apply` marks such an audience in the receipt's handles, and the
    confirm right after it accepts the absence there; a confirm alone, which may change nothing, answers
    `suppression_missing`, and the next apply finds the 400 again.
    """

    name: ClassVar[str] = "mailchimp"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    evidence: ClassVar[Evidence] = Evidence.READ_BACK
    options: ClassVar[Mapping[str, str]] = {
        "audiences": 'the audiences to work on: "all" (default) or a list of audience ids',
        "max_connections": "calls at one time, 1 to 10 (default 8); Mailchimp allows 10 per user, over all apps",
        "base_url": "address of the API; default: from the data centre at the end of the API key",
        "ecommerce": "whether an erasure also deletes the person's e-commerce customers (default true)",
    }
    title: ClassVar[str] = "Mailchimp"
    # Mailchimp's page on permanent deletion: it blocks the address against imports, nobody can turn that off, and
    # anonymises reports. Orders, carts and conversations have calls of their own, which syncer does not make
    remains: ClassVar[Mapping[Action, tuple[Remaining, ...]]] = {
        Action.DELETE: (
            Remaining(
                "Where your data was erased from a mailing list, Mailchimp refuses to let anybody import your address"
                " into that list again, and keeps what it needs to recognise it. This ends if you sign up yourself at a"
                " form of Mailchimp's.",
                Stays.SUPPRESSION,
            ),
            Remaining(
                "Orders, shopping carts and conversations that are kept there, if there are any, were not removed with"
                " your entry.",
                Stays.LEFT,
            ),
            Remaining(
                "Figures about past mailings stay, without your name. A mobile number for text messages is part of the"
                " entry that was erased. Mailchimp shows nothing of an erased entry, so whether text messages ended"
                " with it could not be checked; a number kept without your e-mail address cannot be found by it.",
                Stays.OUT_OF_REACH,
            ),
        ),
        Action.UNSUBSCRIBE: (
            Remaining(
                "Your entry stays in the mailing lists, marked as unsubscribed, undeliverable or archived, and no"
                " newsletter is sent to it.",
                Stays.NOT_ASKED,
            ),
            _SMS,
        ),
        Action.SUPPRESS: (
            Remaining(
                "An entry with your address stays in each mailing list, marked as unsubscribed, so that you are not"
                " added again by mistake.",
                Stays.SUPPRESSION,
            ),
            Remaining("What such an entry held of you besides the address stays in it.", Stays.NOT_ASKED),
            _SMS,
        ),
    }

    def __init__(
        self,
        transport: Transport,
        *,
        audiences: tuple[str, ...] | None,
        ecommerce: bool,
        connections: int,
        patience: float = LONGEST_WALK,
    ) -> None:
        """`patience` is how long one verb may take for one person, in seconds, besides two for each audience."""
        from adapters.mailchimp.scopes import Proofs  # here and below: commands that call nobody load the class alone

        self._transport = transport
        self._patience = patience
        self._connections = connections
        self._proofs = Proofs(audiences, ecommerce=ecommerce)

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Mailchimp:
        """Build one from its settings. Raises SettingsError."""
        key = check_api_key(api_key)
        connections = options.get("max_connections", 8)
        if isinstance(connections, bool) or not isinstance(connections, int) or not 1 <= connections <= 10:
            raise SettingsError("max_connections", "max_connections must be a whole number from 1 to 10")
        credentials = base64.b64encode(f"syncer:{key}".encode()).decode()
        return cls(
            Transport(
                _base_url(options.get("base_url"), key),
                headers={"Authorization": f"Basic {credentials}"},
                connections=connections,
                learn_gap=True,
            ),
            audiences=_audience_ids(options.get("audiences", "all")),
            ecommerce=check_flag(options, "ecommerce", True),
            connections=connections,
        )

    @property
    def limits(self) -> Limits:
        """As many senders as connections."""
        return Limits(senders=self._connections)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        """Find the person in every audience (and store), hold on newer consent, then act. Raises AdapterError."""
        with evidence(self._patience) as trail:
            return self._walk(trail, subject).apply(action, received_at)

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        """Read as an apply does, and say what it would change. Raises AdapterError."""
        would = Would()
        with evidence(self._patience) as trail:
            walk = self._walk(trail, subject, would)
            return previewed(trail, would, lambda: walk.apply(action, received_at))

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        """Read the person again where the apply found them, or everywhere. Raises AdapterError."""
        with evidence(self._patience) as trail:
            return self._walk(trail, subject).confirm(action, applied)

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        """Yield the members of all audiences that changed since then (UTC), or all there are. Raises AdapterError."""
        from adapters.mailchimp.listing import changed

        with evidence(NO_HURRY, keep=LAST_CALLS) as trail:
            yield from changed(self._client(trail), self._scopes(trail), since, after)

    def opted_in(self, subject: Subject) -> datetime | None:
        """Return the newest opt-in or sign-up of the person where mail reaches them. Raises AdapterError."""
        with evidence(self._patience) as trail:
            return self._walk(trail, subject).opted_in()

    def ping(self) -> None:
        """Make Mailchimp's own test call, which needs a valid key, and prove the audiences. Raises AdapterError.

        Without the second, a lane that paused for a wrong audience would start again at every probe.
        """
        with evidence(self._patience) as trail:
            scopes = self._scopes(trail)
            scopes.test_call()
            scopes.read_audiences()

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        """Show account, audiences and stores for a human eye."""
        shops = "grant it to the key's user, or set ecommerce = false"
        return in_turn(
            lambda: tried("key", self._account_name, "check the API key, and that it belongs to this account"),
            lambda: tried(
                "audiences", self._audience_names, "correct `audiences`, or give the key's user access to them"
            ),
            *([lambda: tried("e-commerce", lambda: self._store_names(label), shops)] if self._proofs.ecommerce else ()),
        )

    def size(self) -> int | None:
        """Return how many members the audiences hold, as Mailchimp's own figures have it. Raises AdapterError."""
        with evidence(self._patience) as trail:
            return self._scopes(trail).members()

    def trial_plan(self, place: str | None) -> tuple[str, ...]:
        """Return what a trial does; `place` is the id of an audience and must be named. Raises SettingsError."""
        from adapters.mailchimp.trial import PLAN

        if place is None or not LIST_ID.fullmatch(place):
            raise SettingsError("in", "name the audience by its id, as `syncer check` shows it: an address stays there")
        return tuple(line.format(place=place) for line in PLAN)

    def trial(self, subject: Subject, place: str | None) -> Generator[TrialStep, None, None]:
        """Try every call on an invented contact and yield the steps."""
        from adapters.mailchimp.trial import MailchimpTrial

        with evidence(NO_HURRY) as trail:
            yield from MailchimpTrial(self._client(trail), trail, subject, place or "").run()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _walk(self, trail: Trail, subject: Subject, would: Would | None = None) -> MailchimpWalk:
        from adapters.mailchimp.walk import MailchimpWalk

        return MailchimpWalk(self._client(trail, subject.label), self._scopes(trail), trail, subject, would)

    def _client(self, trail: Trail, label: Callable[[str], str] = nameless) -> Client:
        """Return the SDK's client, each call of which leaves its step on this trail."""
        from adapters.mailchimp.sdk import Client

        return Client(self._transport.sender(trail), label)

    def _scopes(self, trail: Trail) -> Scopes:
        from adapters.mailchimp.scopes import Scopes

        return Scopes(self._client(trail), self._proofs)

    def _account_name(self) -> str:
        # asked for nothing but the name: the rest of this answer is the owner's personal data
        answer = self._client(Trail()).root.get_root(fields=["account_name"])
        return f"account {shown_name(expect(answer, 200, 'account_name')['account_name'])}"

    def _audience_names(self) -> str:
        audiences = self._scopes(Trail()).read_audiences()
        for failure in audiences.failed.values():
            raise failure
        names = [f"{name} ({audience})" for audience, name in audiences.shown.items()]
        return f"{len(names)}: {_told(names)}"

    def _store_names(self, label: Callable[[str], str]) -> str:
        stores = [f"{label(store)} is {shown_name(store)}" for store in self._scopes(Trail()).read_stores()]
        return f"{len(stores)} stores{': ' if stores else ''}{_told(stores)}"


def _told(names: list[str]) -> str:
    more = f", and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _base_url(value: Any, key: str) -> str:
    if value is not None:
        return check_base_url(value, "/3.0")
    # the suffix becomes part of the host name: nothing but a data centre may stand there
    match = re.fullmatch(r"[^-]+-([a-z]{2,3}\d{1,3})", key)
    if not match:
        raise SettingsError("api_key", "the API key must end in its data centre, as in …-us12: copy it again")
    return f"https://{match[1]}.api.mailchimp.com/3.0"


def _audience_ids(value: Any) -> tuple[str, ...] | None:
    if value == "all":
        return None
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(audience, str) and LIST_ID.fullmatch(audience) for audience in value)
    ):
        raise SettingsError("audiences", 'audiences must be "all" or a list of audience ids like ["1a2b3c4d5e"]')
    return tuple(dict.fromkeys(value))
