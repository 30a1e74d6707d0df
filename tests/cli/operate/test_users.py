"""`syncer user` as it is typed: accounts are made here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.app import load_settings, open_app
from syncer.console.sign_in.accounts import AccountBook
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

CONSOLE = '\n[console]\nurl = "https://privacy.example.org/console/"\n'


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    path.write_text(path.read_text(encoding="utf-8") + CONSOLE, encoding="utf-8")
    assert run(path, "init").returncode == 0
    return path


def audit(settings: Path, *whats: str) -> list[tuple[str, dict]]:
    """Kind and facts of entries of these kinds."""
    with open_app(load_settings(settings)) as app:
        return [(entry.what, dict(entry.facts or {})) for entry in app.ledger.entries(whats)]


def test_an_account_is_made_with_a_code_that_lets_its_owner_begin(settings: Path) -> None:
    done = run(settings, "user", "add", "anna", "--role", "compliance", "--role", "reader")

    assert done.returncode == 0, done.stderr
    where, code = done.stdout.splitlines()
    assert where == "address  https://privacy.example.org/console/enrol"
    assert re.fullmatch(r"code     [A-Z2-7]{24}", code)
    assert "once, within 24 hours" in done.stderr
    with open_app(load_settings(settings)) as app:
        found = AccountBook(app.transactions).of_code(code.split()[1])
        assert found is not None and found.name == "anna"
    assert audit(settings, "user:added") == [("user:added", {"user": "anna", "roles": "reader compliance"})]


def test_the_list_says_who_has_which_roles_and_factors_and_never_a_code(settings: Path) -> None:
    assert run(settings, "user", "list").stdout.startswith("nobody may sign in yet")
    code = run(settings, "user", "add", "anna", "--role", "ops").stdout.split()[-1]

    (listed,) = as_json(settings, "user", "list")
    shown = run(settings, "user", "list")

    assert (listed["name"], listed["roles"], listed["factors"]) == ("anna", ["ops"], [])
    assert listed["last_seen_at"] is None and listed["code_until"]
    assert "nothing yet; the code is good until" in shown.stdout
    assert code not in shown.stdout


def test_roles_disable_enable_reset_and_sign_out_are_each_in_the_audit(settings: Path) -> None:
    first = run(settings, "user", "add", "anna", "--role", "reader").stdout.split()[-1]

    assert run(settings, "user", "role", "anna", "--role", "admin").stdout == (
        "anna has these roles now: admin; sessions ended: 0\n"
    )
    assert run(settings, "user", "disable", "anna").returncode == 0
    assert run(settings, "user", "disable", "anna").returncode == 0
    enabled = run(settings, "user", "enable", "anna")
    assert "`syncer user reset anna` prints a code" in enabled.stderr
    assert run(settings, "user", "sign-out", "anna").stdout == "anna is signed out; sessions ended: 0\n"
    second = run(settings, "user", "reset", "anna").stdout.split()[-1]

    assert second != first
    kinds = ("user:added", "user:changed", "user:disabled", "user:enabled", "user:reset")
    assert tuple(what for what, _ in audit(settings, *kinds)) == kinds
    assert audit(settings, "user:changed")[0][1]["changed"] == "roles from reader to admin"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "Anna", "--role", "ops"), "a name has 2 to 32 characters"),
        (("add", "a", "--role", "ops"), "a name has 2 to 32 characters"),
        (("add", "ab\n", "--role", "ops"), "a name has 2 to 32 characters"),
        (("add", "x" * 33, "--role", "ops"), "a name has 2 to 32 characters"),
        (("add", "anna"), "syncer: Missing option"),
        (("add", "anna", "--role", "root"), "syncer: Invalid value for '--role'"),
        (("role", "bert", "--role", "ops"), "there is no account bert"),
        (("disable", "bert"), "there is no account bert"),
        (("enable", "bert"), "there is no account bert"),
        (("reset", "bert"), "there is no account bert"),
        (("sign-out", "bert"), "there is no account bert"),
        (("add", "anna@example.org", "--role", "ops"), "an address does not belong on the command line"),
    ],
)
def test_what_cannot_be_done_is_one_line(settings: Path, words: tuple[str, ...], said: str) -> None:
    done = run(settings, "user", *words)

    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_name_is_given_once(settings: Path) -> None:
    run(settings, "user", "add", "anna", "--role", "ops")
    done = run(settings, "user", "add", "anna", "--role", "ops")

    assert (done.returncode, done.stderr) == (
        2, "there is an account anna already; `syncer user list` shows it\n",
    )  # fmt: skip


def test_without_a_console_there_is_nothing_to_begin_with(settings_file: Callable[..., Path]) -> None:
    path = settings_file()
    run(path, "init")

    done = run(path, "user", "add", "anna", "--role", "ops")

    assert done.returncode == 2
    assert "add [console]" in done.stderr
    assert as_json(path, "user", "list") == []
