"""What every table of the settings shares: strictness, and how a secret is read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from syncer.errors import SettingsProblem

#: a key that is likely to hold a secret, whoever invented it
SECRET_KEY = re.compile(r"(api[_-]?)?(key|token)|.*(secret|password|passwd).*", re.IGNORECASE)


class Table(BaseModel):
    """Any table: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def secret(place: str, variable: str | None, file: Path | None) -> str | None:
    """Read a secret from the environment or its file; None when none is named. Raises SettingsProblem."""
    if variable is not None:
        found = os.environ.get(variable, "").strip()
        if not found:
            raise SettingsProblem([f"{place}: {variable} is not set; export it"])
        return found
    if file is None:
        return None
    try:
        found = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsProblem([f"{place}: {file} cannot be read; check it"]) from None
    if not found:
        raise SettingsProblem([f"{place}: {file} is empty; put the secret into it"])
    return found
