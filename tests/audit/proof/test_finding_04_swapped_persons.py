"""Findings 4 and 13: who may write to the tables swaps two persons; no verifier follows, and no dossier is proven."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from syncer.app import App, open_app
from syncer.audit.offline.claims import check_file
from syncer.audit.offline.inclusion import ProofError
from syncer.audit.offline.notes import Signer
from syncer.cli.dossier import look_up
from syncer.database.connections import writing
from syncer.decisions.resync_plan import Selection
from syncer.reports.as_json import as_json
from syncer.service.drain import drain
from syncer.setup import rotation
from tests.support.attacks.bent_logs import prove_again
from tests.support.scripts import judged, judged_file
from tests.support.walk import OTHER, PERSON, put


def events(app: App) -> dict[str, Any]:
    return {event.event_key: event for event in app.reader.events()}


def set_subject(app: App, key: str, subject: str) -> None:
    e = app.tables.event
    with writing(app.engine) as connection:
        connection.execute(e.update().where(e.c.event_key == key).values(subject=subject))


def script(app: App) -> tuple[int, list[str]]:
    app.notary.make()
    newest = app.checkpoints.newest()
    assert newest is not None
    return judged(app.ledger.rows(), [("newest.note", newest.note)], app.origins.public_keys())


def dossier_of(app: App, subject: str) -> str:
    return as_json(look_up(app, app.dossiers.of_person(subject)))


def is_refused(app: App, text: str) -> bool:
    """Say whether both refuse a dossier; they agree."""
    keys = [str(key) for key in app.origins.public_keys()]
    code, _ = judged_file(text, keys)
    try:
        check_file(text, keys)
    except ProofError:
        assert code == 1
        return True
    assert code == 0
    return False


@pytest.fixture
def swapped(app: App) -> tuple[App, str, str]:
    """Two requests whose persons were swapped before they were carried out; each with its true person."""
    put(app, "erasure", PERSON, "ada")
    put(app, "erasure", OTHER, "grace")
    app.intake.take_all()
    ada, grace = (events(app)[key].subject for key in ("ada", "grace"))
    set_subject(app, "ada", grace)
    set_subject(app, "grace", ada)
    drain(app)
    return app, ada, grace


def test_finding_04_two_swapped_persons_are_a_contradiction_to_both(swapped: tuple[App, str, str]) -> None:
    app = swapped[0]

    finding, (code, said) = app.verify(), script(app)

    assert (finding.ok, finding.declared_lost) == (False, False)
    assert "is about another person than its event" in str(finding.reason)
    assert (code, said[0]) == (1, f"NOT PROVEN: {finding.reason}")


@pytest.mark.slow
def test_finding_13_the_dossier_of_a_swapped_person_is_refused_by_both(swapped: tuple[App, str, str]) -> None:
    app, ada, grace = swapped

    for subject in (ada, grace):
        assert is_refused(app, dossier_of(app, subject))


def test_finding_13_also_where_the_table_was_put_right_again(swapped: tuple[App, str, str]) -> None:
    app, ada, grace = swapped
    set_subject(app, "ada", ada)
    set_subject(app, "grace", grace)

    for subject in (ada, grace):
        assert is_refused(app, dossier_of(app, subject))


def test_finding_13_a_dossier_of_entries_about_two_persons_is_refused_by_both(app: App) -> None:
    put(app, "erasure", "not an address", "nobody's")
    drain(app)
    app.resync.apply(app.resync.plan(Selection(addresses=((events(app)["nobody's"].id, OTHER),))), "she wrote again")
    drain(app)
    text = dossier_of(app, events(app)["nobody's"].subject)
    assert not is_refused(app, text)
    dossier = json.loads(text)
    first = next(proof for proof in dossier["proofs"] if '"delivery:confirmed"' in proof["body"])
    first["body"] = json.dumps(json.loads(first["body"]) | {"subject": "p1:somebody"})
    prove_again(dossier, Signer(app.origins.current(), app.keyring.signing_seed))

    assert is_refused(app, json.dumps(dossier))


def test_finding_04_nobodys_request_that_a_table_gives_to_somebody_is_a_contradiction(app: App) -> None:
    put(app, "erasure", "not an address", "nobody's")
    put(app, "erasure", OTHER, "grace")
    drain(app)
    set_subject(app, "nobody's", events(app)["grace"].subject)
    app.resync.apply(app.resync.plan(Selection(events=(events(app)["nobody's"].id,), as_written=True)), "again")
    with app.transactions.write() as tx:
        nobodys = events(app)["nobody's"]
        tx.audit.add("operator:looked_up", event=nobodys.id, subject=nobodys.subject, facts={"events": 1})

    assert "is about another person than its event" in str(app.verify().reason)
    assert script(app)[0] == 1


@pytest.mark.slow
def test_finding_04_an_address_that_comes_to_nobodys_request_is_proven_by_both(app: App) -> None:
    put(app, "erasure", "not an address", "nobody's")
    drain(app)
    for reason in ("she wrote again", "and once more"):
        app.resync.apply(app.resync.plan(Selection(addresses=((events(app)["nobody's"].id, OTHER),))), reason)
        drain(app)
        finding = app.verify()

        assert finding.ok, finding.reason
    assert script(app)[0] == 0
    text = dossier_of(app, events(app)["nobody's"].subject)
    assert not is_refused(app, text)
    assert "events.subject" in check_file(text, list(map(str, app.origins.public_keys()))).unproven


@pytest.mark.slow
def test_finding_04_a_request_keeps_its_old_pseudonym_when_its_address_comes_again_under_a_new_key(
    make_app: Callable[..., App],
) -> None:
    app = make_app(recheck_days="[]")
    put(app, "erasure", PERSON, "ada")
    drain(app)
    app.notary.make()
    before = events(app)["ada"].subject
    assert list(rotation.carry_out(app.settings, "the key was lost"))
    with open_app(app.settings, clock=app.clock) as app:
        for given in (None, events(app)["ada"].id):
            app.resync.apply(app.resync.plan(Selection(addresses=((given, PERSON),))), "look again")
            drain(app)

        assert events(app)["ada"].subject == before
        assert app.verify().ok, app.verify().reason
        assert script(app)[0] == 0
        assert not is_refused(app, dossier_of(app, before))
