"""What an examination left, as JSON and back: the one place that knows this form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from syncer.audit.offline.finding import Anchoring
from syncer.audit.offline.on_record.purges import SavedPurge
from syncer.audit.offline.on_record.restores import ForkFound, SavedRestore
from syncer.audit.offline.on_record.rotations import Rotation
from syncer.audit.offline.saved import SavedExamination
from syncer.audit.offline.times import SavedTimes


def as_json(saved: SavedExamination) -> dict[str, Any]:
    """Return texts, integers, lists and mappings, which `from_json` reads."""
    newest = saved.newest
    return {
        "size": saved.size,
        "range": saved.hashes.hex(),
        "latest_at": saved.latest_at,
        "last_at": saved.last_at,
        "times": _times(saved.times),
        "purges": [[each.seq, each.first, each.last, each.before, each.left] for each in saved.purges],
        "taken": saved.taken,
        "restores": [_restore(each) for each in saved.restores],
        "rotations": [
            [each.seq, each.old_key, each.old_public.hex(), each.new_public.hex()] for each in saved.rotations
        ],
        "newest": None if newest is None else [newest.origin, newest.size, newest.at],
        "agreeing": saved.agreeing,
        "notes": saved.notes,
    }


def from_json(content: Mapping[str, Any]) -> SavedExamination:
    """Return what `as_json` wrote. Raises LookupError, TypeError or ValueError for anything else."""
    newest = content["newest"]
    return SavedExamination(
        size=content["size"],
        hashes=bytes.fromhex(content["range"]),
        latest_at=content["latest_at"],
        last_at=content["last_at"],
        times=_times_of(content["times"]),
        purges=tuple(SavedPurge(*each) for each in content["purges"]),
        taken=content["taken"],
        restores=tuple(_restore_of(each) for each in content["restores"]),
        rotations=tuple(
            Rotation(seq, old_key, bytes.fromhex(old), bytes.fromhex(new))
            for seq, old_key, old, new in content["rotations"]
        ),
        newest=None if newest is None else Anchoring(*newest),
        agreeing=content["agreeing"],
        notes=content["notes"],
    )


def _times(times: SavedTimes) -> dict[str, Any]:
    return {
        "remarks": list(times.remarks),
        "before": None if times.before is None else times.before.isoformat(),
        "beat": None if times.beat is None else [times.beat[0].isoformat(), times.beat[1] // timedelta(minutes=1)],
        "running": sorted(map(list, times.running)),
    }


def _times_of(content: Mapping[str, Any]) -> SavedTimes:
    before, beat = content["before"], content["beat"]
    return SavedTimes(
        remarks=tuple(content["remarks"]),
        before=None if before is None else datetime.fromisoformat(before),
        beat=None if beat is None else (datetime.fromisoformat(beat[0]), timedelta(minutes=beat[1])),
        running=frozenset((host, pid) for host, pid in content["running"]),
    )


def _restore(saved: SavedRestore) -> list[Any]:
    fork = saved.fork
    return [fork.seq, fork.origin, fork.size, fork.shared, fork.who, fork.reason, fork.excused, saved.root]


def _restore_of(content: Sequence[Any]) -> SavedRestore:
    *fork, root = content
    return SavedRestore(ForkFound(*fork), root)
