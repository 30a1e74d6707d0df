"""Finding 15: root makes the unit's key without a database, and sees which keys a file holds, never the keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from syncer.privacy.keyring import Keyring
from tests.support.processes import inside
from tests.support.schemas import valid


def test_finding_15_key_create_makes_the_key_and_no_database(settings_file: Callable[..., Path]) -> None:
    settings = settings_file()
    path = settings.parent / "syncer.key"

    made = inside(settings, "key", "create")

    assert (made.returncode, made.stdout) == (0, f"key file {path}: made; back it up, apart from the database\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert not (settings.parent / "syncer.db").exists()
    key = path.read_bytes()
    again = inside(settings, "key", "create")
    assert (again.returncode, again.stdout) == (2, "")
    assert "it is never overwritten" in again.stderr
    assert path.read_bytes() == key
    assert inside(settings, "init").returncode == 0
    assert path.read_bytes() == key


def test_finding_15_key_list_shows_ids_days_and_states_and_never_a_key(settings_file: Callable[..., Path]) -> None:
    settings = settings_file()
    inside(settings, "key", "create")
    path = settings.parent / "syncer.key"
    secret = path.read_text(encoding="ascii").strip().rpartition(":")[2]
    version = Keyring.load(path).versions[-1]

    shown = inside(settings, "key", "list")
    as_json = inside(settings, "key", "list", "--json")

    assert version.key_id in shown.stdout
    assert "current" in shown.stdout
    listed = json.loads(as_json.stdout)
    valid("key list", listed)
    assert listed == [{"key_id": version.key_id, "created": str(version.created), "state": "current"}]
    assert secret not in shown.stdout + as_json.stdout
