"""The Debian package as docs/install.md has it: installed, booted, started, upgraded with data, removed, purged."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.install.booted import Booted, NotBooted, booted
from tests.install.built import BEFORE, built, one_before, release
from tests.install.pages import blocks
from tests.install.reader import Reader
from tests.support.chroot import Chroot
from tests.support.chroot import built as debian
from tests.support.paths import ROOT
from tests.support.servers import Missing, binary

pytestmark = pytest.mark.packages

PERSON = "somebody@three.test"
CHAPTERS = ["Debian package", "Upgrade", "Remove", "Container", "pipx"]
UNITS = {
    "syncer.service",
    "syncer-console.service",
    *(f"syncer-{name}.{kind}" for name in ("backup", "retention", "verify") for kind in ("service", "timer")),
}
#: how things stand, and whether the log is whole
STANDS = "runuser -u syncer -- syncer status --json; runuser -u syncer -- syncer audit verify --full"


@pytest.fixture
def deb() -> Path:
    return built("syncer_*.deb")


@pytest.fixture
def machine(deb: Path, tmp_path: Path) -> Iterator[Booted | Chroot]:
    """A Debian of the package's release with two versions of it; booted where that can be done."""
    with ExitStack() as stack:
        chroot = stack.enter_context(debian(release(), ("systemd-sysv", "dbus")))
        for name, file in (("before", one_before(deb, tmp_path)), ("now", deb)):
            (chroot.root / "srv" / name).mkdir()
            shutil.copy(file, chroot.root / "srv" / name)
        (chroot.root / "srv/person").write_text(f"{PERSON}\n", encoding="utf-8")
        (chroot.root / "srv/person").chmod(0o644)
        try:
            yield stack.enter_context(booted(chroot))
        except NotBooted as reason:
            print(reason)
            yield chroot


