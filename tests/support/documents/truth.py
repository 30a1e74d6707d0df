"""What a text may say of requests and what it must, as data: for the report's texts and for the dossier's.

Everything here is judged by the deliveries themselves, never by a summary or an ending that the product made.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from adapters.contract import Outcome
from syncer.domain.codes import GUARDED
from syncer.domain.effects import effect
from syncer.domain.model import WORKABLE, EventState, State
from syncer.domain.rights import Ground
from syncer.reports.views import DeliveryView, EventView


@dataclass(frozen=True, slots=True)
class Known:
    """What is so: a lane may be paused, the log altered, and its daily check missing."""

    events: tuple[EventView, ...]
    paused: bool = False
    altered: bool = False
    unchecked: bool = False

    @property
    def deliveries(self) -> list[DeliveryView]:
        """All of them."""
        return [delivery for event in self.events for delivery in event.deliveries]


Test = Callable[[Known], bool]


@dataclass(frozen=True, slots=True)
class Claim:
    """Words that may stand in a text only where something is so."""

    words: str
    so: Test


def read_back(delivery: DeliveryView) -> bool:
    """Say whether it is so by the last look: confirmed, or confirmed before and only read again."""
    return delivery.state is State.CONFIRMED or (delivery.state is State.APPLIED and delivery.confirmed_at is not None)


def ever_confirmed(delivery: Any) -> bool:
    """Say whether it is confirmed, or was once by the log."""
    return read_back(delivery) or delivery.evidence.confirmation is not None


def everywhere(event: EventView) -> bool:
    """Say whether every recipient carried it out, or was proven to hold nothing."""
    closed = event.state is EventState.FULFILLED
    return closed and bool(event.deliveries) and all(read_back(delivery) for delivery in event.deliveries)


def with_exception(event: EventView) -> bool:
    """Say whether it is closed and a recipient was excepted by decision."""
    codes = [delivery.code for delivery in event.deliveries if delivery.state is State.EXEMPT]
    return event.state is EventState.FULFILLED and bool(codes) and Ground.WITHDRAWN not in codes


def answered(event: EventView) -> bool:
    """Say whether it is closed, nobody was excepted, and not every recipient could be read back."""
    closed = event.state is EventState.FULFILLED and not any(d.state is State.EXEMPT for d in event.deliveries)
    return closed and not all(read_back(delivery) for delivery in event.deliveries)


def nowhere(event: EventView) -> bool:
    """Say whether a request is not closed and has no recipient: nothing but a person moves it."""
    return event.state is not EventState.FULFILLED and not event.deliveries


def answered_late(event: EventView) -> bool:
    """Say whether it is closed and its answer came late."""
    return event.late and event.state is EventState.FULFILLED


def waits(known: Known) -> bool:
    """Say whether anything needs a person."""
    held = any(event.state is EventState.HELD or event.overdue or nowhere(event) for event in known.events)
    stopped = any(d.state is State.HELD or d.code == GUARDED for d in known.deliveries)
    return held or stopped or known.paused or known.altered or known.unchecked


def through(outcome: Outcome | None = None, action: str | None = None) -> Test:
    """Return whether any delivery was read back, with this outcome and action where they are given."""

    def test(known: Known) -> bool:
        return any(
            read_back(d) and outcome in (None, d.outcome) and action in (None, d.action) for d in known.deliveries
        )

    return test


def never(_: Known) -> bool:
    """What no text may say."""
    return False


def untroubled(known: Known, destination: str) -> bool:
    """Say whether nothing at a destination is held for what concerns our account, or waits because it failed."""
    here = [delivery for delivery in known.deliveries if delivery.destination == destination]
    accounts = any(d.state is State.HELD and effect(d.code).account for d in here)
    failing = any(d.state in (State.PENDING, State.RETRYING) and d.code for d in here)
    return not accounts and not failing


#: words, and what has to be so where they stand; matched without regard to case where they begin with (?i)
CLAIMS = (
    Claim(r"(?i)(?<!\b0 )(?<!not )\b(carried out|erased|done) everywhere", lambda k: any(map(everywhere, k.events))),
    Claim(r"(?i)none is late", lambda k: not any(event.late for event in k.events)),
    Claim(r"(?i)nothing needs a person", lambda k: not waits(k)),
    Claim(r"(?i)nothing is (open past its time|late), held or paused", lambda k: not waits(k)),
    Claim(r"(?<!nothing )\bconfirmed\b", lambda k: any(map(ever_confirmed, k.deliveries))),
    Claim(r"(?i)acted on, read back", through(Outcome.DONE)),
    Claim(r"(?i)\bnot held there|held nothing about you", through(Outcome.ABSENT)),
    Claim(r"(?i)(?<!or )\b(was|were|is|been) erased\b", through(Outcome.DONE, "delete")),
    Claim(r"(?i)(was|were) unsubscribed", through(Outcome.DONE)),
    Claim(r"(?i)answered that it is done", lambda k: any(d.evidence.carried_out for d in k.deliveries)),  # type: ignore[attr-defined]
    Claim(r"(?i)it was never asked", lambda k: any(not d.attempts for d in k.deliveries)),
    Claim(r"(?i)\b[1-9]\d* closed with an exception", lambda k: any(map(with_exception, k.events))),
    Claim(
        r"(?i)see below what is held",
        lambda k: any(d.state is State.HELD for d in k.deliveries) or any(map(nowhere, k.events)),
    ),
    Claim(r"carried it out", never),
    Claim(r"(?i)syncer goes on trying", lambda k: any(d.state in WORKABLE for d in k.deliveries)),
    Claim(r"(?i)\b(the 0 recipient|none of the 0)", never),
    Claim(r"(?i)\bunbroken\b", lambda k: not k.altered),
    # what nobody promised
    Claim(r"(?i)somebody here|is seeing to|we promise|guarantee|no doubt", never),
    Claim(r"(?i)will be (done|erased|removed|carried out|settled|mended)", never),
)

#: what may be said of a delivery alone that was read back, now or before
SURE = re.compile(r"(?i)\b(confirmed|done|carried out|erased|unsubscribed|read back)\b")
#: these say that it is not so, or not known; or what a recipient itself answered, of which CLAIMS has a rule of its own
DENIALS = re.compile(
    "(?i)"
    + "|".join(
        (
            r"\b0 carried out everywhere|not carried out everywhere|(cannot be|nothing is) carried out",
            r"carried out before, not read back in shadow mode|carried out, being read back|being read back",
            r"not everywhere read back|nothing was read back yet|nobody can read back",
            r"read back, and the change did not show yet|applied and read back again|claims to have read back",
            r"nothing (more )?is done|nothing is to be done|answered that it is done|had been done there",
            r"nothing is called confirmed|nothing confirmed yet|was erased for good",
            # how each recipient stands over all time, and how many of a request's: CLOSED_AS counts these
            r"\d+ read back",
        )
    )
)

#: words behind a number where a closed request is shown, and what they count
CLOSED_AS: tuple[tuple[str, Callable[[DeliveryView], bool]], ...] = (
    ("read back", read_back),
    ("passed on", lambda d: d.state is State.ACCEPTED),
    ("settled by a person", lambda d: d.state is State.ATTESTED),
    ("cannot be found there", lambda d: d.state is State.NOT_APPLICABLE and d.code != "right_not_offered"),
    ("(?:does|do) not apply", lambda d: d.state is State.NOT_APPLICABLE and d.code == "right_not_offered"),
    ("exempt", lambda d: d.state is State.EXEMPT and d.code != Ground.WITHDRAWN),
    ("withdrawn", lambda d: d.state is State.EXEMPT and d.code == Ground.WITHDRAWN),
)

#: what a text must hold where something is so: hiding is no better than claiming
DUTIES = (
    Claim(r"(?i)answered late|later than it was due", lambda k: any(map(answered_late, k.events))),
    Claim(r"(?i)\blate\b|takes longer", lambda k: any(event.overdue for event in k.events)),
    Claim(r"(?i)exception|exempt", lambda k: any(map(with_exception, k.events))),
    Claim(
        r"(?i)withdrawn", lambda k: any(d.code == Ground.WITHDRAWN and d.state is State.EXEMPT for d in k.deliveries)
    ),
    Claim(r"not everywhere read back", lambda k: any(map(answered, k.events))),
    *(Claim(words, lambda k, so=so: any(map(so, k.deliveries))) for words, so in CLOSED_AS[1:5]),  # type: ignore[misc]
    Claim(
        r"(?i)no recipient (was|to tell)|no destination was", lambda k: any(not event.deliveries for event in k.events)
    ),
    Claim(
        r"(?i)before, |never asked|not asked any further",
        lambda k: any(d.state is State.EXEMPT for d in k.deliveries),
    ),
)

#: that the recipient of an account of ours works
WORKS = r"our account (\w+)[ |]+yes\b"

#: a number in front of these words, and what it counts
NUMBERS: tuple[tuple[str, Callable[[EventView], bool]], ...] = (
    (r"(\d+) carried out everywhere", everywhere),
    (r"(\d+) closed, not everywhere read back", answered),
    (r"(\d+) closed with an exception", with_exception),
    (r"(\d+) (?:is|are) late and still open", lambda event: event.overdue),
    (r"(\d+) (?:was|were) answered late", answered_late),
)


def untrue(text: str, known: Known) -> list[str]:
    """Return what a text claims that is not so, and what it hides."""
    said = [f"says {found[0]!r}" for claim in CLAIMS if (found := re.search(claim.words, text)) and not claim.so(known)]
    for words, counts in NUMBERS:
        number = sum(map(counts, known.events))
        said += [f"says {found[0]!r}: {number}" for found in re.finditer(words, text) if int(found[1]) != number]
    said += [f"says {word!r}" for word in sure_of(text) if not any(map(ever_confirmed, known.deliveries))]
    works = re.findall(WORKS, text)
    return said + [f"says that {name} works" for name in works if not untroubled(known, name)]


def sure_of(text: str) -> list[str]:
    """Return the words by which a text says that something was seen to be so."""
    return SURE.findall(DENIALS.sub("", text))


def miscounted(said: str, event: EventView) -> list[str]:
    """Return what is wrong in how a text counts the recipients of a closed request that not all could be read back."""
    unseen = any(so(delivery) for delivery in event.deliveries for _, so in CLOSED_AS[1:5])
    if event.state is not EventState.FULFILLED or not unseen:
        return []
    found = []
    for words, so in CLOSED_AS:
        number, told = sum(map(so, event.deliveries)), set(re.findall(rf"(\d+) {words}\b", said))
        if told != ({str(number)} if number else set()):
            found.append(f"counts {sorted(told)} {words}: {number}")
    return found


def hidden(text: str, known: Known) -> list[str]:
    """Return what a text must say and does not."""
    return [f"lacks {duty.words}" for duty in DUTIES if duty.so(known) and not re.search(duty.words, text)]


class _Told(HTMLParser):
    """The text of a page without what explains it: legends, notes in soft print, heads of tables, contents, charts."""

    SKIPPED_TAGS = frozenset({"style", "title", "nav", "thead", "svg", "h2", "figcaption"})
    SKIPPED = frozenset({"soft", "legend", "skip"})
    APART = frozenset({"td", "th", "li", "p", "h3", "dd", "dt", "small"})
    VOID = frozenset({"meta", "br", "link", "hr", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[bool] = []
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.VOID:
            return
        classes = set((dict(attrs).get("class") or "").split())
        self.open.append(tag in self.SKIPPED_TAGS or bool(classes & self.SKIPPED))

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()
        if tag in self.APART:
            self.parts.append("|")

    def handle_data(self, data: str) -> None:
        if not any(self.open):
            self.parts.append(data)


def told(page: str) -> str:
    """Return what a page says of these requests, its cells apart in one line; cards are read as `3 answered late`."""
    cards = re.compile(r"<dt>([^<]*)</dt><dd[^>]*>(\d+)</dd>")
    parser = _Told()
    parser.feed(cards.sub(r"<p>\2 \1</p>", page))
    parser.close()
    return " ".join(" ".join(parser.parts).split())
