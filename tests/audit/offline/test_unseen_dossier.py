"""A dossier of deliveries that nobody read back: proven by both verifiers, and every forged word refused."""

from __future__ import annotations

import copy
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.audit.offline.claims import check_file
from syncer.audit.offline.inclusion import ProofError
from syncer.audit.offline.notes import Signer
from syncer.cli.dossier import look_up
from syncer.domain.endings import UNSEEN
from syncer.reports.as_json import as_json
from tests.conftest import Clock
from tests.support.attacks.bent_logs import bend, prove_again
from tests.support.paths import VERIFIER
from tests.support.unread.ended import ended
from tests.support.walk import event

SCRIPT = SimpleNamespace(**runpy.run_path(str(VERIFIER)))
#: a dossier, with its log's key, that the version before these words made
MADE_BEFORE = Path(__file__).with_name("made_before.json")
Dossier = dict[str, Any]
#: destination, key, what it is made to say
FORGED = [
    ("analytics", "settles_on", "2027-06-30"),
    ("analytics", "settles_on", None),
    ("analytics", "lapses_on", "2027-06-30"),
    ("analytics", "code", "no_data"),
    ("analytics", "state", "confirmed"),
    ("analytics", "accepted_at", "2026-11-01T09:00:00.000000Z"),
    ("analytics", "order", []),
    ("analytics", "first_confirmed_at", "2026-11-01T09:00:00.000000Z"),
    ("clarity", "lapses_on", "2026-12-02"),
    ("clarity", "lapses_on", None),
    ("clarity", "code", "right_not_offered"),
    ("clarity", "code", None),
    ("clarity", "state", "accepted"),
    ("clarity", "not_applicable_at", None),
    ("ads", "code", "no_data"),
    ("ads", "state", "confirmed"),
    ("ads", "state", "exempt"),
    ("ads", "attested_by", "somebody else"),
    ("ads", "attested_reason", "a court order"),
    ("ads", "answered_on", "2026-10-01"),
    ("ads", "evidence_sha256", "cd" * 32),
    ("court", "code", "legal_obligation"),
    ("newsletter", "state", "accepted"),
    ("newsletter", "code", "refused"),
    ("newsletter", "settles_on", "2027-01-20"),
]


@pytest.fixture
def app(settings_file: Callable[..., Path], clock: Clock, mailchimp: MailchimpSandbox) -> Iterator[App]:
    with ended(settings_file, clock, mailchimp) as app:
        yield app


@pytest.fixture
def dossier(app: App) -> Dossier:
    return dossier_of(app)


def dossier_of(app: App) -> Dossier:
    found: Dossier = json.loads(as_json(look_up(app, app.dossiers.of_event(event(app).id))))
    return found


@pytest.fixture
def refused(app: App, tmp_path: Path) -> Callable[[Dossier], tuple[str, str]]:
    """Check a dossier by product and script; return why each refuses it, empty for a proven one."""
    key = str(app.origins.public_keys()[-1])
    return lambda dossier: verdicts(dossier, key, tmp_path)


def verdicts(dossier: Dossier, key: str, folder: Path) -> tuple[str, str]:
    text, path = json.dumps(dossier), folder / "dossier.json"
    path.write_text(text, encoding="utf-8")
    product = ""
    try:
        check_file(text, [key])
    except ProofError as error:
        product = str(error)
    code, said = SCRIPT.answer([key], str(path))
    return product, said[0] if code else ""


def at(dossier: Dossier, destination: str) -> Dossier:
    (only,) = dossier["events"]
    found: Dossier = next(each for each in only["deliveries"] if each["destination"] == destination)
    return found


