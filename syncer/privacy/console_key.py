"""The key file of the web console: what is derived from each version of the key that reading and deciding need.

It holds no root, no sealing key and no signing seed, and none of them can be made from what it holds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from syncer.errors import KeyFileError
from syncer.privacy import key_file, own_file
from syncer.privacy.key_file import CONSOLE_PREFIX, KEY_BYTES, NO_DATE, KeyState
from syncer.privacy.key_version import DerivedKeys, KeyVersion

FILE = own_file.FileOfKeys(
    "console's key file", "[console] key_file", "make it with `syncer console key --out FILE` and put it there"
)
_PARTS = 9  # of a line, after what it begins with
_HEX = re.compile("[0-9a-f]+")
#: hex digits of a line's own hash: a root's damage shows in its check value, that of a derived key nowhere else
_HASH = 16


def create(path: Path, versions: Sequence[DerivedKeys]) -> None:
    """Write the console's key file with mode 0600, the current version last; never overwrite a file.

    Raises KeyFileError.
    """
    own_file.create(path, "".join(f"{_line(version)}\n" for version in versions), FILE)


def read(path: Path) -> tuple[tuple[DerivedKeys, ...], bool]:
    """Return the versions, the current one last, and whether the file is a console's.

    The installation's own key file is taken too. Raises KeyFileError for a file that is missing, a link, somebody
    else's, open to others, or no key file.
    """
    content = own_file.read(path, FILE)
    if not content.startswith(CONSOLE_PREFIX.encode()):
        return tuple(KeyVersion(line) for line in key_file.parsed(path, content)), False
    return _parsed(path, content), True


def _parsed(path: Path, content: bytes) -> tuple[DerivedKeys, ...]:
    rows = content.decode("ascii", "replace").split()
    if len(content) <= own_file.LONGEST_FILE:
        found = [_version(row) for row in rows]
        whole = [version for version in found if version is not None]
        current = [version for version in whole if version.state is KeyState.CURRENT]
        distinct = len({version.key_id for version in whole}) == len(found)
        if distinct and current == whole[-1:]:
            return tuple(whole)
    raise KeyFileError(
        f"{path}: this is not a key of syncer's web console, or not a whole one;"
        " make it anew with `syncer console key --out FILE`"
    )


def _line(version: DerivedKeys) -> str:
    created = version.created.isoformat() if version.created else NO_DATE
    keys = (version.subject_key, version.chain_key, version.console_key, version.public_key)
    parts = (created, version.state, version.key_id, version.check_value, *map(_b64, keys))
    line = CONSOLE_PREFIX + ":".join(parts)
    return f"{line}:{_hash(line)}"


def _version(row: str) -> DerivedKeys | None:
    line, _, hashed = row.rpartition(":")
    parts = row.removeprefix(CONSOLE_PREFIX).split(":")
    if (
        not row.startswith(CONSOLE_PREFIX)
        or len(parts) != _PARTS
        or not hmac.compare_digest(hashed.encode(), _hash(line).encode())
    ):
        return None
    created, state, key_id, check_value, *encoded = parts[:-1]
    try:
        day = None if created == NO_DATE else date.fromisoformat(created)
        subject, chain, console, public = (base64.b64decode(each, validate=True) for each in encoded)
        if not all(map(_HEX.fullmatch, (key_id, check_value))):
            return None
        if {len(each) for each in (subject, chain, console, public)} != {KEY_BYTES}:
            return None
        return DerivedKeys(
            key_id=key_id,
            check_value=check_value,
            created=day,
            state=KeyState(state),
            subject_key=subject,
            chain_key=chain,
            console_key=console,
            public_key=public,
        )
    except ValueError:  # not of this form, or not base64
        return None


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode("utf-8", "replace")).hexdigest()[:_HASH]


def _b64(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
