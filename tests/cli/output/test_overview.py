"""The table of destinations in terminals of several widths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.app import load_settings, open_app
from syncer.cli.output.overview import status
from syncer.cli.output.terminal import EscapingConsole
from syncer.setup.install import initialise


@pytest.mark.parametrize(("width", "adapter"), [(80, False), (100, True)])
def test_no_name_of_a_column_breaks_in_a_terminal_of_80_characters(
    settings_file: Callable[..., Path], width: int, adapter: bool
) -> None:
    settings = load_settings(settings_file())
    initialise(settings)
    console = EscapingConsole(width=width, markup=False, highlight=False, record=True)
    with open_app(settings) as app:
        status(app.status.read(), console)

    head = console.export_text().splitlines()[1]
    assert head.split()[:1] == ["destination"]
    assert head.split()[-2:] == ["oldest", "open"]
    assert ("adapter" in head) == adapter
