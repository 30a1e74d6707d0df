"""Finding 2: how the last full verification ended is kept, cannot be written without the key, and is said."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from syncer.app import App, load_settings, open_app
from syncer.audit.offline.finding import Finding
from syncer.domain.deadlines import local_day
from syncer.errors import ChainBroken
from syncer.reports.html.page import report_html
from syncer.reports.status import needs_attention
from syncer.service import metrics
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.attacks.forging import entries
from tests.support.attacks.tampering import undone
from tests.support.documents.reports import report_text, whole
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)
WHOLE = Finding(True, 3)
STAMP = "syncer_audit_verified_timestamp_seconds"


def problem(app: App) -> str | None:
    return app.status.read().audit.last_verification.problem


def change(app: App, **values: Any) -> None:
    with app.engine.begin() as connection:
        connection.execute(app.tables.verification.update().values(**values))


@everywhere
def test_finding_02_the_result_is_kept_and_read_back(app: App, clock: Clock) -> None:
    entries(app, 3)
    assert app.verified.last() is None
    assert problem(app) is None

    assert app.verified.record(app.verify())

    last = app.verified.last()
    assert last is not None
    assert (last.at, last.entries, last.ok, last.reason) == (clock(), 3, True, None)
    assert app.verified.record(Finding(False, 3, 2, "entry 2 was altered for ada@lovelace.test, \u202e" + "x" * 300))
    last = app.verified.last()
    assert last is not None
    assert not last.ok
    assert "lovelace" not in str(last.reason)
    assert needs_attention(app.status.read())


@everywhere
def test_finding_02_a_result_written_without_the_key_is_none_and_is_said(app: App) -> None:
    entries(app, 3)
    app.verified.record(Finding(False, 3, 2, "entry 2 was altered"))

    change(app, ok=True, reason=None)

    assert app.verified.last() is None
    assert "was not written by syncer" in str(problem(app))
    assert app.verified.due()
    assert needs_attention(app.status.read())


@pytest.mark.parametrize("forgery", [{"entries": 2}, {"reason": "nothing"}, {"mac": b"\x07" * 32}, {"mac": b""}])
def test_finding_02_no_part_of_a_result_can_be_changed(app: App, forgery: dict[str, Any]) -> None:
    entries(app, 3)
    app.verified.record(WHOLE)

    change(app, **forgery)

    assert "was not written by syncer" in str(problem(app))


@pytest.mark.slow
@everywhere
def test_finding_02_an_old_a_deleted_and_a_replayed_result_are_said(app: App, clock: Clock) -> None:
    entries(app, 3)
    app.verified.record(WHOLE)
    (kept,) = rows(app, app.tables.verification)
    clock.advance(hours=49)
    assert "older than 48 hours" in str(problem(app))
    app.verified.record(Finding(False, 3, 2, "entry 2 was altered"))
    assert "failed: entry 2 was altered" in str(problem(app))

    change(app, **dict(kept._mapping))
    assert "older than 48 hours" in str(problem(app))
    with app.engine.begin() as connection:
        connection.execute(app.tables.verification.delete())
    assert "no full verification is on record" in str(problem(app))
    assert needs_attention(app.status.read())
    assert app.verified.standing().level == "late"


def test_finding_02_a_log_that_was_made_young_by_hand_is_verified_all_the_same(app: App, clock: Clock) -> None:
    entries(app, 3)
    clock.advance(days=3)
    for at in ("2999-01-01T00:00:00.000000Z", clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "x"):
        undone(app, f"UPDATE syncer_audit SET at = '{at}' WHERE seq = 1")

        assert app.verified.due()
        assert "no full verification is on record" in str(app.verified.standing().problem)


def test_finding_02_a_checkpoint_that_stops_the_daemon_is_said_by_status_and_verify(app: App) -> None:
    entries(app, 3)
    app.notary.make()
    with app.engine.begin() as connection:
        connection.execute(app.tables.checkpoint.update().values(mac=b"\x07" * 32))

    with pytest.raises(ChainBroken, match="its seal is not ours"):
        drain(app)

    assert "its seal is not ours" in str(app.verified.standing().problem)
    assert needs_attention(app.status.read())
    finding = app.verify()
    assert not finding.stands
    assert "its seal is not ours" in str(finding.reason)


def test_finding_02_the_mac_of_a_checkpoint_or_an_entry_is_no_result(app: App, clock: Clock) -> None:
    entries(app, 3)
    app.notary.make()
    app.verified.record(Finding(False, 4, 2, "entry 2 was altered"))

    for table in (app.tables.checkpoint, app.tables.audit):
        change(app, ok=True, reason=None, entries=4, at=clock(), mac=bytes(rows(app, table)[-1].mac))
        assert app.verified.last() is None


@pytest.mark.slow
def test_finding_02_the_last_result_stands_in_status_report_check_and_metrics(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.finish()
    app.verified.record(app.verify())
    entries_ = app.ledger.head()[0]
    settings = app.settings.path

    assert f"{entries_} entries, all whole" in run(settings, "status").stdout
    shown = run_json(settings, "status")["audit"]["last_verification"]
    assert (shown["ok"], shown["entries"], shown["problem"]) == (True, entries_, None)
    log = whole(app)
    assert log.integrity.last_verification.ok
    assert f"last full verification: {local_day(clock(), app.rule.zone)}" in report_text(log)
    assert "all whole" in "".join(report_html(log))
    checks = {check["name"]: check for check in run_json(settings, "check")["checks"]}
    assert checks["last full verification"]["ok"]
    assert "syncer_audit_verified_ok 1.0" in metrics.text(app)
    (at,) = (line.split()[1] for line in metrics.text(app).splitlines() if line.startswith(f"{STAMP} "))
    assert float(at) == clock().timestamp()

    app.verified.record(Finding(False, 3, 2, "entry 2 was altered"))
    done = run(settings, "status")
    assert done.returncode == 1
    assert "ALARM: last full verification" in done.stdout
    log = whole(app)
    assert "failed: entry 2 was altered" in report_text(log)
    assert "failed: entry 2 was altered" in "".join(report_html(log))
    checks = {check["name"]: check for check in run_json(settings, "check")["checks"]}
    assert not checks["last full verification"]["ok"]
    assert "syncer_audit_verified_ok 0.0" in metrics.text(app)


def test_finding_02_an_account_that_may_only_read_keeps_no_result(app: App, tmp_path: Path, clock: Clock) -> None:
    entries(app, 3)
    settings = app.settings
    app.close()
    sqlite3.connect(tmp_path / "syncer.db").close()
    text = settings.path.read_text(encoding="utf-8")
    uri = f"sqlite:///file:{tmp_path}/syncer.db?mode=ro&uri=true"
    settings.path.write_text(text.replace("sqlite:///syncer.db", uri), encoding="utf-8")
    with open_app(load_settings(settings.path), clock=clock) as reader:
        assert reader.verified.record(reader.verify()) is False
