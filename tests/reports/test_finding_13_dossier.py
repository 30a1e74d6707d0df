"""Finding 13: a dossier is checked whole, by both verifiers: what its entries do not prove is refused or named."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncer.app import App
from syncer.cli.dossier import look_up
from syncer.domain.endings import UNSEEN
from syncer.reports.as_json import as_json
from syncer.reports.dossier import KEY_ENTRIES
from syncer.service.drain import prepare
from tests.conftest import Clock
from tests.support import eventful
from tests.support.paths import VERIFIER
from tests.support.processes import inside
from tests.support.walk import put

pytestmark = pytest.mark.slow

Dossier = dict[str, Any]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Clock, list[str]]]:
    with eventful.installation(tmp_path_factory.mktemp("claims")) as found:
        app = found[0]
        put(app, "erasure", "mistake@wrong.test", "form 11")
        prepare(app)
        app.withdrawals.withdraw(app.withdrawals.event_of("form 11") or "", "the wrong person was typed")
        app.notary.make()
        yield found


@pytest.fixture(scope="module")
def made(installation: tuple[App, Clock, list[str]]) -> dict[str, Dossier]:
    """Every dossier by the key of its first event."""
    app = installation[0]
    found = [json.loads(as_json(look_up(app, app.dossiers.of_event(event.id)))) for event in app.reader.events()]
    return {dossier["events"][0]["event_key"]: dossier for dossier in found}


@pytest.fixture
def check(installation: tuple[App, Clock, list[str]], tmp_path: Path) -> Callable[[Dossier], tuple[int, str]]:
    """Check a dossier by both; return the code and both texts. They agree."""
    app = installation[0]
    key = str(app.origins.public_keys()[-1])

    def both(dossier: Dossier) -> tuple[int, str]:
        path = tmp_path / "dossier.json"
        path.write_text(json.dumps(dossier), encoding="utf-8")
        own = inside(app.settings.path, "audit", "check-proof", str(path), "--key", key)
        script = subprocess.run(
            [sys.executable, "-I", str(VERIFIER), "--key", key, str(path)],
            capture_output=True, encoding="utf-8", check=False, timeout=60,
        )  # fmt: skip
        assert own.returncode == script.returncode, own.stdout + script.stderr
        return own.returncode, own.stdout + script.stdout + script.stderr

    return both


def test_finding_13_every_dossier_is_proven_and_what_no_entry_covers_is_named(made: Any, check: Any) -> None:
    for dossier in made.values():
        code, said = check(dossier)

        assert code == 0, said
        assert said.count("the rest of the file is unproven: ") == 2
        for entry in (entry for event in dossier["events"] for entry in event["audit"]):
            assert f"entry {entry['seq']}," in said or f"entry {entry['seq']} stands" in said, entry["what"]


def another_persons_proofs(dossier: Dossier, other: Dossier) -> None:
    dossier["proofs"] = other["proofs"]


def another_persons_claims(dossier: Dossier, other: Dossier) -> None:
    dossier |= {"events": other["events"], "summary": other["summary"], "subject": other["subject"]}


def another_persons_subject(dossier: Dossier, other: Dossier) -> None:
    dossier["subject"] = dossier["events"][0]["subject"] = other["subject"]


def too_few_proofs(dossier: Dossier, _: Dossier) -> None:
    dossier["proofs"] = dossier["proofs"][:-1]


def a_proof_from_the_middle_left_out(dossier: Dossier, _: Dossier) -> None:
    """Of three confirmations at one place, the second: first and last still say what the dossier claims."""
    place = dossier["events"][0]["deliveries"][0]["destination"]
    told = [entry for entry in dossier["events"][0]["audit"] if entry["destination"] == place]
    second = [entry["seq"] for entry in told if entry["what"] == "delivery:confirmed"][1]
    dossier["proofs"] = [proof for proof in dossier["proofs"] if proof["seq"] != second]


def one_proof_only(dossier: Dossier, _: Dossier) -> None:
    dossier["proofs"] = dossier["proofs"][:1]


def one_proof_too_many(dossier: Dossier, other: Dossier) -> None:
    dossier["proofs"].append(other["proofs"][0])


def a_proof_twice(dossier: Dossier, _: Dossier) -> None:
    dossier["proofs"].append(dossier["proofs"][0])


def a_purged_body(dossier: Dossier, _: Dossier) -> None:
    dossier["proofs"][-1]["body"] = None


def a_key_more_in_a_proof(dossier: Dossier, _: Dossier) -> None:
    dossier["proofs"][0]["verdict"] = "erased everywhere"


def a_key_more_in_an_entry(dossier: Dossier, _: Dossier) -> None:
    entry(dossier, "event:fulfilled")["note"] = "done"


def no_events(dossier: Dossier, _: Dossier) -> None:
    del dossier["events"]


def an_event_twice(dossier: Dossier, _: Dossier) -> None:
    dossier["events"].append(dossier["events"][0])


def another_summary(dossier: Dossier, _: Dossier) -> None:
    dossier["summary"]["fulfilled"] += 1


def an_entry_left_out(dossier: Dossier, _: Dossier) -> None:
    dossier["events"][0]["audit"].remove(entry(dossier, "event:fulfilled"))


def an_entry_under_another_word(dossier: Dossier, _: Dossier) -> None:
    entry(dossier, "event:fulfilled")["what"] = "delivery:applied"


def an_entry_at_another_time(dossier: Dossier, _: Dossier) -> None:
    entry(dossier, "event:fulfilled")["at"] = "2020-01-01T00:00:00.000000Z"


def another_actor(dossier: Dossier, _: Dossier) -> None:
    entry(dossier, "event:received")["actor"]["user"] = "somebody"


def one_recipient_less(dossier: Dossier, _: Dossier) -> None:
    dossier["events"][0]["deliveries"].pop()


def claimed(**claims: Any) -> Callable[[Dossier, Dossier], None]:
    def change(dossier: Dossier, _: Dossier) -> None:
        dossier["events"][0] |= claims

    change.__name__ = "event_" + "_".join(claims)
    return change


def claimed_there(**claims: Any) -> Callable[[Dossier, Dossier], None]:
    def change(dossier: Dossier, _: Dossier) -> None:
        dossier["events"][0]["deliveries"][0] |= claims

    change.__name__ = "delivery_" + "_".join(claims)
    return change


def entry(dossier: Dossier, what: str) -> Dossier:
    return next(entry for entry in dossier["events"][0]["audit"] if entry["what"] == what)


LIES = [
    another_persons_proofs, another_persons_claims, another_persons_subject, too_few_proofs,
    a_proof_from_the_middle_left_out, one_proof_only,
    one_proof_too_many, a_proof_twice, a_purged_body, a_key_more_in_a_proof, a_key_more_in_an_entry, no_events,
    an_event_twice, another_summary, an_entry_left_out, an_entry_under_another_word, an_entry_at_another_time,
    another_actor, one_recipient_less, claimed(right="objection"), claimed(received_at="2026-09-01T00:00:00.000000Z"),
    claimed(due_on="2027-01-01"), claimed(fulfilled_at="2026-09-01T00:00:00.000000Z"), claimed(overdue=True),
    claimed(state="held"), claimed(shredded_at="2026-09-01T00:00:00.000000Z"), claimed(event_key="another"),
    claimed(extended_at="2026-09-01T00:00:00.000000Z"), claimed_there(action="unsubscribe"),
    claimed_there(state="exempt"), claimed_there(state="held"), claimed_there(outcome="absent"),
    claimed_there(first_confirmed_at="2026-09-01T00:00:00.000000Z"), claimed_there(read_back=[]),
    claimed_there(confirmed_seq=1), claimed_there(reason="she said so"), claimed_there(reappeared=3),
    claimed(case=2), claimed(case=None), claimed(ending="with_exception"), claimed(ending="withdrawn"),
    claimed(ending="nobody"), claimed(ending=None), claimed(late=True),
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_finding_13_a_dossier_that_says_what_its_entries_do_not_is_not_proven(lie: Any, made: Any, check: Any) -> None:
    dossier = copy.deepcopy(made["form 0"])
    lie(dossier, made["form 3"])

    code, said = check(dossier)

    assert (code, said.count("NOT PROVEN: ")) == (1, 2), said


def test_finding_13_what_is_open_cannot_be_called_carried_out(made: Any, check: Any) -> None:
    for key in ("form 7", "form 8", "form 10"):
        dossier = copy.deepcopy(made[key])
        (event,) = dossier["events"]
        done = {"state": "fulfilled", "ending": "everywhere", "code": None, "fulfilled_at": event["received_at"]}
        done |= {"overdue": False, "late": False}
        event |= done
        for delivery in event["deliveries"]:
            delivery |= {"state": "confirmed", "outcome": "done", "code": None}
        dossier["summary"] |= {"fulfilled": 1, "everywhere": 1, "held": 0, "open": 0, "overdue": 0}

        assert check(dossier)[0] == 1


def test_finding_13_an_exception_cannot_be_called_carried_out_everywhere(made: Any, check: Any) -> None:
    dossier = copy.deepcopy(made["form 5"])
    assert check(dossier)[0] == 0
    (event,) = dossier["events"]
    assert event["ending"] == "with_exception"
    event["ending"] = "everywhere"
    dossier["summary"] |= {"everywhere": 1, "with_exception": 0}

    code, said = check(dossier)

    assert (code, said.count("ending: the file does not say what its proven entry says")) == (1, 2)


def test_finding_13_what_is_overdue_cannot_be_called_in_time(made: Any, check: Any) -> None:
    dossier = copy.deepcopy(made["form 7"])
    assert dossier["events"][0]["overdue"] is True
    dossier["events"][0]["late"] = False

    code, said = check(dossier)

    assert (code, said.count("it is overdue, and not called late")) == (1, 2)


def test_finding_13_keys_that_no_dossier_has_are_named_as_unproven(made: Any, check: Any) -> None:
    dossier = copy.deepcopy(made["form 0"])
    dossier["verdict\u202e"] = dossier["events"][0]["seen_by_court"] = "erased"

    code, said = check(dossier)

    assert code == 0
    assert said.count("events.seen_by_court") == said.count("verdict\\u202e") == 2


def test_finding_13_proofs_of_another_log_are_refused(made: Any, check: Any, app: App) -> None:
    for _ in range(2):
        app.access_log.looked_up(None, 0)
    app.notary.make()
    dossier = copy.deepcopy(made["form 0"])
    dossier["proofs"] = [json.loads(as_json(app.checkpoints.prove(1)))]

    assert check(dossier)[0] == 1


def test_finding_13_every_entry_that_must_be_proven_is_one_of_the_timelines(made: Any) -> None:
    told = {entry["what"] for dossier in made.values() for event in dossier["events"] for entry in event["audit"]}

    nobody_reads_back = {f"delivery:{state}" for state in UNSEEN}  # no recipient of this installation is one of these
    assert told >= KEY_ENTRIES - nobody_reads_back
