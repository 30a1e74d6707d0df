"""Somebody who types what the pages say, on a machine that is a folder, or one that was booted."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.install.pages import blocks

REPOSITORY = "/srv/syncer.git"
#: which of the commands failed
TELL = """trap 'echo "FAILED: $BASH_COMMAND"' ERR\n"""


class Machine(Protocol):
    """Where commands are run to their end."""

    def run(
        self,
        argv: Sequence[str],
        user: str = "root",
        env: Mapping[str, str] | None = None,
        *,
        place: str = "/",
        stdin: str = "",
        timeout: float = 900,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a user, with what it prints to both ways out in one text."""
        ...


class Reader:
    """Somebody who types what the pages say; the providers are this machine's sandbox."""

    def __init__(self, machine: Machine, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> None:
        self._machine = machine
        self._keys = {"mailchimp": mailchimp.api_key, "activecampaign": activecampaign.api_key}
        self._env = {
            "DEBIAN_FRONTEND": "noninteractive",
            "REPOSITORY": REPOSITORY,
            "ACTIVECAMPAIGN_URL": activecampaign.url,
            "SYNCER_DESTINATIONS__NEWSLETTER__BASE_URL": mailchimp.url,
        }

    def types(self, text: str, user: str = "root", place: str = "/root") -> str:
        """Type commands into one shell and return what they print; none of them may fail."""
        code, printed = self.tries(text, user, place)
        assert code == 0, f"exit {code}: {printed[-6000:]}"
        return printed

    def tries(self, text: str, user: str = "root", place: str = "/root") -> tuple[int, str]:
        """Type commands until one fails; return its exit code and all that was printed."""
        stdin = next((f"{key}\n" for name, key in self._keys.items() if text.rstrip().endswith(f"/keys/{name}")), "")
        home = {"HOME": "/var/lib/syncer"} if user == "syncer" else {}
        done = self._machine.run(
            ["bash", "-euo", "pipefail", "-c", TELL + text], user, {**self._env, **home}, place=place, stdin=stdin
        )
        return done.returncode, done.stdout

    def until(self, text: str, seen: str, seconds: float = 60) -> str:
        """Type the same again until it prints this; return all of it. Fails after so many seconds."""
        end = time.monotonic() + seconds
        while seen not in (printed := self.tries(text)[1]):
            assert time.monotonic() < end, f"{seen} was not seen: {printed[-6000:]}"
            time.sleep(0.5)
        return printed

    def follows(self, page: str, chapter: str, user: str = "root", place: str = "/root") -> list[str]:
        """Type every block of a chapter; return what each printed."""
        found = [self.types(block.text, user, place) for block in blocks(page) if block.chapter == chapter]
        assert found, f"the page has no commands under {chapter}"
        return found
