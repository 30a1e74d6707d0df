"""Why a delivery is not started over, in words for a person."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from syncer.domain.codes import GUARDED
from syncer.domain.model import State
from syncer.events.seals import Accord, Seals
from syncer.language.texts import N_, Sentence

#: where the sealed address itself would have to be asked, which the web console cannot
_NOT_HERE = N_("{why}; start it over with `syncer resync --event` on the server")

#: each state of a delivery as it stands in a sentence
_STATES = {
    "pending": N_("pending"),
    "retrying": N_("retrying"),
    "applied": N_("applied"),
    "confirmed": N_("confirmed"),
    "held": N_("held"),
    "exempt": N_("exempt"),
    "accepted": N_("passed on, and nobody can read back what becomes of it"),
    "attested": N_("settled by a person"),
    "not_applicable": N_("not applicable"),
}


def stated(state: str) -> str:
    """Return the state of a delivery as it stands in a sentence; what somebody else wrote there, as it is."""
    return Sentence(_STATES[state]) if state in _STATES else state


class Skips:
    """Knows which deliveries of one installation must not start over; `destinations` are the configured names."""

    def __init__(self, seals: Seals, destinations: Collection[str]) -> None:
        self._seals = seals
        self._destinations = destinations

    def reason(self, row: Any, has_address: bool, to: State | None, given_up: bool) -> str | None:
        """Return why a delivery is skipped; None where it may go `to` that state.

        `row` is as `ChosenDeliveries` reads it, `given_up` says that its request was withdrawn.
        """
        if given_up:
            return Sentence("its request was withdrawn")
        if not has_address:
            return Sentence("its address was shredded; bring it again with --file")
        if row.destination not in self._destinations:
            return Sentence("its destination is not in the settings")
        if row.action is None:
            return Sentence("its right is unknown; submit it again and exempt this one")
        if unknown := self._doubt(row):
            return unknown
        if row.code == GUARDED:
            return Sentence("the guard stopped it; see `syncer guard plan`")
        return None if to is not None else Sentence("it is {state}", state=stated(row.state))

    def _doubt(self, row: Any) -> str | None:
        """Return why the row may not say what was asked for: by seal or log, and where none can be opened by the log.

        What the log does not know any more, the seal does. A process that cannot ask it starts nothing over on the word
        of a row: the entry that it would write names the person of that row.
        """
        accord = self._seals.accord(row)
        if accord in (Accord.DIFFERS, Accord.STRANGER):
            return Sentence(
                "person, right, action or time of receipt were changed in the database;"
                " put back what `syncer show` says"
            )
        if self._seals.opens:
            return None
        if accord is Accord.UNKNOWN:
            return Sentence(_NOT_HERE, why=Sentence("the log has no text any more of who asked for what"))
        if row.code == "malformed":
            return Sentence(_NOT_HERE, why=Sentence("whether its address can be used shows only where it is opened"))
        return None
