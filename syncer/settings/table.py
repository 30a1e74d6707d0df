"""What all tables of the settings share: they refuse unknown keys, and read a secret in one way."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from syncer.errors import SettingsProblem
from syncer.settings import secret_file

#: a key that is likely to hold a secret, whoever invented it
SECRET_KEY = re.compile(r"(api[_-]?)?(key|token)|.*(secret|password|passwd).*", re.IGNORECASE)


class Table(BaseModel):
    """Base of every table: it refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def secret(place: str, variable: str | None, file: Path | None, noun: str = "secret") -> str | None:
    """Read a secret from an environment variable or a file; None when neither is named.

    Raises SettingsProblem that begins with `place`, the key of the settings, and calls the secret a `noun`.
    """
    if variable is not None:
        text = os.environ.get(variable, "").strip()
        if not text:
            raise SettingsProblem([f"{place}: {variable} is not set; export it"])
        return text
    if file is None:
        return None
    text = secret_file.read(place, file)
    if not text:
        raise SettingsProblem([f"{place}: {file} is empty; put the {noun} into it"])
    return text
