"""docs/adapters.md: the provider that the page builds is built from the page, put under the contract and run."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "adapters.md"
#: the port that the page writes
PORT = "8025"


def blocks(kind: str) -> list[str]:
    """The fenced blocks of the page of one language."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def files() -> dict[str, str]:
    """The files that the page shows, by the name in their first line."""
    return {block.partition("\n")[0].removeprefix("# "): block for kind in ("python", "toml") for block in blocks(kind)}


class Example:
    """The package of the page, installed in a folder that only this test's commands see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder / "site"
        source = folder / "source"
        for name, text in files().items():
            path = (folder if name == "settings.toml" else source) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self._install(source)

    def _install(self, source: Path) -> None:
        """Build the wheel as pip would, and unpack it: of a package without scripts nothing more is an install."""
        build = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
        command = [sys.executable, "-c", build, str(self.folder)]
        made = subprocess.run(command, cwd=source, capture_output=True, encoding="utf-8", check=True, timeout=120)
        with zipfile.ZipFile(self.folder / made.stdout.split()[-1]) as wheel:
            wheel.extractall(self.site)

    @property
    def environ(self) -> dict[str, str]:
        """An environment in which the package is installed, and `syncer` and `python` are those of this test."""
        tools = self.folder / "bin"
        if not tools.exists():
            tools.mkdir()
            for name, words in (("syncer", "-m syncer "), ("python", "")):
                (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n', encoding="utf-8")
                (tools / name).chmod(0o755)
        return {
            **os.environ,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{self.site}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    return Example(tmp_path_factory.mktemp("example"))


def test_the_page_is_short_and_shows_every_file_once() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) < 420
    assert list(files()) == [
        "syncer_wrenpost/sandbox.py",
        "syncer_wrenpost/adapter.py",
        "syncer_wrenpost/stage.py",
        "pyproject.toml",
        "settings.toml",
    ]


@pytest.mark.slow
def test_the_example_passes_the_contract_as_a_package_of_its_own(example: Example) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "wrenpost"]
    where = ["tests/adapters/test_contract.py", "tests/adapters/attacks"]
    ended = subprocess.run(
        [*command, *where],
        cwd=ROOT,
        env=example.environ,
        capture_output=True,
        encoding="utf-8",
        timeout=280,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert ended.stdout.count(".") > 100, "it was truly asked for what every adapter must do"


@pytest.mark.slow
def test_the_commands_of_the_page_erase_somebody_at_the_example(example: Example) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    settings = example.folder / "settings.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(PORT, port), encoding="utf-8")
    [script] = blocks("sh")
    script = script.replace(PORT, port)
    serve, _, rest = script.partition("&\n")
    server = subprocess.Popen(serve.split(), cwd=example.folder, env=example.environ)
    try:
        _wait_for(int(port))
        command = ["sh", "-e", "-c", rest]
        ended = subprocess.run(
            command,
            cwd=example.folder,
            env=example.environ,
            capture_output=True,
            encoding="utf-8",
            timeout=200,
            check=False,
        )
    finally:
        server.terminate()
        server.wait(10)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ok   letters: key: accepted" in ended.stdout
    assert re.search(r"Wrenpost \(delete\): confirmed", ended.stdout), ended.stdout
    assert "ada@mail.test" not in ended.stdout + ended.stderr


def _wait_for(port: int) -> None:
    """Wait until the sandbox listens: it is a process of its own, as on the page."""
    until = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < until, "the sandbox did not start"
            time.sleep(0.05)
