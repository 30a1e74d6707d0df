"""Whole, in slices or since the last state: verifications agree while work goes on, and whatever somebody did."""

from __future__ import annotations

import gc
import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.proof.verification.passage import SLICE
from syncer.service.drain import prepare
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES, SETTINGS, Clock
from tests.support.attacks.forging import entries
from tests.support.attacks.halfway import change_row, some_work, state
from tests.support.attacks.tampering import cut, undone
from tests.support.servers import ENGINES
from tests.support.walk import put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


# -- in slices, and in how much memory --------------------------------------------------------------------------


@everywhere
def test_what_happens_to_requests_while_the_log_is_verified_in_slices_is_followed(app: App) -> None:
    take_in(app, 40)
    entries(app, SLICE)
    take_in(app, 40)
    entries(app, 2 * SLICE)
    names = iter(range(1000))
    held = [each.id for each in rows(app, app.tables.event)]

    def work_goes_on(_: float) -> None:
        put(app, "erasure", f"meanwhile{next(names)}@x.test", f"meanwhile {next(names)}")
        prepare(app)
        app.withdrawals.withdraw(held.pop(), "typed by mistake")
        entries(app, SLICE // 2)

    finding = app.verify(pause=work_goes_on)

    assert (finding.ok, finding.reason) == (True, None)
    assert finding.entries == app.ledger.head()[0]
    change_row(app, "event", "taken in 3", state="fulfilled")
    assert "its state is fulfilled" in str(app.verify(pause=lambda _: None).reason)


@pytest.mark.slow
def test_the_memory_of_a_verification_does_not_grow_with_the_log(app: App) -> None:
    take_in(app, 8400)  # slices of a read follow each other
    peaks = []
    for _ in range(3):
        take_in(app, 5600)  # slices of a read follow each other
        peaks.append(peak_of(app))

    # the first one says how much is loaded, and kept, once
    assert peaks[2] < 1.1 * peaks[1]


def take_in(app: App, count: int) -> None:
    first = len(rows(app, app.tables.event))
    for number in range(first, first + count):
        put(app, "erasure", f"person{number}@x.test", f"taken in {number}")
    app.intake.take_all()


def peak_of(app: App) -> int:
    gc.collect()  # or the peak tells when the collector last came by
    tracemalloc.start()
    try:
        assert app.verify().ok
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# -- any tampering at all -------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
KEYS = ("old", "open", "new")
OF_ROWS = st.sampled_from(
    [
        ("event", {"state": "open"}), ("event", {"state": "fulfilled"}), ("event", {"subject": "p1:x"}),
        ("event", {"right": "objection"}), ("delivery", {"attempts": 9}), ("delivery", {"action": "unsubscribe"}),
        ("delivery", {"state": "confirmed"}), ("delivery", {"outcome": "done"}),
    ]
)  # fmt: skip


def changed_row(app: App, draw: Callable[[Any], Any]) -> None:
    table, values = draw(OF_ROWS)
    change_row(app, table, draw(st.sampled_from(KEYS)), **values)


def deleted_row(app: App, draw: Callable[[Any], Any]) -> None:
    key, whole = draw(st.sampled_from(KEYS)), draw(st.booleans())
    undone(app, f"DELETE FROM syncer_delivery WHERE event_id = (SELECT id FROM syncer_event WHERE event_key = '{key}')")
    if whole:
        undone(app, f"DELETE FROM syncer_event WHERE event_key = '{key}'")


def added_row(app: App, draw: Callable[[Any], Any]) -> None:
    undone(
        app,
        "INSERT INTO syncer_event (id, event_key, received_at, due_on, state, created_at, rechecks_done)"
        " VALUES ('x', 'x', '2026-11-01 00:00:00', '2026-12-01', 'open', '2026-11-01 00:00:00', 0)",
    )


def altered_entry(app: App, draw: Callable[[Any], Any]) -> None:
    seq = draw(st.integers(1, app.ledger.head()[0]))
    column, value = draw(
        st.sampled_from(
            [
                ("body", "replace(body, '1', '2')"), ("body", "NULL"), ("what", "'event:held'"), ("event_id", "NULL"),
                ("event_id", "'y'"), ("destination", "'crm'"), ("leaf", "zeroblob(32)"), ("mac", "zeroblob(32)"),
                ("at", "'soon'"), ("what", "'event:received'"),
            ]
        )
    )  # fmt: skip
    undone(app, f"UPDATE syncer_audit SET {column} = {value} WHERE seq = {seq}")


def cut_end(app: App, draw: Callable[[Any], Any]) -> None:
    cut(app, draw(st.integers(1, app.ledger.head()[0])))


def replayed_state(app: App, draw: Callable[[Any], Any]) -> None:
    earlier = json.loads((app.settings.path.parent / "earlier.json").read_text(encoding="utf-8"))
    with app.engine.begin() as connection:
        connection.execute(
            app.tables.progress.update().values(
                seq=earlier["seq"], state=earlier["state"], mac=bytes.fromhex(earlier["mac"])
            )
        )


ATTACKS = (changed_row, deleted_row, added_row, altered_entry, cut_end, replayed_state)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an installation with two verified states, the earlier one kept in a file."""
    folder = tmp_path_factory.mktemp("worked")
    clock = Clock(NOW)
    with (
        MailchimpSandbox(audiences=AUDIENCES) as mailchimp,
        ActiveCampaignSandbox(rate=None) as activecampaign,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("TEST_MAILCHIMP_KEY", mailchimp.api_key)
        environment.setenv("TEST_ACTIVECAMPAIGN_KEY", activecampaign.api_key)
        urls = {"mailchimp": mailchimp.url, "activecampaign": activecampaign.url, "database": "sqlite:///syncer.db"}
        text = SETTINGS.format(**urls, objection="unsubscribe", recheck_days="[1]", rate=1000)
        (folder / "settings.toml").write_text(text, encoding="utf-8")
        initialise(load_settings(folder / "settings.toml"))
        with open_app(load_settings(folder / "settings.toml"), clock=clock) as app:
            entries(app, 2)
            app.verify()
            kept = state(app)
            earlier = {"seq": kept.seq, "state": kept.state, "mac": kept.mac.hex()}
            (folder / "earlier.json").write_text(json.dumps(earlier), encoding="utf-8")
            some_work(app)
        yield folder


@pytest.mark.slow
@settings(max_examples=30)
@given(data=st.data())
def test_whatever_is_done_to_log_tables_and_state_what_the_one_finds_the_other_finds(
    worked: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("copy") / "it"
    shutil.copytree(worked, folder)
    with open_app(load_settings(folder / "settings.toml"), clock=Clock(NOW + timedelta(minutes=1))) as app:
        since_entry = state(app).seq
        ids = [each.id for each in rows(app, app.tables.event)]
        for attack in data.draw(st.lists(st.sampled_from(ATTACKS), min_size=1, max_size=2, unique=True)):
            attack(app, data.draw)

        # every event is shown: then only what was added, and old entries of nobody, are left to the whole one
        since, sliced, whole = app.verify_since(ids, keep=False), app.verify(pause=lambda _: None), app.verify()

        assert since.scope == "full" or since.since_entry <= since_entry
        assert (sliced.ok, sliced.tables_differ) == (whole.ok, whole.tables_differ)
        if not since.ok:
            assert not whole.ok
        if whole.tables_differ and "the log never received it" not in str(whole.reason):
            assert not since.ok
        if not whole.ok and not whole.tables_differ and (whole.first_bad or 0) > since_entry:
            assert not since.ok
