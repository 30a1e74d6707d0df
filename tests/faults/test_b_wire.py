"""Group B, the answer on the wire: whole walks through a relay that spoils what both providers answer."""

from __future__ import annotations

import json

import pytest

from adapters.sandbox import Fault
from tests.faults import spoils
from tests.faults.net import BOTH, Rig, Spoil

ERASES = {"newsletter": "/actions/delete-permanent", "crm": "/contacts/"}


def outcome_is_unknown(rig: Rig, spoil: Spoil, code: str) -> None:
    """unknown: every answer spoiled is a counted try; a change whose answer is spoiled is read before repeating."""
    rig.ask()
    rig.spoils(spoil)
    rig.drain()
    rig.is_retrying(code)

    rig.spoils(spoil, writes_only=True, times=1)
    rig.clock.advance(hours=7)
    rig.drain()

    for name in BOTH:
        # the deletion had been obeyed: reading showed it, so it was sent only once
        assert len(rig.writes(name, ERASES[name])) == 1, name
        (applied,) = rig.audit("delivery:applied", name)
        assert '"status":null' in applied["body"] or name == "newsletter"
    rig.is_done()


def test_fault_014_a_reset_before_any_byte_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, spoils.reset_at_once, "cut_off")
