"""What `syncer check` says of the console's key file, and what the console says once the key was replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.errors import KeyReplaced, UserError
from syncer.privacy import console_key
from syncer.privacy.keyring import Keyring
from syncer.setup.web import key_check
from tests.support.operate.console_keys import TABLE, console_of, with_console
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.walk import whats

ANEW = "make the console's key anew with `syncer console key --out FILE`"
ROTATE = ("key", "rotate", "--reason", "a backup got lost", "--yes")


def finding(app: App) -> tuple[bool, str | None, str]:
    """Return what `check` says of the key file: ok, level, detail and remedy."""
    (item,) = [item for item in as_json(app.settings.path, "check")["checks"] if item["name"] == key_check.NAME]
    return item["ok"], item["level"], f"{item['detail']}; {item['remedy']}"


def test_the_command_makes_it_and_check_is_content(app: App) -> None:
    path = app.settings.path
    path.write_text(path.read_text(encoding="utf-8") + TABLE, encoding="utf-8")
    out = path.parent / "console.key"

    made = run(path, "console", "key", "--out", str(out))
    again = run(path, "console", "key", "--out", str(out))

    assert (made.returncode, made.stderr) == (0, "")
    assert app.keyring.key_id in made.stdout
    assert out.stat().st_mode & 0o777 == 0o600
    assert (again.returncode, "never overwritten" in again.stderr) == (2, True)
    assert finding(app)[:2] == (True, "ok")
    assert "opens no address and signs nothing" in finding(app)[2]


def test_check_says_nothing_of_it_without_a_console(app: App) -> None:
    assert key_check.run(app) == []


def test_an_installations_own_key_file_works_and_check_warns(app: App) -> None:
    path = app.settings.path
    path.write_text(path.read_text(encoding="utf-8") + TABLE + 'key_file = "syncer.key"\n', encoding="utf-8")

    with open_app(load_settings(path), console=True) as console:
        console.interventions.pause("crm", "the account is under review")
        assert not console.keyring.opens
    ok, level, told = finding(app)

    assert (ok, level) == (True, "warn")
    assert "opens every address" in told
    assert "syncer console key --out FILE" in told


def test_a_missing_a_foreign_and_a_broken_file_are_named_with_their_remedy(app: App, tmp_path: Path) -> None:
    key = with_console(app)
    key.unlink()
    assert finding(app)[0] is False
    assert "is missing; make it with `syncer console key" in finding(app)[2]
    Keyring.create(tmp_path / "other.key")
    console_key.create(key, Keyring.load(tmp_path / "other.key").versions)
    assert "made from another key than the log goes on with" in finding(app)[2]
    with pytest.raises(UserError, match=r"\[console\] key_file: this is not made from the key.*console key --out"):
        open_app(load_settings(app.settings.path), console=True)
    key.write_text("nothing", encoding="ascii")
    assert finding(app)[0] is False


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_the_consoles_own_account_is_no_fault(app: App) -> None:
    os.chown(with_console(app), 65534, 65534)

    ok, level, told = finding(app)

    assert (ok, level) == (True, "ok")
    assert "who alone looks at it" in told


def test_a_console_that_runs_while_the_key_is_replaced_writes_nothing_more_and_says_what_to_do(app: App) -> None:
    key = with_console(app)
    with console_of(app) as console:
        console.interventions.pause("crm", "the account is under review")
        rotated = run(app.settings.path, *ROTATE)
        assert rotated.returncode == 0, rotated.stderr
        assert "console's key file is made anew" in rotated.stdout
        before = whats(console)

        with pytest.raises(KeyReplaced, match=ANEW) as error:
            console.interventions.resume("crm", "the review is over")

        assert "\n" not in str(error.value)
        assert whats(console) == before
    assert "made from another key" in finding(app)[2]
    with pytest.raises(UserError, match=ANEW), console_of(app):
        pass
    key.unlink()
    assert run(app.settings.path, "console", "key", "--out", str(key)).returncode == 0
    with console_of(app) as console:
        console.interventions.resume("crm", "the review is over")
        assert [version.state for version in console.keyring.versions] == ["retired", "current"]
        assert console.verify().stands
