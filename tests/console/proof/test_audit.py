"""The audit's pages: how the log stands, what was done and by whom, and proofs."""

from __future__ import annotations

import json
import threading

import pytest
import sqlalchemy as sa
from flask import Flask

from syncer.audit.offline.claims import check_file
from syncer.console.reading.audit_pages import MOST, AuditFilter, AuditPages
from syncer.console.taking.verifying import Verifications, Verifying
from syncer.domain.permissions import Role
from tests.console.proof.conftest import Filled, SignedIn, take
from tests.support.eventful import PLAIN


def test_the_page_says_how_the_log_stands_and_what_is_not_proven(filled: Filled, signed_in: SignedIn) -> None:
    shown = signed_in(Role.READER).get("/audit/").text

    for said in ("Last verified in full", "Where signed notes lie", "What is not proven", "the last that is signed"):
        assert said in shown


def test_who_looked_at_a_person_is_answered(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna, ref = signed_in(Role.COMPLIANCE), app.keyring.ref(PLAIN)
    take(anna, f"/people/{ref}/dossier")

    page = AuditPages(app.engine, app.tables).page(AuditFilter(subject=ref, what="operator:looked_up"))
    shown = anna.get(f"/audit/?subject={ref}&what=operator:looked_up").text

    assert [entry.actor["user"] for entry in page.entries if entry.actor][0] == "anna"
    assert len(page.entries) == 2
    assert "somebody looked a person up" in shown
    assert "anna" in shown


def test_pages_follow_one_another_without_a_gap_or_a_repetition(filled: Filled) -> None:
    app, _ = filled
    pages, before, seen = AuditPages(app.engine, app.tables), None, []
    while True:
        page = pages.page(AuditFilter(before=before), size=7)
        seen += [entry.seq for entry in page.entries]
        if (before := page.older) is None:
            break

    assert seen == list(range(app.ledger.head()[0], 0, -1))


@pytest.mark.parametrize("size", [3, 7])
def test_pages_of_what_one_person_did_follow_one_another_too(filled: Filled, signed_in: SignedIn, size: int) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    for _number in range(8):
        take(anna, "/audit/export")
    app.access_log.refused("find", "no address")  # by somebody else
    with app.transactions.write() as tx:
        tx.audit.add("user:disabled", facts={"user": "anna"})  # about her, by somebody else
    pages, before, seen = AuditPages(app.engine, app.tables), None, []
    while True:
        page = pages.page(AuditFilter(by="anna", before=before), size=size)
        seen += [entry.seq for entry in page.entries]
        if (before := page.older) is None:
            break

    written = [entry.seq for entry in app.ledger.entries(("report:exported",))]
    assert seen == sorted(written, reverse=True)


def test_a_search_reads_so_many_entries_only_and_says_how_far_it_came(
    filled: Filled, monkeypatch: pytest.MonkeyPatch, signed_in: SignedIn
) -> None:
    from syncer.console.reading import audit_pages

    app, _ = filled
    monkeypatch.setattr(audit_pages, "MOST", 20)
    monkeypatch.setattr(audit_pages, "SLICE", 5)
    last = app.ledger.head()[0]
    assert MOST > 20

    page = AuditPages(app.engine, app.tables).page(AuditFilter(by="nobody"))
    shown = signed_in(Role.READER).get("/audit/?by=nobody").text

    assert (page.entries, page.older, page.halted) == ((), last - 19, True)
    assert f"as far as entry {last - 19}" in shown
    assert "No entry is like this" not in shown


def test_a_search_of_one_kind_counts_the_entries_of_that_kind_alone(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    from syncer.console.reading import audit_pages

    app, _ = filled
    monkeypatch.setattr(audit_pages, "MOST", 20)
    monkeypatch.setattr(audit_pages, "SLICE", 5)
    first = app.ledger.entries(("event:received",))[0]
    assert app.ledger.head()[0] - first.seq > 50

    page = AuditPages(app.engine, app.tables).page(AuditFilter(what="event:received", since="2000"))

    assert page.entries[-1].seq == first.seq
    assert not page.halted


def test_days_are_the_controllers(filled: Filled, signed_in: SignedIn) -> None:
    app, clock = filled
    today = clock.now.astimezone(app.settings.deadlines.zone).date().isoformat()

    shown = signed_in(Role.READER).get(f"/audit/?since={today}&until={today}").text
    before = signed_in(Role.READER).get("/audit/?until=2020-01-01").text

    assert "request received" in shown
    assert "No entry is like this" in before


@pytest.mark.parametrize(
    "asked",
    [
        "what=nonsense", "since=28.11.2026", "since=2026-13-01", "since=0001-01-01&until=9999-12-31", "before=-1",
        "before=abc", "before=99999999999999999999", "by=anna@example.org", "subject=nobody",
        "subject=%00%00%00%00%00%00%00%00",
        "what=event:received&what=event:held", "state=open", "since=2026-11-02&until=2026-11-01", "since=2026-W48-1",
        "follow=abc", "follow=1", "follow=10&follow=10", "said=verifying&said=trial",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_named_and_never_ignored(signed_in: SignedIn, asked: str) -> None:
    answer = signed_in(Role.READER).get(f"/audit/?{asked}")

    assert answer.status_code == 400
    assert "<table" not in answer.text


def test_an_entry_says_who_acted_and_leads_to_what_the_log_has(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    take(anna, "/audit/export")
    (entry,) = app.ledger.entries(("report:exported",))

    shown = anna.get(f"/audit/{entry.seq}").text

    assert "an export was made" in shown
    assert "127.0.0.0/24" in shown
    assert "&#34;sha256&#34;" in shown, "the JSON as the log has it"
    assert "not yet: no signed note covers it" in shown


def test_a_purged_entry_says_so(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    with app.engine.begin() as connection:
        for trigger in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars():
            connection.execute(sa.text(f"DROP TRIGGER {trigger}"))
        connection.execute(app.tables.audit.update().where(app.tables.audit.c.seq == 1).values(body=None))

    shown = signed_in(Role.READER).get("/audit/1").text
    listed = signed_in(Role.READER).get("/audit/?before=3").text

    assert "was purged" in shown
    assert "(details purged)" in listed


@pytest.mark.parametrize("seq", ["0", "999999", "9" * 30, "1x"])
def test_what_is_no_entry_is_not_there(signed_in: SignedIn, seq: str) -> None:
    assert signed_in(Role.READER).get(f"/audit/{seq}").status_code == 404


def test_a_proof_convinces_whoever_has_the_public_key_alone(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)

    got = take(anna, "/audit/2/proof")

    checked = check_file(got.text, [str(key) for key in app.origins.public_keys()])
    assert [entry.seq for entry in checked.entries] == [2]
    facts = app.ledger.entries(("report:exported",))[-1].facts
    assert facts == {"kind": "proof", "format": "json", "rows": 1, "sha256": got.sha256}


def test_the_proofs_of_a_request_are_those_of_its_entries(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    event = app.reader.events(subject=app.keyring.ref(PLAIN))[0]
    anna = signed_in(Role.COMPLIANCE)

    got = take(anna, f"/requests/{event.id}/proofs")

    checked = check_file(got.text, [str(key) for key in app.origins.public_keys()])
    assert {entry.seq for entry in checked.entries} <= {entry.seq for entry in app.ledger.timeline(event.id)}
    assert [each["id"] for each in json.loads(got.text)["events"]] == [event.id]


def test_an_entry_that_is_not_signed_yet_has_no_proof(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    app.access_log.refused("find", "no address")
    last = app.ledger.head()[0]

    got = take(signed_in(Role.COMPLIANCE), f"/audit/{last}/proof")

    assert got.status == 409
    assert "no signed note covers it" in got.text


def test_a_verification_runs_beside_the_pages_and_says_how_it_ended(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)

    answer = anna.post("/audit/verify")
    for thread in threading.enumerate():
        if thread.name == "verification":
            thread.join(60)
    shown = anna.get("/audit/?said=verifying&follow=10")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/audit/?said=verifying")
    assert f"Verified: {app.ledger.head()[0]} entries, all whole." in shown.text
    assert "anna asked for it" in shown.text
    assert "Refresh" not in shown.headers, "it has ended"
    assert app.verified.standing().result is not None
    assert take(anna, "/audit/export").status == 200, "its slot was given back"


def test_a_verification_that_runs_is_followed_by_whoever_asks_to_and_no_second_one_begins(
    site: Flask, filled: Filled, signed_in: SignedIn
) -> None:
    anna, running = signed_in(Role.COMPLIANCE), Verifications()
    running._last = Verifying("bert", filled[1].now)
    site.extensions["syncer.verifications"] = running

    shown, followed = anna.get("/audit/"), anna.get("/audit/?follow=10")

    assert "is running since" in shown.text
    assert "bert asked for it" in shown.text
    assert "follow=10" in shown.text
    assert "Refresh" not in shown.headers, "nobody asked for it"
    assert followed.headers["Refresh"] == "10"
    assert take(anna, "/audit/verify").status == 429
    assert take(anna, "/audit/export").status == 200, "its slot was given back"


def test_a_verification_names_what_was_altered(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    with app.engine.begin() as connection:
        for trigger in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars():
            connection.execute(sa.text(f"DROP TRIGGER {trigger}"))
        connection.execute(app.tables.audit.update().where(app.tables.audit.c.seq == 3).values(at="2020-01-01"))

    anna.post("/audit/verify").close()
    for thread in threading.enumerate():
        if thread.name == "verification":
            thread.join(60)

    assert "Not whole:" in anna.get("/audit/").text
