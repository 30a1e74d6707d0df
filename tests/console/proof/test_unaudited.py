"""What the audit cannot have is not answered: no room for the entry, a log that is not trusted, no signature."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.taking import export
from syncer.console.taking.limits import ExportSlots
from syncer.domain.permissions import Role
from tests.console.proof.conftest import Download, Filled, SignedIn, take
from tests.support.eventful import PLAIN


def limit_pages(app: App, pages: int) -> None:
    """Let the database file grow no further than so many pages, as a disk that is full does."""
    app.engine.dispose()
    sa.event.listen(app.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA max_page_count={pages}"))


def until_refused(client: FlaskClient, path: str, **form: str) -> Download:
    """Ask for a download as long as the last page of the database has room for its entry, a few times at most."""
    for _ in range(20):
        if (got := take(client, path, **form)).status != 200:
            break
    return got


@contextmanager
def patch_in_memory() -> Iterator[None]:
    """Let every export go to a file at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "IN_MEMORY", 1)
        yield


@contextmanager
def file_size(most: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many octets, as a disk that is full lets none."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_export_whose_entry_does_not_fit_on_the_disk_is_not_answered(
    site: Flask, filled: Filled, signed_in: SignedIn
) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    limit_pages(app, 1)  # SQLite takes the present size for it
    got = until_refused(anna, "/audit/export", format="jsonl")
    entries = app.ledger.head()[0]

    assert got.status == 503
    assert "Retry-After" in got.headers
    assert b'"body"' not in got.data
    limit_pages(app, 1_000_000)
    again = take(anna, "/audit/export", format="jsonl")
    assert again.status == 200, "the slot was given back"
    assert again.data.count(b"\n") == entries, "what was refused left no entry, and no look-up without one"


def test_a_dossier_whose_look_up_does_not_fit_on_the_disk_is_not_answered(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna, ref = signed_in(Role.COMPLIANCE), app.keyring.ref(PLAIN)
    limit_pages(app, 1)
    got = until_refused(anna, f"/people/{ref}/dossier", format="json")

    assert got.status == 503
    assert ref.encode() not in got.data


def test_nothing_is_answered_of_a_log_that_was_cut(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    app.notary.publish(now=True)
    with app.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {app.tables.head.name} SET seq = seq - 1"))

    got = take(anna, "/audit/export")

    assert got.status in (500, 503)
    assert b'"body"' not in got.data


def test_a_dossier_that_nothing_signed_is_refused_in_words_and_the_look_up_stays_on_record(
    filled: Filled, signed_in: SignedIn
) -> None:
    app, _ = filled
    ref, anna = app.keyring.ref(PLAIN), signed_in(Role.COMPLIANCE)
    with app.engine.begin() as connection:
        connection.execute(app.tables.checkpoint.delete())
    before = len(app.ledger.entries(("operator:looked_up",)))

    got = take(anna, f"/people/{ref}/dossier")

    assert got.status == 409
    assert "Not signed yet" in got.text
    assert len(app.ledger.entries(("operator:looked_up",))) == before + 1
    assert take(anna, "/audit/export").status == 200, "the slot was given back"


def test_a_dossier_waits_for_the_daemon_to_sign_it(filled: Filled, signed_in: SignedIn) -> None:
    app, clock = filled
    ref, anna = app.keyring.ref(PLAIN), signed_in(Role.COMPLIANCE)
    app.checkpoints.make("test")
    clock.advance(seconds=5)
    with app.transactions.write() as tx:
        event = tx.connection.execute(
            sa.select(app.tables.event.c.id).where(app.tables.event.c.subject == ref)
        ).scalar()
        tx.audit.add("event:extended", event=event, subject=ref, facts={"reason": "a test"})
    app.presence.arrive()
    over = threading.Event()

    def daemon() -> None:
        while not over.wait(0.1):
            app.checkpoints.tick()

    thread = threading.Thread(target=daemon)
    thread.start()
    try:
        clock.advance(seconds=5)
        got = take(anna, f"/people/{ref}/dossier")
    finally:
        over.set()
        thread.join()

    assert got.status == 200
    assert "Not signed yet" not in got.text


def test_an_export_for_which_the_machine_has_no_room_is_refused_in_words(
    filled: Filled, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "LARGEST", 1000)
    anna = signed_in(Role.COMPLIANCE)

    got = take(anna, "/audit/export")

    assert got.status == 507
    assert "no room" in got.text
    assert filled[0].ledger.entries(("report:exported",)) == []


def test_an_export_that_the_disk_refuses_in_the_middle_is_refused_in_words(filled: Filled, signed_in: SignedIn) -> None:
    anna = signed_in(Role.COMPLIANCE)
    with patch_in_memory(), file_size(5000):
        got = take(anna, "/audit/export")

    assert got.status == 507
    assert b'"body"' not in got.data
    assert filled[0].ledger.entries(("report:exported",)) == []
    assert take(anna, "/audit/export").status == 200, "the slot was given back"


@pytest.mark.parametrize("in_all", [1, 2, 3])
def test_a_slot_is_given_back_once_however_often_that_is_said(in_all: int) -> None:
    limits = ExportSlots(in_all)
    slot = limits.take("anna")
    slot.release()
    slot.release()

    assert limits.take("anna").name == "anna"
