"""How an adapter finds out whether its part of the installation is sound: it tries."""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.contract import Check
from adapters.errors import AdapterError

#: characters of a name that are shown
_LONGEST_NAME = 60
_HASH = re.compile(r"[0-9a-fA-F]{32}")


#: code -> remedy, for causes on the way to a provider: nothing that was asked there is to blame
_ON_THE_WAY = {
    "unreachable": "check the host (base_url, or the data centre at the key's end), this machine's DNS and firewall;"
    " proxies in the environment (HTTPS_PROXY) are ignored on purpose, so calls must get out directly",
    "timed_out": "run `syncer check` again; if it lasts, see what lies between this machine and the provider",
    "cut_off": "run `syncer check` again; if it lasts, see what lies between this machine and the provider",
    "unavailable": "wait, and run `syncer check` again: the provider has an outage",
    "rate_limited": "wait a minute, and run `syncer check` again",
    "tls": "check base_url, and whether a firewall puts its own certificate in between; it is never bypassed",
    "clock": "set this machine's clock",
    "redirected": "correct base_url: calls are sent elsewhere from there",
    "login_page": "check base_url, and whether a firewall or proxy asks for a login on the way",
    "unpaid": "settle it with the provider",
}


def tried(name: str, attempt: Callable[[], str], remedy: str | Callable[[AdapterError], str], look: str = "") -> Check:
    """Make the attempt, which returns its detail. An AdapterError makes the finding not ok and names the remedy.

    `remedy` is for what the attempt asked; a cause on the way to the provider has its own. `look` says what a person
    should look for where it succeeds: then the finding is a warning.
    """
    try:
        return Check(name, True, attempt(), look, warn=bool(look))
    except AdapterError as error:
        own = remedy if isinstance(remedy, str) else remedy(error)
        return Check(name, False, str(error), _ON_THE_WAY.get(error.code, own))


def in_turn(*checks: Callable[[], Check]) -> list[Check]:
    """Make the checks in their order, up to the first that is not ok: it would fail those behind it too."""
    findings = []
    for check in checks:
        findings.append(check())
        if not findings[-1].ok:
            break
    return findings


def shown_name(value: object) -> str:
    """Return the name of an account, audience, list or shop for a human eye.

    It is a text of others: addresses and hashes in it are withheld, control and direction characters shown as `?`,
    and it is cut. `?` for what is no text.
    """
    if not isinstance(value, str):
        return "?"
    words = ["[withheld]" if "@" in word or _HASH.search(word) else word for word in value.split()]
    plain = "".join(char if char.isprintable() else "?" for char in " ".join(words)[: _LONGEST_NAME + 1])
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}…"
