"""Finding 22: product and script come to one verdict on every log, proof and dossier, and neither ever breaks off."""

from __future__ import annotations

import builtins
import copy
import json
import re
import runpy
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.audit.offline.claims import check_file
from syncer.audit.offline.inclusion import ProofError, UnreadableProof
from syncer.audit.offline.notes import NoteError, Signer, UnreadableNote, VerifierKey, require_note
from syncer.audit.offline.verifier import examine
from syncer.cli.dossier import look_up
from syncer.reports.as_json import as_json
from tests.support import eventful
from tests.support.attacks.bent_logs import (
    JUNK,
    ORIGIN,
    SEED,
    Log,
    a_log,
    bend,
    bend_log,
    deep,
    proof_of,
    prove_again,
    sign_again,
)
from tests.support.paths import VERIFIER

SCRIPT = SimpleNamespace(**runpy.run_path(str(VERIFIER)))
KEYS = [Signer(ORIGIN, SEED).verifier, Signer(f"{ORIGIN}/fork-1", SEED).verifier]
WORDS = {"PROVEN": "proven", "NOT PROVEN": "not proven", "CANNOT BE READ": "unreadable"}


def by_product(log: Log, accepted: Sequence[int] = ()) -> str:
    """The verdict of `audit verify --against`, without what only the host has."""
    for _, text in log.notes:
        try:
            require_note(text)
        except UnreadableNote:
            return "unreadable"
    finding = examine(log.as_table(), [log.notes], KEYS, accepted)
    assert finding.ok or finding.reason
    return "proven" if finding.ok else "declared lost" if finding.declared_lost else "not proven"


def by_script(log: Log, accepted: Sequence[int] = ()) -> str:
    return verdict(said_by_script(log, accepted))


def said_by_script(log: Log, accepted: Sequence[int] = ()) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory() as name:
        export, notes = Path(name, "export.jsonl"), []
        export.write_text("".join(json.dumps(row) + "\n" for row in log.rows), encoding="utf-8")
        for number, (_, text) in enumerate(log.notes):
            notes.append(Path(name, f"{number}.note"))
            notes[-1].write_text(text, encoding="utf-8", newline="")
        said: tuple[int, list[str]] = SCRIPT.answer(list(map(str, KEYS)), str(export), list(map(str, notes)), accepted)
        return said


def verdict(answer: tuple[int, list[str]]) -> str:
    code, (first, *_) = answer
    word, _, reason = first.partition(": ")
    assert not hasattr(builtins, reason), "the script stopped at an exception that it did not mean"
    found = "declared lost" if code == 3 else WORDS[word]
    assert code == {"proven": 0, "declared lost": 3}.get(found, 1)
    return found


def file_by_product(text: str, key: str) -> str:
    try:
        check_file(text, [key])
    except UnreadableProof:
        return "unreadable"
    except ProofError:
        return "not proven"
    return "proven"


def file_by_script(text: str, key: str) -> str:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "file.json")
        path.write_text(text, encoding="utf-8")
        return verdict(SCRIPT.answer([key], str(path)))


# -- logs ---------------------------------------------------------------------------------------------------


def purged() -> Log:
    log = a_log()
    log.now = log.now.replace(year=2026, month=3, day=31)
    log.purge([2, 3, 4, 5])
    sign_again(log)
    return log


def restored() -> Log:
    log = a_log()
    lost, size = log.root(), len(log.rows)
    del log.rows[8:]
    log.mac = bytes.fromhex(log.rows[-1]["mac"])
    log.write(
        "audit:forked", reason="the disk broke", origin=f"{ORIGIN}/fork-1", old_origin=ORIGIN,
        anchor={"size": size, "root": lost.hex()}, shared=6, size=8, root=log.root().hex(),
    )  # fmt: skip
    log.signer = Signer(f"{ORIGIN}/fork-1", SEED)
    log.sign()
    return log


def decided() -> Log:
    log = a_log()
    log.event("x", confirm=False, fulfil=False)
    log.write("delivery:held", "x", "crm", phase="apply", attempt=1, code="newer_consent")
    log.write("delivery:reopened", "x", "crm", reason="by phone", to="pending", **{"from": "held"})
    log.write("delivery:attempted", "x", "crm", attempt=1, action="delete")
    log.write("delivery:exempt", "x", "crm", ground="other", reason="she consented again")
    log.write("event:fulfilled", "x")
    log.sign()
    return log


