"""What a reason must be: it is kept in the audit for years, and the person may read it."""

from __future__ import annotations

from syncer.language.texts import N_

SHORTEST, LONGEST = 5, 1000

TOO_SHORT = N_("say why in at least five characters; it is kept in the audit")
NOT_PLAIN = N_("one line of plain text, please, without control characters")
AN_ADDRESS = N_("no addresses, please: it is kept in the audit for years")
TOO_LONG = N_("at most 1,000 characters, please")


def reason_problem(reason: str) -> str | None:
    """Return what is wrong with a reason, in English words that are in the catalogues; None for one that says why."""
    if len(reason.strip()) < SHORTEST:
        return TOO_SHORT
    if not reason.isprintable():
        return NOT_PLAIN
    if "@" in reason:
        return AN_ADDRESS
    return TOO_LONG if len(reason) > LONGEST else None
