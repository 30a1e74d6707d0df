"""What syncer asks of a destination and what it gets back: the contract that an adapter keeps.

docs/adapters.md builds a whole adapter, step by step. The tools that every adapter needs, and what each is for:

- `adapters.http.transport.Transport`: the one way out: deadline, size cap, evidence; its `sender` makes calls
- `adapters.http.evidence.evidence`: opens the trail on which every call leaves its Step, also when the walk fails
- `adapters.http.answer`: `Answer` is what came back; `common_failure` says which error a status is at every provider
- `adapters.http.pacer.Pacer`: keeps calls per second, for the Transport
- `adapters.options`: `check_base_url`, `check_api_key`, `check_flag` read what `configured` is given
- `adapters.addresses`: `spellings_of`, `is_person`, `is_neighbour`: whom to look for, and whose record an answer is
- `adapters.values`, `adapters.paging`: odd numbers, ids, times; listings that have an end
- `adapters.errors`: Transient, Permanent, Misconfigured; their codes are those of `syncer/domain/codes.py`, which says
  what each means and what a person does about it
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar


class Action(StrEnum):
    """What a destination is asked to do."""

    DELETE = "delete"
    UNSUBSCRIBE = "unsubscribe"
    SUPPRESS = "suppress"


class Evidence(StrEnum):
    """How sure anybody can be of what a recipient was asked: the most that its adapter ever yields."""

    READ_BACK = "read_back"  # carried out, and looked up afterwards
    PROCESSED = "processed"  # its machine says that it processed the order; nobody can look
    ACCEPTED = "accepted"  # its machine took the order; nobody can look
    BY_HAND = "by_hand"  # a person does it, and says so


class Outcome(StrEnum):
    """How a destination stands to the person once the action is through."""

    DONE = "done"  # found, acted on (or found already so)
    ABSENT = "absent"  # searched everywhere and proven not held; nothing was changed
    ACCEPTED = "accepted"  # its machine took the order, and nobody can read back what became of it
    NOT_APPLICABLE = "not_applicable"  # it could not be asked: `Receipt.reason` says why


class Inapplicable(StrEnum):
    """Why a recipient cannot be asked. That is no proof that it holds nothing."""

    NO_IDENTIFIER = "no_identifier"  # nothing is known by which it could find the person (GDPR Art. 11(2))
    RIGHT_NOT_OFFERED = "right_not_offered"  # the right has no meaning there


def plain_form(address: str) -> str | None:
    """Return an address without blanks around it, in lower case and NFC: the identity rule without its domain part."""
    return unicodedata.normalize("NFC", address.strip(" \t").lower()) or None


def nameless(_: str) -> str:
    """Return a name for a provider's text that may not be shown: always the same one."""
    return "?"


@dataclass(frozen=True, slots=True)
class Subject:
    """The data subject: a person known by one address.

    `spellings` holds the address as providers may store it, the normalised form first (lower-case, domain as
    A-label); for an ordinary ASCII address it has one element, for an internationalised domain also the Unicode
    form. `ref` is the keyed pseudonym, the only form that may be logged. `repr` never shows the address.

    `normal` is the identity rule: it returns the normal form of an address, None for a text that has none. syncer
    gives its own; two addresses are one person's only if it returns the same for both. `unseen` counts the objects
    that an earlier apply deleted at this destination and nobody has seen where deleted ones are kept.

    `label` returns a short keyed name for a text that a provider or its customers chose, such as the id of a shop,
    which may be an address: only the name goes into steps, notes and errors. `now` (UTC) is what time it is by
    syncer's clock as the walk begins, None where it does not say.
    """

    ref: str
    spellings: tuple[str, ...] = field(repr=False)
    normal: Callable[[str], str | None] = field(default=plain_form, repr=False, compare=False)
    unseen: int = 0
    label: Callable[[str], str] = field(default=nameless, repr=False, compare=False)
    now: datetime | None = None

    @property
    def address(self) -> str:
        """The normalised address."""
        return self.spellings[0]


