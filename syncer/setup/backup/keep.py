"""Which backups in a folder are whole, and which of them may go."""

from __future__ import annotations

import re
from pathlib import Path

from syncer.errors import UserError
from syncer.setup.backup import manifest as manifests
from syncer.setup.backup.manifest import ENDS, MANIFEST, NOTE, Manifest, beside, entry_name

_MANIFEST_NAME = re.compile(manifests.NAME.pattern.rpartition("(?:")[0] + re.escape(MANIFEST))


def is_ours(path: Path) -> bool:
    """Say whether a file has the name that `syncer backup` gives to a manifest."""
    return _MANIFEST_NAME.fullmatch(path.name) is not None


def thin_out(folder: Path, last: Manifest, newest: int) -> tuple[Path, ...]:
    """Remove the backups of one log beyond its `newest` ones; return those that went, the oldest first.

    `last` is of the one just made, which stays: whatever calls itself newer was made by a clock that has been set back
    since, and goes first. What is no whole and verified backup of ours is neither counted nor removed.
    """
    found = sorted(_whole(folder, last.log), key=lambda item: (item[0].made <= last.made, item[0].made, item[1].name))
    going = [file for _, file in found[: -max(1, newest)]]
    for file in going:
        file.unlink()  # first, so that what is left of a kill is cleared next time
        beside(file, NOTE).unlink(missing_ok=True)
        beside(file, MANIFEST).unlink(missing_ok=True)
    return tuple(going)


def _whole(folder: Path, log: str) -> list[tuple[Manifest, Path]]:
    """Return the backups that are there in full length and were verified; what is damaged within is not looked for."""
    found = []
    for path in folder.glob(f"syncer-*{MANIFEST}"):
        if not is_ours(path):
            continue
        for file in filter(Path.is_file, (beside(path, end) for end in ENDS.values())):
            try:
                manifest = manifests.read(file)
            except UserError:
                continue
            same = entry_name(manifest.log) == entry_name(log) and ENDS[manifest.engine] == file.suffix
            if same and manifest.verified and file.stat().st_size == manifest.size:
                found.append((manifest, file))
    return found
