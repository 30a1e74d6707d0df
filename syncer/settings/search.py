"""Which settings file counts: the one that was named, else the one here, else the system's; a sample gives way."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from syncer.errors import SettingsProblem

SYSTEM_WIDE = Path("/etc/syncer/settings.toml")
#: the file in the current folder
HERE = Path("settings.toml")
VARIABLE = "SYNCER_SETTINGS"
#: digests of what the samples in the source say; a published one stays, as checkouts of it do
SAMPLES = frozenset(
    {
        "ba6be4478c24bcebdf61af517e38fac32d0bfc3a553ad96b34b38b2d5551be16",
        "4a98fcce14277f33843f4d195ebb6d9fd4be8e63fdc6e9e16502607631bfb9fb",
    }
)


class Lookup(StrEnum):
    """Where a settings file is looked for."""

    OPTION = "--settings"
    VARIABLE = "SYNCER_SETTINGS"
    HERE = "current folder"
    SYSTEM = "system"


class Fate(StrEnum):
    """What became of a place: its file is used, nobody named one, there is none, or it gave way to another."""

    USED = "used"
    NOT_NAMED = "not named"
    ABSENT = "absent"
    SAMPLE = "unedited sample"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place, its file (absolute; None where none was named) and what became of it."""

    place: Lookup
    path: Path | None
    found: Fate


def find(path: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the settings file to read, absolute. Raises SettingsProblem for none, and for two with equal right."""
    return next(item.path for item in look(path, environ) if item.path is not None and item.found is Fate.USED)


def look(path: Path | None, environ: Mapping[str, str]) -> tuple[Candidate, ...]:
    """Return the places in their order; one of them is used. Raises SettingsProblem as `find` does."""
    named = environ.get(VARIABLE)
    files = {
        Lookup.OPTION: path and _absolute(path),
        Lookup.VARIABLE: _absolute(Path(named)) if named else None,
        Lookup.HERE: _absolute(HERE),
        Lookup.SYSTEM: SYSTEM_WIDE,
    }
    given = next((place for place in (Lookup.OPTION, Lookup.VARIABLE) if files[place] is not None), None)
    used = given or _unnamed(files[Lookup.HERE] or SYSTEM_WIDE)
    if given is not None and not _is_there(found := files[given] or SYSTEM_WIDE):
        remedy = "give its path with --settings" if given is Lookup.OPTION else f"correct {VARIABLE} or unset it"
        raise SettingsProblem([f"{found}: no such settings file; {remedy}"])
    return tuple(Candidate(place, file, _fate(place, file, used)) for place, file in files.items())


def is_sample(path: Path) -> bool:
    """Say whether a settings file says just what a sample of the source says; comments and layout do not count."""
    try:
        return digest(tomllib.loads(path.read_text(encoding="utf-8-sig"))) in SAMPLES
    except (OSError, ValueError, TypeError, RecursionError):  # unreadable, no TOML, or with a date: no sample is that
        return False


def digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of what a settings file says. Raises TypeError for a date."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _unnamed(here: Path) -> Lookup:
    """Choose between the file here and the system's; the sample of the source never hides settings that are in use."""
    # somebody who works in a folder that this account may not look into, root's home perhaps, chose nothing by that
    seen = os.path.exists(here)
    if not _is_there(SYSTEM_WIDE):
        if seen:
            return Lookup.HERE
        raise SettingsProblem(
            [f"{here}: no such settings file, nor {SYSTEM_WIDE}; give its path with --settings or {VARIABLE}"]
        )
    if not seen or _is_same(here, SYSTEM_WIDE) or is_sample(here):
        return Lookup.SYSTEM
    raise SettingsProblem(
        [
            f"{here} and {SYSTEM_WIDE}: two settings files, and nobody said which counts;"
            f" name one with --settings or {VARIABLE}, or move the first away"
        ]
    )


def _fate(place: Lookup, file: Path | None, used: Lookup) -> Fate:
    if place is used:
        return Fate.USED
    if file is None:
        return Fate.NOT_NAMED
    if not (os.path.exists(file) if place is Lookup.HERE else _is_there(file)):
        return Fate.ABSENT
    return Fate.SAMPLE if place is Lookup.HERE and used is Lookup.SYSTEM and is_sample(file) else Fate.NOT_NEEDED


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except FileNotFoundError:  # the current folder was removed
        return path


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # it exists but we may not see it: reading it will say so
    return True


def _is_same(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