@dataclass(frozen=True, slots=True)
class Step:
    """One call to the provider, as evidence: free of personal data.

    Nothing in it is a text of the provider's choice, but for ids of a known form and what the request id may hold.
    `scope` is the audience, the `label` of a shop or the kind of object, `call` a template without identifiers
    (`POST /lists/{list}/members/{id}/actions/delete-permanent`), `status` the HTTP status or None when no answer
    came, `request_id` the provider's own id of the answer, `ms` the time it took in milliseconds, `state` what the
    answer said of the person there (`subscribed`, `absent`, `deleted` …) or "" where it says nothing.
    """

    scope: str
    call: str
    status: int | None
    request_id: str | None
    ms: int
    state: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Handle:
    """An object at the provider that an apply acted on: `kind` is the adapter's own word, `id` the provider's id."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a destination answered to an apply or a confirm.

    `notes` are short sentences in our own words that the report shows (what was left as it is and why).
    `handles` let the confirm that directly follows an apply prove those very objects gone; they live in memory only
    and are never stored or logged. `unseen` counts what was deleted and not yet seen where deleted objects are kept:
    nothing is confirmed before it is 0.

    `settles_on`, of an order that was accepted, is the day by which the recipient says to be through with it. `reason`
    is why it could not be asked, `lapses_on` the day by which its data is gone by itself. None where nobody says.
    """

    outcome: Outcome
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    handles: tuple[Handle, ...] = field(default=(), repr=False)
    unseen: int = 0
    settles_on: date | None = None
    reason: Inapplicable | None = None
    lapses_on: date | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What an apply would do to a person now: seen by reading alone, and free of personal data.

    `found` says where they are and how they stand there (`audience a1b2: subscribed`), nothing for somebody who is
    held nowhere. `would` are the calls that would change something, each once: template and scope as in Step
    (`POST /lists/{list}/members/{id}/actions/delete-permanent, audience a1b2`). `code` is the one for which the
    delivery would be held; None where it would go through. What a provider answers to a call that was never made,
    nobody knows: it is taken as documented.
    """

    found: tuple[str, ...]
    would: tuple[str, ...]
    code: str | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A contact as a listing shows it: where (`scope`, as in Step) and under which address, as the provider has it.

    `reached` says whether mail reaches the contact there, None where the listing does not tell. `after` is the
    adapter's own word for a place: a listing that breaks off anywhere behind this contact can go on from there; None
    where it cannot.
    """

    scope: str
    address: str = field(repr=False)
    reached: bool | None = None
    after: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of `Adapter.check`: for a human eye, with the remedy when it is not ok.

    `warn`: it works (`ok` stays True), and a person should look at it; the remedy says what to look for.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    warn: bool = False


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One call that a trial made with an invented contact, and what it showed.

    `call` and `status` are as in Step, `ms` in milliseconds, `keys` the names that the answer's objects have, never
    their values. `finding` says what it means for real people, "" where all is as documented.
    """

    name: str
    ok: bool
    call: str
    status: int | None
    ms: int
    keys: tuple[str, ...] = ()
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """How hard a destination may be driven: `senders` calls at one time."""

    senders: int


class Stays(StrEnum):
    """Why something stays at a provider once an action is done there. What that means in law, syncer says."""

    SUPPRESSION = "suppression"  # it keeps the person from being written to, or added, again
    NOT_ASKED = "not_asked"  # the action ends the use of an entry; it does not erase it
    OUT_OF_REACH = "out_of_reach"  # the provider's interface cannot show it, or cannot remove it
    LEFT = "left"  # it could be removed, and this adapter does not: the controller must name a ground, or remove it


@dataclass(frozen=True, slots=True)
class Remaining:
    """What stays at a provider once an action is done: a sentence or two in plain words for the person, and why.

    `outlives_entry` says that it is kept apart from the person's entry, so that a later erasure there leaves it.
    """

    text: str
    why: Stays
    outlives_entry: bool = False


class SettingsError(ValueError):
    """Raised for an unusable setting, the adapter's name among them; `key` names it, the text says the remedy."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


