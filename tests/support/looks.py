"""A look at every destination for people who are back."""

from __future__ import annotations

from syncer.app import App
from syncer.delivery.watch import Look


def look(app: App) -> dict[str, Look]:
    looks = {}
    for name in app.settings.destinations:
        adapter = app.adapter(name)
        looks[name] = app.watch.look(name, adapter)
        adapter.close()
    return looks
