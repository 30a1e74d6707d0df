"""Whether the web console's key file is one that opens no address, and made from the key that the log goes on with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.contract import Check
from syncer.errors import KeyFileError
from syncer.privacy import console_key, credentials

if TYPE_CHECKING:
    from syncer.app import App

NAME = "console: key file"
_MAKE = "make one with `syncer console key --out FILE`, and name it in [console] key_file"


def run(app: App) -> list[Check]:
    """Return the finding; none without [console]."""
    settings = app.settings.console
    if settings is None:
        return []
    path = settings.key_file
    if path != app.settings.identity.key_file and (hidden := _hidden(path)):
        return [Check(NAME, True, f"{path}: {hidden}")]
    try:
        versions, is_consoles = console_key.read(path)
    except KeyFileError as error:
        what, _, mend = str(error).rpartition("; ")
        return [Check(NAME, False, what, mend)]
    if all(version.check_value != app.keyring.check_value for version in versions):
        return [Check(NAME, False, f"{path} was made from another key than the log goes on with", _MAKE)]
    if is_consoles:
        return [Check(NAME, True, f"{path} opens no address and signs nothing")]
    what = f"{path} is an installation's own key file: whoever steals it from the console opens every address"
    return [Check(NAME, True, what, f"{_MAKE}: that opens none", warn=True)]


def _hidden(path: Path) -> str | None:
    """Return why this account cannot look at the file, which is as it should be; None where it can."""
    try:
        info = path.lstat()
    except FileNotFoundError:
        return "systemd lends it to the console" if credentials.out_of_reach(path) else None
    except OSError as error:
        return f"this account cannot look at it ({error.strerror})"
    if info.st_uid not in (0, os.geteuid()):
        return f"it belongs to {credentials.account(info.st_uid)}, who alone looks at it"
    return None if os.access(path, os.R_OK) else "this account cannot look at it"
