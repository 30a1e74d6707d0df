"""The settings of a filled installation: two destinations, their keys in files, a log signed daily at least."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

SETTINGS = """[database]
url = "{database}"

[deadlines]
timezone = "Europe/Berlin"

[schedule]
recheck_days = []

[checkpoints]
every_minutes = 1440

[guard]
always_allowed = 1_000_000

[log]
level = "error"

[destinations.newsletter]
adapter = "mailchimp"
api_key_file = "newsletter.secret"
base_url = "{mailchimp}"
erasure = "delete"
objection = "unsubscribe"
ecommerce = false

[destinations.crm]
adapter = "activecampaign"
api_key_file = "crm.secret"
base_url = "{activecampaign}"
requests_per_second = 1000
erasure = "delete"
objection = "unsubscribe"
ecommerce = false
"""


class Account(Protocol):
    """Where a provider answers, and the key that it takes."""

    url: str
    api_key: str


class NoAccount:
    """A provider that nobody can reach."""

    url = "http://127.0.0.1:1"
    api_key = "nobody-us1"


def write_settings(folder: Path, database: str, mailchimp: Account, activecampaign: Account) -> Path:
    """Write settings.toml and the files with the keys; return the path of the settings."""
    for name, account in (("newsletter", mailchimp), ("crm", activecampaign)):
        secret = folder / f"{name}.secret"
        secret.write_text(account.api_key, encoding="utf-8")
        secret.chmod(0o600)
    path = folder / "settings.toml"
    text = SETTINGS.format(database=database, mailchimp=mailchimp.url, activecampaign=activecampaign.url)
    path.write_text(text, encoding="utf-8")
    return path
