"""Secrets: which keys may hold one, and where one is read; a file only where nobody else on the machine can read it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from syncer.errors import SettingsProblem
from syncer.privacy import credentials

#: a key that is likely to hold a secret, whoever invented it
SECRET_KEY = re.compile(r"(api[_-]?)?(key|token)|.*(secret|password|passwd).*", re.IGNORECASE)
#: bytes of a file with a secret that are looked at
LONGEST = 65536


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
    text = read(place, file)
    if not text:
        raise SettingsProblem([f"{place}: {file} is empty; put the {noun} into it"])
    return text


def read(place: str, path: Path) -> str:
    """Return the text of a file with a secret, without blanks around it.

    Raises SettingsProblem that begins with `place`, the key of the settings, for a file that cannot be read, that
    belongs to another user, or that others can read.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(LONGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        remedy = credentials.out_of_reach(path) or "check it"
        raise SettingsProblem([f"{place}: {path} cannot be read; {remedy}"]) from None
    if stat.S_ISREG(found.st_mode):  # a pipe (a shell's <(…)) is nobody's to open again
        _require_private(place, path, found)
    return content.strip()


def _require_private(place: str, path: Path, found: os.stat_result) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise SettingsProblem(
            [f"{place}: {path} belongs to another user; run `chown root {path}`, or chown it to yours"]
        )
    # systemd's credentials belong to root; only the unit's user may read them, by group or ACL
    if found.st_mode & (0o037 if credentials.is_credential(path) else 0o077):
        raise SettingsProblem([f"{place}: others can read {path}; run `chmod 600 {path}`"])
