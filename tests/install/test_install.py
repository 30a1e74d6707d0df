"""docs/install.md and the README's way to a first run, typed as they stand on a bare Debian 12 and 13."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.install.pages import blocks, committed, next_version, repository
from tests.install.reader import REPOSITORY, Reader
from tests.support.chroot import Chroot, built

pytestmark = pytest.mark.install

RELEASES = ("bookworm", "trixie")
#: what every installed Debian has and its smallest part lacks
USUAL = ("systemd",)
PERSON = "somebody@three.test"
#: the others are of the packages, and need what `make packages` builds
CHAPTERS = ["From source", "Upgrade from source", "Remove from source"]


@pytest.fixture(params=RELEASES)
def machine(request: pytest.FixtureRequest) -> Iterator[Chroot]:
    """A bare Debian with a repository to clone."""
    with built(request.param, USUAL) as chroot:
        (chroot.root / "srv").mkdir(exist_ok=True)
        repository(chroot.root / REPOSITORY.lstrip("/"))
        # it is cloned from a folder here, which git takes from its owner only
        (chroot.root / "etc" / "gitconfig").write_text(f"[safe]\n\tdirectory = {REPOSITORY}\n", encoding="utf-8")
        yield chroot


@pytest.fixture
def reader(machine: Chroot, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> Reader:
    for audience in AUDIENCES:
        mailchimp.add(PERSON, audience)
    activecampaign.add(PERSON)
    return Reader(machine, mailchimp, activecampaign)


def test_what_the_pages_say_can_be_typed_on_a_bare_machine(
    machine: Chroot, reader: Reader, activecampaign: ActiveCampaignSandbox, tmp_path: Path
) -> None:
    """One test: a machine takes minutes to make, and what a chapter leaves is what the next begins with."""
    page, readme = committed("docs/install.md"), committed("README.md")
    assert [name for name in dict.fromkeys(block.chapter for block in blocks(page)) if "source" in name] == CHAPTERS

    *_, made, service = reader.follows(page, "From source")
    assert "settings /etc/syncer/settings.toml: read\n" in made
    assert "key file /etc/syncer/keys/syncer.key: made" in made
    assert 'url = "sqlite:////var/lib/syncer/syncer.db"' in made
    assert "FAIL" not in made
    assert "Created symlink" in service
    _everything_has_its_place_and_its_owner(reader)

    _the_first_run_works(machine, reader, readme)
    assert activecampaign.contact(PERSON) is None
    _the_service_works_and_a_mistake_is_final(reader)

    next_version(machine.root / REPOSITORY.lstrip("/"), tmp_path / "scratch")
    (upgraded,) = reader.follows(page, "Upgrade from source")
    assert re.search(r"database schema \d+: up to date", upgraded)
    assert "0.1.0.post1" in reader.types("syncer --version")

    reader.follows(page, "Remove from source")
    assert reader.types("find / -xdev -path /run -prune -o -nouser -print") == ""
    assert reader.types("find /opt /etc /var/lib -maxdepth 1 -name 'syncer*'") == ""

    _the_demo_runs_for_a_user_and_what_it_says_can_be_typed(machine, reader)


def _everything_has_its_place_and_its_owner(reader: Reader) -> None:
    kept = "/etc/syncer /etc/syncer/* /etc/syncer/keys/* /var/lib/syncer /var/lib/syncer/*.db"
    stated = reader.types(f"stat -c '%U:%G %a %n' {kept}")
    assert sorted(stated.splitlines()) == sorted(
        [
            "root:syncer 750 /etc/syncer",
            "root:syncer 640 /etc/syncer/settings.toml",
            "syncer:syncer 700 /etc/syncer/keys",
            "syncer:syncer 600 /etc/syncer/keys/syncer.key",
            "syncer:syncer 600 /etc/syncer/keys/mailchimp",
            "syncer:syncer 600 /etc/syncer/keys/activecampaign",
            "syncer:syncer 700 /var/lib/syncer",
            "syncer:syncer 600 /var/lib/syncer/syncer.db",
        ]
    )
    assert reader.types("cd /opt/syncer; git status --porcelain --ignored | grep -v '^!! .venv/' || true") == ""


def _the_first_run_works(machine: Chroot, reader: Reader, readme: str) -> None:
    folder = machine.root / "srv" / "first"
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "addresses.txt").write_text(f"{PERSON}\n", encoding="utf-8")
    (printed,) = reader.follows(readme, "First real run", user="syncer", place="/srv/first")
    assert "deliveries confirmed 2; now held 0" in printed
    assert (folder / "report.html").stat().st_size > 0
    reader.types("rm -r /srv/first")
    # the sample beside somebody who works in the source does not count, and root is told whose the key is
    assert '"fulfilled": 1' in reader.types("runuser -u syncer -- syncer status --json", place="/opt/syncer")
    code, refused = reader.tries("syncer status", place="/opt/syncer")
    assert code == 2
    assert "/etc/syncer/keys/syncer.key: the key file belongs to another user (syncer)" in refused


def _the_service_works_and_a_mistake_is_final(reader: Reader) -> None:
    unit = "/etc/systemd/system/syncer.service"
    start = f"runuser -u syncer -- timeout --preserve-status 8 $(sed -n 's/^ExecStart=//p' {unit})"
    assert "daemon.stopped" in reader.types(start)
    code, said = reader.tries("sed -i 's|^timezone|timezoen|' /etc/syncer/settings.toml\n" + start)
    assert code == 2
    assert "/etc/syncer/settings.toml: [deadlines] timezoen: unknown key" in said
    reader.types("sed -i 's|^timezoen|timezone|' /etc/syncer/settings.toml")


def _the_demo_runs_for_a_user_and_what_it_says_can_be_typed(machine: Chroot, reader: Reader) -> None:
    reader.types("useradd --create-home eve")
    printed = reader.types(f"git clone {REPOSITORY} syncer && cd syncer && make demo", "eve", "/home/eve")

    assert list((machine.root / "tmp").iterdir()) == []
    kept = machine.root / "home/eve/syncer/syncer-demo"
    assert {path.suffix for path in kept.iterdir()} == {".html", ".jsonl", ".note"}
    (remove,) = re.findall(r"^  (rm -r /\S+)$", printed, re.MULTILINE)
    reader.types(remove, "eve", "/home/eve/syncer")
    assert not kept.exists()
