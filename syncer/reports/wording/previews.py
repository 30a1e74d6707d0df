"""What a preview says, in words that claim nothing was done: everything is told as what would have happened."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.domain.codes import SHADOWED, meaning
from syncer.domain.model import WORKABLE, State
from syncer.language.texts import N_, _
from syncer.reports.views import DeliveryView

#: how a destination is told of where nothing is carried out
ON_TRIAL = N_("on trial in shadow mode: nothing is carried out")


def would_have(found: Sequence[str], would: Sequence[str], code: str | None) -> str:
    """Return what would have happened to somebody, in one line; see `adapters.contract.Preview`."""
    parts = [_("found ({where})").format(where="; ".join(found)) if found else _("found nowhere")]
    if would:
        parts.append(_("these calls would have been made: {calls}").format(calls="; ".join(would)))
    if code:
        parts.append(_("it would have been held: {why}").format(why=meaning(code)))
    elif not would:
        parts.append(_("nothing would have been changed"))
    return "; ".join(parts)


def is_shadowed(delivery: DeliveryView) -> bool:
    """Say whether a delivery waits in shadow mode, previewed or, where it was carried out before, not read back."""
    return delivery.code == SHADOWED and delivery.state in WORKABLE


def standing(delivery: DeliveryView) -> str:
    """Return where a delivery in shadow mode stands."""
    if delivery.rechecking:
        return _("confirmed before, not read back in shadow mode")
    if delivery.state is State.APPLIED:
        return _("carried out before, not read back in shadow mode")
    return _(ON_TRIAL)
