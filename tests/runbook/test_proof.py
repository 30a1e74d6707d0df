"""The runbook's sections about the log, the key, the database, the clock and WordPress, each in its situation."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.privacy.keyring import Keyring
from syncer.service.clock_jumps import Jump, record
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES
from tests.intake.wordpress.posts import Posts, posts
from tests.runbook.host import Host
from tests.support.attacks.forging import forged
from tests.support.backups import backup, restore
from tests.support.processes import inside, inside_json, until

__all__ = ["posts"]
pytestmark = pytest.mark.slow  # every command is a process, and most sections have a daemon

Blocks = dict[str, list[list[str]]]
PERSON, OTHER = "ada@lovelace.test", "grace@hopper.test"


def done(host: Host, kind: str, address: str) -> None:
    """Let a request be carried out, and the log be signed."""
    assert inside(host.settings, "submit", kind, stdin=address).returncode == 0
    inside(host.settings, "drain")


def opened(host: Host) -> App:
    return open_app(load_settings(host.settings))


def journal(host: Host) -> str:
    return host.journal.read_text(encoding="utf-8")


def test_a_log_that_does_not_verify_is_kept_as_evidence(host: Host, page: Blocks, tmp_path: Path) -> None:
    block, _ = page["the-log-does-not-verify"]
    done(host, "erasure", PERSON)
    host.start()
    until(lambda: "daemon.started" in journal(host), 30)
    with opened(host) as app:
        forged(app, ("operator:looked_up", None, None, {"events": 0}))
        (entry, _) = app.ledger.head()
    until(lambda: "nothing was signed or written" in journal(host), 60)

    said = host.works(block, {"DATABASE": str(tmp_path / "syncer.db"), "EVIDENCE": str(tmp_path / "evidence")})

    assert f"entry {entry}" in said
    assert (tmp_path / "evidence" / "syncer.db").stat().st_size == (tmp_path / "syncer.db").stat().st_size
    assert "last full verification" in inside(host.settings, "status").stdout


def test_a_restored_database_is_declared_and_its_lost_hours_are_repeated(
    host: Host, page: Blocks, mailchimp: MailchimpSandbox, tmp_path: Path
) -> None:
    declare, repeat = page["the-database-is-behind-its-newest-note"]
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.add(OTHER, AUDIENCES[0])
    done(host, "erasure", PERSON)
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    done(host, "objection", OTHER)
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    host.start()
    until(lambda: "restored, rolled back or replaced" in journal(host), 60)

    check, fork = host.run(declare, {})

    assert check.code in (1, 2)
    (note,) = {word.strip(":;,") for word in check.said.split() if word.strip(":;,").endswith((".note", ".txt"))}
    assert Path(note).is_file()
    assert fork.code == 0
    (entry,) = [row["seq"] for row in _log(host) if row["what"] == "audit:forked"]
    assert str(entry) in fork.said
    host.works(repeat, {"NOTE": note, "ENTRY": str(entry)})
    until(lambda: inside_json(host.settings, "status")["daemons"], 30)


def _log(host: Host) -> list[dict[str, object]]:
    with opened(host) as app:
        return [dict(row) for row in app.ledger.rows()]


def test_a_loss_that_somebody_was_told_of_is_accepted(host: Host, page: Blocks, tmp_path: Path) -> None:
    _, accept = page["the-log-does-not-verify"]
    done(host, "erasure", PERSON)
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    done(host, "objection", OTHER)
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    assert inside(host.settings, "audit", "fork", "--reason", "the disk died").returncode == 0
    (entry,) = [row["seq"] for row in _log(host) if row["what"] == "audit:forked"]
    assert inside(host.settings, "audit", "verify").returncode == 3

    (ran,) = host.run(accept, {"ENTRY": str(entry)})

    assert ran.code == 0


def test_the_right_key_is_put_back(host: Host, page: Blocks, tmp_path: Path) -> None:
    (block,) = page["the-key-file-is-the-wrong-one"]
    key = tmp_path / "syncer.key"
    shutil.copy(key, tmp_path / "kept.key")
    key.unlink()
    Keyring.create(key)
    host.start()
    until(lambda: "this is not the key the database was made with" in journal(host), 30)

    host.works(block, {"KEYFILE": str(key), "RIGHT": str(tmp_path / "kept.key")})

    until(lambda: inside_json(host.settings, "status")["daemons"], 30)


def test_a_row_that_was_changed_by_hand_is_put_back_and_its_request_starts_over(host: Host, page: Blocks) -> None:
    look, again = page["a-row-is-damaged"]
    inside(host.settings, "pause", "newsletter", "--reason", "only to keep it open")
    done(host, "erasure", PERSON)
    with opened(host) as app, app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE syncer_delivery SET action = 'suppress' WHERE destination = 'newsletter'")
    inside(host.settings, "resume", "newsletter", "--reason", "go on")
    inside(host.settings, "drain")
    (held,) = inside_json(host.settings, "events")
    assert held["state"] == "held"
    given = {"EVENT": str(held["case"])}

    assert "syncer_delivery" in host.works(look, given) or "unsealable" in host.works(look, given)
    with opened(host) as app, app.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE syncer_delivery SET action = 'delete' WHERE destination = 'newsletter'")
    host.works(again, given)

    inside(host.settings, "drain")
    assert [event["state"] for event in inside_json(host.settings, "events")] == ["fulfilled"]


def test_an_anchor_that_fails_is_shown_mended_and_gets_its_note(host: Host, page: Blocks, tmp_path: Path) -> None:
    (block,) = page["an-anchor-fails"]
    share = tmp_path / "share"
    share.write_text("not a folder", encoding="utf-8")
    text = host.settings.read_text(encoding="utf-8")
    host.settings.write_text(f'{text}\n[anchors.share]\nkind = "folder"\npath = "{share}"\n', encoding="utf-8")
    done(host, "erasure", PERSON)

    failing = host.works(block)
    share.unlink()
    mended = host.works(block)

    assert "anchor share fails since" in failing
    assert mended.count("anchor share fails since") == 1  # only the first command, before the last one mended it
    assert list(share.glob("*.note"))


def test_a_jump_of_the_clock_is_found_in_the_log(host: Host, page: Blocks) -> None:
    (block,) = page["the-clock-jumped"]
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with opened(host) as app:
        record(app.transactions, Jump(moment, moment + timedelta(hours=1)))

    assert '"clock:anomaly"' in host.works(block)


def test_an_alarm_of_wordpress_is_shown_and_ended(posts: Posts, page: Blocks, tmp_path: Path) -> None:
    look, end = page["wordpress-raises-an-alarm"]
    settings = posts.settings(tmp_path)
    initialise(load_settings(settings))
    posts.user(3, "contributor@site.test")
    posts.add(7, PERSON, "request-completed", "2026-11-01 10:00:00", 1793527200, author=3)
    inside(settings, "wordpress", "sweep")
    host = Host(tmp_path / "host", settings)

    assert "ALARM request_refused (1:7)" in host.works(look)
    host.works(end, {"REQUEST": "1:7"})

    assert "ALARM" not in inside(settings, "status").stdout
