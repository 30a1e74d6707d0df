"""A host for the commands of a page: syncer itself, and what stands for systemd, its journal and an editor."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ASSIGNED = re.compile(r"([A-Z]+)=(\S*)")
#: what only reads, and ends with 1 while something needs attention
READS = re.compile(
    r"syncer (status|events|show|check|watch|guard|alerts|proposals|audit (verify|checkpoint)|drain|wordpress sweep)\b"
)
TOOLS = {
    "syncer": 'exec "$PYTHON" -m syncer --settings "$SETTINGS" "$@"',
    "journalctl": 'tail -n 200 "$JOURNAL"',
    "timedatectl": "echo 'System clock synchronized: yes'",
    "nano": 'exec sh -c "$EDIT"',
    "systemctl": """
case "$1 $2" in
"start syncer" | "restart syncer")
  [ "$1" = start ] || "$0" stop syncer
  setsid "$PYTHON" -m syncer --settings "$SETTINGS" run >>"$JOURNAL" 2>&1 </dev/null &
  echo $! >"$PIDFILE" ;;
"stop syncer")
  [ -e "$PIDFILE" ] || exit 0
  kill "$(cat "$PIDFILE")" 2>/dev/null
  while kill -0 "$(cat "$PIDFILE")" 2>/dev/null; do sleep 0.1; done
  rm -f "$PIDFILE" ;;
"reload syncer") kill -HUP "$(cat "$PIDFILE")" ;;
"status "*) echo "$2 - as systemd shows it" ;;
*) exit 4 ;;
esac
""",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """A command of the page that was carried out."""

    line: str
    code: int
    said: str


class Host:
    """Runs blocks of a page; the daemon that they start ends with it."""

    def __init__(self, folder: Path, settings: Path) -> None:
        self._folder = folder
        self.settings = settings
        self.journal = folder / "journal"
        self._pidfile = folder / "pid"
        folder.mkdir()
        self.journal.touch()
        for name, script in TOOLS.items():
            tool = folder / name
            tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            tool.chmod(0o755)

    def run(self, block: list[str], given: Mapping[str, str], edit: str = "true") -> list[Ran]:
        """Carry out a block line by line, with what is `given` in place of the page's examples.

        `edit` is what a person does in the editor. A name that the page assigns and nobody gives fails.
        """
        ran: list[Ran] = []
        known: dict[str, str] = {}
        for line in filter(None, map(str.strip, block)):
            if assigned := ASSIGNED.fullmatch(line):
                known[assigned[1]] = given[assigned[1]]
                continue
            done = subprocess.run(
                ["bash", "-c", line],
                env=self._environment(edit) | known,
                capture_output=True,
                encoding="utf-8",
                stdin=subprocess.DEVNULL,
                timeout=120,
                check=False,
            )
            ran.append(Ran(line, done.returncode, done.stdout + done.stderr))
        return ran

    def works(self, block: list[str], given: Mapping[str, str] | None = None, edit: str = "true") -> str:
        """Carry a block out; nothing may fail, and what only reads may find something. Return what was said."""
        ran = self.run(block, given or {}, edit)
        for each in ran:
            assert each.code == 0 or (each.code == 1 and READS.match(each.line)), (each.line, each.code, each.said)
            assert "Traceback" not in each.said, each.said
        return "\n".join(each.said for each in ran)

    def start(self) -> None:
        """Start the daemon, as the unit does at boot."""
        assert [each.code for each in self.run(["systemctl start syncer"], {})] == [0]

    def close(self) -> None:
        """End the daemon."""
        if self._pidfile.exists():
            with suppress(ProcessLookupError):
                os.kill(int(self._pidfile.read_text(encoding="ascii")), signal.SIGKILL)

    def _environment(self, edit: str) -> dict[str, str]:
        ours = {"PYTHON": sys.executable, "SETTINGS": str(self.settings), "JOURNAL": str(self.journal)}
        ours |= {"PIDFILE": str(self._pidfile), "EDIT": edit, "PATH": f"{self._folder}:{os.environ['PATH']}"}
        return {name: value for name, value in os.environ.items() if name != "EDITOR"} | ours
