"""Help answers before anybody asks: grouped by what one wants to do, with examples and exit codes."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import click
import pytest

from syncer.cli.help.catalog import SECTIONS
from syncer.cli.help.usage import USAGE
from syncer.cli.main import cli
from tests.support.processes import commands
from tests.support.processes import inside as run

COMMANDS = dict(commands())
NOWHERE = Path("no-such-settings.toml")
GROUPS = ("audit", "db", "key", "user", "wordpress")


def test_every_command_stands_in_one_section_with_its_own_first_sentence() -> None:
    context = click.Context(cli)
    listed = {name: entry for entries in SECTIONS.values() for name, entry in entries.items()}

    assert sum(len(entries) for entries in SECTIONS.values()) == len(listed)
    for name, entry in listed.items():
        command = cli.get_command(context, name)
        assert command is not None and command.help is not None and command.name == name
        assert command.help.split("\n\n")[0] == entry.line


def test_the_help_of_syncer_lists_every_command_on_one_line_under_what_one_wants_to_do() -> None:
    lines = run(NOWHERE, "--help").stdout.splitlines()

    for title, entries in SECTIONS.items():
        below = lines[lines.index(f"{title}:") + 1 :]
        shown = [line.split(maxsplit=1) for line in takewhile(str.strip, below)]
        assert shown == [[name, entry.line] for name, entry in entries.items()]
    assert "Exit codes:" in lines


def test_help_loads_no_command_and_nothing_that_a_command_needs() -> None:
    script = (
        "import sys; from syncer.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    ).stdout.split()

    assert "syncer.cli.help.shape" in loaded
    assert {"syncer.cli.work", "syncer.app", "rich", "sqlalchemy", "tempfile", "traceback"} & set(loaded) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_with_an_example_and_its_exit_codes(name: str) -> None:
    done = run(NOWHERE, *name.split(), "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert USAGE[name].examples
    for example in USAGE[name].examples:
        assert f"  {example}\n" in done.stdout
    for code in USAGE[name].exits:
        assert f"\n  {code}  " in done.stdout[done.stdout.index("Exit codes:") :]


def test_no_example_is_of_a_command_that_is_gone() -> None:
    assert set(USAGE) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_its_help(name: str) -> None:
    silent = [
        param.name for param in COMMANDS[name].params if isinstance(param, click.Option) and not param.help
    ]  # fmt: skip

    assert silent == []


@pytest.mark.parametrize(("name", "example"), [(n, e) for n in COMMANDS for e in USAGE[n].examples])
def test_every_example_is_understood(name: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("address.txt", "addresses.txt", "lines.txt", "export.csv"):
        (tmp_path / file).touch()
    words = shlex.split(example.replace('eval "$(', "").replace(')"', '"' if example.count('"') % 2 else ""))
    words = list(takewhile(lambda word: word not in ("|", "<", ">"), words[words.index("syncer") + 1 :]))
    while words[0].startswith("--"):
        words = words[2:]
    own = words[len(name.split()) :]

    with COMMANDS[name].make_context(name, own) as context:
        assert context.params is not None
    assert words[: len(name.split())] == name.split()


@pytest.mark.parametrize("words", [(), *((group,) for group in GROUPS)], ids=" ".join)
def test_a_group_called_alone_shows_its_help_and_ends_well(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "syncer", *words], capture_output=True, encoding="utf-8", check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('syncer', *words))} [OPTIONS] COMMAND")
    assert done.stdout == run(NOWHERE, *words, "--help").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("submit",), "Missing argument RIGHT: erasure or objection. See `syncer submit --help`."),
        (("submit", "purge"), "'purge' is not one of 'erasure', 'objection'. See `syncer submit --help`."),
        (("exempt", "0123456", "--destination", "crm"),
         "Missing option --ground: legal_claims, legal_obligation, impossible, disproportionate or other."
         " See `syncer exempt --help`."),
        (("audit", "verfy"), "Did you mean 'verify'? See `syncer audit --help`."),
        (("audit", "verify", "--agains", "x"), "Did you mean '--against'? See `syncer audit verify --help`."),
        (("drian",), "See `syncer --help`."),
        (("--setings", "x", "status"), "See `syncer --help`."),
    ],
)  # fmt: skip
def test_a_mistake_points_at_the_help_of_its_own_command_in_one_clear_line(words: tuple[str, ...], said: str) -> None:
    done = run(NOWHERE, *words)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "\t" not in done.stderr
    assert done.stderr.startswith("syncer: ")
    assert done.stderr.endswith(f"{said}\n")


def test_host_is_worded_in_one_way() -> None:
    texts = {
        param.help
        for command in COMMANDS.values()
        for param in command.params
        if isinstance(param, click.Option) and "--host" in param.opts
    }

    assert len(texts) == 1


def test_older_names_of_options_are_taken_and_not_shown(settings_file: Callable[..., Path], tmp_path: Path) -> None:
    path, out = settings_file(), tmp_path / "syncer.prom"
    run(path, "init")

    assert run(path, "metrics", "--textfile", str(out)).returncode == 0
    assert "syncer_up" in out.read_text(encoding="utf-8")
    assert "--textfile" not in run(path, "metrics", "--help").stdout
    assert "--out" in run(path, "metrics", "--help").stdout
