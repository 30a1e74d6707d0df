"""Completion in the shell: the command that sets it up, and what stands for a destination or a request.

Whatever goes wrong, nothing is completed and nothing is said: a line on the screen would stand in what is being typed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from syncer.cli.help.shape import Command

#: requests that are offered, the newest first
OFFERED = 50
#: seconds that a database has to answer
PATIENCE = 2.0
#: the variable by which a shell asks; click makes it from the program's name
ASKED_BY = "_SYNCER_COMPLETE"


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what lets your shell complete commands, names and ids.

    Put the line of the example for your shell into ~/.bashrc, ~/.zshrc or ~/.config/fish/config.fish. Names of
    destinations come from the settings, case numbers from the database, the newest fifty; ids once a zero is typed.
    """
    from click.shell_completion import get_completion_class

    from syncer.cli.output.stdout import document

    kind = get_completion_class(shell)
    assert kind is not None, "click knows each of the choices"
    root = click.get_current_context().find_root()
    document(kind(root.command, {}, root.info_name or "syncer", ASKED_BY).source() + "\n")


def destinations(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the destinations of the settings that begin so."""
    with suppress(Exception):
        import os
        import tomllib

        from syncer.settings.destinations import NAME
        from syncer.settings.search import find

        with _not_for_long():  # it may be a pipe
            tables = tomllib.loads(find(_settings_file(context), os.environ).read_text(encoding="utf-8-sig"))
        # the shell would run what a name of a file that somebody left here might hold
        return [name for name in tables["destinations"] if name.startswith(typed) and NAME.fullmatch(name)]
    return []


def events(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Return the newest requests that begin so: ids for a beginning with a zero, case numbers else."""
    with suppress(Exception):
        from syncer.app import load_settings, make_tables
        from syncer.database.newest import newest_requests

        settings = load_settings(_settings_file(context))
        with _not_for_long():
            return newest_requests(settings.database_login, make_tables(settings), typed, OFFERED)
    return []


@contextmanager
def _not_for_long() -> Iterator[None]:
    """Give up on a database that does not answer: somebody waits for the shell."""
    import signal

    def give_up(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _settings_file(context: click.Context) -> Path | None:
    own: Path | None = context.params.get("settings_path")
    return own or context.find_root().params.get("settings")
