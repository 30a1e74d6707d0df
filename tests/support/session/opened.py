"""Installations that a test opens by itself, as another process would: they are closed when it ends."""

from __future__ import annotations

from syncer.app import App

_opened: list[App] = []


def until_the_end(app: App) -> App:
    """Have an installation closed at the end of the test, however that comes."""
    _opened.append(app)
    return app


def close_all() -> None:
    """Close what the test opened."""
    while _opened:
        _opened.pop().close()
