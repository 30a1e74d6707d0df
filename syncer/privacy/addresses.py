"""The normal form of an address, and the other spellings under which a provider may hold it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna

from syncer.errors import AddressError

LONGEST_ADDRESS = 254
LONGEST_LOCAL = 64
#: general categories that no address may contain: control, format (zero-width, bidi), surrogate, unassigned, private
#: use, line and paragraph separators
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
#: letters and marks that are invisible too: fillers, joiners, variation selectors (default ignorable code points)
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_LOOKS_LIKE_AT = re.compile("[\uff20\ufe6b]")  # NFKC would make each a real @


def spellings(raw: str) -> tuple[str, ...]:
    """Return the address as providers may hold it, the normalised form first. Raises AddressError."""
    normalised = normalise(raw)
    local, _, domain = normalised.rpartition("@")
    forms = [normalised]
    if "xn--" in domain:
        try:
            forms.append(f"{local}@{idna.decode(domain)}")
        except idna.IDNAError:
            raise AddressError("domain") from None
    forms.append(raw.strip(" \t").lower())
    return tuple(dict.fromkeys(forms))


def normalise(raw: str) -> str:
    """Return the normal form of an address: lower case, NFC, the domain as A-label. Raises AddressError.

    Dots and a `+tag` stay: without them the address could be another person's. A normal form comes back unchanged.
    """
    local, domain = _parts(raw)
    # NFC once more: lower() takes some letters apart (İ), and the marks after them may then be in another order
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
    if not local or len(local.encode()) > LONGEST_LOCAL:
        raise AddressError("local_part")
    address = f"{local}@{_a_label(domain)}"
    if len(address.encode()) > LONGEST_ADDRESS:
        raise AddressError("too_long")
    return address


def normal_form(text: str) -> str | None:
    """Return the normal form of an address that a provider answered; None where it has none: it is nobody's."""
    try:
        return normalise(text)
    except AddressError:
        return None


def _parts(raw: str) -> tuple[str, str]:
    text = raw.strip(" \t")
    if not text:
        raise AddressError("empty")
    if len(text) > LONGEST_ADDRESS * 2:
        raise AddressError("too_long")
    if any(unicodedata.category(char) in _REFUSED for char in text) or _UNSEEN.search(text):
        raise AddressError("control_character")
    if "\ufffd" in text:
        raise AddressError("damaged")  # a program before us could not decode it: this is not what was typed
    if _LOOKS_LIKE_AT.search(text):
        raise AddressError("full_width_at")
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        raise AddressError("no_at")
    quoted = len(local) >= 3 and local.startswith('"') and local.endswith('"')
    if not quoted and ("@" in local or any(char.isspace() or char in '"(),:;<>[]\\' for char in local)):
        raise AddressError("local_part")
    if quoted and any(char in '"\\' for char in local[1:-1]):
        raise AddressError("local_part")
    return local, domain


@lru_cache(maxsize=1024)  # a few domains make up most addresses
def _a_label(domain: str) -> str:
    if domain.endswith("."):
        raise AddressError("closing_dot")
    try:
        # never str.encode("idna"): it maps straße.test to another domain
        label = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise AddressError("domain") from None
    if "." not in label or label.endswith("."):
        raise AddressError("domain")
    return label
