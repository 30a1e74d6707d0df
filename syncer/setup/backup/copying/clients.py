"""The clients of the servers, as child processes: what they are told, and their failures in words.

No password stands in a command line or in the environment: it lies in a file of its own that is gone afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncer.errors import UserError
from syncer.setup.backup.manifest import BackupFailed

#: variables that a client may see; syncer's own, with the keys of the providers, are none of its business
_PASSED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "TZ")
#: what a client's last words are searched for; the rest may hold what a row holds
_PHRASES = (
    ("permission denied for ((?:table|sequence|schema|database) [a-z0-9_]+)", "no right to {0}"),
    ("(?:command|denied) .*for table `?([a-z0-9_]+)`?", "no right to table {0}"),
    ("Access denied|password authentication failed|no password supplied", "the server let nobody in"),
    ("No space left on device|[Ee]rrcode: 28|disk full", "the disk is full"),
    ("server version mismatch", "the server is newer than the client"),
    ("unsupported version", "the backup was made by a newer client"),
    ("Can't connect|could not connect|[Cc]onnection (?:to server .*)?(?:refused|failed)", "the server is out of reach"),
    ("Lost connection|gone away|terminating connection|closed the connection", "the connection broke"),
    (r"(?:ERROR|[Ee]rror:?) (\d{4})", "error {0} of the server"),
)
#: of the last octets a client wrote to stderr
_LOOKED_AT = 4096


def program(name: str, *, package: str) -> str:
    """Return the path of a program. Raises UserError, which names the package, where it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise UserError(f"{name} is not installed, or not in PATH; run `apt install {package}`")
    return found


@contextmanager
def secret_file(text: str) -> Iterator[Path]:
    """Yield a file (0600, in a folder of its own) with this text; it is gone at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="syncer-") as folder:
        path = Path(folder) / "login"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield path


def run(
    words: Sequence[str],
    *,
    stdin: Any = subprocess.DEVNULL,
    stdout: Any = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a client to its end; return what it printed where `stdout` is a pipe. Raises BackupFailed.

    It ends with this process, or before it: a dump that nobody waits for any more would go on in the background.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 — words of ours, no shell
            words, stdin=stdin, stdout=stdout, stderr=said, env={**_environment(words), **(env or {})}
        )
        try:
            printed, _ = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            raise BackupFailed(f"{Path(words[0]).name} failed: {_phrase(said, process.returncode)}")
    return "" if printed is None else bytes(printed).decode("utf-8", "replace")


def _environment(words: Sequence[str]) -> dict[str, str]:
    prefix = "PG" if Path(words[0]).name.startswith("pg_") else None
    passed = {name: value for name, value in os.environ.items() if name in _PASSED}
    if prefix is not None:
        passed |= {name: value for name, value in os.environ.items() if name.startswith(prefix)}
    return passed | {"LC_ALL": "C"}


def _phrase(said: Any, code: int) -> str:
    said.seek(0, os.SEEK_END)
    said.seek(max(0, said.tell() - _LOOKED_AT))
    text = bytes(said.read()).decode("utf-8", "replace")
    for pattern, phrase in _PHRASES:
        found = re.search(pattern, text)
        if found is not None:
            return phrase.format(*found.groups())
    return f"it ended with {code}; run it by hand to see why"
