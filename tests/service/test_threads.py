"""A thread of the daemon that dies says so, and not what it held."""

from __future__ import annotations

import json
import threading
from io import StringIO

import pytest

from syncer.log import configure
from syncer.service.daemon import thread_died


def test_a_thread_that_dies_is_logged_by_its_type_and_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    log = StringIO()
    configure("info", log, json=True)
    monkeypatch.setattr(threading, "excepthook", thread_died)

    def die() -> None:
        raise ValueError("ada@lovelace.test")

    thread = threading.Thread(target=die, name="lane-crm-1")
    thread.start()
    thread.join()

    configure("warning")
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert (line["event"], line["job"], line["error"]) == ("thread.died", "lane-crm-1", "ValueError")
    assert "ada" not in log.getvalue()
