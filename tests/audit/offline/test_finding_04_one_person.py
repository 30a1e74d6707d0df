"""Finding 4: whose an event is stands in its first entry; no later one gives it to somebody else."""

from __future__ import annotations

from typing import Any

import pytest

from syncer.audit.offline.notes import Signer
from syncer.audit.offline.verifier import examine
from tests.support.attacks.bent_logs import ORIGIN, SEED, Log
from tests.support.scripts import judged

KEYS = [Signer(ORIGIN, SEED).verifier]
ADA, GRACE = "p1:ada", "p1:grace"


def received(subject: str | None) -> Log:
    """A log of one request of ada's or nobody's, years ago."""
    log = Log()
    log.write("event:received", "e", subject=subject, destinations=["crm:delete"], right="erasure")
    return log


def tried(log: Log, subject: str | None) -> int:
    return log.write("delivery:attempted", "e", "crm", subject=subject, attempt=1, action="delete")


def resynced(log: Log, **changes: Any) -> int:
    facts = {"reason": "by phone", "addresses_brought": 1, "deliveries": ["e:crm"]} | changes
    return log.write("operator:resynced", **facts)


def verdict(log: Log) -> str | None:
    """What both say is wrong; None where both call it proven."""
    log.sign()
    finding, (code, said) = examine(log.as_table(), [log.notes], KEYS), judged(log.rows, log.notes, KEYS)
    assert (code, said[0].startswith("PROVEN")) == ((0, True) if finding.ok else (1, False)), (finding, said)
    assert finding.ok or said[0] == f"NOT PROVEN: {finding.reason}"
    return finding.reason


@pytest.mark.parametrize("what", ["delivery:attempted", "event:extended", "identity:shredded", "operator:looked_up"])
def test_finding_04_an_entry_about_another_person_than_its_event_is_a_contradiction(what: str) -> None:
    log = received(ADA)
    tried(log, None)
    destination = "crm" if what.startswith("delivery") else None
    seq = log.write(what, "e", destination, subject=GRACE, attempt=1, action="delete", due_on="2022-12-30")

    assert verdict(log) == f"entry {seq} is about another person than its event"


def test_finding_04_a_resync_gives_nobody_the_event_of_somebody() -> None:
    log = received(ADA)
    resynced(log)
    seq = tried(log, GRACE)

    assert verdict(log) == f"entry {seq} is about another person than its event"


def test_finding_04_what_was_nobodys_is_of_whom_a_resync_brought_and_stays_so() -> None:
    log = received(None)
    tried(log, None)
    resynced(log)
    tried(log, GRACE)
    tried(log, None)
    tried(log, GRACE)

    assert verdict(log) is None
    log.notes.clear()
    resynced(log)
    seq = tried(log, ADA)
    assert verdict(log) == f"entry {seq} is about another person than its event"


@pytest.mark.parametrize("changes", [{"addresses_brought": 0}, {"deliveries": ["e2:crm"]}, {"deliveries": []}, None])
def test_finding_04_without_a_resync_that_brought_its_address_nobodys_event_stays_nobodys(changes: Any) -> None:
    log = received(None)
    if changes is not None:
        resynced(log, **changes)
    seq = tried(log, GRACE)

    assert verdict(log) == f"entry {seq} is about another person than its event"


def test_finding_04_a_resync_before_the_event_came_brought_nothing_to_it() -> None:
    log = Log()
    resynced(log)
    log.write("event:received", "e", destinations=["crm:delete"], right="erasure")
    seq = tried(log, GRACE)

    assert verdict(log) == f"entry {seq} is about another person than its event"


def test_finding_04_a_resync_that_was_purged_before_its_event_is_no_contradiction() -> None:
    log = received(None)
    hole = resynced(log)
    tried(log, GRACE)
    log.now = log.now.replace(year=2026)
    log.purge([hole])

    assert verdict(log) is None
