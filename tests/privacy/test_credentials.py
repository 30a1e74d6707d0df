"""A file that systemd lends to a service: where it is out of reach, the remedy is the service and not `init`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from syncer.errors import KeyFileError, SettingsProblem
from syncer.privacy.credentials import account, out_of_reach
from syncer.privacy.key_file import create, new_line, read
from syncer.settings.secret_file import read as read_secret
from tests.support.processes import inside

LENT = Path("/run/credentials/syncer.service/syncer.key")
REMEDY = (
    "systemd lends it to syncer.service while that runs, and to nobody else; run `systemctl start syncer.service`,"
    " or name the file that LoadCredential in the unit names"
)


def test_without_the_service_its_key_file_is_missing_and_nobody_is_sent_to_init() -> None:
    with pytest.raises(KeyFileError) as refused:
        read(LENT)

    assert str(refused.value) == f"{LENT}: the key file is missing; {REMEDY}"


def test_a_providers_key_has_the_same_remedy() -> None:
    with pytest.raises(SettingsProblem) as refused:
        read_secret("settings.toml: [destinations.crm] api_key_file", LENT)

    assert refused.value.problems == [
        f"settings.toml: [destinations.crm] api_key_file: {LENT} cannot be read; {REMEDY}"
    ]


def test_no_key_file_is_made_there() -> None:
    with pytest.raises(KeyFileError, match="no key file is made there; systemd lends it to syncer.service"):
        create(LENT, new_line())


@pytest.mark.parametrize("words", [["status"], ["init"], ["key", "list"]])
def test_every_command_says_so_in_one_line(tmp_path: Path, words: list[str]) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[deadlines]\ntimezone = "UTC"\n[identity]\nkey_file = "{LENT}"\n', encoding="utf-8")

    done = inside(settings, *words)

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{LENT}: ")
    assert line.endswith(REMEDY)


def test_other_files_are_nothing_that_systemd_lends() -> None:
    for path in ("/etc/syncer/keys/syncer.key", "/run/credentials", "/run/credentialsx/a/b", "syncer.key"):
        assert out_of_reach(Path(path)) is None


def test_an_account_is_called_by_its_name_and_a_strangers_by_its_number() -> None:
    assert account(os.getuid())
    assert account(0) == "root"
    assert account(2**31 + 5) == "uid 2147483653"
    assert account(2**70) == f"uid {2**70}"
