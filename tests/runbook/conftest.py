"""An installation and its host, for the tests that carry the runbook out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runbook.host import Host
from tests.support.documents.pages import sections
from tests.support.paths import ROOT
from tests.support.processes import inside

Blocks = dict[str, list[list[str]]]


@pytest.fixture(scope="session")
def page() -> Blocks:
    return sections(ROOT / "docs" / "runbook.md")


@pytest.fixture
def host(settings_file: Callable[..., Path], tmp_path: Path) -> Iterator[Host]:
    """Its daemon looks often, and reads Mailchimp's key from a file."""
    settings = settings_file()
    key = tmp_path / "newsletter.key"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('api_key_env = "TEST_MAILCHIMP_KEY"', f'api_key_file = "{key}"'), encoding="utf-8")
    key.touch(0o600)
    key.write_text("sandboxkey-us1", encoding="utf-8")
    assert inside(settings, "init").returncode == 0
    made = Host(tmp_path / "host", settings)
    yield made
    made.close()
