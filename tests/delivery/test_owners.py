"""Names of owners: what may be concluded from one, and what only the lease tells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.delivery.leases import Leases
from syncer.delivery.owners import Owner, is_dead, owner_name, parse_owner, pid_namespace, started_ticks
from tests.conftest import AUDIENCES
from tests.support.paths import ROOT
from tests.support.processes import command, until
from tests.support.walk import put, rows

NAME = "import syncer.delivery.owners as o; print(o.owner_name())"


@cache
def own_pids() -> tuple[str, ...]:
    """Return the words before a command that give it a PID namespace of its own; skip where that is not allowed."""
    words = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
        return words
    pytest.skip("unshare --pid is not allowed here: it needs root")


@contextmanager
def sleeping(*before: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([*before, "sleep", "600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def named(pid: int, start: str, namespace: str | None = None, boot: str | None = None, host: str | None = None) -> str:
    """Return the name of a process as another daemon would have written it."""
    mine = parse_owner(owner_name())
    space = mine.namespace if namespace is None else namespace
    return "|".join((host or mine.host, boot or mine.boot, str(pid), start, space, "0123456789abcdef"))


def gone() -> str:
    """Return the name of a process of this namespace that has ended."""
    with sleeping() as process:
        return named(process.pid, started_ticks(process.pid) or "")


# -- names --------------------------------------------------------------------------------------------------


def test_a_process_has_one_name_for_life_that_fits_its_column(app: App) -> None:
    assert owner_name() == owner_name()
    assert len(owner_name()) <= app.tables.lane.c.owner.type.length
    assert parse_owner(owner_name()).namespace == pid_namespace() != ""


def test_two_processes_of_the_same_pid_host_and_start_have_two_names() -> None:
    words, ours = [*own_pids(), sys.executable, "-c", NAME], os.environ | {"PYTHONPATH": str(ROOT)}
    names = [subprocess.check_output(words, encoding="utf-8", env=ours).strip() for _ in range(2)]

    one, other = map(parse_owner, names)
    assert (one.host, one.boot, one.pid) == (other.host, other.boot, other.pid)
    assert one.token != other.token
    assert len(one.token) == len(other.token) == 16


def test_a_process_that_forked_off_has_a_name_of_its_own() -> None:
    script = f"import os, sys; {NAME}; sys.stdout.flush(); child = os.fork() == 0\n"
    script += "print(o.owner_name()) if child else os.wait()"
    ours = os.environ | {"PYTHONPATH": str(ROOT)}
    parent, child = subprocess.check_output([sys.executable, "-c", script], encoding="utf-8", env=ours).split()

    assert parse_owner(parent).token != parse_owner(child).token


def test_the_name_of_an_earlier_version_is_still_taken_apart() -> None:
    assert parse_owner("web|boot|17|99") == Owner("web", "boot", "17", "99", "", "")
    assert parse_owner("web|boot|17|99|4026531836|abc|more") == Owner("web", "boot", "17", "99", "4026531836", "abc")


# -- who is dead --------------------------------------------------------------------------------------------


def test_a_process_of_this_namespace_that_ended_is_dead_and_one_that_runs_is_not() -> None:
    with sleeping() as process:
        running = named(process.pid, started_ticks(process.pid) or "")
        assert not is_dead(running)
    assert is_dead(running)
    assert not is_dead(owner_name())


def test_another_start_of_the_same_pid_is_another_process() -> None:
    assert is_dead(named(os.getpid(), "1"))


def test_of_what_we_cannot_see_only_the_lease_tells() -> None:
    ended = parse_owner(gone())
    pid, start = int(ended.pid), ended.start

    assert is_dead(named(pid, start))
    assert not is_dead(named(pid, start, namespace="4026500000")), "a pid of another namespace"
    assert not is_dead(named(pid, start, boot="0c0ffee0-0000-4000-8000-000000000000")), "another host of the same name"
    assert not is_dead(f"{ended.host}|{ended.boot}|{pid}|{start}"), "a version that did not say its namespace"
    assert not is_dead("") and not is_dead("||||") and not is_dead("nonsense")
    assert is_dead(named(pid, start, host="renamed")), "the host name is no identity either way"


def test_a_proc_of_another_namespace_proves_nothing() -> None:
    words = [word for word in own_pids() if word != "--mount-proc"]
    script = "from syncer.delivery.owners import is_dead, pid_namespace; import sys\n"
    script += "print(repr(pid_namespace()), is_dead(sys.argv[1]))"
    ours = os.environ | {"PYTHONPATH": str(ROOT)}
    seen = subprocess.check_output([*words, sys.executable, "-c", script, gone()], encoding="utf-8", env=ours)

    assert seen.split() == ["''", "False"]


def test_a_lane_of_a_process_in_another_namespace_is_left_to_its_lease_and_of_a_dead_one_taken_at_once(
    app: App,
) -> None:
    app.leases.ensure(["crm", "newsletter"])
    ended = parse_owner(gone())
    hidden = Leases(app.transactions, named(int(ended.pid), ended.start, namespace="4026500000"))
    dead = Leases(app.transactions, gone())
    assert hidden.acquire("crm") and dead.acquire("newsletter")

    assert app.leases.acquire("crm") is None
    assert app.leases.acquire("newsletter") is not None


@pytest.mark.slow
def test_two_daemons_that_share_host_name_and_kernel_but_not_their_pids_keep_to_one_owner(
    app: App, settings_file: Callable[..., Path], mailchimp: MailchimpSandbox, tmp_path: Path
) -> None:
    people = [f"p{number}@list.test" for number in range(20)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
        put(app, "erasure", person, f"k-{person.partition('@')[0]}")
    mailchimp.latency = 0.05
    with (tmp_path / "log").open("wb") as log:
        words = [*own_pids(), *command(app.settings.path, "run")]
        daemons = [subprocess.Popen(words, stdout=log, stderr=log, env=dict(os.environ)) for _ in range(2)]
        try:
            until(lambda: {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}, 120, every=0.5)
            until(lambda: len({row.owner for row in rows(app, app.tables.daemon)}) == 2, 60, every=0.5)
            fences = {name: row.fence for name, row in app.leases.read().items()}
            time.sleep(3)
            assert {name: row.fence for name, row in app.leases.read().items()} == fences
        finally:
            for process in daemons:
                process.kill()
                process.wait()

    deletes = [one.path for one in mailchimp.requests if one.path.endswith("delete-permanent")]
    assert sorted(deletes) == sorted(set(deletes))
    # a lane has one owner and may be handed over once, to share the work: what was under way then is begun anew
    assert max(fences.values()) <= 2, fences


@pytest.mark.parametrize("pid", ["99999999999999999999", "²", "０", "-1", "", "0x1"], ids=range(6))
def test_a_pid_that_is_none_says_nothing_and_stops_nobody(pid: str) -> None:
    host, boot, _, *rest = owner_name().split("|")

    assert not is_dead("|".join((host, boot, pid, *rest)))
