"""A way through the console, step by step, as people go it: by mouse or by keyboard alone, with script or without."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from syncer.domain.permissions import Role
from tests.support.browser import Tab
from tests.support.console.served import ServedConsole

#: finds what is called so among the elements of a selector: by its label or its text
_FOUND = (
    "[...document.querySelectorAll({selector})].find(e => e.getClientRects().length && "
    "([...(e.labels || [])].map(l => l.innerText).join(' ') || e.getAttribute('aria-label') || e.innerText)"
    ".trim() === {said})"
)
LINKS, BUTTONS, FIELDS = "a[href]", "button", "input, textarea, select"
PATIENCE = 30.0


class Way(Enum):
    """How somebody gets on: whether scripts run, and whether there is a mouse."""

    MOUSE = (True, True)
    NO_SCRIPT = (False, True)
    KEYBOARD = (False, False)


@dataclass(frozen=True, slots=True)
class Journey:
    """Somebody in front of a browser."""

    tab: Tab
    here: ServedConsole
    way: Way

    def arrive(self, *roles: Role, at: str = "/") -> None:
        """Come signed in, with these roles; whoever was there before is gone."""
        self.tab.script(self.way.value[0])
        self.tab.forget_cookies()
        self.tab.give_cookie(self.here.origin, self.here.desk.cookie, self.here.cookie(*roles))
        self.tab.open(f"{self.here.origin}{at}")

    def go(self, said: str) -> None:
        """Follow the link that says so."""
        self.tab.led(lambda: self._use(LINKS, said))

    def push(self, said: str) -> None:
        """Press the button that says so, and wait for the page that comes."""
        self.tab.led(lambda: self._use(BUTTONS, said))

    def follow(self, said: str, then: str) -> None:
        """Follow the page by the link that says so, until it says the other thing: it is loaded, or its region is."""
        if self.way.value[0]:
            self._use(LINKS, said)
        else:
            self.go(said)
        found = _FOUND.format(selector=json.dumps(LINKS), said=json.dumps(then))
        end = time.monotonic() + PATIENCE
        while not self.tab.value(f"!!{found}"):
            assert time.monotonic() < end, f"never: {then}"
            time.sleep(0.05)

    def open(self, said: str) -> None:
        """Open what is folded."""
        self._use("summary", said)

    def fill(self, label: str, text: str) -> None:
        """Write into the field with a label."""
        self._reach(FIELDS, label)
        self.tab.type(text)

    def choose(self, label: str, option: str) -> None:
        """Choose what begins so in the list with a label, with the arrow keys."""
        self._reach(FIELDS, label)
        words = self.tab.value("[...document.activeElement.options].map(o => o.text.trim())")
        wanted = next(number for number, word in enumerate(words) if word.startswith(option))
        for _ in range(wanted - self.tab.value("document.activeElement.selectedIndex")):
            self.tab.press("ArrowDown")
        assert self.tab.value("document.activeElement.selectedIndex") == wanted

    def take_out(self, said: str, folder: Path) -> Path:
        """Press the button that says so; return the file that comes."""
        self.tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        before = set(folder.iterdir())
        self._use(BUTTONS, said)
        return until(lambda: next((f for f in set(folder.iterdir()) - before if f.suffix != ".crdownload"), None))

    def sees(self, *texts: str) -> None:
        """Assert that the page shows all of these, where a person can see it."""
        shown = " ".join(str(self.tab.value("document.querySelector('main').innerText")).split())
        assert [text for text in texts if text not in shown] == [], shown

    def is_at(self, path: str) -> None:
        """Assert that a page is open, whatever its filters are."""
        assert self.tab.value("location.pathname") == path

    def _use(self, selector: str, said: str) -> None:
        if self.way is Way.KEYBOARD:
            self.tab.tab_to(said)
            self.tab.press("Enter")
        else:
            self.tab.click_on(_FOUND.format(selector=json.dumps(selector), said=json.dumps(said)))

    def _reach(self, selector: str, label: str) -> None:
        if self.way is Way.KEYBOARD:
            self.tab.tab_to(label)
        else:
            found = _FOUND.format(selector=json.dumps(selector), said=json.dumps(label))
            self.tab.value(f"{found}.focus();0")


def until(look: Callable[[], Path | None]) -> Path:
    """Wait for a file."""
    end = time.monotonic() + PATIENCE
    while (found := look()) is None:
        assert time.monotonic() < end, "no file came"
        time.sleep(0.05)
    return found