def withdrawn() -> Log:
    log = a_log()
    log.event("x", confirm=False, fulfil=False)
    log.write("event:withdrawn", "x", reason="the wrong person was typed", destinations=["crm:unanswered"])
    log.write("delivery:exempt", "x", "crm", ground="withdrawn", reason="the wrong person was typed")
    log.write("event:fulfilled", "x")
    log.write("delivery:answered", "x", "crm", phase="apply", attempt=1, answer="applied", outcome="done")
    log.sign()
    return log


def brought() -> Log:
    """A log of somebody's request, and of one that was nobody's until a resync brought the address."""
    log = a_log()
    log.write("event:received", "x", subject="p1:ada", destinations=["crm:delete"], right="erasure")
    log.write("event:received", "y", destinations=["crm:delete"], right="erasure")
    log.write("event:held", "y", code="malformed")
    log.write("operator:resynced", reason="by phone", addresses_brought=1, deliveries=["y:crm"])
    for event, subject in (("x", "p1:ada"), ("y", "p1:grace"), ("y", "p1:grace")):
        log.write("delivery:attempted", event, "crm", subject=subject, attempt=1, action="delete")
    log.sign()
    return log


def unseen() -> Log:
    """A log of a request that was passed on, settled by a person, and not asked."""
    log = a_log()
    log.write("event:received", "x", destinations=["ads:delete", "post:delete", "visits:delete"], right="erasure")
    for place in ("ads", "visits"):
        log.write("delivery:attempted", "x", place, attempt=1, action="delete")
    log.write("delivery:accepted", "x", "ads", phase="apply", attempt=1, action="delete", settles_on="2027-01-20")
    log.write("delivery:not_applicable", "x", "visits", phase="apply", attempt=1, action="delete", code="no_identifier")
    log.write("delivery:held", "x", "post", code="by_hand")
    log.write("delivery:attested", "x", "post", answer="done", on="2026-11-30", reason="their letter")
    log.write("event:fulfilled", "x")
    log.sign()
    return log


LOGS = [a_log, purged, restored, decided, withdrawn, brought, unseen]


@pytest.mark.parametrize("make", LOGS, ids=lambda make: make.__name__)
def test_finding_22_both_come_to_one_verdict_on_an_honest_log(make: Callable[[], Log]) -> None:
    expected = "declared lost" if make is restored else "proven"

    assert by_product(make()) == by_script(make()) == expected
    assert by_product(make(), [9]) == by_script(make(), [9]) == ("proven" if make is restored else "not proven")


@pytest.mark.slow  # hundreds of logs, each verified twice
@settings(max_examples=250)
@given(st.data())
def test_finding_22_both_come_to_one_verdict_on_every_bent_log(data: st.DataObject) -> None:
    log = copy.deepcopy(data.draw(st.sampled_from(LOGS))())
    for _ in range(data.draw(st.integers(1, 3))):
        bend_log(data, log)
    accepted = data.draw(st.sampled_from([[], [], [9], [3]]))

    assert by_product(log, accepted) == by_script(log, accepted)


NESTED = {"seq": 3, "at": "2022-11-24T08:00:03.000000Z", "what": "daemon:started", "event": None, "destination": None}


def a_nested_body(log: Log) -> None:
    log.rows[2]["body"] = json.dumps(NESTED | {"facts": 0}).replace("0}", deep() + "}")


def a_body_in_year_one(log: Log) -> None:
    log.rebody(2, at="0001-01-01T00:00:00.000000Z")


def endless_minutes(log: Log) -> None:
    log.rebody(1, what="daemon:started")
    log.rebody(6, facts={"every_minutes": 10**15})
    log.rebody(11, facts={"every_minutes": 2**53 - 1})


def a_huge_number(log: Log) -> None:
    log.rows[2]["body"] = log.rows[2]["body"].replace('"attempt":1', '"attempt":' + "9" * 5000)


def half_a_surrogate_pair(log: Log) -> None:
    log.rows[2]["body"] = log.rows[2]["body"].replace('"user":"syncer"', '"user":"\\ud800"')


def no_event(log: Log) -> None:
    log.rows[2]["body"] = log.rows[2]["body"].replace('"event":"e1",', "")


def an_attempt_in_words(log: Log) -> None:
    log.rebody(3, facts={"attempt": "1", "action": "delete"})


def minutes_left_out(log: Log) -> None:
    log.rebody(6, facts={})


def purge_in_the_first_years(log: Log) -> None:
    facts = {"from": 1, "to": 2, "count": 2, "months": 240, "before": "1979-12-31T00:00:00.000000Z", "size": 16}
    log.rebody(17, at="1000-01-01T00:00:00.000000Z", what="audit:purged", facts=facts)


