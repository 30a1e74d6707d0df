"""What real accounts did to somebody, each behind a switch: off until a test asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from unicodedata import combining, normalize


@dataclass
class Oddities:
    """The switches of one account."""

    #: what a PATCH of `sms_channel` does, seen only in the vendor's WooCommerce plugin: nobody documented it
    sms_channel: Literal["ignored", "obeyed", "refused"] = "ignored"
    #: times are compared without their offset from UTC (mailchimp-client-lib-codegen#241)
    ignores_utc_offset: bool = False
    #: a listing with `since_last_changed` starts from its first row again, whatever `offset` says
    ignores_page_offset: bool = False
    #: listings whose path this pattern finds (True: all) answer their first rows again as a full page, for ever, and
    #: count more than they show
    repeats_pages: bool | str = False
    #: how `email_address=` compares customers
    customer_filter: Literal["exact", "collated", "contains"] = "exact"
    #: everything about shops is 403 Forbidden, as for a user without the right
    stores_forbidden: bool = False

    def repeats(self, path: str) -> bool:
        """Say whether the listing at this path answers its first rows for ever."""
        if isinstance(self.repeats_pages, str):
            return re.search(self.repeats_pages, path) is not None
        return self.repeats_pages

    def customer_fits(self, email: str, wanted: str) -> bool:
        """Say whether the filter for customers lets this address through."""
        return _COMPARED[self.customer_filter](email, wanted)


def _collated(text: str) -> str:
    """Return what `utf8mb4_unicode_ci` compares: no case, accents, blanks at the end; ß as ss (sulu#2485, WCF#1105)."""
    return "".join(char for char in normalize("NFKD", text.casefold()) if not combining(char)).rstrip(" ")


_COMPARED: dict[str, Callable[[str, str], bool]] = {
    "exact": lambda email, wanted: email.lower() == wanted.lower(),
    "collated": lambda email, wanted: _collated(email) == _collated(wanted),
    "contains": lambda email, wanted: wanted.lower() in email.lower(),
}
