"""What only the lost part of a log knew is found in an export of it, in whichever form of JSON that was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.app import App
from syncer.decisions.replay import received_after
from syncer.errors import UserError
from syncer.service.drain import drain
from tests.support.processes import inside as run
from tests.support.walk import OTHER, PERSON, put


def test_an_export_in_lines_and_one_as_an_array_say_the_same(app: App, tmp_path: Path) -> None:
    put(app, "erasure", PERSON, "first")
    drain(app)
    restored = app.ledger.head()[0]
    put(app, "objection", OTHER, "second")
    drain(app)
    lines, array = tmp_path / "log.jsonl", tmp_path / "log.json"
    for file, words in ((lines, ()), (array, ("--json",))):
        assert run(app.settings.path, "audit", "export", "--out", str(file), *words).returncode == 0

    found = [received_after(restored, file) for file in (lines, array)]

    assert found[0] == found[1]
    assert [facts["event_key"] for _, facts in found[0]] == ["second"]


@pytest.mark.parametrize("text", ["[", "[1]", '[{"seq": 1}]', "[]]"])
def test_an_array_that_is_no_export_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "log.json"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(UserError, match="not an audit export as JSON"):
        received_after(0, file)
