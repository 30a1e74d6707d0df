"""The ticket by which a WordPress site vouches for one of its administrators: read, and refused unless all fits.

b64url(JSON) "." b64url(HMAC-SHA-256(secret, "syncer-ticket-v1" || JSON)), without padding. The MAC is looked at before
anything of the content is.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from syncer.settings.console.doors import SHORTEST_TICKET_SECRET

#: characters of a ticket that are looked at
LONGEST = 2048
#: for so long a ticket is good; a site whose clock is ahead by at most this is believed, too
GOOD_FOR = timedelta(seconds=60)
_PURPOSE = b"syncer-ticket-v1"
_WHO = re.compile(r"[1-9][0-9]{0,9}:[1-9][0-9]{0,18}")
_ONCE = re.compile(r"[0-9a-f]{32}")
_NAMES = {"iss", "aud", "sub", "iat", "exp", "jti", "to"}


class BadTicket(Exception):
    """Raised for a ticket that is not to be believed; the text is a short phrase of ours, without a word of it."""


@dataclass(frozen=True, slots=True)
class TicketHolder:
    """Whom a ticket is about.

    `who` is "BLOG:USER", numbers of the site's; `once` is unique among the site's tickets, and `until` (UTC) is when
    nobody needs to remember that it was used. `to` is where they want to go; nobody has looked at it yet.
    """

    who: str
    once: str
    until: datetime
    to: str


def read_ticket(text: str, secret: bytes, issuer: str, audience: str, now: datetime) -> TicketHolder:
    """Return whom a ticket is about. Raises BadTicket."""
    said = _content(text, secret)
    if not isinstance(said, dict) or set(said) != _NAMES:
        raise BadTicket("its fields are not those of a ticket")
    if not _same(said["iss"], issuer):
        raise BadTicket("another site wrote it")
    if not _same(said["aud"], audience):
        raise BadTicket("it is for another console")
    begun, until = _moment(said["iat"]), _moment(said["exp"])
    if begun > now + GOOD_FOR:  # first: behind the end of all times nothing can be added
        raise BadTicket("it is from the future; compare the clocks")
    if not begun <= until <= begun + GOOD_FOR:
        raise BadTicket("it is good for too long")
    if until < now:
        raise BadTicket("it is too old")
    who, once, to = said["sub"], said["jti"], said["to"]
    if not isinstance(who, str) or not _WHO.fullmatch(who):
        raise BadTicket("it names nobody")
    if not isinstance(once, str) or not _ONCE.fullmatch(once) or not isinstance(to, str):
        raise BadTicket("its fields are not those of a ticket")
    return TicketHolder(who, once, until + GOOD_FOR, to)


def _content(text: str, secret: bytes) -> object:
    if len(secret) < SHORTEST_TICKET_SECRET:
        raise BadTicket("our secret is too short; `syncer check` says more")
    if len(text) > LONGEST:
        raise BadTicket("it is too long")
    content, dot, mac = text.partition(".")
    raw, given = _decoded(content), _decoded(mac)
    if not dot or not hmac.compare_digest(hmac.digest(secret, _PURPOSE + raw, "sha256"), given):
        raise BadTicket("it was not made with our secret")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise BadTicket("its fields are not those of a ticket") from None


def _decoded(text: str) -> bytes:
    try:
        if not re.fullmatch(r"[A-Za-z0-9_-]*", text):  # Python's own decoder skips what does not belong there
            raise ValueError
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise BadTicket("it was not made with our secret") from None


def _moment(given: object) -> datetime:
    if isinstance(given, bool) or not isinstance(given, int):
        raise BadTicket("its fields are not those of a ticket")
    try:
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadTicket("its fields are not those of a ticket") from None


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and given.rstrip("/") == wanted.rstrip("/")
