"""The database file of a run, read past all of syncer's own code."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.simulation.timeline import START


class Tables:
    """What stands in the file at this moment."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def select(self, query: str, *values: object) -> list[Any]:
        """Run a statement."""
        return self._connection.execute(query, values).fetchall()

    def recheck_is_due(self, now: datetime) -> bool:
        """Say whether an event is to be read back again."""
        query = "SELECT 1 FROM syncer_event WHERE state = 'fulfilled' AND next_recheck_at <= ? LIMIT 1"
        return bool(self.select(query, _stored(now)))

    def is_due(self, name: str, now: datetime) -> bool:
        """Say whether a lane has something to do, paused or not."""
        query = (
            "SELECT 1 FROM syncer_delivery WHERE destination = ? AND claim_rank IS NOT NULL"
            " AND next_attempt_at <= ? LIMIT 1"
        )
        return bool(self.select(query, name, _stored(now)))

    def next_work(self, now: datetime) -> datetime | None:
        """Return when somebody has something to do next, as far as the tables say."""
        moments = [
            _moment(row[0])
            for row in self.select(
                "SELECT MAX(MIN(d.next_attempt_at),"
                " COALESCE(CASE WHEN l.paused THEN l.probe_at ELSE l.cool_until END, ''))"
                " FROM syncer_delivery d JOIN syncer_lane l ON l.destination = d.destination"
                " WHERE d.claim_rank IS NOT NULL GROUP BY d.destination"
                " UNION ALL SELECT MIN(next_recheck_at) FROM syncer_event WHERE state = 'fulfilled'"
            )
            if row[0]
        ]
        if self.waits():
            moments.append(now)
        return min(moments, default=None)

    def waits(self) -> bool:
        """Say whether a row of the queue was not taken yet."""
        return bool(self.select("SELECT 1 FROM syncer_queue WHERE taken_at IS NULL LIMIT 1"))

    def ended(self) -> bool:
        """Say whether every event has come to its end, its address gone."""
        open_ = "SELECT 1 FROM syncer_event WHERE state <> 'fulfilled' OR email_sealed IS NOT NULL LIMIT 1"
        return not self.select(open_) and not self.waits()


def _stored(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=START.tzinfo)
