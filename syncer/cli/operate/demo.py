"""`syncer demo --console`: a filled installation, its daemon and its console in one process, until Ctrl-C."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING

from syncer.errors import UserError

if TYPE_CHECKING:
    from flask import Flask
    from rich.console import Console

    from syncer.app import App
    from syncer.console.doors.demo import DemoDoor
    from syncer.service.reload.orders import Orders
    from syncer.settings.checked import Settings
    from syncer.settings.console.table import ConsoleSettings
    from syncer.setup.filled.installation import FilledInstallation

#: the port that the documentation names; another one is taken where that is in use
PORT = 8484
#: seconds that the daemon may take to finish its calls
PATIENCE = 30.0
#: what each role is good for
ROLES = {
    "reader": "sees every page, and nobody's address",
    "compliance": "looks people up, takes proofs out, approves",
    "ops": "decides: resync, exempt, extend, release, pause",
    "admin": "all of that, and who may sign in",
}


def run(console: Console) -> int:
    """Run the demo until it is told to end; return its exit code.

    Everything lies in a temporary folder that goes with the demo. Raises UserError where the console's packages are
    missing.
    """
    from syncer.clock import now
    from syncer.service.drain import carry_out
    from syncer.service.reload.orders import Orders
    from syncer.setup.demo import told_to_stop
    from syncer.setup.filled.installation import filled

    _require_packages()
    from syncer.console.sign_in.demo_people import add_demo_people

    console.print("Three months are played against the sandbox, which takes about 15 seconds …")
    with ExitStack() as block:
        block.enter_context(told_to_stop())
        folder = Path(block.enter_context(tempfile.TemporaryDirectory(prefix="syncer-demo-")))
        heard = block.enter_context(closing(listener()))
        made = block.enter_context(filled(folder, heard.getsockname()[1], now(), carry_out, add_demo_people))
        made.clock.go_on()
        site, door = furnished(made)
        orders = block.enter_context(Orders())
        block.enter_context(served(site, console_of(made.app), heard))
        block.enter_context(_worked_on(made.app.settings, orders))
        _say(console, made, door)
        orders.stop.wait()
        console.print("Ending …")
    console.print("Nothing is left of it.")
    return 0


def listener(wanted: int = PORT) -> socket.socket:
    """Return a socket at a port of localhost, which is another one where that is in use; 0 is any."""
    for port in (wanted, 0):
        heard = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            heard.bind(("127.0.0.1", port))
        except OSError:
            heard.close()
            if not port:
                raise
        else:
            break
    return heard


def console_of(app: App) -> ConsoleSettings:
    """Return the settings of an installation's console, which it has."""
    assert app.settings.console is not None
    return app.settings.console


def furnished(made: FilledInstallation) -> tuple[Flask, DemoDoor]:
    """Return the pages of a filled installation, and the door by which its people go in."""
    from syncer.console.doors.demo import DemoDoor
    from syncer.console.site import make_site

    site, door = make_site(made.app), DemoDoor()
    door.install(site)
    return site, door


@contextmanager
def served(site: Flask, settings: ConsoleSettings, heard: socket.socket) -> Iterator[None]:
    """Answer what comes to a socket as `syncer console` does, for the block."""
    from waitress import wasyncore

    from syncer.console.front import Front
    from syncer.console.guardrails import headers_of
    from syncer.console.wire import THREADS, make_wire

    front = Front(settings, THREADS)
    front.open(site)
    wire = make_wire(front, heard, settings.parts.scheme, headers_of(settings))
    over, channels = threading.Event(), wire._map

    def answer() -> None:
        while not over.is_set():
            wasyncore.loop(timeout=0.2, map=channels, count=1)

    serving = threading.Thread(target=answer, name="console")
    serving.start()
    try:
        yield
    finally:
        over.set()
        serving.join(PATIENCE)
        wire.task_dispatcher.shutdown(timeout=PATIENCE)
        wasyncore.close_all(channels, ignore_all=True)


@contextmanager
def _worked_on(settings: Settings, orders: Orders) -> Iterator[None]:
    """Let a daemon work for the block: what somebody releases is carried out while they watch."""
    from syncer.app import open_app
    from syncer.service.daemon import Daemon

    daemon = Daemon(open_app(settings, actor="daemon"), orders)
    working = threading.Thread(target=daemon.run, name="daemon")
    working.start()
    try:
        yield
    finally:
        orders.end()
        working.join(PATIENCE)


def _require_packages() -> None:
    missing = [name for name in ("flask", "waitress") if util.find_spec(name) is None]
    if missing:
        raise UserError(f"demo: the console needs {' and '.join(missing)}; install syncer's extra [console]")


def _say(console: Console, made: FilledInstallation, door: DemoDoor) -> None:
    from syncer.console.sign_in.demo_people import DEMO_PEOPLE

    url = console_of(made.app).url
    console.print(f"\nThe console is at {url} Each of these links opens it once:\n", soft_wrap=True)
    for role, name in DEMO_PEOPLE.items():
        console.print(f"  [bold]{name:<6}[/bold] {role:<11} {ROLES[role]}", soft_wrap=True)
        console.print(f"         {url.rstrip('/')}{door.link(role)}\n", soft_wrap=True)
    console.print(f"Somebody to look up: {made.addresses[0]}")
    console.print("A daemon works meanwhile. Ctrl-C ends it all, and nothing is left.")
