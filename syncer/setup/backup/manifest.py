"""The manifest beside each backup: what is in it, by which it is checked, and when it counts as whole."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from syncer.clock import stamp
from syncer.errors import UserError

FORMAT = "syncer-backup/1"
#: engine -> what the name of its backup ends in: a database file, SQL, an archive of pg_dump
ENDS = {"sqlite": ".db", "mysql": ".sql", "postgresql": ".dump"}
MANIFEST, NOTE = ".json", ".note"
#: what is being written, and what is left where that was interrupted
PART = ".part"
_STEM = r"syncer-\d{8}T\d{6}Z(?:-\d+)?"
NAME = re.compile(rf"{_STEM}(?:{'|'.join(map(re.escape, ENDS.values()))})")
#: also the files that SQLite lays beside a database, and the scratch database itself, hidden while it is copied
LEFT = re.compile(rf"\.?{_STEM}(?:\.[a-z]+)*\.part(?:-wal|-shm|-journal)?")
#: a manifest is some hundred octets and a note; what is longer is none
LONGEST = 64 * 1024
#: how the folder is called in which a backup is checked; who checks holds it
CHECKING = "syncer-check-"
_CHUNK = 1 << 20


class BackupFailed(UserError):
    """Raised where a backup was not made, is not whole, or could not be verified; the text ends in the remedy."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands beside a backup.

    `engine` is one of ENDS, `schema` the revision, `compatible_from` the oldest code for it (None before 0014), `made`
    the time (UTC, ISO 8601), `size` in octets, `sha256` in hex, `log` the name that the log is signed under. The backup
    holds at least the first `entries` entries, the last of which has the mac `head` (hex). `note` is the newest signed
    note in it, None before the first. `queue` says whether the queue table is in it. `verified` says that it was
    restored and verified when it was made.
    """

    engine: str
    schema: str
    compatible_from: str | None
    software: str
    made: str
    size: int
    sha256: str
    prefix: str
    log: str
    entries: int
    head: str
    note: str | None
    queue: bool
    verified: bool

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2) + "\n"


def stem_of(moment: datetime, folder: Path, end: str) -> str:
    """Return the beginning of a new backup's file names: its moment (UTC), and a number where that is taken."""
    base = f"syncer-{moment:%Y%m%dT%H%M%SZ}"
    names = [base, *(f"{base}-{number}" for number in range(2, 1000))]
    return next(name for name in names if not (folder / f"{name}{end}").exists())


def beside(file: Path, end: str) -> Path:
    """Return the path of what lies beside a backup: its manifest or its note."""
    return file.with_name(file.name.removesuffix(file.suffix) + end)


def read(file: Path) -> Manifest:
    """Return the manifest of a backup. Raises UserError for a file that is no backup, BackupFailed for a bad one."""
    if not NAME.fullmatch(file.name):
        raise UserError(f"{file}: not the name of a backup; give a file that `syncer backup` wrote, with its manifest")
    path = beside(file, MANIFEST)
    try:
        with path.open("rb") as opened:
            content = json.loads(opened.read(LONGEST + 1)[:LONGEST])
        return _checked(content)
    except OSError as error:
        raise UserError(f"{path}: the manifest cannot be read ({error.strerror}); put it beside the backup") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BackupFailed(f"{path}: this is not the manifest of a backup; use another backup") from None


def _checked(content: Any) -> Manifest:
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise ValueError("another format")
    found = Manifest(**content)
    optional = {"compatible_from": str, "note": str}
    kinds = {"size": int, "entries": int, "queue": bool, "verified": bool}
    for name, value in asdict(found).items():
        if value is None and name in optional:
            continue
        if type(value) is not kinds.get(name, str):
            raise ValueError("a value of another kind")
    if found.engine not in ENDS or stamp(datetime.fromisoformat(found.made)) != found.made:
        raise ValueError("an engine or a time that nobody knows")
    if not re.fullmatch("[0-9a-f]{64}", found.sha256) or not re.fullmatch("[a-z][a-z0-9_]{0,20}", found.prefix):
        raise ValueError("no digest, or no prefix")
    return found


def digest_of(file: Path) -> str:
    """Return the SHA-256 (hex) of a file. Raises OSError."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def require_whole(file: Path, manifest: Manifest) -> None:
    """Raise BackupFailed unless the file is the one that the manifest is of."""
    try:
        size, digest = file.stat().st_size, digest_of(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); correct the path, or its mode") from None
    if (size, digest) != (manifest.size, manifest.sha256):
        raise BackupFailed(f"{file}: damaged: its SHA-256 is not the one in its manifest; use another backup")


def entry_name(origin: str) -> str:
    """Return the name of a log before it was forked for the first time: by it, backups are of one installation."""
    return origin.partition("/fork-")[0]
