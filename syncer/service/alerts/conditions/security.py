"""Sees what looks like an attack on the console, and each change of who may sign in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncer.alerting.catalog import CRITICAL, WARNING, Sign
from syncer.audit.ledger import LogEntry
from syncer.domain.permissions import Role

#: so many within a day are no slip any more; the audit has one refusal of a source in 15 minutes, however many it makes
OFTEN = 5
REFUSED, DENIED, ADDED, CHANGED, RESET = "console:refused", "console:denied", "user:added", "user:changed", "user:reset"
#: entries of the audit that are looked at
WHATS = (REFUSED, DENIED, ADDED, CHANGED, RESET)
CONDITIONS = (
    "sign_ins_refused", "sign_ins_throttled", "disabled_used", "passkey_copied", "pages_denied", "accounts_changed",
    "new_admin",
)  # fmt: skip
#: what the reason of a refusal says of an account that is disabled, of a passkey that there may be two of, and where
#: strangers together have no tries left
DISABLED, COPIED, THROTTLED = "disabled", "went back", "of everybody together"


def signs(entries: Iterable[LogEntry]) -> Iterator[Sign]:
    """Say what the entries of one day tell of; in the facts are counts alone."""
    told = list(entries)
    numbers = {what: sum(entry.what == what for entry in told) for what in WHATS}
    if numbers[REFUSED] >= OFTEN:
        yield Sign("sign_ins_refused", WARNING, {"times": numbers[REFUSED]})
    if throttled := _refused_for(told, THROTTLED):
        yield Sign("sign_ins_throttled", CRITICAL, {"times": throttled})
    if numbers[DENIED] >= OFTEN:
        yield Sign("pages_denied", WARNING, {"times": numbers[DENIED]})
    if used := _refused_for(told, DISABLED):
        yield Sign("disabled_used", WARNING, {"times": used})
    if copied := _refused_for(told, COPIED):
        yield Sign("passkey_copied", CRITICAL, {"times": copied})
    if changes := numbers[ADDED] + numbers[CHANGED] + numbers[RESET]:
        yield Sign("accounts_changed", WARNING, {"accounts": changes})
    if admins := sum(map(_made_an_admin, told)):
        yield Sign("new_admin", WARNING, {"accounts": admins})


def _refused_for(told: Iterable[LogEntry], why: str) -> int:
    return sum(entry.what == REFUSED and why in _fact(entry, "why") for entry in told)


def _made_an_admin(entry: LogEntry) -> bool:
    if entry.what == ADDED:
        return Role.ADMIN in _fact(entry, "roles").split()
    before, to, after = _fact(entry, "changed").partition(" to ")
    return entry.what == CHANGED and bool(to) and Role.ADMIN in after.split() and Role.ADMIN not in before.split()


def _fact(entry: LogEntry, name: str) -> str:
    found = (entry.facts or {}).get(name)
    return found if isinstance(found, str) else ""
