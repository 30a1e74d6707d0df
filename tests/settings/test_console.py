"""The table [console]: read, refused with a remedy, laid over by the environment, and shown value by value."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.app import effective_settings, load_settings
from syncer.errors import SettingsProblem
from syncer.settings.checked import Settings, settings_digest
from syncer.settings.console.table import ConsoleSettings
from syncer.settings.effective import Source
from tests.support.paths import ROOT
from tests.support.processes import inside as run

BARE = '[console]\nurl = "https://privacy.example.org/"\n'
DOORS = """
[console.wordpress]
issuer = "https://example.org"
secret_file = "ticket"

[console.oidc]
issuer = "https://id.example.org"
client_id = "syncer"
secret_file = "oidc"

[console.proxy]
user_header = "X-Remote-User"
secret_file = "proxy"
"""


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Callable[[str], Settings]:
    def load(lines: str) -> Settings:
        path = settings_file()
        path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
        return load_settings(path)

    return load


def console(read: Settings) -> ConsoleSettings:
    assert read.console is not None
    return read.console


def test_without_the_table_there_is_no_console(settings: Callable[[str], Settings]) -> None:
    assert settings("").console is None


def test_files_lie_beside_the_settings_those_of_the_doors_too(settings: Callable[[str], Settings]) -> None:
    read = settings(BARE + DOORS)
    folder, own = read.path.parent, console(read)

    assert own.wordpress and own.oidc and own.proxy
    files = [own.key_file, own.wordpress.secret_file, own.oidc.secret_file, own.proxy.secret_file]
    assert files == [folder / "console.key", folder / "ticket", folder / "oidc", folder / "proxy"]


@pytest.mark.parametrize(
    ("url", "kept", "origin", "prefix"),
    [
        ("https://privacy.example.org", "https://privacy.example.org/", "https://privacy.example.org", ""),
        ("https://Privacy.Example.org:443/a", "https://privacy.example.org/a/", "https://privacy.example.org", "/a"),
        ("http://localhost:8484/a/b/", "http://localhost:8484/a/b/", "http://localhost:8484", "/a/b"),
        ("http://[::1]:8484/", "http://[::1]:8484/", "http://[::1]:8484", ""),
        ("http://127.0.0.1:80/", "http://127.0.0.1/", "http://127.0.0.1", ""),
    ],
)
def test_the_url_is_kept_as_browsers_say_it(url: str, kept: str, origin: str, prefix: str) -> None:
    read = ConsoleSettings.read({"url": url})

    assert (read.url, read.origin, read.prefix) == (kept, origin, prefix)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("console = 1", "[console]: must be a table, written [console]"),
        ("[console]", "[console] url: missing; add what browsers type"),
        ('[console]\nurl = "privacy.example.org"', "[console] url: must be what browsers type, like"),
        ('[console]\nurl = "ftp://privacy.example.org/"', "[console] url: must be what browsers type, like"),
        ('[console]\nurl = "http://privacy.example.org/"', "url: must be https: plain http is for localhost alone"),
        ('[console]\nurl = "https://anna@privacy.example.org/"', "[console] url: must be what browsers type, like"),
        ('[console]\nurl = "https://privacy.example.org/?a=b"', "[console] url: must be what browsers type, like"),
        ('[console]\nurl = "https://privacy.example.org:99999/"', "[console] url: must be what browsers type, like"),
        ('[console]\nurl = "https://privacy.example.org/a b/"', "url: has a path that is no prefix; use letters"),
        ('[console]\nurl = "https://privacy.example.org//a/"', "url: has a path that is no prefix; use letters"),
        ('[console]\nurl = "https://privacy.example.org/../a/"', "url: has a path that browsers shorten; leave"),
        ('[console]\nurl = "https://bücher.example/"', "url: has a host that browsers write in another way; write it"),
        (f'{BARE}listen = "8484"', '[console] listen: "8484" must be "ADDRESS:PORT"'),
        (f'{BARE}listen = "localhost:8484"', 'must be "ADDRESS:PORT", like "127.0.0.1:8484"'),
        (f'{BARE}listen = "unix:http.sock"', 'or "unix:/run/syncer-console/http.sock"'),
        (f'{BARE}listen = "unix:/{"x" * 120}"', "has a path that no socket can have; use one of fewer than 108 bytes"),
        (f'{BARE}listen = "0.0.0.0:8484"', "[console]: listen can be reached from elsewhere; use 127.0.0.1:8484, or"),
        (f'{BARE}proxies = ["proxy"]', "[console] proxies: must be a list of addresses or networks"),
        (f'{BARE}proxies = ["10.0.0.1/8"]', "[console] proxies: must be a list of addresses or networks"),
        (f'{BARE}proxies = "10.0.0.1"', "[console] proxies: must be a list of addresses or networks"),
        (f'{BARE}actions = "maybe"', "[console] actions: must be"),
        (f'{BARE}second_factor = "no"', "[console] second_factor: is not known; use 'required' or 'actions'"),
        (f"{BARE}idle_minutes = 0", "[console] idle_minutes: must be greater than or equal to 1"),
        (f"{BARE}session_hours = 169", "[console] session_hours: must be less than or equal to 168"),
        (f'{BARE}four_eyes = ["pause"]', "[console] four_eyes: must be a list of any of exempt, extend, release"),
        (f'{BARE}language = "nl"', "[console] language: is not known; use 'en', 'de' or 'fr'"),
        (f"{BARE}x = 1", "[console] x: unknown key; known here: actions, four_eyes, idle_minutes"),
        (f"{BARE}[console.door]\nx = 1", "[console] door: unknown key"),
        (f'{BARE}[console.wordpress]\nissuer = "https://example.org"', "[console.wordpress] secret_file: missing"),
        (
            f'{BARE}[console.wordpress]\nissuer = "example.org"\nsecret_file = "s"',
            "[console.wordpress] issuer: must",
        ),
        (f'{BARE}[console.oidc]\nissuer = "http://id.test"\nclient_id = "a"\nsecret_file = "s"', "issuer: must be an"),
        (f'{BARE}[console.proxy]\nuser_header = "X User"', "[console.proxy] user_header: must be the name of a header"),
        (
            f'{BARE}[console.proxy]\nuser_header = "X-User"',
            "believe whoever reaches the port; add secret_file",
        ),
        (
            f'{BARE}[console.proxy]\nuser_header = "X-A"\nsecret_header = "x-a"\nsecret_file = "s"',
            "[console.proxy]: user_header and secret_header are the same; name two headers",
        ),
        (f"{BARE}proxy = 1", "[console.proxy]: must be a table, written [console.proxy]"),
    ],
)
def test_a_mistake_is_one_line_with_place_and_remedy(
    settings: Callable[[str], Settings], lines: str, said: str
) -> None:
    with pytest.raises(SettingsProblem) as problem:
        settings(f"{lines}\n" if lines.startswith("[") else "")
        path = settings("").path
        path.write_text(f"{lines}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
        load_settings(path)

    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_the_environment_wins_also_for_a_table_within_the_table(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {
        "URL": "https://other.example.org/p",
        "IDLE_MINUTES": "5",
        "PROXIES": '["10.0.0.1"]',
        "FOUR_EYES": '["resync"]',
        "PUBLIC": "true",
        "OIDC__CLIENT_ID": "other",
        "PROXY__USER_HEADER": "X-Other",
        "PROXY__SECRET_FILE": "proxy.secret",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"SYNCER_CONSOLE__{name}", value)
    read = console(settings(BARE + DOORS.partition("[console.proxy]")[0]))

    assert (read.prefix, read.idle_minutes, read.proxies, read.four_eyes) == ("/p", 5, ("10.0.0.1",), ("resync",))
    assert read.public
    assert read.oidc and read.proxy
    assert (read.oidc.client_id, read.proxy.user_header) == ("other", "X-Other")


def test_a_mistake_of_the_environment_is_named_by_its_variable(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_CONSOLE__OIDC__ISSUER", "nonsense")
    with pytest.raises(SettingsProblem, match=r"^environment: SYNCER_CONSOLE__OIDC__ISSUER: must be an address"):
        settings(BARE + DOORS)
    monkeypatch.delenv("SYNCER_CONSOLE__OIDC__ISSUER")
    monkeypatch.setenv("SYNCER_CONSOLE__URL__X", "1")
    with pytest.raises(SettingsProblem, match=r"^environment: SYNCER_CONSOLE__URL__X: there is no table"):
        settings(BARE)


def test_config_shows_every_key_with_its_origin_and_those_of_the_doors(
    settings: Callable[[str], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_CONSOLE__OIDC__LABEL", "Example ID")
    read = settings(BARE + DOORS)
    values = {(value.table, value.key): value for value in effective_settings(read.path).values}

    assert values["console", "url"].value == "https://privacy.example.org/"
    assert values["console", "idle_minutes"].source is Source.DEFAULT
    assert values["console.oidc", "client_id"].source is Source.FILE
    assert values["console.oidc", "label"].source is Source.ENVIRONMENT
    assert values["console.proxy", "secret_header"].value == "X-Syncer-Proxy-Secret"
    assert "[console.wordpress]" in run(read.path, "config").stdout


def test_what_is_in_force_changes_the_digest_of_the_settings(settings: Callable[[str], Settings]) -> None:
    assert len({settings_digest(settings(lines)) for lines in ("", BARE, BARE + DOORS)}) == 3


def test_the_sample_has_every_key_of_the_console_and_what_it_says_can_be_read(
    settings: Callable[[str], Settings],
) -> None:
    text = (ROOT / "settings.toml").read_text(encoding="utf-8")
    part = re.search(r"^# \[console\]\n(?:^#.*\n)+", text, re.MULTILINE)
    assert part is not None
    lines = re.sub(r"^# ?", "", part[0], flags=re.MULTILINE)
    read = console(settings(lines))

    assert read.wordpress and read.oidc and read.proxy
    named = set(re.findall(r"^(?:(\w+) =|\[console\.(\w+)\])", lines, re.MULTILINE))
    keys = {key for pair in named for key in pair if key}
    tables = (ConsoleSettings, type(read.wordpress), type(read.oidc), type(read.proxy))
    assert {key for table in tables for key in table.declared()} == keys
    defaults = {name: value for name, value in ConsoleSettings(url=read.url).values().items() if value is not None}
    shown = {name: getattr(read, name) for name in defaults}
    assert shown | {"key_file": None} == defaults | {"key_file": None}
