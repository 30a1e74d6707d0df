"""An operator's first days with the package: a check, a mail, a flood that stops, a release, a restore by the page."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.install.booted import Booted, NotBooted, booted
from tests.install.built import built, release
from tests.install.pages import blocks
from tests.install.reader import Reader
from tests.support.chroot import built as debian
from tests.support.paths import ROOT
from tests.support.receivers.aiosmtp import Letterbox, letterbox

pytestmark = pytest.mark.packages

#: asked for herself, before the backup; asked by mail while the shop went wrong; and everybody else on the list
EARLY, GENUINE = "early@site.test", ("first@site.test", "second@site.test")
BOGUS = [f"customer{number}@site.test" for number in range(498)]
FLOOD = [*BOGUS[:250], GENUINE[0], *BOGUS[250:], GENUINE[1]]
CHANNEL = """
[channels.dpo]
kind = "email"
to = "dpo@house.test"
sender = "syncer@house.test"
host = "127.0.0.1"
port = {port}
report = true
"""


@pytest.fixture
def machine() -> Iterator[Booted]:
    """A Debian with the package, booted."""
    deb = built("syncer_*.deb")
    with ExitStack() as stack:
        chroot = stack.enter_context(debian(release(), ("systemd-sysv", "dbus")))
        (chroot.root / "srv/now").mkdir()
        shutil.copy(deb, chroot.root / "srv/now")
        for name, addresses in (("early", [EARLY]), ("flood", FLOOD)):
            path = chroot.root / "srv" / name
            path.write_text("".join(f"{address}\n" for address in addresses), encoding="utf-8")
        try:
            yield stack.enter_context(booted(chroot))
        except NotBooted as reason:
            pytest.skip(f"no machine can be booted here: {reason}")


@pytest.fixture
def box() -> Iterator[Letterbox]:
    with letterbox() as server:
        yield server


def asked(reader: Reader, command: str, stdin: str = "") -> Any:
    """What a command says as JSON, also where something waits for a person."""
    words = f"runuser -u syncer -- syncer {command} --json 2>/dev/null"
    return json.loads(reader.types(f"echo {stdin} | {words} || test $? = 1"))


def on_the_list(mailchimp: MailchimpSandbox) -> int:
    return sum(mailchimp.member(address, AUDIENCES[0]) is not None for address in FLOOD)


def test_an_operator_is_told_stops_a_flood_lets_two_go_and_restores_by_the_page(
    machine: Booted, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, box: Letterbox
) -> None:
    for address in [EARLY, *FLOOD]:
        mailchimp.add(address, AUDIENCES[0])
    reader = Reader(machine, mailchimp, activecampaign)
    _it_is_installed_and_checked(reader, mailchimp, box)
    _a_digest_arrives(reader, box)
    _a_request_is_done_and_backed_up(reader, mailchimp)

    _a_flood_stops_before_the_first_of_it(reader, mailchimp, box)
    _two_of_it_are_released(reader, mailchimp)

    _the_backup_is_restored_by_the_page(reader)
    assert mailchimp.member(EARLY, AUDIENCES[0]) is None
    assert on_the_list(mailchimp) == len(BOGUS)


def _it_is_installed_and_checked(reader: Reader, mailchimp: MailchimpSandbox, box: Letterbox) -> None:
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    install, address, *keys, first, start = [block.text for block in blocks(page) if block.chapter == "Debian package"]
    reader.types(install, place="/srv/now")
    reader.types(address)
    # the sandbox is not where Mailchimp is
    base = f'base_url = "{mailchimp.url}"'
    reader.types(f"sed -i 's|^# base_url = \"http://127.0.0.1:8001\".*|{base}|' /etc/syncer/settings.toml")
    soon = datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(minutes=2)
    alerts = f'[alerts]\ndigest = "daily"\ndigest_at = "{soon:%a %H:%M}"\ngroup_seconds = 1\n'
    lines = alerts + CHANNEL.format(port=box.port)
    reader.types(f"cat >>/etc/syncer/settings.toml <<'END'\n{lines}END\n")
    for block in keys:
        reader.types(block)
    said = reader.types(first)
    assert "FAIL" not in said and "dpo" in said
    reader.types(start)


def _a_digest_arrives(reader: Reader, box: Letterbox) -> None:
    digest = box.awaited("digest", 240)
    assert digest["To"] == "dpo@house.test"
    (attached,) = [part for part in digest.walk() if part.get_content_type() == "text/html"]
    assert "@site.test" not in attached.get_content()


def _a_request_is_done_and_backed_up(reader: Reader, mailchimp: MailchimpSandbox) -> None:
    reader.types("runuser -u syncer -- syncer submit erasure --file /srv/early --source form")
    reader.until("runuser -u syncer -- syncer status --json", '"fulfilled": 1')
    assert mailchimp.member(EARLY, AUDIENCES[0]) is None
    reader.types("systemctl start syncer-backup.service")


def _a_flood_stops_before_the_first_of_it(reader: Reader, mailchimp: MailchimpSandbox, box: Letterbox) -> None:
    reader.types("runuser -u syncer -- syncer submit erasure --file /srv/flood --source shop")
    reader.until("runuser -u syncer -- syncer guard plan", f"{len(FLOOD)} requests", 120)
    code, said = reader.tries("runuser -u syncer -- syncer status")
    assert code == 1 and "STOPPED newsletter since" in said
    assert on_the_list(mailchimp) == len(FLOOD)
    told = box.awaited("guard", 120)
    assert "@site.test" not in told.as_string()


def _two_of_it_are_released(reader: Reader, mailchimp: MailchimpSandbox) -> None:
    chosen = " ".join(f"--event {asked_for(reader, address)}" for address in GENUINE)
    plan = asked(reader, f"guard plan {chosen}")
    number = plan["deletions"]
    assert number == 4
    reader.types(
        f"runuser -u syncer -- syncer guard release {chosen} --reason 'both asked by mail'"
        f" --apply {plan['digest']} --deletions {number}"
    )
    reader.until("runuser -u syncer -- syncer status --json", '"fulfilled": 3', 120)
    assert on_the_list(mailchimp) == len(BOGUS)
    assert [mailchimp.member(address, AUDIENCES[0]) for address in GENUINE] == [None, None]
    assert "STOPPED newsletter since" in reader.tries("runuser -u syncer -- syncer status")[1]


def asked_for(reader: Reader, address: str) -> str:
    """The id of the request of a person, looked up as an operator does."""
    return str(asked(reader, "find", stdin=address)[0]["id"])


def _the_backup_is_restored_by_the_page(reader: Reader) -> None:
    page = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
    stop, put, check, fork, replay, sweep, start = [b.text for b in blocks(page) if b.chapter == "Restore"]
    (file,) = reader.types("ls /var/backups/syncer/syncer-*.db").split()
    moment = Path(file).stem

    def as_it_is_here(text: str) -> str:
        return re.sub(r"syncer-2026\d{4}T\d{6}Z", moment, text)

    reader.types(stop)
    reader.types(as_it_is_here(put), user="syncer", place="/var/lib/syncer")
    code, said = reader.tries(check, user="syncer", place="/var/lib/syncer")
    assert code != 0 and "were anchored" in said
    recorded = reader.types(fork, user="syncer", place="/var/lib/syncer")
    reader.types(as_it_is_here(replay), user="syncer", place="/var/lib/syncer")
    assert "wordpress" in sweep  # there is none here
    reader.types(start)
    reader.until("runuser -u syncer -- syncer status --json", '"fulfilled": 1')
    (entry,) = re.findall(r"entry (\d+)", recorded)
    reader.types(f"runuser -u syncer -- syncer audit verify --full --accept-fork {entry}")
