"""What an address asks for: filters, places, days. What it does not know it names, and never passes over."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime

from flask import request
from werkzeug.wrappers import Response

from syncer.console.desk import desk
from syncer.console.pages import BadInput
from syncer.console.reading.requests.names import is_name
from syncer.console.reading.requests.wanted import (
    DUE,
    STATES,
    UNKNOWN_RIGHT,
    NoPlace,
    Place,
    RegisterFilter,
    from_text,
)
from syncer.domain.codes import ANSWERS, CODES, GROUNDS, INAPPLICABLE
from syncer.domain.rights import ACCEPTED_RIGHTS
from syncer.language.texts import N_, _

#: parameter -> what a person calls it, of the register
FILTERS: Mapping[str, str] = {
    "named": N_("Number or id"),
    "state": N_("Where it stands"),
    "due": N_("Due"),
    "right": N_("Right"),
    "recipient": N_("Recipient"),
    "cause": N_("Cause"),
    "source": N_("Source"),
    "from": N_("Received from"),
    "until": N_("Received until"),
}
#: seconds after which a followed page is read again
FOLLOWED = "10"
LONGEST_SOURCE = 64
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: why something waits, why it was excepted, why a recipient could not be asked, and what one answered
CAUSES: Mapping[str, str] = {code: said for code, (said, _remedy) in CODES.items()} | GROUNDS | INAPPLICABLE | ANSWERS


def read(*names: str) -> dict[str, str]:
    """Return the parameters of a page, without empty ones. Raises BadInput for another name, and for one given twice.

    A page may always be told to say something.
    """
    for name, values in request.args.lists():
        if name not in names and name != "said":
            raise BadInput(_("This page knows no such filter as stands in its address. Nothing was left out silently."))
        if len(values) > 1:
            raise BadInput(_("Something was asked for twice: %(name)s. Take one of them out.") % {"name": name})
    return {name: request.args[name].strip() for name in names if request.args.get(name, "").strip()}


def register_filter(asked: Mapping[str, str], recipients: Collection[str]) -> RegisterFilter:
    """Return the filter that parameters ask for; `recipients` are those there are. Raises BadInput."""
    named, source = asked.get("named"), asked.get("source")
    if named is not None and not is_name(named):
        raise BadInput(
            _(
                "This is no number and no id of a request: write a case number like 4711, at least 6 characters of an"
                " id, or WordPress' site and request like 1:4711. To find a person, look them up."
            )
        )
    if source is not None and (len(source) > LONGEST_SOURCE or "@" in source or not source.isprintable()):
        raise BadInput(_("This is no source of requests."))
    return RegisterFilter(
        state=_among(asked, "state", STATES),
        right=_among(asked, "right", {*ACCEPTED_RIGHTS, UNKNOWN_RIGHT}),
        recipient=_among(asked, "recipient", recipients),
        cause=_among(asked, "cause", CAUSES),
        due=_among(asked, "due", DUE),
        source=source,
        received_from=_day(asked, "from"),
        received_until=_day(asked, "until"),
        named=named.lower() if named else None,
    )


def place(asked: Mapping[str, str], name: str) -> Place | None:
    """Return the place in the register at which a page begins. Raises BadInput."""
    if name not in asked:
        return None
    try:
        found = from_text(asked[name])
        if desk().app.engine.dialect.name == "postgresql":  # which cannot be asked for anything else
            moment, event_id = found
            if not (isinstance(moment, datetime) and isinstance(event_id, str) and event_id.isprintable()):
                raise NoPlace
        return found
    except NoPlace:
        raise BadInput(_("The page of the list that this address names is none. Begin with the first.")) from None


def number(asked: Mapping[str, str], name: str) -> int | None:
    """Return a number of the log. Raises BadInput."""
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise BadInput(_("The page of the list that this address names is none. Begin with the first."))
    return int(text)


def followed(answer: Response, asked: Mapping[str, str]) -> Response:
    """Let browsers read the page again every few seconds where its address asks for that. Raises BadInput."""
    if "follow" in asked:
        if asked["follow"] != FOLLOWED:
            raise BadInput(_("A page can be followed every 10 seconds, and no other number."))
        answer.headers["Refresh"] = FOLLOWED
    return answer


def _among(asked: Mapping[str, str], name: str, known: Collection[str]) -> str | None:
    value = asked.get(name)
    if value is not None and value not in known:
        raise BadInput(_("There is no such value of the filter “%(name)s”.") % {"name": _(FILTERS[name])})
    return value


def _day(asked: Mapping[str, str], name: str) -> date | None:
    text = asked.get(name)
    if text is None:
        return None
    try:
        if not _DAY.fullmatch(text):  # Python reads weeks as well
            raise ValueError
        found = date.fromisoformat(text)
        if not date(1971, 1, 1) <= found <= date(9000, 1, 1):
            raise ValueError
    except ValueError:
        said = _("“%(name)s” is no day: write it like 2026-11-28.") % {"name": _(FILTERS[name])}
        raise BadInput(said) from None
    return found
