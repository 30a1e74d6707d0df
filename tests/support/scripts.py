"""The stand-alone verifier, as an auditor would call it, within this process."""

from __future__ import annotations

import json
import runpy
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.support.paths import VERIFIER

_ANSWER = runpy.run_path(str(VERIFIER))["answer"]


def judged(
    rows: Iterable[dict[str, Any]], notes: Sequence[tuple[str, str]], keys: Iterable[object]
) -> tuple[int, list[str]]:
    """Return exit code and lines of the script for an export and notes."""
    with tempfile.TemporaryDirectory() as name:
        export, paths = Path(name, "export.jsonl"), []
        export.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        for number, (_, text) in enumerate(notes):
            paths.append(Path(name, f"{number}.note"))
            paths[-1].write_text(text, encoding="utf-8", newline="")
        code, lines = _ANSWER(list(map(str, keys)), str(export), list(map(str, paths)))
        return code, lines


def judged_file(text: str, keys: Iterable[object]) -> tuple[int, list[str]]:
    """Return exit code and lines of the script for a proof or a dossier."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "file.json")
        path.write_text(text, encoding="utf-8")
        code, lines = _ANSWER(list(map(str, keys)), str(path))
        return code, lines
