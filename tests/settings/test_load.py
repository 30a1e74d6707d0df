"""Settings: each mistake is one line that names file, key and remedy."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import registry
from syncer.domain.controller import Controller
from syncer.errors import SettingsProblem
from syncer.settings.checked import Settings, settings_digest
from syncer.settings.load import load
from tests.support.paths import ROOT

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
    return load(path, environ, adapters=registry.load)


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsProblem) as caught:
        read(folder, text, **environ)
    return caught.value.problems


def test_the_settings_in_the_repository_work_as_they_stand() -> None:
    settings = load(ROOT / "settings.toml", {}, adapters=registry.load)

    assert set(settings.destinations) == {"newsletter", "crm"}
    assert settings.database.url == f"sqlite:///{ROOT / 'syncer.db'}"
    assert settings.deadlines.answer_within_days == 30


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('timezone = "Europe/Berlin"', ""), r"\[deadlines\] timezone: missing"),
        (("Europe/Berlin", "Mars/Olympus"), r"\[deadlines\] timezone: \"Mars/Olympus\" is not a time zone"),
        (('erasure = "delete"', 'erasure = "purge"'), r"erasure: \"purge\" is not an action; use delete"),
        (('objection = "unsubscribe"', 'objection = "delete"'), r"objection: an objection is not an erasure"),
        (('"activecampaign"', '"brevo"'), r"adapter: \"brevo\" is not known; use activecampaign or mailchimp"),
        (('api_key_env = "TEST_KEY"', ""), "give api_key_env or api_key_file, exactly one"),
        (('api_key_env = "TEST_KEY"', 'api_key = "hunter2secret"'), "secrets do not belong in this file"),
        (("base_url =", "bsae_url ="), r"bsae_url: unknown key; known here: .*base_url"),
        (("[deadlines]", "[dedlines]"), r"\[dedlines\]: unknown key"),
        (
            ("[deadlines]", '[deadlines]\ncountry = "XX"'),
            r"\[deadlines\] country: \"XX\" is not a country .* \"DE-BY\"",
        ),
        (("[deadlines]", '[deadlines]\ncountry = "DE-XX"'), r"\[deadlines\] country: \"DE-XX\" is not a country"),
        (
            ("[deadlines]", '[metrics]\nlisten = "0.0.0.0:9464"\n[deadlines]'),
            r"\[metrics\]: listen can be reached",
        ),
        (
            ("[deadlines]", '[metrics]\nlisten = "localhost"\n[deadlines]'),
            r"\[metrics\] listen: .* is not an address",
        ),
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


def test_without_its_package_a_country_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)  # as Python finds a package that is not installed
    text = GOOD.replace("[deadlines]", '[deadlines]\ncountry = "DE"')

    assert problems(tmp_path, text) == [
        f'{tmp_path}/settings.toml: [deadlines] country: "DE" needs syncer\'s extra [holidays], which is not installed;'
        " install requirements.lock, or take country out"
    ]
    assert read(tmp_path, GOOD).deadlines.rule


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("Europe/Berlin", "Mars/Olympus").replace('"delete"', '"purge"')

    assert len(problems(tmp_path, text)) == 2


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match="nowhere.toml: no such settings file; give its path with --settings"):
        load(tmp_path / "nowhere.toml", {}, adapters=registry.load)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "SYNCER_DEADLINES__ANSWER_WITHIN_DAYS": "20",
        "SYNCER_DESTINATIONS__CRM__BASE_URL": "https://other.api-us1.com",
        "SYNCER_DESTINATIONS__CRM__REQUESTS_PER_SECOND": "3",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    settings = read(tmp_path, GOOD, **variables)

    assert settings.deadlines.answer_within_days == 20
    assert settings.destinations["crm"].options["base_url"] == "https://other.api-us1.com"
    assert settings.destinations["crm"].options["requests_per_second"] == 3


def test_an_environment_variable_for_no_table_is_refused(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, GOOD, SYNCER_DATABSE__URL="sqlite:///x.db")

    assert "SYNCER_DATABSE__URL" in line


def test_secrets_come_from_environment_or_file_and_a_missing_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    destination = read(tmp_path, GOOD).destinations["crm"]
    with pytest.raises(SettingsProblem, match=r"\[destinations.crm\] api_key_env: TEST_KEY is not set; export it"):
        destination.secret()
    monkeypatch.setenv("TEST_KEY", " k ")
    assert destination.secret() == "k"
    from_file = read(tmp_path, GOOD.replace('api_key_env = "TEST_KEY"', 'api_key_file = "key"')).destinations["crm"]
    with pytest.raises(SettingsProblem, match="cannot be read"):
        from_file.secret()
    (tmp_path / "key").touch(mode=0o600)
    with pytest.raises(SettingsProblem, match="is empty"):
        from_file.secret()
    (tmp_path / "key").write_text("k2\n", encoding="utf-8")

    assert from_file.secret() == "k2"


def test_the_digest_of_the_settings_holds_no_password(tmp_path: Path) -> None:
    one = read(tmp_path, GOOD + '\n[database]\nurl = "mysql+pymysql://u:one@h/d"\n')
    two = read(tmp_path, GOOD + '\n[database]\nurl = "mysql+pymysql://u:two@h/d"\n')
    three = read(tmp_path, GOOD.replace('"delete"', '"unsubscribe"'))

    assert settings_digest(one) == settings_digest(two) != settings_digest(three)


def added(line: str, table: str = "") -> str:
    return GOOD + f"{f'[{table}]' if table else ''}\n{line}\n"


CONTROLLER = """
[controller]
name = "Example Ltd"
address = ["1 Example Street", "12345 Example Town"]
contact = " privacy@example.org "
"""


def test_the_controller_is_named_in_part_and_changes_the_digest(tmp_path: Path) -> None:
    nobody, somebody = read(tmp_path, GOOD), read(tmp_path, GOOD + CONTROLLER)

    assert nobody.controller.controller == Controller()
    assert somebody.controller.controller == Controller(
        "Example Ltd", ("1 Example Street", "12345 Example Town"), "privacy@example.org"
    )
    assert settings_digest(nobody) != settings_digest(somebody)


@pytest.mark.parametrize("given", ['["a", "b"]', "a\n\nb\n"])
def test_the_controllers_address_comes_as_a_list_or_as_lines(tmp_path: Path, given: str) -> None:
    settings = read(tmp_path, GOOD, SYNCER_CONTROLLER__ADDRESS=given)

    assert settings.controller.controller.address == ("a", "b")


MISTAKES = [
    (added("name = ''", "controller"), "[controller] name: must be one line of printable text; leave it out"),
    (added('address = ["a", ""]', "controller"), "[controller] address: must be one line of printable text"),
    (added('contact = "a\\u202eb"', "controller"), "[controller] contact: must be one line of printable text"),
    (added("email = 'x'", "controller"), "[controller] email: unknown key; known here: address, contact, "),
    (added('"a\\nb" = 1', "log"), r"[log] a\nb: unknown key; known here: level"),
    (added('level = "a\\nb"', "log"), r'[log] level: "a\nb" is not known; use '),
    (added("x = 1", "databse"), "[databse]: unknown key; known tables: alerts, anchors, backup, channels, "),
    ("database = 3\n" + GOOD, "[database]: must be a table, written [database]"),
    ("destinations = 3\n[deadlines]\ntimezone = 'UTC'", "[destinations]: must be tables"),
    ("[deadlines]\ntimezone = 'UTC'\n[destinations]\ncrm = 3", "[destinations.crm]: must be a table"),
    (
        added("uri = 1", "database"),
        "[database] uri: unknown key; known here: password_env, password_file, prefix, tls, tls_ca, url",
    ),
    (added("url = 'x'", "database"), "[database] url: not a database URL; write it like sqlite:///"),
    (added("url = 3", "database"), "[database] url: must be a valid string"),
    (added("url = 'oracle://h/x'", "queue"), "[queue] url: this kind of database is not supported; use sqlite"),
    (added("prefix = 'a-b'", "database"), '[database] prefix: "a-b" cannot be part of a table\'s name'),
    (added("table = '1; DROP'", "queue"), '[queue] table: "1; DROP" cannot be part of a table\'s name'),
    (added("recheck_days = [7, 1]", "schedule"), "[schedule] recheck_days: must be rising whole days"),
    (added("recheck_days = [0]", "schedule"), "[schedule] recheck_days: must be rising whole days"),
    (added("recheck_days = [true]", "schedule"), "[schedule] recheck_days: must be a valid integer"),
    (added("recheck_days = 7", "schedule"), "[schedule] recheck_days: must be a valid tuple"),
    (added("lane_seconds = 0", "schedule"), "[schedule] lane_seconds: must be greater than or equal to 0.1"),
    (added("lane_seconds = nan", "schedule"), "[schedule] lane_seconds: must be a finite number"),
    (added("lane_seconds = true", "schedule"), "[schedule] lane_seconds: must be a valid number"),
    (added("lease_seconds = 2", "schedule"), "[schedule] lease_seconds: must be greater than or equal to 3"),
    (added("lane_seconds = 3600.5", "schedule"), "[schedule] lane_seconds: must be less than or equal to 3600"),
    (added("public = 'perhaps'", "metrics"), "[metrics] public: must be a valid boolean, true or false"),
    (added("public = 2", "metrics"), "[metrics] public: must be a valid boolean, true or false"),
    (added("key_file = 3", "identity"), "[identity] key_file: must be a path, as text"),
    (added(f"address = {['x'] * 13}", "controller"), "[controller] address: must be at most 12 lines, not 13"),
    (added(f"name = '{'x' * 301}'", "controller"), "[controller] name: string should have at most 300 characters"),
    (added("prefix = 'a\\n'", "database").replace("'", '"'), "cannot be part of a table's name"),
    (added("kind = 'pigeon'", "anchors.dpo"), "[anchors.dpo]: kind is missing or not known; use folder, syslog, "),
    (added("kind = 'folder'\nwhere = 'x'", "anchors.share"), "[anchors.share] where: unknown key; known here: kind, "),
    (added("kind = 'folder'", "anchors.share"), "[anchors.share] path: missing; add it"),
    (added("kind = 'folder'\npath = 'x'", "anchors.folder"), '[anchors]: "folder" is the state folder, which is '),
    (added("dpo = 3", "anchors"), "[anchors.dpo]: must be a table, written [anchors.NAME]"),
    (GOOD.replace("Europe/Berlin", "../etc/passwd"), "is not a time zone; write it like Europe/Berlin"),
    ("", '[deadlines] timezone: missing; add it, like timezone = "Europe/Berlin"'),
    (GOOD.replace("timezone =", "answer_within_days = true\ntimezone ="), "must be a valid integer"),
    (GOOD.replace('"delete"', "[[]]"), "[destinations.crm] erasure: is not an action; use delete, unsubscribe or"),
    (GOOD.replace("erasure", "ersure"), "[destinations.crm] erasure: missing; add it: delete, unsubscribe or"),
    (GOOD.replace("adapter", "adaptor"), "[destinations.crm] adapter: missing; add the name of one"),
    (GOOD.replace("destinations.crm", "destinations.CRM"), "[destinations.CRM]: a destination's name has lower-case"),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=range(len(MISTAKES)))
def test_nothing_odd_in_the_file_is_more_than_a_line(tmp_path: Path, text: str, expected: str) -> None:
    lines = problems(tmp_path, text)

    assert any(expected in line for line in lines), lines
    assert all(line.startswith(f"{tmp_path}/settings.toml: ") and "\n" not in line for line in lines)


def test_mistakes_of_every_kind_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("Europe/Berlin", "Mars").replace('"delete"', '"purge"') + 'api_key = "s"\n[databse]\n'
    lines = problems(tmp_path, text, SYNCER_QUUE__URL="x", SYNCER_DATABASE__URL="y")

    for word in ("Mars", "purge", "] api_key:", "databse", "SYNCER_QUUE__URL", "SYNCER_DATABASE__URL"):
        assert sum(word in line for line in lines) == 1, word


@pytest.mark.parametrize("key", ["api_key", "key", "token", "api-key", "apikey", "password", "client_secret"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, key: str) -> None:
    (line,) = problems(tmp_path, added(f'{key} = "geheim"'))

    assert f"[destinations.crm] {key}: secrets do not belong in this file; name a variable with api_key_env" in line
    assert "geheim" not in line


@pytest.mark.parametrize("value", ["0123456789abcdef0123456789abcdef-us21", "abcdef0123456789abcdef0123", "a b", ""])
def test_a_key_where_its_variables_name_belongs_is_refused_and_not_repeated(tmp_path: Path, value: str) -> None:
    (line,) = problems(tmp_path, GOOD.replace("TEST_KEY", value))

    assert "[destinations.crm] api_key_env: not a variable's name; " in line
    assert not value or value not in line


@pytest.mark.parametrize("url", ["mysql://u:geheim@h:port/db", "geheim", "geheim://u:geheim@h/db"])
def test_a_database_password_is_never_shown(tmp_path: Path, url: str) -> None:
    assert "geheim" not in "".join(problems(tmp_path, GOOD, SYNCER_DATABASE__URL=url))
    assert "geheim" not in repr(read(tmp_path, GOOD, SYNCER_DATABASE__URL="mysql://u:geheim@h/db"))


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("SYNCER_DATABASE__URI", "x", "unknown key; known here: password_env, password_file, prefix, tls, tls_ca, url"),
        ("SYNCER_DATABASE__URL__X", "x", "there is no table [database.url]"),
        ("SYNCER_DATABASE__", "x", "there is no table [database]"),
        ("SYNCER_DESTINATIONS__CRN__BASE_URL", "x", "there is no table [destinations.crn]"),
        ("SYNCER_DESTINATIONS__CRM__API_KEY", "geheim", "secrets do not belong in this file"),
        ("SYNCER_DESTINATIONS__CRM__ERASURE", "purge", '"purge" is not an action; use delete'),
        ("SYNCER_DEADLINES__TIMEZONE", "Mars", '"Mars" is not a time zone'),
        ("SYNCER_DEADLINES__ANSWER_WITHIN_DAYS", "many", "must be a valid integer"),
        ("SYNCER_SCHEDULE__RECHECK_DAYS", "1,7", "must be a valid tuple"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, variable: str, text: str, expected: str
) -> None:
    (line,) = problems(tmp_path, GOOD, **{variable: text})

    assert line.startswith(f"environment: {variable}: {expected}")
    assert "geheim" not in line


def test_the_environment_fills_a_table_that_the_file_does_not_have(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD, SYNCER_LOG__LEVEL="debug", SYNCER_WORDPRESS__URL="mysql://h/wp")

    assert settings.log.level == "debug"
    assert settings.wordpress is not None
    assert (settings.wordpress.url, settings.wordpress.table_prefix) == ("mysql://h/wp", "wp_")
    assert read(tmp_path, GOOD).wordpress is None


def test_the_environment_changes_its_own_keys_of_a_table_and_leaves_the_others(tmp_path: Path) -> None:
    text = added("prefix = 'file_'\nurl = 'sqlite:///file.db'", "database")
    settings = read(tmp_path, text, SYNCER_DATABASE__URL="mysql://h/d")

    assert (settings.database.prefix, settings.database.url) == ("file_", "mysql://h/d")


def test_what_is_not_a_table_in_the_file_gives_way_to_the_environment(tmp_path: Path) -> None:
    text = "log = 3\nanchors = 3\n" + GOOD

    assert problems(tmp_path, text, SYNCER_LOG__LEVEL="debug", SYNCER_ANCHORS__DPO__TO="x") == [
        "environment: SYNCER_ANCHORS__DPO__TO: there is no table [anchors.dpo]; correct its name or unset it",
        f"{tmp_path}/settings.toml: [anchors]: must be a table, written [anchors.NAME]",
    ]


def test_each_unknown_key_is_blamed_on_who_gave_it(tmp_path: Path) -> None:
    text = added("a = 1\nb = 1", "log")

    assert problems(tmp_path, text, SYNCER_LOG__B="1", SYNCER_LOG__C="1", SYNCER_WORDPRESS__D="1") == [
        f"{tmp_path}/settings.toml: [log] a: unknown key; known here: level",
        "environment: SYNCER_LOG__B: unknown key; known here: level",
        "environment: SYNCER_LOG__C: unknown key; known here: level",
        "environment: SYNCER_WORDPRESS__D: unknown key; known here: "
        "alert_after_days, password_env, password_file, status_table, sweep_minutes, table_prefix, tls, tls_ca, url",
    ]


@pytest.mark.parametrize("line", ["[Log]\nlevel = 'debug'", "_env_file = 'x'", "__pydantic_self__ = 1"])
def test_a_table_is_known_by_its_exact_name_only(tmp_path: Path, line: str) -> None:
    (problem,) = problems(tmp_path, f"{line}\n{GOOD}")

    assert f"[{re.findall('[A-Za-z_]+', line)[0]}]: unknown key; known tables: alerts, anchors, " in problem


def test_the_environment_that_is_given_counts_and_not_the_processs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_DATABASE__PREFIX", "process_")
    monkeypatch.setenv("DATABASE", "x")

    assert read(tmp_path, GOOD).database.prefix == "syncer_"
    assert read(tmp_path, GOOD, SYNCER_DATABASE__PREFIX="given_").database.prefix == "given_"


def test_numbers_truth_values_and_lists_come_from_the_environment_as_json(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        GOOD.replace('"activecampaign"', '"mailchimp"') + 'audiences = "all"\n',
        SYNCER_SCHEDULE__RECHECK_DAYS="[3]",
        SYNCER_SCHEDULE__LANE_SECONDS="0.5",
        SYNCER_DESTINATIONS__CRM__MAX_CONNECTIONS="4",
        SYNCER_DESTINATIONS__CRM__ECOMMERCE="false",
        SYNCER_DESTINATIONS__CRM__AUDIENCES="1234567890",
    )
    options = settings.destinations["crm"].options

    assert (settings.schedule.recheck_days, settings.schedule.lane_seconds) == ((3,), 0.5)
    assert (options["max_connections"], options["ecommerce"], options["audiences"]) == (4, False, "1234567890")


@pytest.mark.parametrize(("text", "expected"), [("yes", True), ("ON", True), ("1", True), ("Off", False), ("f", False)])
def test_a_truth_value_in_the_environment_is_written_as_people_do(tmp_path: Path, text: str, expected: bool) -> None:
    assert read(tmp_path, GOOD, SYNCER_METRICS__PUBLIC=text).metrics.public is expected


def test_a_table_is_a_value_that_nobody_changes_and_that_shows_no_url(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)

    with pytest.raises(AttributeError):
        settings.log.level = "debug"  # type: ignore[misc]
    assert settings.log == read(tmp_path, GOOD).log
    assert "url" not in repr(settings.database)


def test_a_destination_with_a_dash_is_reached_by_an_underscore(tmp_path: Path) -> None:
    text = GOOD.replace("destinations.crm", "destinations.my-crm")
    settings = read(tmp_path, text, SYNCER_DESTINATIONS__MY_CRM__BASE_URL="https://b.test")

    assert settings.destinations["my-crm"].options["base_url"] == "https://b.test"


def test_variables_without_a_table_are_left_alone(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD, SYNCER_SETTINGS="x", SYNCER_REQUIRE="mysql", SYNCER_LOG="debug", OTHER__X="1")


@given(st.text(min_size=1, max_size=30), st.sampled_from(["url", "key_file", "timezone", "level", "adapter", "x"]))
def test_no_text_in_the_environment_ends_in_a_traceback(text: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for table in ("DATABASE", "IDENTITY", "DEADLINES", "LOG", "SCHEDULE", "DESTINATIONS__CRM"):
            with contextlib.suppress(SettingsProblem):
                read(Path(folder), GOOD, **{f"SYNCER_{table}__{key.upper()}": text})


def test_a_file_that_cannot_be_read_is_one_line_and_a_byte_order_mark_is_not_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff")
    for place, expected in ((tmp_path, "cannot be read"), (path, "cannot be read")):
        with pytest.raises(SettingsProblem, match=expected):
            load(place, {}, adapters=registry.load)
    (line,) = problems(tmp_path, "[database]\nurl = \n")

    assert "not valid TOML: " in line
    assert "line 2" in line
    assert read(tmp_path, "\ufeff" + GOOD)


def test_relative_files_lie_beside_the_settings(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        "[database]\nurl = 'sqlite:///a.db'\n[queue]\nurl = 'sqlite:////b/c.db'\n"
        + GOOD.replace('api_key_env = "TEST_KEY"', "api_key_file = 'crm.key'"),
    )

    assert settings.database.url == f"sqlite:///{tmp_path / 'a.db'}"
    assert settings.queue.url == "sqlite:////b/c.db"
    assert settings.identity.key_file == tmp_path / "syncer.key"
    assert settings.destinations["crm"].api_key_file == tmp_path / "crm.key"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "mysql://h/db"])
def test_a_url_without_a_relative_file_stays_as_it_is(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, GOOD, SYNCER_DATABASE__URL=url).database.url == url


def test_the_digest_follows_every_setting_and_no_secret(tmp_path: Path) -> None:
    digests = {
        settings_digest(read(tmp_path, GOOD, **{f"SYNCER_{variable}": text} if variable else {}))
        for variable, text in (
            ("", ""),
            ("DATABASE__URL", "mysql://u@h/db"),
            ("DATABASE__URL", "mysql://u:one@h/db"),
            ("DATABASE__URL", "mysql://u:two@h/db?password=three"),
            ("DATABASE__PREFIX", "s_"),
            ("QUEUE__URL", "mysql://h/db"),
            ("DEADLINES__TIMEZONE", "UTC"),
            ("SCHEDULE__RECHECK_DAYS", "[]"),
            ("LOG__LEVEL", "debug"),
            ("IDENTITY__KEY_FILE", "other.key"),
            ("DESTINATIONS__CRM__ERASURE", "unsubscribe"),
            ("DESTINATIONS__CRM__REQUESTS_PER_SECOND", "3"),
            ("DESTINATIONS__CRM__API_KEY_ENV", "OTHER_KEY"),
        )
    }

    assert len(digests) == 11
