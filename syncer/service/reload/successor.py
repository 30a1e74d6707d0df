"""The installation under changed settings, ready to be worked on before anything of the old one ends."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from syncer.app import App, load_settings, require_secrets
from syncer.errors import UserError
from syncer.log import get_logger
from syncer.service.reload.change import change
from syncer.settings.checked import in_shadow

if TYPE_CHECKING:
    from adapters.contract import Adapter
    from syncer.service.listener import Listener
    from syncer.settings.checked import Settings
    from syncer.settings.destinations import Destination

#: of this process: what is kept to compare keys with must not be compared by anybody else
_PEPPER = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Accounts:
    """The adapter of each destination, and what it was made from, its API key too, as a digest."""

    adapters: Mapping[str, Adapter]
    digests: Mapping[str, bytes]

    def unchanged(self, after: Accounts) -> frozenset[str]:
        """Return the destinations whose adapter works on."""
        return frozenset(name for name, made in after.adapters.items() if self.adapters.get(name) is made)


@dataclass(frozen=True, slots=True)
class Successor:
    """What a daemon goes on with. `listener` is where its metrics are handed out; it may be the one before's."""

    app: App
    accounts: Accounts
    listener: Listener | None

    def look_at_paused(self, before: Accounts) -> None:
        """Probe at once each lane that syncer paused and whose adapter is a new one: with another key, perhaps."""
        for name in self.accounts.adapters.keys() - before.unchanged(self.accounts):
            lane = self.app.leases.get(name)
            if lane is not None and lane.paused and lane.paused_by == "syncer":
                self.app.leases.probe_later(name, self.app.clock())

    def show(self, before: Listener | None) -> None:
        """Hand the metrics out, and no more where they were handed out before."""
        if before is not None and before is not self.listener:
            before.close()
        if self.listener is not None:
            from syncer.service import metrics

            self.listener.answer(metrics.answer(self.app))


def accounts(app: App, before: Accounts | None = None) -> Accounts:
    """Make the adapters, but for those that work on unchanged. Raises SettingsProblem."""
    before = before or Accounts({}, {})
    # read before the adapter reads it: a key that is replaced in between counts as replaced the next time
    digests = {name: _digest(destination) for name, destination in app.settings.destinations.items()}
    made: dict[str, Adapter] = {}
    for name, digest in digests.items():
        same = before.digests.get(name) == digest
        made[name] = before.adapters[name] if same else app.adapter(name)
    return Accounts(made, digests)


def successor(app: App, before: Accounts, present: Listener | None, *, shadow: bool = False) -> Successor:
    """Read the settings of an installation anew and build it from them, with its database connections.

    `present` is where its metrics are handed out now; with `shadow` it only reads, whatever the file says.
    Raises UserError when the settings cannot be used; then nothing is changed.
    """
    wanted = load_settings(app.settings.path)
    found = change(app.settings, in_shadow(wanted) if shadow else wanted)
    settings, kept, listener = found.settings, [*found.kept], present
    require_secrets(settings)
    if settings.metrics.place != app.settings.metrics.place:
        try:
            listener = listen(settings, app)
        except UserError as taken:
            settings = replace(settings, metrics=app.settings.metrics)
            kept.append(f"{taken}; a running daemon keeps the old place")
    try:
        heir = App(settings, app.engine, app.keyring, "daemon", app.clock, app.leases.owner)
        assert heir.wordpress or not settings.wordpress  # made now: what is wrong with its login refuses the settings
        after = accounts(heir, before)
    except UserError:
        if listener is not None and listener is not present:
            listener.close()
        raise
    for line in kept:
        get_logger("syncer.daemon").warning("reload.kept", reason=line)
    return Successor(heir, after, listener)


def listen(settings: Settings, app: App) -> Listener | None:
    """Hand out the metrics of an installation where the settings say. Raises UserError when that place is taken."""
    if settings.metrics.place is None:
        return None
    from syncer.service import metrics

    return metrics.listen(app, *settings.metrics.place)


def _digest(destination: Destination) -> bytes:
    text = f"{destination!r}\0{destination.secret()}"
    return hashlib.blake2b(text.encode(), key=_PEPPER).digest()
