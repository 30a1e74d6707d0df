"""Takes from the queue and stops between the two commits, for a test that kills it there: SETTINGS MARK."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import sqlalchemy as sa

from syncer.app import load_settings, open_app

app = open_app(load_settings(Path(sys.argv[1])))


@sa.event.listens_for(app.queue.engine, "before_cursor_execute")
def _stop_before_the_second_commit(_c: object, _cur: object, statement: str, *_rest: object) -> None:
    if statement.startswith("UPDATE syncer_queue"):
        Path(sys.argv[2]).touch()
        time.sleep(600)


app.intake.take_all()
