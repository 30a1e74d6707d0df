"""The normal form of an address, and the other spellings under which a provider may hold it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from syncer.errors import AddressError

LONGEST_ADDRESS = 254
#: general categories that no address may contain: control, format (zero-width, bidi), surrogate, unassigned, private
#: use, line and paragraph separators
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
#: letters and marks that are invisible too: fillers, joiners, variation selectors (default ignorable code points)
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_LOOKS_LIKE_AT = re.compile("[\uff20\ufe6b]")  # NFKC would make each a real @
#: what a domain may look like on the wire. Wider than IDNA 2008 and the rules for host names: hyphens and underscores
#: stand anywhere in names that DNS knows, and a provider may hold even a label that is too long for it
_ON_THE_WIRE = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)+")
#: an address as nearly all are: nothing in it is to be looked at character by character
_ORDINARY = re.compile(r"([!#-'*+\-./0-9=?A-Z^_`a-z{|}~]+)@([A-Za-z0-9._-]+)")
_ACE = "xn--"
#: general categories that damaged text leaves in a domain: punctuation, mathematical signs, modifiers, blanks
_DEBRIS = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Lm", "Zs"})


def spellings(raw: str) -> tuple[str, ...]:
    """Return the address as providers may hold it, the normalised form first. Raises AddressError."""
    normalised = normalise(raw)
    local, _, domain = normalised.rpartition("@")
    forms = [normalised]
    if _ACE in domain:
        forms.append(f"{local}@{_u_label(domain)}")
    forms.append(raw.strip(" \t").lower())
    return tuple(dict.fromkeys(forms))


def normalise(raw: str) -> str:
    """Return the normal form of an address: lower case, NFC, the domain as A-label. Raises AddressError.

    Dots and a `+tag` stay: without them the address could be another person's. A normal form comes back unchanged.
    """
    if len(raw) <= LONGEST_ADDRESS and (ordinary := _ORDINARY.fullmatch(raw)):
        return f"{ordinary[1].lower()}@{_a_label(ordinary[2])}"
    return _normalised(raw)


def _normalised(raw: str) -> str:
    local, domain = _parts(raw)
    # NFC once more: lower() takes some letters apart (İ), and the marks after them may then be in another order
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
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
    """Return the domain as mail carries it. Raises AddressError.

    What is ASCII already is what DNS and providers compare, byte by byte: it goes on as it is, in lower case. IDNA 2008
    would refuse working names: hyphens in third and fourth place, emoji as A-label, underscores.
    """
    if domain.endswith("."):
        raise AddressError("closing_dot")
    on_the_wire = domain.lower() if domain.isascii() else _mapped(domain)
    if not _ON_THE_WIRE.fullmatch(on_the_wire):
        raise AddressError("domain")
    return on_the_wire


def _mapped(domain: str) -> str:
    import idna  # here and below: few domains need its tables

    try:
        # never str.encode("idna"): it maps straße.test to another domain
        return ".".join(map(_to_ascii, idna.uts46_remap(domain, std3_rules=False).split(".")))
    except (idna.IDNAError, UnicodeError):
        raise AddressError("domain") from None


def _to_ascii(label: str) -> str:
    if label.isascii():
        return label
    import idna

    try:
        return idna.alabel(label).decode("ascii")
    except idna.IDNAError:
        # registries do hand out names of symbols (emoji under .ws, .to, .fm); browsers and providers know them by their
        # punycode. Punctuation is what damaged text is made of, and stays refused
        if any(unicodedata.category(char) in _DEBRIS for char in label if not char.isascii()):
            raise
        return _ACE + label.encode("punycode").decode("ascii")


@lru_cache(maxsize=1024)
def _u_label(domain: str) -> str:
    """Return the domain in letters, or as it is where its A-labels stand for nothing that leads back to them."""
    shown = ".".join(map(_to_unicode, domain.split(".")))
    try:
        return shown if _a_label(shown) == domain else domain
    except AddressError:
        return domain


def _to_unicode(label: str) -> str:
    if not label.startswith(_ACE):
        return label
    import idna

    try:
        return idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        pass
    try:
        return label.removeprefix(_ACE).encode("ascii").decode("punycode")
    except UnicodeError:
        return label
