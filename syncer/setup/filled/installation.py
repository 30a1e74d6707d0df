"""A filled installation in a folder, with the providers behind it, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncer.app import load_settings, open_app
from syncer.log import configure
from syncer.setup.filled.accounts import PlayedAccounts
from syncer.setup.filled.clock import StoryClock
from syncer.setup.filled.months import Months
from syncer.setup.filled.place import begin_trial, providers, write_settings
from syncer.setup.install import initialise

if TYPE_CHECKING:
    from syncer.app import App


@dataclass(frozen=True, slots=True)
class FilledInstallation:
    """An installation after three months, its clock, which stands still, and its providers.

    `addresses` are those of everybody who asked, the first of them first.
    """

    app: App
    clock: StoryClock
    providers: PlayedAccounts
    addresses: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The providers' keys."""
        return self.providers.keys


@contextmanager
def filled(
    folder: Path, port: int, end: datetime, work: Callable[[App], object], people: Callable[[App], object]
) -> Iterator[FilledInstallation]:
    """Make an installation in an empty folder whose story ends at `end` (UTC), with a console at a port of localhost.

    `work` carries out what is due; `people` makes the accounts of those who decide. Nothing is logged from then on:
    what goes wrong in the story is meant to.
    """
    with providers() as played:
        path = write_settings(folder, played, port)
        settings = load_settings(path)
        configure("critical")
        initialise(settings)
        clock = StoryClock(end)
        with open_app(settings, clock=clock) as app:
            people(app)
        with open_app(settings, actor="daemon", clock=clock) as app:
            months = Months(app, clock, played, work)
            months.tell(end)
        begin_trial(path, played)
        with open_app(load_settings(path), actor="daemon", clock=clock) as app:
            months.go_on(app, end)
        with open_app(load_settings(path), clock=clock) as app:
            yield FilledInstallation(app, clock, played.accounts, months.addresses)
