"""Whose a file is: credentials that systemd lends to a running service, and accounts by their number."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

#: where systemd puts the credentials of each unit, in a folder of the unit's name
FOLDER = Path("/run/credentials")


def is_credential(path: Path) -> bool:
    """Say whether systemd lent this file to this very process."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.resolve().is_relative_to(Path(str(folder)).resolve())


def out_of_reach(path: Path) -> str | None:
    """Return what to do about a credential that cannot be opened; None for a file that is none.

    Outside its service nobody but root reaches it, and without the service it is not there at all.
    """
    if not path.is_relative_to(FOLDER) or path == FOLDER:
        return None
    unit = path.relative_to(FOLDER).parts[0]
    return (
        f"systemd lends it to {unit} while that runs, and to nobody else;"
        f" run `systemctl start {unit}`, or name the file that LoadCredential in the unit names"
    )


def account(uid: int) -> str:
    """Return the name of the account with this number, as this machine knows it; `uid N` where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return f"uid {uid}"
