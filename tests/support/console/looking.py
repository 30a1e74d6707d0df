"""What axe finds on a page that a browser shows, at a width, in light and in dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.browser import RULES, Tab, axe_or_skip

#: what differs between light and dark
CONTRAST = "axe.run({runOnly:['color-contrast']})"
_FOUND = ".then(r => [r.passes.length, r.violations.map(v => v.id + ': ' + v.nodes[0].html.slice(0, 200))])"
WIDE, NARROW = 1280, 320


def barriers(tab: Tab) -> list[str]:
    """Return what hinders somebody on the page that is open, at both widths, in light and in dark, and when printed.

    The page is loaded once: light and dark differ by their colours alone.
    """
    found: list[str] = []
    tab.value(f"{axe_or_skip()};0")
    for width in (WIDE, NARROW):
        tab.look(width=width)
        found += _violations(tab, RULES, f"{width} px")
        if (across := tab.value("document.documentElement.scrollWidth")) > width:
            found.append(f"{width} px: {across} px wide: {tab.value(WIDEST)}")
        tab.look(width=width, dark=True)
        found += _violations(tab, CONTRAST, f"{width} px, dark")
    tab.look(width=WIDE)
    return found


#: what nobody can use on paper; a list whose rows can be chosen stands in a form
CONTROLS = "button, input, select, form:not(:has(table))"
#: what sticks out to the right
WIDEST = (
    "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth)"
    ".map(e => e.outerHTML.slice(0, 120))[0] || ''"
)


def _violations(tab: Tab, run: str, how: str) -> list[str]:
    passes, violations = tab.value(run + _FOUND)
    assert passes > 0, "axe looked at nothing"
    return [f"{how}: {each}" for each in violations]


def printed(tab: Tab, folder: Path) -> tuple[int, dict[str, Any]]:
    """Print the page into a folder; return the octets of the PDF, and what of the frame is still to be seen."""
    file = folder / "page.pdf"
    tab.look(width=794, medium="print")  # before it is printed: else the printer is given the screen
    tab.pdf(file)
    hidden = "getComputedStyle(document.querySelector({!r})).display === 'none'"
    seen = {
        "navigation": not tab.value(hidden.format(".bar")),
        "forms": tab.value(f"[...document.querySelectorAll({CONTROLS!r})].some(e => e.getClientRects().length > 0)"),
        "main": bool(tab.value("document.querySelector('main').getClientRects().length")),
    }
    tab.look(width=WIDE)
    return file.stat().st_size, seen
