"""An installation in which everything happened at once: late, held, exempt, extended, paused, back again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.decisions.extension import Extension
from syncer.domain.rights import Ground
from syncer.service.drain import drain, prepare
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES, SETTINGS, Clock
from tests.support.walk import put

#: what a form or a colleague could write into places that a report shows
HOSTILE_SOURCE = "</script><b>form"
HOSTILE_REF = "=cmd|' /C calc'!A0"
HOSTILE_REASON = "court\n\x1b[31mcase\x1b[0m </style><script>alert(1)</script> \u202egnp.exe =cmd|'!A0"
#: when everything has happened
AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
#: variables of the environment in which the settings look for the providers' keys
KEYS = ("TEST_MAILCHIMP_KEY", "TEST_ACTIVECAMPAIGN_KEY")
BACK, PLAIN = "back@again.test", "ada@lovelace.test"


@contextmanager
def installation(folder: Path) -> Iterator[tuple[App, Clock, list[str]]]:
    """Make an installation in a folder and fill it; yields it with its clock and its providers' keys."""
    path, clock = folder / "settings.toml", Clock(AT)
    with (
        MailchimpSandbox(audiences=AUDIENCES) as mailchimp,
        ActiveCampaignSandbox(rate=None) as activecampaign,
        pytest.MonkeyPatch.context() as environment,
    ):
        keys = dict(zip(KEYS, (mailchimp.api_key, activecampaign.api_key), strict=True))
        for name, key in keys.items():
            environment.setenv(name, key)
        urls = {"mailchimp": mailchimp.url, "activecampaign": activecampaign.url, "database": "sqlite:///syncer.db"}
        path.write_text(
            SETTINGS.format(**urls, objection="unsubscribe", recheck_days="[1, 7]", rate=1000), encoding="utf-8"
        )
        settings = load_settings(path)
        initialise(settings)
        with open_app(settings, clock=clock) as app:
            fill(app, clock, mailchimp, activecampaign)
            yield app, clock, list(keys.values())


@contextmanager
def copied(made: Path, folder: Path) -> Iterator[tuple[App, Clock]]:
    """Copy such an installation, whose providers are gone, into a folder; yields it with its clock.

    Making one takes seconds, and most tests only look at it.
    """
    copytree(made, folder, dirs_exist_ok=True)
    with pytest.MonkeyPatch.context() as environment:
        for name in KEYS:
            environment.setenv(name, "gone")
        with open_app(load_settings(folder / "settings.toml"), clock=(clock := Clock(AT))) as app:
            yield app, clock


def fill(app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> None:
    """Let about ten weeks pass. `app` rechecks after 1 and 7 days; the clock ends where the report is made."""
    end = clock.now
    clock.now = end - timedelta(days=70)
    _carried_out(app, clock, mailchimp, activecampaign)
    _held_and_decided(app, clock, activecampaign)
    _late(app, clock, mailchimp)
    clock.now = end - timedelta(days=2)
    put(app, "erasure", "\u202enot an address", "form 9", source="form", received_at=clock.now)
    prepare(app)
    clock.now = end
    put(app, "erasure", "new@today.test", "form 10", source="wordpress", source_ref="1:4711")
    prepare(app)
    app.access_log.looked_up(app.keyring.ref(PLAIN), 1)
    app.interventions.pause("newsletter", "account review by the provider")


def _carried_out(app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> None:
    for number, address in enumerate((PLAIN, BACK, "grace@hopper.test", "nobody@absent.test")):
        if not address.startswith("nobody"):
            mailchimp.add(address, AUDIENCES[number % 3])
            activecampaign.add(address)
        put(app, "erasure", address, f"form {number}", source="wordpress", source_ref=f"1:34{number}")
    put(app, "objection", "tired@three.test", "form 4", source="form")
    mailchimp.add("tired@three.test", AUDIENCES[1])
    clock.advance(minutes=7)
    drain(app)
    clock.advance(days=1)
    mailchimp.add(BACK, AUDIENCES[1])
    drain(app)
    for days in (1, 7):
        clock.advance(days=days)
        drain(app)


def _held_and_decided(app: App, clock: Clock, activecampaign: ActiveCampaignSandbox) -> None:
    activecampaign.admin = False
    clock.advance(days=30)
    for number in range(5, 8):
        address = f"held{number}@archive.test"
        activecampaign.add(address)
        put(app, "erasure", address, f"form {number}", source=HOSTILE_SOURCE, source_ref=HOSTILE_REF)
    drain(app)
    activecampaign.admin = True
    clock.advance(hours=5)
    held = app.reader.events(state="held")
    app.interventions.exempt(held[0].id, "crm", Ground.LEGAL_CLAIMS, HOSTILE_REASON)
    today = clock.now.astimezone(app.rule.zone).date()
    app.extensions.extend(Extension(held[1].id, "many systems to search by hand", today))


def _late(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> None:
    mailchimp.fault(Fault(status=500, body="<html>", content_type="text/html", times=None))
    put(app, "objection", "late@target.test", "form 8", source="form")
    clock.advance(minutes=2)
    drain(app)
