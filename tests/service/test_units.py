"""The systemd units of packaging/: systemd reads them, finds little exposed, and the daemon fits into their limits."""

from __future__ import annotations

import configparser
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.support.paths import ROOT
from tests.support.processes import inside as run
from tests.support.processes import run as process
from tests.support.processes import started, until
from tests.support.servers import Missing, binary, free_port
from tests.support.session import tools

UNITS = sorted((ROOT / "packaging/units").glob("syncer*.service"))
CONSOLE = ROOT / "packaging/units/syncer-console.service"
TIMERS = sorted((ROOT / "packaging/units").glob("syncer*.timer"))
PROGRAM = "/usr/bin/syncer"
#: what the head of the unit reckons: threads of the daemon, per destination beside its calls, per anchor
FIXED, PER_DESTINATION, PER_ANCHOR = 20, 3, 2


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        command = binary("systemd-analyze")
    except Missing as missing:
        tools.skip("systemd", str(missing))
    return subprocess.run([command, "--no-pager", *words], capture_output=True, encoding="utf-8", check=False)


def unit(path: Path) -> configparser.ConfigParser:
    """Read a unit; its keys in lower case; of one that stands more than once the last counts."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def test_systemd_finds_no_mistake_in_the_units(tmp_path: Path) -> None:
    for path in [*UNITS, *TIMERS]:
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(text.replace(PROGRAM, sys.executable), encoding="utf-8")

    done = analyze("verify", *map(str, sorted(tmp_path.iterdir())))

    assert len(UNITS) == 5
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_little_is_exposed(path: Path) -> None:
    done = analyze("security", "--offline=true", "--threshold=12", str(path))

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def test_all_units_are_hardened_alike() -> None:
    own = {"Type", "ExecStart", "WatchdogSec", "Restart", "RestartPreventExitStatus", "RestartSec", "TimeoutStopSec"}
    own |= {"KillMode", "TimeoutStartSec", "Nice", "TasksMax", "ExecStartPre", "ExecReload", "ReadWritePaths"}
    # of the console alone, which takes away more; where it lets something, a test below says what
    own |= {"User", "Group", "SupplementaryGroups", "RuntimeDirectory", "RuntimeDirectoryMode", "LoadCredential"}
    own |= {"InaccessiblePaths", "IPAddressDeny", "IPAddressAllow", "SocketBindAllow", "StateDirectory"}
    own |= {"StateDirectoryMode"}
    hardened = [
        {key: value for key, value in unit(path)["Service"].items() if key not in map(str.lower, own)} for path in UNITS
    ]

    assert all(one == hardened[0] for one in hardened)


def test_the_units_share_a_fixed_account_so_that_people_read_under_it_while_the_service_is_stopped() -> None:
    for path in UNITS:
        service = unit(path)["Service"]
        if path == CONSOLE:
            continue
        assert (service["User"], service["Group"], service["StateDirectoryMode"]) == ("syncer", "syncer", "0700")
        assert "DynamicUser" not in service
        assert "/run/credentials" not in unit(path)["Service"].get("Environment", "")


def test_the_console_has_an_account_of_its_own_its_own_key_and_reaches_nothing_but_this_machine() -> None:
    service = unit(CONSOLE)["Service"]

    assert (service["User"], service["Group"], service["SupplementaryGroups"]) == (
        "syncer-console",
        "syncer-console",
        "syncer",
    )
    assert service["LoadCredential"] == "console.key:/etc/syncer/keys/console.key"
    assert service["InaccessiblePaths"].split() == ["-/etc/syncer/keys", "-/var/backups/syncer"]
    assert (service["IPAddressDeny"], service["IPAddressAllow"]) == ("any", "localhost")
    assert (service["SocketBindDeny"], service["SocketBindAllow"]) == ("any", "ipv4:tcp:8484")
    assert (service["RuntimeDirectory"], service["RuntimeDirectoryMode"]) == ("syncer-console", "0750")
    assert "StateDirectory" not in service  # it writes no file
    assert (service["Type"], service["RestartPreventExitStatus"]) == ("notify", "2")
    assert int(service["TimeoutStopSec"]) > 10


@pytest.mark.slow  # several daemons
def test_what_only_a_person_can_mend_is_failed_at_once_and_an_error_of_ours_is_started_again(tmp_path: Path) -> None:
    """The unit and the daemon's exit codes fit together: 2 is final, 1 is not."""
    service = unit(ROOT / "packaging/units/syncer.service")["Service"]
    settings = tmp_path / "settings.toml"
    settings.write_text('[deadlines]\ntimezone = "Mars/Olympus"\n', encoding="utf-8")
    mistaken = process(settings, "run")
    settings.write_text('[deadlines]\ntimezone = "UTC"\n', encoding="utf-8")
    without_tables = process(settings, "run")
    assert run(settings, "init").returncode == 0
    with closing(sqlite3.connect(tmp_path / "syncer.db")) as database:
        database.execute("ALTER TABLE syncer_lane RENAME TO nobody_expected_this")
    unexpected = process(settings, "run")

    assert (service["Restart"], service["RestartPreventExitStatus"]) == ("on-failure", "2")
    # its exit code would be nobody's business, or end what only has to wait
    assert service["ExecStartPre"] == "-" + service["ExecStart"].removesuffix(" run") + " init"
    assert (mistaken.returncode, without_tables.returncode) == (2, 2)
    assert "run `syncer init`" in without_tables.stderr
    assert unexpected.returncode == 1, unexpected.stderr
    assert unexpected.stderr.startswith("syncer: ")
    assert len(unexpected.stderr.splitlines()) == 1


