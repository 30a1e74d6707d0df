"""Settings: each mistake is one line that names file, key and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters import registry
from syncer.errors import SettingsProblem
from syncer.settings import Settings, load, settings_digest

ROOT = Path(__file__).parents[1]
GOOD = """
[deadlines]
timezone = "Europe/Berlin"

[destinations.crm]
adapter = "activecampaign"
api_key_env = "TEST_KEY"
base_url = "https://account.api-us1.com"
erasure = "delete"
objection = "unsubscribe"
"""


def read(folder: Path, text: str, **environ: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, environ, adapters=registry.load, known=registry.names())


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsProblem) as caught:
        read(folder, text, **environ)
    return caught.value.problems


def test_the_settings_in_the_repository_work_as_they_stand() -> None:
    found = load(ROOT / "settings.toml", {}, adapters=registry.load, known=registry.names())

    assert set(found.destinations) == {"newsletter", "crm"}
    assert found.database.url == f"sqlite:///{ROOT / 'syncer.db'}"
    assert found.deadlines.answer_within_days == 30


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('timezone = "Europe/Berlin"', ""), r"\[deadlines\] timezone: missing"),
        (("Europe/Berlin", "Mars/Olympus"), r"\[deadlines\] timezone: \"Mars/Olympus\" is no time zone"),
        (('erasure = "delete"', 'erasure = "purge"'), r"erasure: \"purge\" is not an action; use delete"),
        (('objection = "unsubscribe"', 'objection = "delete"'), r"objection: an objection is no erasure"),
        (('"activecampaign"', '"brevo"'), r"adapter: \"brevo\" is not known; use activecampaign or mailchimp"),
        (('api_key_env = "TEST_KEY"', ""), "give api_key_env or api_key_file, exactly one"),
        (('api_key_env = "TEST_KEY"', 'api_key = "hunter2secret"'), "secrets never stand in this file"),
        (("base_url =", "bsae_url ="), r"bsae_url: unknown key; known here: .*base_url"),
        (("[deadlines]", "[dedlines]"), r"\[dedlines\]: unknown key"),
        (("[deadlines]", "[deadlines]\nanswer_in = 3"), r"\[deadlines\] answer_in: unknown key"),
        (("[deadlines]", "[deadlines]\nanswer_within_days = 0"), r"answer_within_days: .*greater than or equal to 1"),
        (("[deadlines]", "[schedule]\nrecheck_days = [7, 1]\n[deadlines]"), "recheck_days: must be rising"),
        (("[deadlines]", '[log]\nlevel = "loud"\n[deadlines]'), r"level: \"loud\" is not known"),
        (("[deadlines]", "[deadlines"), "not valid TOML: .*line 2"),
        (("[deadlines]", '[database]\nurl = "nonsense"\n[deadlines]'), r"\[database\] url: not a database URL"),
        (("[destinations.crm]", '[destinations."c r m"]'), "lower-case letters"),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_remedy(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    lines = problems(tmp_path, GOOD.replace(*change))

    assert any(re.search(expected, line) for line in lines), lines
    for line in lines:
        assert "\n" not in line
        assert "settings.toml" in line
        assert "hunter2secret" not in line


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("Europe/Berlin", "Mars/Olympus").replace('"delete"', '"purge"')

    assert len(problems(tmp_path, text)) == 2


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="nowhere.toml: no such settings file; give its path with --settings"):
        load(tmp_path / "nowhere.toml", {}, adapters=registry.load, known=registry.names())


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "SYNCER_DEADLINES__ANSWER_WITHIN_DAYS": "20",
        "SYNCER_DESTINATIONS__CRM__BASE_URL": "https://other.api-us1.com",
        "SYNCER_DESTINATIONS__CRM__REQUESTS_PER_SECOND": "3",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    found = read(tmp_path, GOOD, **variables)

    assert found.deadlines.answer_within_days == 20
    assert found.destinations["crm"].options["base_url"] == "https://other.api-us1.com"
    assert found.destinations["crm"].options["requests_per_second"] == 3


def test_an_environment_variable_for_no_table_is_refused(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, GOOD, SYNCER_DATABSE__URL="sqlite:///x.db")

    assert "SYNCER_DATABSE__URL" in line


def test_secrets_come_from_environment_or_file_and_a_missing_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read(tmp_path, GOOD).destinations["crm"]
    with pytest.raises(SettingsProblem, match=r"\[destinations.crm\] api_key_env: TEST_KEY is not set; export it"):
        found.secret()
    monkeypatch.setenv("TEST_KEY", " k ")
    assert found.secret() == "k"
    from_file = read(tmp_path, GOOD.replace('api_key_env = "TEST_KEY"', 'api_key_file = "key"')).destinations["crm"]
    with pytest.raises(SettingsProblem, match="cannot be read"):
        from_file.secret()
    (tmp_path / "key").write_text("")
    with pytest.raises(SettingsProblem, match="is empty"):
        from_file.secret()
    (tmp_path / "key").write_text("k2\n")

    assert from_file.secret() == "k2"


def test_the_digest_of_the_settings_holds_no_password(tmp_path: Path) -> None:
    one = read(tmp_path, GOOD + '\n[database]\nurl = "mysql+pymysql://u:one@h/d"\n')
    two = read(tmp_path, GOOD + '\n[database]\nurl = "mysql+pymysql://u:two@h/d"\n')
    three = read(tmp_path, GOOD.replace('"delete"', '"unsubscribe"'))

    assert settings_digest(one) == settings_digest(two) != settings_digest(three)
