"""Who decided: the account that logged in, as the kernel remembers it, whatever the environment claims."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from typing import Any

import pytest

from syncer.reports.wording.words import who
from tests.support.paths import ROOT

ACT = "import json; from syncer.audit.actor import actor; print(json.dumps(actor('cli')))"
#: the account of a login; 2^32-1 is what the kernel has for none
LOG_IN = "open('/proc/self/loginuid', 'w').write('{uid}'); "
NOBODY = 0xFFFFFFFF
CLAIMS = dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), "dpo.schmidt")


def acts(login: int, **environ: str) -> dict[str, Any]:
    """What the audit would keep of a command in a session of this login."""
    if os.geteuid() != 0:
        pytest.skip("only root can begin a login's session")
    done = subprocess.run(
        [sys.executable, "-c", LOG_IN.format(uid=login) + ACT],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    if "loginuid" in done.stderr:
        pytest.skip("this kernel lets nobody say who logged in")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_the_environment_cannot_say_who_acts() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ACT], env={**os.environ, "PYTHONPATH": str(ROOT), **CLAIMS},
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip

    said = json.loads(done.stdout)

    assert "dpo.schmidt" not in done.stdout
    assert said["user"] == pwd.getpwuid(said.get("login_uid", os.getuid())).pw_name
    assert said["account"] == pwd.getpwuid(os.getuid()).pw_name


def test_under_another_account_the_login_still_counts() -> None:
    login = pwd.getpwnam("mail")

    said = acts(login.pw_uid, **CLAIMS, SUDO_UID="1")

    assert (said["user"], said["login_uid"], said["account"], said["uid"]) == ("mail", login.pw_uid, "root", 0)
    assert "sudo_user" not in said  # the kernel knows, so sudo need not be believed
    assert who(said) == "mail (as root)"


def test_where_no_login_is_known_what_sudo_says_is_marked_as_that() -> None:
    said = acts(NOBODY, **CLAIMS, SUDO_UID=str(pwd.getpwnam("mail").pw_uid))

    assert (said["user"], said["sudo_user"]) == ("root", "mail")
    assert "login_uid" not in said
    assert who(said) == "root (for mail, says sudo)"


@pytest.mark.parametrize("text", ["", "-1", "root", "1" * 11, "²"])
def test_what_sudo_would_not_say_is_left_out(text: str) -> None:
    assert "sudo_user" not in acts(NOBODY, SUDO_UID=text)


def test_an_account_that_is_gone_is_shown_by_its_number() -> None:
    assert acts(4000000)["user"] == "uid 4000000"


def test_entries_of_an_older_syncer_are_shown_as_they_were() -> None:
    assert who({"kind": "cli", "user": "anna", "uid": 1000}) == "anna"
    assert who(None) == "?"
