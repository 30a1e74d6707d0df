"""What a page is asked for in its address: each word once, and none that it does not know."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import request
from werkzeug.datastructures import MultiDict

from syncer.audit.chain import WHATS
from syncer.clock import stamp
from syncer.console.desk import desk
from syncer.console.pages import BadInput
from syncer.console.reading.audit_pages import AuditFilter
from syncer.console.reading.requests.people import REF
from syncer.language.texts import _

#: what any page may be told besides its own: what was done
COMMON = ("said",)
#: digits of an entry's highest number
MOST_DIGITS = 18
#: how an account is written: WordPress' people are wp:BLOG:ID, and no name here is an address
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:$-]{0,190}")


def words(known: Collection[str], given: MultiDict[str, str] | None = None) -> Mapping[str, str]:
    """Return what was asked for, without what was left empty.

    Raises BadInput for what is not known and for what stands there twice: to ignore it would pass a list off as what it
    is not.
    """
    given = request.args if given is None else given
    for name in given:
        if name not in known and name not in COMMON:
            raise BadInput(_("The address asks for something that this page does not know. Nothing was left out."))
        if len(given.getlist(name)) > 1:
            raise BadInput(_("The address asks for “%(name)s” twice.") % {"name": name})
    return {name: given[name].strip() for name in known if given.get(name, "").strip()}


def audit_filter(asked: Mapping[str, str]) -> AuditFilter:
    """Return which entries are asked for. Raises BadInput."""
    zone = desk().zone
    what, by, subject = asked.get("what"), asked.get("by"), asked.get("subject")
    if what is not None and what not in WHATS:
        raise BadInput(_("There is no such kind of entry."))
    if by is not None and not _NAME.fullmatch(by):
        raise BadInput(_("That is no name of an account."))
    if subject is not None and not is_pseudonym(subject):
        raise BadInput(_("That is no pseudonym of a person."))
    since, until = (stamp(moment) if moment else None for moment in span(asked, zone))
    return AuditFilter(what, by, subject, since, until, number(asked.get("before")))


def is_pseudonym(text: str) -> bool:
    """Say whether a text has the form of a person's pseudonym."""
    return REF.fullmatch(text) is not None


def span(asked: Mapping[str, str], zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """Return the moments (UTC) from the day `since` to the end of the day `until`, in a zone. Raises BadInput."""
    since = midnight(day_asked(asked["since"]), zone) if "since" in asked else None
    until = midnight(day_asked(asked["until"]), zone, 1) if "until" in asked else None
    if since is not None and until is not None and until <= since:
        raise BadInput(_("The last day is before the first: no day lies between them."))
    return since, until


def day_asked(text: str) -> date:
    """Return a day. Raises BadInput."""
    try:
        if not _DAY.fullmatch(text):  # Python reads weeks as well
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(_("That is no day; write it like 2026-11-28.")) from None


def midnight(day: date, zone: ZoneInfo, later: int = 0) -> datetime:
    """Return the beginning (UTC) of a day in a zone, or of one so many days later. Raises BadInput."""
    try:
        return datetime.combine(day + timedelta(days=later), time(), zone).astimezone(UTC)
    except OverflowError:  # in a year that UTC, or the calendar, does not have
        raise BadInput(_("That is no day; write it like 2026-11-28.")) from None


def number(text: str | None) -> int | None:
    """Return the number of an entry. Raises BadInput."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS and int(text) > 0):
        raise BadInput(_("That is no number of an entry."))
    return int(text)


def one_of(asked: Mapping[str, str], name: str, known: Collection[str], default: str) -> str:
    """Return one of some words, or the default for none. Raises BadInput."""
    found = asked.get(name, default)
    if found not in known:
        raise BadInput(_("There is no such choice for “%(name)s”.") % {"name": name})
    return found