class Adapter(ABC):
    """One account at a provider. Thread-safe: syncer calls it from `limits.senders` threads at once.

    Read before write: find the person, make sure that what came back is exactly the person asked for, and only then
    change anything. Every action is idempotent. No retries, no logging, no clock but the monotonic one.
    """

    name: ClassVar[str]
    actions: ClassVar[frozenset[Action]]
    #: setting name -> one-line meaning; any other key under [destinations.NAME] is refused at start
    options: ClassVar[Mapping[str, str]]
    #: the most that it can show, which every adapter declares; one that cannot read back never ends a delivery as DONE
    #: or ABSENT, is not asked who came back, and needs nothing behind `changed` and `opted_in`
    evidence: ClassVar[Evidence] = Evidence.READ_BACK
    #: the provider's name as people know it; without one they are shown `name`
    title: ClassVar[str] = ""
    #: whether `changed` shows every change that matters; False where a new subscription may leave no date behind
    dates_every_change: ClassVar[bool] = True
    #: action -> what stays at the provider once it is done and read back
    remains: ClassVar[Mapping[Action, tuple[Remaining, ...]]] = {}

    @classmethod
    @abstractmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Adapter:
        """Build one from its table in settings.toml; open no connection. Raises SettingsError."""

    @property
    @abstractmethod
    def limits(self) -> Limits:
        """How many calls may be under way at one time."""

    @abstractmethod
    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        """Carry out the action. `received_at` (UTC) is when the person asked: newer consent is held.

        DONE where the person was found, acted on or found so already; ABSENT where nobody was found anywhere. Where
        nobody can read back: ACCEPTED once the order was taken, or DONE where the recipient tells later, to `confirm`,
        that it processed the order. NOT_APPLICABLE where it cannot be asked.
        Raises Permanent `unsupported_action`, before any call, for an action that is not among `actions`.

        Newer is only what somebody confirmed: anyone can type an address into a public form (adapters/consent.py).

        What can be done is done before a failure in one place is raised. Raises Transient, Permanent or
        Misconfigured; every one carries the steps made until then, and what they left `unseen`.
        """

    @abstractmethod
    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        """Say what `apply` would do now, by the same reads and the same judgement, changing nothing.

        A Permanent that `apply` would raise is the `code` of the preview; adapters/preview.py helps. Raises Transient
        and Misconfigured as `apply`, and Permanent `unsupported_action`.
        """

    @abstractmethod
    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        """Read back that it is so, changing nothing. `applied` is the receipt of an apply just before, if any.

        With it the outcome is that of the apply: DONE behind a delete. Without it there is only what can be seen
        now: ABSENT where nobody is there, a deleted person too; DONE where somebody is, but no mail reaches them.
        Without it everything is read again, in every scope. A delete is always searched for by address too: the
        person may have been added again. Where nobody can read back, it asks what became of the order: ACCEPTED once
        that was processed. Raises Transient `not_yet` when the provider answers and it is not so, or when something is
        still `unseen`; otherwise as `apply`.
        """

    @abstractmethod
    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        """Yield every contact that was added or changed since then (UTC), archived ones too. More is fine, less is not.

        None asks for every contact there is, with `reached`. `after` is the place that an earlier call for the same
        named: whom it showed up to there need not be shown again. Raises Transient `incomplete` for a listing that does
        not add up: what it lacks could be the person who came back. Otherwise as `apply`.
        """

    @abstractmethod
    def opted_in(self, subject: Subject) -> datetime | None:
        """Return the newest confirmed opt-in (UTC) of the person among what mail reaches, None where none is shown.

        Raises as `apply`.
        """

    @abstractmethod
    def ping(self) -> None:
        """Make one cheap authenticated call. Raises as `apply`: Misconfigured when the key is not good."""

    @abstractmethod
    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        """Try key, rights and scopes for `syncer check`; never raise for what it is there to find.

        `label` is the subject's: a finding may show which name stands for which shop.
        """

    def size(self) -> int | None:
        """Return how many contacts there are, by one cheap call; None where the provider does not say.

        About is good enough. Raises as `apply`.
        """
        return None

    def trial_plan(self, place: str | None) -> tuple[str, ...]:
        """Return what `trial` does, a sentence each and without a call; none where the provider cannot be tried.

        `place` is the audience or list that the operator named. Raises SettingsError `in` for an unusable one.
        """
        return ()

    def trial(self, subject: Subject, place: str | None) -> Generator[TrialStep, None, None]:
        """Try every call on an invented contact, from adding to reading back that it is gone, and yield each.

        A step that fails does not end it: the contact is removed as far as the provider allows, also where the
        generator is closed before its end. Without a `trial_plan` there is nothing to try.
        """
        yield from ()

    @abstractmethod
    def close(self) -> None:
        """Close the connections."""
