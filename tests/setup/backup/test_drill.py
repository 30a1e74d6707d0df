"""The drill of docs/backup.md: what was confirmed after the backup is carried out again, and nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.processes import inside as run
from tests.support.servers import ENGINES, Server
from tests.support.walk import put, whats

#: confirmed before the last note in the backup; after that note, and in the backup; taken before the backup and
#: carried out after it; asked for after it
EARLIER, BETWEEN, ACROSS, AFTER = "ada@lovelace.test", "joan@clarke.test", "grace@hopper.test", "mary@jackson.test"
REASON = ("--reason", "the disk broke")


def _known(mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> None:
    """Let the providers know them: a web site that was restored as well brings people back."""
    for person in (BETWEEN, ACROSS, AFTER):
        mailchimp.add(person, AUDIENCES[0])
        activecampaign.add(person)


def _new_place(app: App, engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Lose the database, and return the URL of an empty one in its place."""
    if engine == "sqlite":
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"syncer.db{end}").unlink(missing_ok=True)
        return app.settings.database.url
    server: Server = request.getfixturevalue(engine)
    server.drop_database(app.settings.database.url)
    return server.new_database(str(sa.make_url(app.settings.database.url).database))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_drill_repeats_every_erasure_that_the_backup_does_not_know(
    make_app: Callable[..., App],
    engine: str,
    tmp_path: Path,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    clock: Clock,
    request: pytest.FixtureRequest,
) -> None:
    clock.advance(hours=-3)  # the commands that are run here go by the real one
    app = make_app()
    path = app.settings.path
    _known(mailchimp, activecampaign)
    put(app, "erasure", EARLIER, "earlier")
    drain(app)
    clock.advance(minutes=1)
    app.notary.make()
    clock.advance(hours=1)
    put(app, "erasure", BETWEEN, "between")
    drain(app)
    put(app, "erasure", ACROSS, "across")
    app.intake.take_all()
    assert run(path, "backup", str(tmp_path / "backups")).returncode == 0
    clock.advance(hours=1)
    put(app, "erasure", AFTER, "after")
    drain(app)
    app.notary.make()
    assert run(path, "audit", "export", "--out", str(tmp_path / "log.jsonl")).returncode == 0
    assert (mailchimp.members(), activecampaign.contacts()) == ([], [])
    app.close()
    _known(mailchimp, activecampaign)
    into = _new_place(app, engine, tmp_path, request)

    (file,) = (path for path in (tmp_path / "backups").iterdir() if path.suffix in (".db", ".sql", ".dump"))
    restored = run(path, "restore", str(file), "--into", into)
    assert restored.returncode == 0, restored.stderr
    behind = run(path, "check")
    assert (behind.returncode, "were anchored" in behind.stdout) == (1, True), behind.stdout
    assert run(path, "audit", "fork", *REASON).returncode == 0
    note = file.with_suffix(".note")
    replayed = run(path, "replay", "--since", str(note), "--export", str(tmp_path / "log.jsonl"), *REASON, "--yes")
    assert (replayed.returncode, re.findall("key ([a-z]+):", replayed.stdout)) == (1, ["after"]), replayed
    assert len(re.findall("confirmed +applied", replayed.stdout)) == 2, replayed.stdout  # of the one between
    assert run(path, "submit", "erasure", "--ref", "after", stdin=AFTER).returncode == 0
    assert run(path, "drain").returncode == 0

    assert (mailchimp.members(), activecampaign.contacts()) == ([], [])
    again = make_app()
    assert "audit:forked" in whats(again)
    verified = run(path, "audit", "verify", "--full")
    assert verified.returncode == 3, verified.stdout  # the loss is declared, and nobody has accepted it
