"""A real headless Chromium, driven over its debugging pipe: no driver, no port, nothing left behind."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import util
from pathlib import Path
from typing import Any

from tests.support.session import tools

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60.0
#: key -> (its code, its number, what it types)
KEYS = {
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    " ": ("Space", 32, " "),
}
SHIFT = 8
#: how what has the focus is called
FOCUSED = (
    "(e => !e || e === document.body ? '' : [...(e.labels || [])].map(l => l.innerText).join(' ')"
    " || e.getAttribute('aria-label') || e.innerText || e.name || '')(document.activeElement)"
)


def chromium_or_skip() -> str:
    """Return the browser's path; without one skip, or fail where SYNCER_REQUIRE asks for chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return found or tools.skip("chromium", f"chromium {tools.NOT_INSTALLED}")


def axe_or_skip() -> str:
    """Return axe-core's source."""
    spec = util.find_spec("axe_core_python")
    if spec is None or spec.origin is None:
        tools.skip("chromium", "the package axe-core-python is not here")
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


class Tab:
    """One page of the browser."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        #: what the console said since it was last asked: violations of the policy, errors, exceptions
        self.problems: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result; what happens meanwhile is kept in `events`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        method, params = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(f"{params['entry']['source']}: {params['entry']['text']}")
        elif method == "Runtime.exceptionThrown":
            self.problems.append(f"exception: {params['exceptionDetails'].get('exception', {}).get('description')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(f"console: {[each.get('value') for each in params['args']]}")

    def _receive(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(deadline - time.monotonic(), 0))
            assert ready, "the browser does not answer"
            self._buffer += os.read(self._read, 1 << 20)
        raw, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(raw))

    def quit(self) -> None:
        """Let the browser end."""
        self._session = None
        self.call("Browser.close")

    def open(self, place: Path | str) -> None:
        """Load a file or a URL and wait until it is there."""
        self.events.clear()
        self.call("Page.navigate", url=place if isinstance(place, str) else place.as_uri())
        self._loaded()

    def follow(self, click: str) -> None:
        """Run an expression that leads to another page and wait until that is there."""
        self.led(lambda: self.value(click))

    def led(self, act: Callable[[], object]) -> None:
        """Do what leads to another page and wait until that is there."""
        self.events.clear()
        act()
        self._loaded()

    def _loaded(self) -> None:
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self._note(self._receive())

    # -- as a person does it; none of it needs a script of the page ------------------------------------------

    def script(self, on: bool) -> None:
        """Let pages run their scripts, or not; from the next page on."""
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def give_cookie(self, origin: str, name: str, value: str) -> None:
        """Hold a cookie as the site would have set it."""
        how = {"secure": True, "httpOnly": True, "sameSite": "Lax", "path": "/"}
        assert self.call("Network.setCookie", url=origin, name=name, value=value, **how)["success"]

    def forget_cookies(self) -> None:
        """Be a browser that knows nobody."""
        self.call("Network.clearBrowserCookies")

    def click(self, selector: str) -> None:
        """Press the mouse on the first element of a selector, where a person would see it."""
        self.click_on(f"document.querySelector({json.dumps(selector)})")

    def click_on(self, element: str) -> None:
        """Press the mouse on what an expression finds; it has to lie open there, with nothing above it."""
        found = self.value(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const b = e.getBoundingClientRect();"
            " const [x, y] = [b.x + b.width / 2, b.y + b.height / 2], top = document.elementFromPoint(x, y);"
            f" return [x, y, top === e || e.contains(top) || top.contains(e)] }})({element})"
        )
        assert found[2], f"something covers {element}"
        how = {"x": found[0], "y": found[1], "button": "left", "clickCount": 1, "buttons": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **how)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key; see KEYS."""
        code, number, text = KEYS[key]
        told = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": SHIFT if shift else 0}
        self.call(
            "Input.dispatchKeyEvent",
            type="keyDown" if text else "rawKeyDown",
            **told,
            **({"text": text} if text else {}),
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def tab_to(self, said: str, most: int = 120) -> None:
        """Press Tab until something is reached that is called so: by its label or its text."""
        for _ in range(most):
            self.press("Tab")
            if str(self.value(FOCUSED)).strip() == said:
                return
        raise AssertionError(f"the keyboard does not reach {said!r}")

    def add_authenticator(self) -> str:
        """Plug a virtual authenticator in, which knows its owner; return its id."""
        self.call("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
        options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
        return str(self.call("WebAuthn.addVirtualAuthenticator", options=options)["authenticatorId"])

    # -- what is seen ----------------------------------------------------------------------------------------

    def look(self, *, width: int, dark: bool = False, medium: str = "screen", height: int = 900) -> None:
        """Set the size of the window, the colour scheme and the medium."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 700
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=medium, features=[scheme])

    def value(self, expression: str) -> Any:
        """Return what an expression is in the page; promises are waited for."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def picture(self, file: Path, *, top: int | None = None, width: int = 1280) -> None:
        """Write a PNG of the whole page, or of its uppermost `top` pixels at that width."""
        clip = {"clip": {"x": 0, "y": 0, "width": width, "height": top, "scale": 1}} if top else {}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip)
        file.write_bytes(base64.b64decode(found["data"]))

    def pdf(self, file: Path) -> None:
        """Print the page."""
        found = self.call("Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69)
        file.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def chromium() -> Iterator[Tab]:
    """Start a browser with an empty profile and end it with the block."""
    binary = chromium_or_skip()
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="syncer-chromium-", ignore_cleanup_errors=True) as profile:
        # the browser reads its commands from descriptor 3 and answers on 4
        shell = f'exec "$0" "$@" 3<&{to_read} 4>&{from_write}'
        process = subprocess.Popen(
            ["bash", "-c", shell, binary, *FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(to_read, from_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": profile},
        )
        os.close(to_read)
        os.close(from_write)
        try:
            tab = Tab(to_write, from_read)
            yield tab
            tab.quit()
            process.wait(PATIENCE)  # it ends what it started, and lets go of its profile
        finally:
            process.kill()
            process.wait()
            os.close(to_write)
            os.close(from_read)


#: what axe looks for
RULES = "axe.run({runOnly:['wcag2a','wcag2aa','wcag21a','wcag21aa','best-practice']})"


def sound(tab: Tab, file: Path, width: int, *, dark: bool) -> None:
    """Assert that axe finds nothing on a page of ours, that nothing overflows or is logged, and that it asks nobody."""
    tab.look(width=width, dark=dark)
    tab.open(file)
    tab.value(f"{axe_or_skip()};0")

    found = tab.value(f"{RULES}.then(r => [r.passes.length, r.violations.map(v => [v.id, v.nodes[0].html])])")

    assert found[0] > 20
    assert found[1] == []
    assert tab.value("document.documentElement.scrollWidth") <= width
    said = [event["params"] for event in tab.events if event.get("method") == "Log.entryAdded"]
    assert said == []  # the policy hinders nothing that the page needs
    asked = [event for event in tab.events if event.get("method") == "Network.requestWillBeSent"]
    assert {event["params"]["request"]["url"] for event in asked} == {file.as_uri()}
