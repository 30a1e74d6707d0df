"""A look at every destination for people who are back."""

from __future__ import annotations

from contextlib import closing

from syncer.app import App
from syncer.delivery.looks.watch import Look


def look(app: App) -> dict[str, Look]:
    return {name: look_at(app, name) for name in app.settings.destinations}


def look_at(app: App, destination: str, *, whole: bool = False) -> Look:
    with closing(app.adapter(destination)) as adapter:
        return app.watch.look(destination, adapter, whole=whole)
