"""`python -m tests.support.documents.console_pictures FOLDER`: two pages of the console's demo, for the README.

The three months are played with the same dice, up to a moment that stands still: the pictures change little.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from syncer.app import App
from syncer.cli.operate.demo import console_of, furnished, listener, served
from syncer.console.sign_in.demo_people import add_demo_people
from syncer.domain.permissions import Role
from syncer.service.drain import carry_out
from syncer.setup.filled.installation import filled
from tests.support.browser import chromium

WIDTH, HEIGHT = 1280, 930
#: when the story ends
END = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
OVERVIEW, REQUEST = "console-overview.png", "console-request.png"


def main(folder: Path) -> None:
    """Write the two pictures. Needs Chromium."""
    with (
        tempfile.TemporaryDirectory() as place,
        closing(listener(0)) as heard,
        filled(Path(place), heard.getsockname()[1], END, carry_out, add_demo_people) as made,
    ):
        made.app.presence.arrive()  # as in the demo, where a daemon works
        site, door = furnished(made)
        origin = f"http://localhost:{heard.getsockname()[1]}"
        with served(site, console_of(made.app), heard), chromium() as tab:
            tab.look(width=WIDTH, height=HEIGHT)
            tab.open(f"{origin}{door.link(Role.OPS)}")
            tab.led(lambda: tab.click("main button"))
            tab.picture(folder / OVERVIEW, top=HEIGHT, width=WIDTH)
            tab.open(f"{origin}/requests/{_telling(made.app)}/")
            tab.picture(folder / REQUEST, top=HEIGHT, width=WIDTH)


def _telling(app: App) -> str:
    """Return the request that was held and prolonged: much can be seen of it."""
    return next(event.id for event in app.reader.events(state="held") if event.extended_at is not None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
