"""syncer beside a WordPress, set up by the five steps of docs/wordpress.md, with the sandbox for providers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.intake.wordpress.site import Site
from tests.support.processes import as_json, run

PASSWORD = "syncer's own"
SETTINGS = """
[database]
url = "sqlite:///syncer.db"

[queue]
url = "mysql://{user}:{password}@127.0.0.1:{port}/{database}"

[deadlines]
timezone = "Europe/Berlin"

[schedule]
intake_seconds = 1
recheck_days = [1]

[wordpress]

[guard]
always_allowed = 1_000_000

[destinations.newsletter]
adapter = "mailchimp"
api_key_env = "TEST_MAILCHIMP_KEY"
base_url = "{mailchimp}"
erasure = "delete"
objection = "unsubscribe"

[destinations.crm]
adapter = "activecampaign"
api_key_env = "TEST_ACTIVECAMPAIGN_KEY"
base_url = "{activecampaign}"
requests_per_second = 1000
erasure = "delete"
objection = "unsubscribe"
"""


class Installation:
    """One syncer; every command runs as a process."""

    def __init__(
        self, site: Site, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, *words: str
    ) -> None:
        self.site, self.mailchimp, self.activecampaign = site, mailchimp, activecampaign
        self.folder = Path(tempfile.mkdtemp(prefix="syncer-beside-wordpress-"))
        self.settings = self.folder / "settings.toml"
        self._five_steps(words)

    def _five_steps(self, words: tuple[str, ...]) -> None:
        site, port = self.site, self.site.server.port
        user = f"syncer_{site.port}"  # one for each site: they share a server
        # 1. the plugin, and one look at the administration, which creates the queue table
        self.ok("wordpress", "install", "--wp-content", str(site.content))
        site.screen()
        # 2. the settings
        text = SETTINGS.format(
            user=user, password=PASSWORD.replace("'", "%27").replace(" ", "%20"), port=port, database=site.database,
            mailchimp=self.mailchimp.url, activecampaign=self.activecampaign.url,
        )  # fmt: skip
        self.settings.write_text(text, encoding="utf-8")
        # 3. the database's account and its rights
        site.server.sql(f"DROP USER IF EXISTS {user}@'127.0.0.1'")
        site.server.sql(f"""CREATE USER {user}@'127.0.0.1' IDENTIFIED BY "{PASSWORD}" """)
        for line in self.ok("wordpress", "grants", "--host", "127.0.0.1", *words).splitlines():
            if not line.startswith("USE"):
                site.sql(line)
        # 4. syncer's own tables; and is everything as it must be?
        self.ok("init")
        self.ok("check")

    def ok(self, *words: str) -> str:
        done = run(self.settings, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def knows(self, address: str) -> None:
        """Put a person into both providers."""
        self.mailchimp.add(address, AUDIENCES[0])
        self.activecampaign.add(address)

    def gone(self, address: str) -> bool:
        return self.mailchimp.member(address, AUDIENCES[0]) is None and self.activecampaign.contact(address) is None

    def drain(self) -> None:
        done = run(self.settings, "drain")
        assert done.returncode in (0, 1), done.stderr

    def events(self, ref: str) -> list[dict[str, Any]]:
        return [event for event in as_json(self.settings, "events") if event["source_ref"] == ref]

    def confirmed(self, ref: str) -> list[list[str]]:
        """Return for each event of a request the states of its deliveries."""
        return [sorted({delivery["state"] for delivery in event["deliveries"]}) for event in self.events(ref)]

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
