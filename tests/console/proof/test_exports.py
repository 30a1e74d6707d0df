"""What is taken out by the console: the octets of the command line, audited before they are answered."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from syncer.app import App
from syncer.domain.permissions import Role
from syncer.reports.takeout.documents import audit_pieces, dossier_pieces, report_pieces
from syncer.reports.takeout.looking_up import look_up
from syncer.reports.takeout.octets import file_octets
from tests.console.proof.conftest import Download, Filled, SignedIn, take
from tests.support.eventful import PLAIN


def exports(app: App) -> list[dict[str, Any]]:
    """What the audit says of exports, oldest first."""
    return [dict(entry.facts or {}) for entry in app.ledger.entries(("report:exported",))]


def last_export(app: App) -> dict[str, Any]:
    """What the audit says of the last export."""
    return exports(app)[-1]


def require_audited(app: App, got: Download) -> None:
    """The audit has the digest of exactly what was answered."""
    assert got.status == 200
    assert last_export(app)["sha256"] == got.sha256
    assert got.headers["Content-Length"] == str(len(got.data))
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.parametrize("fmt", ["html", "csv", "json", "text"])
def test_a_report_has_the_octets_of_the_command_line(filled: Filled, signed_in: SignedIn, fmt: str) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    with app.propagation.report(None, None) as report:
        expected = b"".join(file_octets(report_pieces(report.log, fmt), fmt))

    got = take(anna, "/reports/", format=fmt)

    require_audited(app, got)
    assert got.data == expected
    assert last_export(app)["rows"] == report.deliveries


@pytest.mark.parametrize("fmt", ["jsonl", "json", "csv"])
def test_the_audit_has_the_octets_of_the_command_line(filled: Filled, signed_in: SignedIn, fmt: str) -> None:
    app, _ = filled
    anna = signed_in(Role.COMPLIANCE)
    expected = b"".join(file_octets(audit_pieces(app.ledger.rows(), fmt), fmt))
    entries, _head = app.ledger.head()

    got = take(anna, "/audit/export", format=fmt)

    require_audited(app, got)
    assert got.data == expected
    assert last_export(app) | {"sha256": ""} == {"kind": "audit", "format": fmt, "rows": entries, "sha256": ""}


@pytest.mark.parametrize("fmt", ["html", "json"])
def test_a_dossier_has_the_octets_of_the_command_line_and_the_look_up_is_audited(
    filled: Filled, signed_in: SignedIn, fmt: str
) -> None:
    app, _ = filled
    anna, ref = signed_in(Role.COMPLIANCE), app.keyring.ref(PLAIN)
    facts = look_up(app.dossiers, app.access_log, app.dossiers.of_person(ref), lambda: None)
    expected = b"".join(file_octets(dossier_pieces(facts, fmt), fmt))

    got = take(anna, f"/people/{ref}/dossier", format=fmt)

    require_audited(app, got)
    assert got.data == expected
    looked_up = app.ledger.entries(("operator:looked_up",))[-1]
    assert looked_up.actor == {"kind": "console", "user": "anna", "via": "passkey", "from": "127.0.0.0/24"}
    assert last_export(app)["kind"] == "dossier"


def test_a_page_may_name_the_person_in_its_form_too(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    anna, ref = signed_in(Role.COMPLIANCE), app.keyring.ref(PLAIN)
    event = app.reader.events(subject=ref)[0]

    by_ref = take(anna, "/dossier", ref=ref, format="json")
    by_event = take(anna, "/dossier", event_id=event.id, format="json")
    proofs = take(anna, "/proofs", event_id=event.id)

    for got in (by_ref, by_event, proofs):
        assert got.status == 200
    assert json.loads(by_ref.data)["events"] == json.loads(by_event.data)["events"]
    assert [each["kind"] for each in exports(app)] == ["dossier", "dossier", "proofs"]
    assert [each["sha256"] for each in exports(app)] == [by_ref.sha256, by_event.sha256, proofs.sha256]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/dossier", {}),
        ("/dossier", {"ref": "p1:AAAAAAAAAAAAAAAAAAAAAA"}),
        ("/dossier", {"ref": "nobody@example.org"}),
        ("/dossier", {"event_id": "0"}),
        ("/proofs", {}),
        ("/requests/01a22e2c-0000-7000-8000-000000000000/proofs", {}),
        ("/people/%E2%80%AE/dossier", {}),
        ("/audit/999999/proof", {}),
    ],
)
def test_of_whom_nothing_is_known_nothing_is_taken_out(
    filled: Filled, signed_in: SignedIn, path: str, form: dict[str, str]
) -> None:
    got = take(signed_in(Role.COMPLIANCE), path, **form)

    assert got.status == 404
    assert exports(filled[0]) == []


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/reports/", {"format": "pdf"}),
        ("/reports/", {"since": "yesterday"}),
        ("/reports/", {"since": "2026-11-02", "until": "2026-11-01"}),
        ("/reports/", {"state": "held"}),
        ("/audit/export", {"format": "xml"}),
        ("/dossier", {"language": "tlh"}),
        ("/dossier", {"format": "csv"}),
    ],
)
def test_what_is_no_choice_is_named_and_nothing_is_taken_out(
    filled: Filled, signed_in: SignedIn, path: str, form: dict[str, str]
) -> None:
    got = take(signed_in(Role.COMPLIANCE), path, **form)

    assert got.status == 400
    assert exports(filled[0]) == []


def test_a_period_is_whole_days_of_the_controller(filled: Filled, signed_in: SignedIn) -> None:
    app, clock = filled
    zone = app.settings.deadlines.zone
    day = (clock.now - timedelta(days=2)).astimezone(zone).date()
    since = datetime.combine(day, time(), zone).astimezone(UTC)
    with app.propagation.report(since, since + timedelta(days=1)) as report:
        expected = b"".join(file_octets(report_pieces(report.log, "json"), "json"))

    got = take(signed_in(Role.COMPLIANCE), "/reports/", since=f"{day}", until=f"{day}", format="json")

    assert got.data == expected
    assert got.headers["Content-Disposition"] == f'attachment; filename="syncer-report-{day}-{day}.json"'
    assert json.loads(got.data)["summary"]["requests"] == 1


def test_no_cell_of_a_table_begins_a_formula(signed_in: SignedIn) -> None:
    anna = signed_in(Role.COMPLIANCE)
    for path in ("/reports/", "/audit/export"):
        rows = list(csv.reader(io.StringIO(take(anna, path, format="csv").text)))
        cells = [cell for row in rows for cell in row]

        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], path
        assert any("cmd|" in cell for cell in cells), "somebody tried it"


def test_the_list_of_exports_has_the_digest_of_each(filled: Filled, signed_in: SignedIn) -> None:
    anna, reader = signed_in(Role.COMPLIANCE), signed_in(Role.READER, name="ruth")
    got = take(anna, "/reports/", format="csv")

    shown = reader.get("/reports/").text

    assert got.sha256 in shown
    assert "anna" in shown
    assert '<form method="post" action="/reports/"' not in shown, "a reader takes nothing out"


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_a_dossier_may_be_in_the_persons_language(filled: Filled, signed_in: SignedIn, language: str) -> None:
    ref = filled[0].keyring.ref(PLAIN)

    require_audited(filled[0], take(signed_in(Role.COMPLIANCE), "/dossier", ref=ref, language=language))


@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_the_table_says(filled: Filled, signed_in: SignedIn, role: Role) -> None:
    somebody = signed_in(role)
    exporting = role in (Role.COMPLIANCE, Role.ADMIN)
    for path in ("/audit/", "/audit/1", "/reports/", "/alerts/"):
        assert somebody.get(path).status_code == 200, path
    for path in ("/audit/export", "/audit/1/proof", "/reports/"):
        assert take(somebody, path).status == (200 if exporting else 403), path
    working = role in (Role.OPS, Role.ADMIN)
    for path in ("/alerts/1/acknowledge", "/alerts/test/nowhere"):
        assert (take(somebody, path).status == 403) is not working, path
    if not exporting:
        # permission comes before existence
        assert take(somebody, "/audit/999999/proof").status == take(somebody, "/dossier").status == 403


def test_no_page_or_download_holds_an_address_and_none_is_in_a_title(filled: Filled, signed_in: SignedIn) -> None:
    app, _ = filled
    somebody, ref = signed_in(Role.ADMIN), app.keyring.ref(PLAIN)
    texts = [somebody.get(path).text for path in ("/audit/", f"/audit/?subject={ref}", "/reports/", "/alerts/")]
    texts += [somebody.get(f"/audit/{seq}").text for seq in range(1, app.ledger.head()[0], 10)]
    texts += [take(somebody, path).text for path in ("/reports/", "/audit/export")]
    texts.append(take(somebody, "/dossier", ref=ref).text)

    for text in texts:
        for canary in (PLAIN, PLAIN.partition("@")[0] + "@", "tired@three.test"):
            assert canary not in text
        assert "<script>alert" not in text or text.startswith('{"seq"'), "raw JSON is none that a browser would run"