def test_every_timer_starts_a_unit_makes_up_for_what_it_missed_and_spreads_the_load() -> None:
    assert {timer.stem for timer in TIMERS} == {path.stem for path in UNITS} - {"syncer", "syncer-console"}
    for path in TIMERS:
        timer = unit(path)["Timer"]
        assert timer["Persistent"] == "yes"
        assert timer["RandomizedDelaySec"]


def test_a_daemon_that_ends_at_once_is_given_up_and_one_that_hangs_is_not() -> None:
    whole, service = (
        unit(ROOT / "packaging/units/syncer.service")["Unit"],
        unit(ROOT / "packaging/units/syncer.service")["Service"],
    )
    within, burst = int(whole["StartLimitIntervalSec"].removesuffix("min")) * 60, int(whole["StartLimitBurst"])
    rest, watchdog = int(service["RestartSec"]), int(service["WatchdogSec"])

    assert rest * burst < within
    assert (rest + watchdog) * burst > within


MORE = """
[destinations.{name}]
adapter = "{adapter}"
api_key_env = "TEST_{upper}_KEY"
base_url = "{url}"
erasure = "delete"
objection = "unsubscribe"
"""


@pytest.mark.slow  # several daemons
def test_the_threads_of_five_destinations_fit_into_tasks_max(
    settings_file: Callable[..., Path],
    tmp_path: Path,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
) -> None:
    settings, log, calls = settings_file(), tmp_path / "log", {"mailchimp": 8, "activecampaign": 6}
    servers: dict[str, MailchimpSandbox | ActiveCampaignSandbox] = {
        "mailchimp": mailchimp,
        "activecampaign": activecampaign,
    }
    more = ["mailchimp", "mailchimp", "activecampaign"]
    text = settings.read_text(encoding="utf-8")
    for number, adapter in enumerate(more):
        text += MORE.format(name=f"more{number}", adapter=adapter, upper=adapter.upper(), url=servers[adapter].url)
    settings.write_text(f'{text}\n[metrics]\nlisten = "127.0.0.1:{free_port()}"\n', encoding="utf-8")
    people = [f"person{number}@many.test" for number in range(60)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
    mailchimp.latency = activecampaign.latency = 0.5
    assert run(settings, "init").returncode == 0
    assert run(settings, "submit", "erasure", stdin="\n".join(people)).returncode == 0
    seen = 0
    with started(settings, "run", log=log) as daemon:

        def at_work() -> bool:
            nonlocal seen
            seen = max(seen, len(list(Path(f"/proc/{daemon.pid}/task").iterdir())))
            return seen >= calls["mailchimp"] * 3

        until(at_work, 60, every=0.02)
        mailchimp.latency = activecampaign.latency = 0.0
        until(lambda: at_work() and "delivery.confirmed" in log.read_text(encoding="utf-8"), 60, every=0.02)
        daemon.kill()

    working = [*more, "mailchimp", "activecampaign"]
    reckoned = FIXED + sum(PER_DESTINATION + 2 * calls[adapter] for adapter in working)
    assert seen <= reckoned
    assert reckoned + 5 * PER_ANCHOR <= int(unit(ROOT / "packaging/units/syncer.service")["Service"]["TasksMax"])
