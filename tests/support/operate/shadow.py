"""An installation of which some destinations are in shadow mode, and what providers were asked to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.settings.destinations import LIVE, SHADOW


def reopened(app: App, modes: Mapping[str, str]) -> App:
    """Open an installation once more, with these modes in its settings."""
    destinations = {name: replace(item, mode=modes.get(name, LIVE)) for name, item in app.settings.destinations.items()}
    return App(
        replace(app.settings, destinations=destinations), app.engine, app.keyring, "cli", app.clock, app.leases.owner
    )


def all_in_shadow(app: App) -> App:
    return reopened(app, dict.fromkeys(app.settings.destinations, SHADOW))


def changes(*sandboxes: MailchimpSandbox | ActiveCampaignSandbox) -> list[str]:
    """The methods by which these were asked to change something."""
    return [request.method for sandbox in sandboxes for request in sandbox.requests if request.method != "GET"]


def previews(app: App) -> dict[str, dict[str, Any]]:
    """What the log says of the last preview at each destination."""
    found = (entry for entry in app.ledger.entries(("delivery:previewed",)))
    return {str(entry.destination): dict(entry.facts or {}) for entry in found}
