"""`--language`: of a report and a dossier as HTML, with its default in the settings; what scripts read is English."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import inside
from tests.support.walk import PERSON


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    inside(path, "init")
    inside(path, "submit", "erasure", stdin=PERSON)
    return path


def with_default(settings: Path, language: str) -> Path:
    """The same settings with `language` in [controller]."""
    settings.write_text(
        settings.read_text(encoding="utf-8") + f'\n[controller]\nlanguage = "{language}"\n', encoding="utf-8"
    )
    return settings


def test_a_report_is_written_in_the_language_that_is_named(settings: Path) -> None:
    said = inside(settings, "report", "--format", "html", "--language", "fr")

    assert '<html lang="fr">' in said.stdout
    assert "Journal de transmission" in said.stdout


def test_the_settings_say_which_language_is_the_default(settings: Path) -> None:
    path = with_default(settings, "de")

    assert '<html lang="de">' in inside(path, "report", "--format", "html").stdout
    assert '<html lang="en">' in inside(path, "report", "--format", "html", "--language", "en").stdout
    assert inside(path, "report").stdout.startswith("PROPAGATION LOG")


def test_a_language_for_what_scripts_read_is_refused(settings: Path) -> None:
    said = inside(settings, "report", "--language", "de")

    assert said.returncode == 2
    assert "--language is about HTML: text is for scripts" in said.stderr


def test_a_language_that_there_is_none_of_is_refused(settings: Path) -> None:
    assert inside(settings, "report", "--format", "html", "--language", "tlh").returncode == 2
    assert inside(with_default(settings, "tlh"), "status").returncode == 2


def test_a_dossier_is_written_in_the_persons_language(settings: Path) -> None:
    inside(settings, "drain")
    said = inside(settings, "dossier", "--language", "de", stdin=PERSON)

    assert '<html lang="de">' in said.stdout
    assert "Ihre Rechte" in said.stdout
