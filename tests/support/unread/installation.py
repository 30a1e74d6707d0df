"""An installation with a mailing list that is read back, and recipients that nobody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from adapters import registry
from syncer.app import App, load_settings, open_app
from syncer.setup.install import initialise
from tests.conftest import UNGUARDED, Clock
from tests.support.unread.adapters import KINDS, Machine, Unread

#: opens an installation: recipient -> kind, and the options of `installed`
Installed = Callable[..., tuple[App, dict[str, Machine]]]

TABLE = """
[destinations.{name}]
adapter = "{kind}"
api_key_env = "TEST_UNREAD_KEY"
base_url = "{name}"
erasure = "delete"
objection = "unsubscribe"
"""


@contextmanager
def installed(
    settings_file: Callable[..., Path], clock: Clock, *, alone: bool = False, guard: str = UNGUARDED, **kinds: str
) -> Iterator[tuple[App, dict[str, Machine]]]:
    """Open an installation with a recipient of each of these kinds, by its name; yields it with their machines.

    Beside them it has the mailing list `newsletter`, but where they are `alone`.
    """
    path = settings_file(guard=guard)
    text = path.read_text(encoding="utf-8")
    common, newsletter, _ = text.split("[destinations.", 2)
    kept = common if alone else f"{common}[destinations.{newsletter}"
    path.write_text(kept + "".join(TABLE.format(name=name, kind=kind) for name, kind in kinds.items()), "utf-8")
    machines = {name: Machine() for name in kinds}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_UNREAD_KEY", "key")
        for kind in KINDS:
            patch.setitem(registry.SHIPPED, kind.name, f"{kind.__module__}:{kind.__name__}")
        for name, machine in machines.items():
            patch.setitem(Unread.machines, name, machine)
        initialise(load_settings(path))
        with open_app(load_settings(path), clock=clock) as app:
            yield app, machines


@contextmanager
def installer(settings_file: Callable[..., Path], clock: Clock) -> Iterator[Installed]:
    """Yield what opens such installations, as `installed` does; they are closed at the end."""
    with ExitStack() as opened:
        yield lambda **options: opened.enter_context(installed(settings_file, clock, **options))
