"""The exclusion list, on which an address gets no mail even while subscribed. The API reads and widens it only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from adapters.activecampaign.answers import read_id
from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.listing import Listing, pages
from adapters.contract import plain_form
from adapters.errors import Permanent

#: pages read for the exact phrase, and for the rules of a domain: every "unsubscribe from all" adds an entry, and a
#: big mail provider's domain may have a hundred thousand
_PAGES_EXACT, _PAGES_DOMAIN = 1, 2
_IMPORT = 'import the address under Contacts > Import > "Import as excluded email address", then resync'


@dataclass(frozen=True, slots=True)
class Cover:
    """What the exclusions read say of an address: whether one covers it, else the id of an exact but narrower one."""

    covered: bool
    narrower: str = ""


class Exclusions:
    """The exclusions of the account."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def cover(self, spelling: str) -> Cover:
        """Look for an exclusion that covers the address, in at most three calls.

        A rule on the domain does not contain the address, so it is looked for by the domain. It may stand beyond the
        pages read, and rules on a shorter ending or on a beginning cannot be found by the API's filter: an exact one
        is then asked for, which harms nobody.
        """
        exact = ""
        for row in self._rows(spelling):
            fits = _fits(row, spelling)
            if fits and row.get("channel") in ("all", "allEmail"):
                self._asking.say("excluded")
                return Cover(True)
            if fits == "exact":
                exact = read_id(row)
                break
        self._asking.say("not excluded")
        return Cover(False, exact)

    def require(self, spelling: str) -> None:
        """Make sure that an exclusion covers the address. One can be widened by the API, but not created.

        Raises Permanent `exclusion_needed`.
        """
        cover = self.cover(spelling)
        if cover.covered:
            return
        if not cover.narrower:
            raise Permanent("exclusion_needed", f"mail is stopped, but no exclusion covers the person: {_IMPORT}")
        try:
            self._widen(cover.narrower)
        except Permanent as error:
            raise Permanent("exclusion_needed", f"an exclusion exists but cannot be widened: {_IMPORT}") from error

    def _rows(self, spelling: str) -> Iterator[Mapping[str, Any]]:
        """Yield what contains the address, then what contains its domain; the filter is contains-like.

        By phrase, so that a rule on the domain, which begins with its @, stands before nearly every address.
        """
        for phrase, most in ((spelling, _PAGES_EXACT), (spelling[spelling.rfind("@") :], _PAGES_DOMAIN)):
            params = (("filters[matchPhrase]", phrase), ("orders[matchPhrase]", "ASC"))
            listing = Listing("/lists/exclusions", "exclusions", "exclusion", params)
            for page in islice(pages(self._asking, listing), most):
                yield from page.rows

    def _widen(self, exclusion: str) -> None:
        path = f"/lists/exclusions/{exclusion}"
        answer = self._asking.ask("PUT", path, "/lists/exclusions/{id}", scope="exclusion", body={"channel": "all"})
        self._asking.expect(answer, "channel")
        self._asking.say("excluded")


def _fits(row: Mapping[str, Any], spelling: str) -> str:
    """Return the kind of rule if it fits the address, else "". A beginning may be called "begin" or "start".

    Compared as the identity rule does: lower case and NFC, nothing looser.
    """
    told, kind = row.get("matchPhrase"), row.get("matchType")
    if not isinstance(told, str) or not isinstance(kind, str):
        return ""
    phrase, address = plain_form(told), plain_form(spelling)
    if phrase is None or address is None:
        return ""
    fits = {
        "exact": address == phrase,
        "end": address.endswith(phrase),
        "begin": address.startswith(phrase),
        "start": address.startswith(phrase),
    }
    return kind if fits.get(kind, False) else ""