@pytest.fixture
def reader(machine: Booted | Chroot, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> Reader:
    for audience in AUDIENCES:
        mailchimp.add(PERSON, audience)
    activecampaign.add(PERSON)
    return Reader(machine, mailchimp, activecampaign)


def test_lintian_finds_nothing_that_no_override_gives_a_reason_for(deb: Path, tmp_path: Path) -> None:
    try:
        command = binary("lintian", "lintian")
    except Missing as missing:
        pytest.skip(str(missing))
    done = subprocess.run(
        [command, "--allow-root", "--tag-display-limit", "0", "--show-overrides", deb],
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert re.findall("^[EW]: .*", done.stdout, re.MULTILINE) == []
    overrides = (ROOT / "packaging/debian/syncer.lintian-overrides").read_text(encoding="utf-8").splitlines()
    for above, line in pairwise(overrides):
        if not line.startswith("#"):
            assert above.startswith("# "), f"no reason is given for {line}"
            assert f"O: {' '.join(line.split(' ')[:2])} " in done.stdout, f"not needed any more: {line}"


def test_the_deb_can_be_typed_in_started_upgraded_removed_and_purged(
    machine: Booted | Chroot, reader: Reader, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    """One test: a machine takes minutes to make, and what a chapter leaves is what the next begins with."""
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    assert [name for name in dict.fromkeys(block.chapter for block in blocks(page)) if "source" not in name] == CHAPTERS
    install, address, *keys, first, start = [block.text for block in blocks(page) if block.chapter == "Debian package"]

    said = reader.types(install, place="/srv/before")
    assert "syncer: nothing runs yet" in said
    assert set(reader.types("systemctl list-unit-files --no-legend 'syncer*' | awk '{print $1, $2}'").split()) == {
        *UNITS, "disabled", "static",
    }  # fmt: skip
    reader.types(address)
    # the sandbox is not where Mailchimp is
    reader.types(
        f'sed -i \'s|^# base_url = "http://127.0.0.1:8001".*|base_url = "{mailchimp.url}"|\' /etc/syncer/settings.toml'
    )
    for block in keys:
        reader.types(block)
    made = reader.types(first)
    assert "key file /etc/syncer/keys/syncer.key: made" in made
    assert "FAIL" not in made
    assert "active" not in reader.tries("systemctl is-active syncer.service")[1].split()
    _everything_has_its_place_and_its_owner(reader)
    _what_comes_along_works(reader)

    reader.types(start)
    _a_request_is_carried_out(machine, reader)
    assert activecampaign.contact(PERSON) is None
    if isinstance(machine, Booted):
        _the_units_do_what_they_say(reader)

    _it_is_upgraded_with_its_data(machine, reader, page)
    _what_is_removed_leaves_the_evidence(machine, reader, page)
    if not isinstance(machine, Booted):
        pytest.skip("it passed in a folder; no machine could be booted, so no unit was started")


def _everything_has_its_place_and_its_owner(reader: Reader) -> None:
    kept = "/etc/syncer /etc/syncer/* /etc/syncer/keys/* /var/lib/syncer /var/lib/syncer/*.db /var/backups/syncer"
    assert sorted(reader.types(f"stat -c '%U:%G %a %n' {kept}").splitlines()) == sorted(
        [
            "root:syncer 750 /etc/syncer",
            "root:syncer 640 /etc/syncer/settings.toml",
            "syncer:syncer 700 /etc/syncer/keys",
            "syncer:syncer 600 /etc/syncer/keys/syncer.key",
            "syncer:syncer 600 /etc/syncer/keys/mailchimp",
            "syncer:syncer 600 /etc/syncer/keys/activecampaign",
            "syncer:syncer 700 /var/lib/syncer",
            "syncer:syncer 600 /var/lib/syncer/syncer.db",
            "syncer:syncer 700 /var/backups/syncer",
        ]
    )
    assert reader.types("find /usr/lib/syncer /usr/bin/syncer -newer /etc/syncer/keys/syncer.key") == ""


def _what_comes_along_works(reader: Reader) -> None:
    for shell, file in (
        ("bash", "bash-completion/completions/syncer"),
        ("zsh", "zsh/vendor-completions/_syncer"),
        ("fish", "fish/vendor_completions.d/syncer.fish"),
    ):
        reader.types(f"syncer completion {shell} | diff - /usr/share/{file}")
    assert (
        reader.types("COMP_WORDS='syncer dossi' COMP_CWORD=1 _SYNCER_COMPLETE=bash_complete syncer")
        == "plain,dossier\n"
    )
    assert 'TH SYNCER 1 "" "syncer' in reader.types("zcat /usr/share/man/man1/syncer.1.gz | sed -n 1p")
    # nothing that only builders need, and no other command
    python = reader.types("basename $(readlink -f /usr/bin/python3)").strip()
    assert reader.types("ls /usr/lib/syncer/bin").split() == ["python", "python3", python, "syncer"]
    done, said = reader.tries("/usr/lib/syncer/bin/python3 -I -c 'import hatchling'")
    assert (done, "No module named 'hatchling'" in said) == (1, True)
    reader.types("cd /tmp && runuser -u syncer -- syncer demo && rm -r /tmp/syncer-demo")


def _a_request_is_carried_out(machine: Booted | Chroot, reader: Reader) -> None:
    reader.types("runuser -u syncer -- syncer submit erasure < /srv/person")
    if not isinstance(machine, Booted):
        reader.types("runuser -u syncer -- syncer drain")
    assert '"held": 0' in reader.until("runuser -u syncer -- syncer status --json", '"fulfilled": 1')


def _the_units_do_what_they_say(reader: Reader) -> None:
    exposed = reader.types("systemd-analyze security --no-pager syncer.service | tail -1")
    assert float(re.findall(r"service: ([\d.]+)", exposed)[0]) <= 1.5
    for name in ("verify", "retention", "backup"):
        reader.types(f"systemctl start syncer-{name}.service || (journalctl --no-pager -u syncer-{name}; exit 1)")
    assert "syncer-backup.timer" in reader.types("systemctl list-timers --no-pager")
    reader.types("runuser -u syncer -- syncer backup --check /var/backups/syncer/syncer-*.db")
    pid = reader.types("systemctl show -p MainPID --value syncer")
    reader.types("systemctl reload syncer.service")
    reader.until("journalctl --no-pager -u syncer", "daemon.reloaded")
    assert reader.types("systemctl show -p MainPID --value syncer") == pid
    # a mistake is final, and said in the journal
    reader.types("sed -i 's|^timezone|timezoen|' /etc/syncer/settings.toml; ! systemctl restart syncer.service")
    assert "Result=exit-code\nExecMainStatus=2" in reader.types("systemctl show -p Result,ExecMainStatus syncer")
    assert "[deadlines] timezoen: unknown key" in reader.types("journalctl --no-pager -u syncer")
    reader.types("sed -i 's|^timezoen|timezone|' /etc/syncer/settings.toml; systemctl restart syncer.service")


def _it_is_upgraded_with_its_data(machine: Booted | Chroot, reader: Reader, page: str) -> None:
    (upgrade,) = [block.text for block in blocks(page) if block.chapter == "Upgrade"]
    assert f"version {BEFORE}" in reader.types("syncer --version")
    settings = reader.types("sha256sum /etc/syncer/settings.toml")
    pid = "systemctl show -p MainPID --value syncer"
    before = reader.types(pid) if isinstance(machine, Booted) else ""

    said = reader.types(upgrade, place="/srv/now")

    assert re.search(r"database schema \d+: up to date", said)
    assert "FAIL" not in said
    assert f"version {BEFORE}" not in reader.types("syncer --version")
    reader.types("! find /usr/lib/syncer -name 'gone*' | grep .")
    assert reader.types("sha256sum /etc/syncer/settings.toml") == settings
    assert "root:syncer 640" in reader.types("stat -c '%U:%G %a' /etc/syncer/settings.toml")
    stands = reader.types(STANDS)
    assert '"fulfilled": 1' in stands and "unbroken" in stands
    if isinstance(machine, Booted):
        assert reader.types("systemctl is-active syncer") == "active\n"
        assert reader.types(pid) not in (before, "0\n")


def _what_is_removed_leaves_the_evidence(machine: Booted | Chroot, reader: Reader, page: str) -> None:
    purge, forget = [block.text for block in blocks(page) if block.chapter == "Remove"]
    kept = "find /etc/syncer/keys /var/lib/syncer -type f ! -name '*-wal' ! -name '*-shm' | sort | xargs sha256sum"

    reader.types("apt-get remove --yes syncer")
    assert (
        reader.types("ls /etc/syncer/settings.toml /usr/bin/syncer 2>/dev/null || true")
        == "/etc/syncer/settings.toml\n"
    )
    if isinstance(machine, Booted):
        assert reader.types("find /proc -maxdepth 1 -user syncer") == ""
    before = reader.types(kept)
    assert "/etc/syncer/keys/syncer.key" in before and "/var/lib/syncer/syncer.db" in before

    said = reader.types(purge)
    assert "syncer: kept, as evidence, with the account syncer whose they are: /etc/syncer/keys /var/lib/syncer" in said
    assert reader.types(kept) == before
    assert reader.types("ls /etc/syncer") == "keys\n"
    assert reader.types("systemctl list-unit-files --no-legend 'syncer*' || true") == ""
    assert reader.types("find /etc/systemd /var/lib/systemd -name '*syncer*'") == ""

    reader.types("apt-get install --yes /srv/now/syncer_*.deb")
    assert reader.types(kept) == before
    reader.types("syncer --version; apt-get purge --yes syncer")
    reader.types(forget)
    assert (
        reader.types(
            "find / -xdev \\( -path /run -o -path /proc -o -path /tmp -o -path /var/tmp \\) -prune -o -nouser -print"
        )
        == ""
    )
