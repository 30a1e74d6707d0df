"""The tables of settings.toml about proof: checkpoints, and how long audit bodies are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncer.settings.keys.readers import read_path, read_text, whole
from syncer.settings.keys.table import Table, key

#: the anchor that is always there; the rollback check at start reads it
FOLDER = "folder"


def _origin(given: Any) -> str:
    if len(read_text(given)) > 120:
        raise ValueError("string should have at most 120 characters")
    if not re.fullmatch(r"[!-~]+", read_text(given)) or "+" in given or "@" in given:
        raise ValueError("must be a name like example.org/syncer: no blanks, no + and no @")
    return read_text(given)


@dataclass(frozen=True, kw_only=True)
class CheckpointsSettings(Table):
    """How often the audit log is signed, its name, and the state folder, which is always an anchor.

    `origin` is read for the first checkpoint only: a log keeps its name. None stands for `syncer/KEYID`. `folder`
    None stands for `checkpoints` beside an SQLite database, else beside the settings.
    """

    origin: str | None = key(_origin, None)
    every_minutes: int = key(whole(1, 1440), 60, as_json=True)
    every_entries: int = key(whole(1, 1_000_000), 1000, as_json=True)
    folder: Path | None = key(read_path, None)


@dataclass(frozen=True, kw_only=True)
class RetentionSettings(Table):
    """How many months the body of an audit entry is kept; its leaf is kept for good."""

    audit_months: int = key(whole(12, 240), 36, as_json=True)