HARD = [a_nested_body, a_body_in_year_one, endless_minutes, a_huge_number, half_a_surrogate_pair, no_event,
        an_attempt_in_words, minutes_left_out, purge_in_the_first_years]  # fmt: skip


@pytest.mark.parametrize("how", HARD, ids=lambda how: how.__name__)
def test_finding_22_what_broke_a_verifier_off_is_a_verdict_of_both(how: Callable[[Log], None]) -> None:
    log = a_log()
    how(log)
    log.reseal(1)
    sign_again(log)

    good = how in (endless_minutes, half_a_surrogate_pair, minutes_left_out)
    assert by_product(log) == by_script(log) == ("proven" if good else "not proven")
    assert good or re.match(r"NOT PROVEN: (entry|the purge) \d+ ", said_by_script(log)[1][0])


ENCODED = str(KEYS[0]).split("+", 2)[2]
NO_KEYS = [
    "",
    "a",
    "+",
    "a+b",
    "\ud800+1+\ud800",
    f"{ORIGIN}+\ud800+{ENCODED}",
    f"\ud800+65ffd223+{ENCODED}",
    "a+1+????",
]


@pytest.mark.parametrize("text", NO_KEYS, ids=range(len(NO_KEYS)))
def test_finding_22_a_key_that_is_none_is_a_reason_and_never_an_exception(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)
    assert verdict(SCRIPT.answer([text], "any", ["any"])) == "not proven"


# -- proofs and dossiers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dossiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Signer]]:
    """The dossiers of an installation in which everything happened, and what signs its log."""
    with eventful.installation(tmp_path_factory.mktemp("one-verdict")) as (app, _, _):
        texts = [as_json(look_up(app, app.dossiers.of_event(event.id))) for event in app.reader.events()]
        yield texts, Signer(app.origins.current(), app.keyring.signing_seed)


@pytest.mark.slow
def test_finding_22_both_prove_every_dossier_that_syncer_makes(dossiers: tuple[list[str], Signer]) -> None:
    key = str(dossiers[1].verifier)
    for text in dossiers[0]:
        assert file_by_product(text, key) == file_by_script(text, key) == "proven"


@pytest.mark.slow  # hundreds of dossiers, each verified twice
@settings(max_examples=150)
@given(st.data())
def test_finding_22_both_come_to_one_verdict_on_every_bent_dossier(
    dossiers: tuple[list[str], Signer], data: st.DataObject
) -> None:
    texts, signer = dossiers
    key = str(signer.verifier)
    dossier = json.loads(data.draw(st.sampled_from(texts)))
    match data.draw(st.sampled_from(["claim", "claim", "body", "swap"])):
        case "claim":
            bend(data, dossier)
        case "body":
            proof = data.draw(st.sampled_from(dossier["proofs"]))
            body = json.loads(proof["body"])
            bend(data, body)
            proof["body"] = json.dumps(body)
            for event in dossier["events"]:
                for entry in event["audit"]:
                    if entry["seq"] == proof["seq"] and data.draw(st.booleans()):
                        entry |= {name: body.get(name) for name in entry}
            prove_again(dossier, signer)
        case _:
            other = json.loads(data.draw(st.sampled_from(texts)))
            part = data.draw(st.sampled_from(["events", "summary", "proofs", "subject"]))
            dossier[part] = other[part]
    text = json.dumps(dossier)

    assert file_by_product(text, key) == file_by_script(text, key)


@settings(max_examples=100)
@given(st.data())
def test_finding_22_both_come_to_one_verdict_on_every_bent_proof(data: st.DataObject) -> None:
    log = a_log()
    proof = proof_of(log, data.draw(st.integers(1, len(log.rows))))
    key = data.draw(st.sampled_from([str(KEYS[0]), str(KEYS[0]), "none"]))
    if data.draw(st.booleans()):
        proof[data.draw(st.sampled_from(sorted(proof)))] = data.draw(JUNK)
    else:
        bend(data, proof)
    text = json.dumps(proof)

    assert file_by_product(text, key) == file_by_script(text, key)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", '"x"', "x", deep(), '{"proofs": []}', '{"proofs": {}}', "{" * 5000]
)
def test_finding_22_what_is_no_proof_is_the_same_to_both(text: str) -> None:
    assert file_by_product(text, str(KEYS[0])) == file_by_script(text, str(KEYS[0])) != "proven"
