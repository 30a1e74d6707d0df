"""`syncer demo --console` as somebody starts it: links that work, Ctrl-C, and nothing left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes import until

pytestmark = pytest.mark.slow
DEMO = [sys.executable, "-u", "-m", "syncer", "demo", "--console"]
LINK = re.compile(rb"http://localhost:\d+/demo/\S+")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The demo, with a folder of its own for what is temporary; its output goes to a file there."""
    (tmp_path / "temporary").mkdir()
    around = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "temporary")}
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(DEMO, stdout=said, stderr=subprocess.STDOUT, cwd=tmp_path, env=around)
        yield process
        process.kill()
        process.wait()


def test_it_gives_a_link_for_each_role_and_leaves_nothing_behind(demo: subprocess.Popen[bytes], tmp_path: Path) -> None:
    until(lambda: b"Ctrl-C" in (tmp_path / "said").read_bytes() or demo.poll() is not None, 280)
    links = [link.decode() for link in LINK.findall((tmp_path / "said").read_bytes())]
    assert len(links) == 4

    ours = {"Sec-Fetch-Site": "same-origin"}
    with urllib.request.urlopen(links[2], timeout=60) as answer:
        assert b"otto" in answer.read()
    asked = urllib.request.Request(links[2], data=b"", headers=ours, method="POST")
    opened = urllib.request.build_opener(NoRedirect).open(asked, timeout=60)
    assert (opened.status, opened.headers["Location"]) == (303, "/")
    cookie = opened.headers["Set-Cookie"].partition(";")[0]
    page = urllib.request.Request(links[2].partition("/demo/")[0], headers={"Cookie": cookie})
    with urllib.request.urlopen(page, timeout=60) as answer:
        assert b"What needs me?" in answer.read()

    demo.send_signal(signal.SIGINT)

    assert demo.wait(90) == 0
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("temporary", "said")] == []


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_ended_while_it_fills_it_leaves_nothing_either(
    demo: subprocess.Popen[bytes], tmp_path: Path, told: signal.Signals
) -> None:
    until(lambda: list((tmp_path / "temporary").glob("*/syncer.key")), 60)
    time.sleep(1)

    demo.send_signal(told)

    assert demo.wait(90) in (130, 128 + told)
    assert list((tmp_path / "temporary").iterdir()) == []


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Shows where one is sent instead of going there."""

    def http_error_303(self, req, fp, code, msg, headers):  # type: ignore[no-untyped-def]
        """Return the answer as it is."""
        return fp
