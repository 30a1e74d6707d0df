"""What a running daemon takes of changed settings, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.app import load_settings
from syncer.service.reload.change import change
from syncer.settings.checked import Settings

MYSQL = "mysql://syncer@localhost/wordpress"


@pytest.fixture
def old(settings_file: Callable[..., Path]) -> Settings:
    return load_settings(settings_file())


def again(old: Settings, *more: str) -> Settings:
    """The same file with more in it."""
    old.path.write_text("\n".join([old.path.read_text(encoding="utf-8"), *more]), encoding="utf-8")
    return load_settings(old.path)


def test_of_the_same_file_all_is_taken(old: Settings) -> None:
    assert change(old, again(old)).settings == old
    assert change(old, again(old)).kept == ()


def test_what_can_be_taken_is_taken(old: Settings) -> None:
    new = again(
        old, "[log]", 'level = "debug"', "[retention]", "audit_months = 40", "[checkpoints]", "every_minutes = 5"
    )

    found = change(old, new)

    assert found.settings == new
    assert found.kept == ()


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("queue", "table", '"another"'),
        ("identity", "key_file", '"another.key"'),
        ("checkpoints", "folder", '"elsewhere"'),
        ("checkpoints", "origin", '"example.org/another"'),
    ],
)
def test_what_it_was_opened_with_stays_and_is_told_in_a_line_without_the_value(
    old: Settings, table: str, key: str, value: str
) -> None:
    new = again(old, f"[{table}]", f"{key} = {value}", "[log]", 'level = "debug"')

    found = change(old, new)

    assert getattr(found.settings, table) == getattr(old, table)
    assert found.settings.log.level == "debug"
    (line,) = found.kept
    assert line.startswith(f"{old.path}: [{table}] {key}: ")
    assert "restart" in line
    assert value.strip('"') not in line


def test_a_wordpress_that_would_lie_in_a_database_which_is_not_taken_stays_as_it_was(old: Settings) -> None:
    new = again(old, "[queue]", f'url = "{MYSQL}"', "[wordpress]", "sweep_minutes = 1")

    found = change(old, new)

    assert found.settings.wordpress is None
    assert sorted(line.split(": ")[1] for line in found.kept) == ["[queue] url", "[wordpress]"]


def test_a_wordpress_with_a_url_of_its_own_is_taken(old: Settings) -> None:
    new = again(old, "[wordpress]", f'url = "{MYSQL}"')

    assert change(old, new).settings.wordpress == new.wordpress
