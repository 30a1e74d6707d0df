"""Where the story takes place: providers played on this machine, and settings that point at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.sandbox import MailchimpSandbox
from syncer.setup.filled.accounts import AUDIENCES, PlayedAccounts, played_accounts

#: people at the providers who never ask for anything
BYSTANDERS = 400
#: as many calls a second as this machine makes
RATE = 1000

_SETTINGS = """\
# written by `syncer demo --console`; the servers behind it end with the demo
[database]
url = "sqlite:///syncer.db"

[log]
level = "error"

[controller]
name = "Example Shop Ltd"
address = ["1 Example Street", "10115 Berlin"]
contact = "privacy desk, room 4"

[deadlines]
timezone = "Europe/Berlin"

[console]
url = "http://localhost:{port}/"
listen = "127.0.0.1:{port}"
four_eyes = ["exempt"]
# each link opens one session, and there is no other way in
idle_minutes = 1440
session_hours = 168

[schedule]
recheck_days = [30]

[guard]
always_allowed = 14

# stands for a folder on a machine in other hands
[anchors.elsewhere]
kind = "folder"
path = "elsewhere"

"""
_TRIAL = """
# on trial beside the real thing: it is read, and nothing is written there
[destinations.journal]
adapter = "mailchimp"
mode = "shadow"
api_key_env = "DEMO_MAILCHIMP_KEY"
base_url = "{journal}"
erasure = "delete"
objection = "suppress"
"""


@dataclass(frozen=True, slots=True)
class Providers:
    """The accounts of the destinations; `journal` is the one that comes later, on trial."""

    accounts: PlayedAccounts
    journal: MailchimpSandbox


@contextmanager
def providers() -> Iterator[Providers]:
    """Play the providers for the block."""
    with played_accounts(BYSTANDERS, RATE) as accounts, MailchimpSandbox(audiences=AUDIENCES[:1]) as journal:
        yield Providers(accounts, journal)


def write_settings(folder: Path, played: Providers, port: int) -> Path:
    """Write the settings of an installation in a folder, whose console is at that port of localhost."""
    (folder / "elsewhere").mkdir()
    path = folder / "settings.toml"
    path.write_text(_SETTINGS.format(port=port) + played.accounts.settings, encoding="utf-8")
    return path


def begin_trial(path: Path, played: Providers) -> None:
    """Add the destination on trial to the settings, as an operator would."""
    with path.open("a", encoding="utf-8") as settings:
        settings.write(_TRIAL.format(journal=played.journal.url))
