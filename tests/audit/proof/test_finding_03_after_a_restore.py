"""Finding 3, for the operator: after a restore on record nothing is hidden, and nothing is called broken for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.audit.proof.forks import Fork
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.backups import backup, restore
from tests.support.processes import inside, inside_json
from tests.support.walk import OTHER, PERSON, put

HIDING = "the disk broke\x1b[2K\u202e"


@pytest.fixture
def forked(make_app: Callable[..., App], clock: Clock, tmp_path: Path) -> Iterator[tuple[App, Fork]]:
    """An installation that was restored from a backup, and went on."""
    app = make_app()
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.finish()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    put(app, "erasure", OTHER, "k2")
    drain(app)
    app.notary.finish()
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    with open_app(load_settings(tmp_path / "settings.toml"), clock=clock) as app:
        fork = app.forks.record(HIDING)
        put(app, "erasure", OTHER, "k2")
        drain(app)
        app.notary.make()
        yield app, fork


@pytest.mark.slow
def test_finding_03_the_command_answers_three_until_the_loss_is_accepted(forked: tuple[App, Fork]) -> None:
    app, fork = forked
    path, lost = app.settings.path, fork.lost.size - fork.shared

    plain = inside(path, "audit", "verify")
    told = inside(path, "audit", "verify", "--accept-fork", str(fork.seq))
    other = inside(path, "audit", "verify", "--accept-fork", "1")

    assert (plain.returncode, told.returncode, other.returncode) == (3, 0, 1)
    assert plain.stdout.startswith(f"NOT PROVEN: {lost} anchored entries are declared lost by entry {fork.seq} (")
    assert f"--accept-fork {fork.seq}" in plain.stdout
    for said in (plain.stdout, told.stdout):
        assert "the disk broke\\u001b[2K\\u202e" in " ".join(said.split())
        assert "1 lie in what was declared lost" in said
    assert "entry 1, which was accepted, records no restore" in other.stdout


@pytest.mark.slow
def test_finding_03_as_json_the_loss_has_keys_of_its_own(forked: tuple[App, Fork]) -> None:
    app, fork = forked
    found = [
        inside_json(app.settings.path, "audit", "verify", *words) for words in ((), ("--accept-fork", str(fork.seq)))
    ]

    for finding, accepted in zip(found, (False, True), strict=True):
        assert (finding["ok"], finding["first_bad"], finding["excused"]) == (accepted, None, 1)
        assert finding["agreeing"] + finding["excused"] == finding["notes"]
        assert finding["lost"] == (0 if accepted else fork.lost.size - fork.shared)
        (said,) = finding["forks"]
        assert (said["seq"], said["shared"], said["reason"], said["accepted"]) == (
            fork.seq,
            fork.shared,
            HIDING,
            accepted,
        )


@pytest.mark.slow
def test_finding_03_a_report_shows_the_loss_and_calls_nothing_broken(forked: tuple[App, Fork]) -> None:
    app, fork = forked
    path = app.settings.path
    text, html, log = (inside(path, "report", "--format", kind) for kind in ("text", "html", "json"))
    integrity = json.loads(log.stdout)["integrity"]

    assert (text.returncode, html.returncode, log.returncode) == (0, 0, 0)
    for page in (text.stdout, html.stdout, integrity["reason"]):
        assert f"anchored entries are declared lost by entry {fork.seq}" in page
        assert "NOT INTACT" not in page
    assert "\x1b" not in text.stdout + html.stdout
    assert (integrity["verified"], integrity["excused"], integrity["forks"][0]["seq"]) == (True, 1, fork.seq)


@pytest.mark.slow
def test_finding_03_a_change_of_a_table_is_not_excused_by_a_restore(forked: tuple[App, Fork]) -> None:
    app, fork = forked
    with app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE syncer_delivery SET action = 'unsubscribe' WHERE destination = 'crm'")

    for accepted in ((), (fork.seq,)):
        finding = app.verify((), accepted)
        assert (finding.ok, finding.declared_lost) == (False, False)
        assert "its action is unsubscribe" in str(finding.reason)


@pytest.mark.slow
def test_finding_03_the_daemon_goes_on_after_a_restore_on_record_and_status_names_the_loss(
    forked: tuple[App, Fork],
) -> None:
    app, fork = forked

    inside(app.settings.path, "audit", "verify")
    status = inside(app.settings.path, "status")

    assert f"are declared lost by entry {fork.seq}" in " ".join(status.stdout.split())
    assert app.verified.standing().problem is None
    put(app, "objection", PERSON, "k3")
    assert drain(app).confirmed == 2


@pytest.mark.slow
def test_finding_03_a_key_that_leaked_can_be_replaced_after_a_restore_on_record(forked: tuple[App, Fork]) -> None:
    app, _ = forked

    done = inside(app.settings.path, "key", "rotate", "--reason", "it leaked", "--yes")

    assert done.returncode == 0, done.stderr
    assert inside(app.settings.path, "audit", "verify").returncode == 3


def test_finding_03_a_copy_of_an_older_note_in_the_state_folder_is_no_log_that_shrank(app: App) -> None:
    for number in range(3):
        put(app, "erasure", PERSON, f"k{number}")
        drain(app)
        app.notary.make()
    oldest, *_ = sorted(app.notes_folder.glob("*.note"))

    (app.notes_folder / "a copy.note").write_bytes(oldest.read_bytes())
    (app.notes_folder / f"zz-{oldest.name}").write_bytes(oldest.read_bytes())

    finding = app.verify()
    assert finding.ok, finding.reason
