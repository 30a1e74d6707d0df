"""Finding 18: the folder of the plugin belongs to the web server's user, and root writes into it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from syncer.errors import UserError
from syncer.intake.wordpress.plugin import NAME, install, plugin


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("root's own", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "wp-content"
    (path / "plugins").mkdir(parents=True)
    (path / "mu-plugins").mkdir()
    return path


def untouched(secret: Path) -> bool:
    return secret.read_text(encoding="utf-8") == "root's own" and secret.stat().st_mode & 0o777 == 0o600


def installed(content: Path) -> None:
    target = content / "mu-plugins" / NAME
    assert not target.is_symlink()
    assert target.read_text(encoding="utf-8") == plugin()
    assert target.stat().st_mode & 0o777 == 0o644


def test_finding_18_a_link_under_the_name_of_the_new_file_leads_nowhere(content: Path, secret: Path) -> None:
    (content / "mu-plugins" / f".{NAME}.new").symlink_to(secret)

    install(content)

    assert untouched(secret)
    installed(content)


def test_finding_18_a_name_that_was_guessed_right_is_refused_and_nothing_is_written_through_it(
    content: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _octets: "guessed")
    planted = content / "mu-plugins" / f".{NAME}.guessed.new"
    planted.symlink_to(secret)

    with pytest.raises(UserError, match="cannot be written"):
        install(content)

    assert untouched(secret)
    assert planted.is_symlink()


def test_finding_18_a_link_under_the_plugins_own_name_is_replaced_and_not_followed(content: Path, secret: Path) -> None:
    target = content / "mu-plugins" / NAME
    target.symlink_to(secret)

    assert install(content).endswith("replaced")

    assert untouched(secret)
    installed(content)


def test_finding_18_a_link_to_the_same_text_is_not_taken_for_the_plugin(content: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.php"
    elsewhere.write_text(plugin(), encoding="utf-8")
    (content / "mu-plugins" / NAME).symlink_to(elsewhere)

    install(content)

    installed(content)


def test_finding_18_a_folder_that_is_a_link_is_refused_in_one_line(content: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (content / "mu-plugins").rmdir()
    (content / "mu-plugins").symlink_to(elsewhere)

    with pytest.raises(UserError, match="it is a link"):
        install(content)

    assert list(elsewhere.iterdir()) == []


def test_finding_18_a_pipe_under_the_plugins_name_keeps_nobody_waiting(content: Path) -> None:
    os.mkfifo(content / "mu-plugins" / NAME)

    install(content)

    installed(content)


def test_finding_18_a_failure_leaves_no_file_behind(content: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)

    with pytest.raises(UserError, match="No space left"):
        install(content)

    assert list((content / "mu-plugins").iterdir()) == []
