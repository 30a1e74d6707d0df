"""A log that is examined in parts, and with objections of the caller's own: the finding is that of the whole."""

from __future__ import annotations

import pytest

from syncer.audit.offline.notes import Signer, open_checkpoint
from syncer.audit.offline.verifier import Examination, examine
from tests.support.attacks.bent_logs import ORIGIN, SEED, a_log

KEYS = [Signer(ORIGIN, SEED).verifier]
LOG = a_log()


@pytest.mark.parametrize("size", [0, *(open_checkpoint(note, KEYS).size for _, note in LOG.notes)])
def test_a_note_of_the_very_state_that_was_kept_is_held_against_it(size: int) -> None:
    notes = {name: open_checkpoint(text, KEYS).size for name, text in LOG.notes}
    before = Examination([[note for note in LOG.notes if notes[note[0]] < size]], KEYS, of_events=False)
    before.take_all(LOG.as_table()[:size])
    assert before.finding().ok
    saved = before.saved()
    assert saved is not None

    after = Examination([[note for note in LOG.notes if notes[note[0]] >= size]], KEYS, of_events=False)
    after.go_on(saved)
    after.take_all(LOG.as_table()[size:])

    assert after.finding() == examine(LOG.as_table(), [LOG.notes], KEYS)


def test_what_stands_before_an_entry_that_the_caller_objects_to_is_good() -> None:
    examination = Examination([LOG.notes], KEYS)
    examination.take_all(LOG.as_table())

    examination.refuse(4, "entry 4 is about another person")
    examination.refuse(9, "entry 9 is about another person")
    finding = examination.finding()

    assert (finding.ok, finding.entries, finding.first_bad) == (False, 3, 4)
    assert finding.reason == "entry 4 is about another person"
