"""The tables of alerts: read, refused with a remedy, laid over by the environment, and shown without a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from syncer.app import effective_settings, load_settings
from syncer.errors import SettingsProblem
from syncer.settings.alerting.alerts import AlertsSettings
from syncer.settings.checked import Settings, settings_digest
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

ALL = """
[alerts]
repeat_hours = 12
digest = "daily"
digest_at = "Fri 17:45"

[channels.data-protection]
kind = "email"
to = "person@house.test"
sender = "syncer@house.test"
user = "mailer"
password_env = "TEST_MAIL_PASSWORD"
tls = "starttls"
topics = ["deadlines", "digest"]
least = "critical"
after_hours = 4
report = true

[channels.ops]
kind = "webhook"
url_file = "hook"
secret_env = "TEST_HOOK_SECRET"

[channels.phone]
kind = "apprise"
url_env = "TEST_PUSH_URL"

[heartbeat]
url_file = "beat"
every_minutes = 10
"""


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Callable[[str], Settings]:
    def load(lines: str) -> Settings:
        path = settings_file()
        path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
        return load_settings(path)

    return load


def test_every_key_is_read_and_files_lie_beside_the_settings(settings: Callable[[str], Settings]) -> None:
    read = settings(ALL)

    assert (read.alerts.repeat_hours, read.alerts.group_seconds, read.alerts.digest) == (12, 60, "daily")
    assert list(read.channels) == ["data-protection", "ops", "phone"]
    assert read.channels["data-protection"].topics == ("deadlines", "digest")
    assert read.channels["ops"].values()["url_file"] == read.path.parent / "hook"
    assert read.heartbeat is not None
    assert read.heartbeat.url_file == read.path.parent / "beat"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[alerts]\nrepeat_hours = 0", "[alerts] repeat_hours: must be greater than or equal to 1"),
        ('[alerts]\ndigest_at = "Mo 8"', '[alerts] digest_at: is not a day and time; write it like "Mon 08:00"'),
        ('[alerts]\ndigest_at = "Mon 08:60"', "[alerts] digest_at: is not a day and time"),
        ("[alerts]\nx = 1", "[alerts] x: unknown key; known here: digest, digest_at, group_seconds, repeat_hours"),
        ("channels = 1", "[channels]: must be a table, written [channels.NAME]"),
        ("[channels]\nops = 1", "[channels.ops]: must be a table, written [channels.NAME]"),
        ('[channels.ops]\nkind = "pigeon"', "kind is missing or not known; use email, webhook, apprise"),
        ('[channels."Ops!"]\nkind = "apprise"\nurl_env = "X"', "a channel's name has lower-case letters"),
        ('[channels.ops]\nkind = "webhook"\nurl_env = "X"', "give secret_env or secret_file, exactly one of the two"),
        ('[channels.ops]\nkind = "apprise"\nurl_env = "X"\nurl_file = "y"', "give url_env or url_file, exactly one"),
        ('[channels.ops]\nkind = "apprise"\nurl_env = "X"\ntopics = ["gossip"]', "topics: must be a list of some of"),
        ('[channels.ops]\nkind = "apprise"\nurl_env = "X"\ntopics = []', "topics: must be a list of some of"),
        ('[channels.ops]\nkind = "apprise"\nurl_env = "X"\nleast = "loud"', "least: is not known; use 'info'"),
        ('[channels.a]\nkind = "email"\nto = "a@b.test\\nBcc: c@d.test"\nsender = "s@b.test"', "to: must be one line"),
        ('[channels.a]\nkind = "email"\nto = "a@b.test"', "sender: missing"),
        ("[heartbeat]\nevery_minutes = 5", "[heartbeat]: give url_env or url_file, exactly one of the two"),
    ],
)
def test_a_mistake_is_one_line_with_place_and_remedy(
    settings: Callable[[str], Settings], lines: str, said: str
) -> None:
    with pytest.raises(SettingsProblem) as problem:
        settings(f"{lines}\n" if lines.startswith("[") else "")
        load_settings_with_first_line(settings, lines)

    assert said in str(problem.value)
    assert "\n" not in str(problem.value)
    assert "@" not in str(problem.value)


def load_settings_with_first_line(settings: Callable[[str], Settings], line: str) -> None:
    """Put a line before every table."""
    path = settings("").path
    path.write_text(f"{line}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    load_settings(path)


def test_the_environment_wins_also_for_a_channel(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_ALERTS__REPEAT_HOURS", "6")
    monkeypatch.setenv("SYNCER_CHANNELS__DATA_PROTECTION__TOPICS", '["proof"]')
    monkeypatch.setenv("SYNCER_CHANNELS__DATA_PROTECTION__AFTER_HOURS", "7")
    monkeypatch.setenv("SYNCER_HEARTBEAT__EVERY_MINUTES", "1")
    read = settings(ALL)

    assert read.alerts.repeat_hours == 6
    assert (read.channels["data-protection"].topics, read.channels["data-protection"].after_hours) == (("proof",), 7)
    assert read.heartbeat is not None
    assert read.heartbeat.every_minutes == 1


def test_no_secret_and_no_address_is_shown_in_repr_digest_or_config(settings: Callable[[str], Settings]) -> None:
    read = settings(ALL)
    shown = run(read.path, "config").stdout + str(as_json(read.path, "config"))

    assert "person@house.test" not in repr(read) + shown
    assert ("channels.data-protection", "to") in {
        (value.table, value.key) for value in effective_settings(read.path).values
    }
    assert "TEST_MAIL_PASSWORD" in shown
    assert "topics" in shown


def test_the_digest_of_the_settings_knows_every_table_of_alerts(settings: Callable[[str], Settings]) -> None:
    read = settings(ALL)
    others = [
        replace(read, alerts=AlertsSettings()),
        replace(read, channels={name: read.channels[name] for name in ("ops", "phone")}),
        replace(read, channels={**read.channels, "ops": replace(read.channels["ops"], least="info")}),
        replace(read, heartbeat=None),
    ]

    assert len({settings_digest(each) for each in [read, *others]}) == 5


@pytest.mark.parametrize(
    ("digest", "at", "now", "moment"),
    [
        ("weekly", "Mon 08:00", "2026-11-30 07:30", "2026-11-30 07:00"),
        ("weekly", "Mon 08:00", "2026-11-30 06:59", "2026-11-23 07:00"),
        ("weekly", "Sun 23:59", "2026-11-30 00:30", "2026-11-29 22:59"),
        ("daily", "Mon 08:00", "2026-12-02 06:00", "2026-12-01 07:00"),
        ("daily", "Mon 02:30", "2026-03-29 12:00", "2026-03-29 01:30"),  # a time that the zone leaves out that day
        ("daily", "Mon 02:30", "2026-10-25 12:00", "2026-10-25 00:30"),  # and one that it has twice
        ("off", "Mon 08:00", "2026-12-02 06:00", None),
    ],
)
def test_a_digest_has_a_moment_in_the_controllers_zone(digest: str, at: str, now: str, moment: str | None) -> None:
    found = AlertsSettings.read({"digest": digest, "digest_at": at}).digest_moment(
        datetime.fromisoformat(f"{now}+00:00"), ZoneInfo("Europe/Berlin")
    )

    assert found == (None if moment is None else datetime.fromisoformat(f"{moment}+00:00").astimezone(UTC))


def test_check_says_which_channel_cannot_be_used(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = settings(ALL)
    assert run(read.path, "init").returncode == 0
    monkeypatch.setenv("TEST_MAIL_PASSWORD", "t0ps3cret")
    monkeypatch.setenv("TEST_HOOK_SECRET", "t0ps3cret")
    (read.path.parent / "hook").write_text("https://hooks.test/t0ps3cret", encoding="utf-8")
    (read.path.parent / "hook").chmod(0o600)
    done = run(read.path, "check", "--json")
    found = {line["name"]: line for line in as_json(read.path, "check")["checks"]}

    assert found["channel data-protection"]["level"] == "ok"
    assert (found["channel ops"]["level"], found["channel ops"]["remedy"][:12]) == ("fail", "write whsec_")
    assert found["channel phone"]["detail"].startswith("[channels.phone] url: TEST_PUSH_URL is not set")
    assert found["heartbeat"]["level"] == "fail"
    assert "t0ps3cret" not in done.stdout