def test_it_is_proven_and_says_of_each_recipient_how_sure_that_is(dossier: Dossier, refused: Any) -> None:
    assert refused(dossier) == ("", "")
    assert {f"delivery:{state}" for state in UNSEEN} <= {entry["what"] for entry in dossier["events"][0]["audit"]}
    assert dossier["events"][0]["ending"] == "with_exception"
    assert (at(dossier, "analytics")["state"], at(dossier, "analytics")["settles_on"]) == ("accepted", "2027-01-20")
    assert (at(dossier, "clarity")["state"], at(dossier, "clarity")["lapses_on"]) == ("not_applicable", "2027-12-28")
    assert (at(dossier, "ads")["state"], at(dossier, "ads")["attested_reason"]) == (
        "attested", "their letter of that day",
    )  # fmt: skip


def test_each_forged_word_and_day_is_refused_by_both(dossier: Dossier, refused: Any) -> None:
    for destination, key, value in FORGED:
        forged = copy.deepcopy(dossier)
        assert at(forged, destination).get(key) != value
        at(forged, destination)[key] = value

        product, script = refused(forged)

        assert product and script, (destination, key)
        assert key in product and key in script, (product, script)


@pytest.mark.parametrize("claimed", ["everywhere", "answered", "withdrawn"])
def test_it_cannot_be_said_to_have_ended_better_than_it_did(dossier: Dossier, refused: Any, claimed: str) -> None:
    dossier["summary"] |= {dossier["events"][0]["ending"]: 0, claimed: 1}
    dossier["events"][0]["ending"] = claimed

    product, script = refused(dossier)

    assert "ending" in product and "ending" in script


def test_what_was_passed_on_needs_its_proof(dossier: Dossier, refused: Any) -> None:
    seq = at(dossier, "analytics")["accepted_seq"]
    dossier["proofs"] = [proof for proof in dossier["proofs"] if proof["seq"] != seq]

    product, script = refused(dossier)

    assert f"entry {seq} (delivery:accepted) has no proof" in product
    assert f"entry {seq} (delivery:accepted) has no proof" in script


def test_a_dossier_that_was_made_before_these_words_is_proven_still(tmp_path: Path) -> None:
    made = json.loads(MADE_BEFORE.read_text(encoding="utf-8"))
    assert "answered" not in made["dossier"]["summary"]
    assert not {"settles_on", "lapses_on"} & set(made["dossier"]["events"][0]["deliveries"][0])

    assert verdicts(made["dossier"], made["key"], tmp_path) == ("", "")


@pytest.mark.parametrize(
    ("key", "value"), [("settles_on", "2027-01-20"), ("state", "accepted"), ("code", "other"), ("accepted_at", "x")]
)
def test_what_is_put_into_a_dossier_that_was_made_before_is_refused(tmp_path: Path, key: str, value: str) -> None:
    made = json.loads(MADE_BEFORE.read_text(encoding="utf-8"))
    made["dossier"]["events"][0]["deliveries"][0][key] = value

    product, script = verdicts(made["dossier"], made["key"], tmp_path)

    assert key in product and key in script


def test_a_dossier_of_today_that_leaves_the_new_words_out_is_refused(app: App, tmp_path: Path) -> None:
    dossier, key = dossier_of(app), str(app.origins.public_keys()[-1])
    del dossier["summary"]["answered"]  # nothing ended so: that alone is how it was before
    assert verdicts(dossier, key, tmp_path) == ("", "")
    for delivery in dossier["events"][0]["deliveries"]:
        del delivery["settles_on"], delivery["lapses_on"]

    product, script = verdicts(dossier, key, tmp_path)

    assert "_on: " in product and "_on: " in script


@pytest.mark.slow  # a hundred dossiers, each verified twice
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_both_come_to_one_verdict_on_whatever_it_is_bent_to(
    app: App, dossier: Dossier, tmp_path: Path, data: st.DataObject
) -> None:
    signer, bent = Signer(app.origins.current(), app.keyring.signing_seed), copy.deepcopy(dossier)
    if data.draw(st.booleans()):
        bend(data, bent)
    else:
        proof = data.draw(st.sampled_from(bent["proofs"]))
        body = json.loads(proof["body"])
        bend(data, body)
        proof["body"] = json.dumps(body)
        prove_again(bent, signer)

    product, script = verdicts(bent, str(signer.verifier), tmp_path)

    assert bool(product) is bool(script), (product, script)
