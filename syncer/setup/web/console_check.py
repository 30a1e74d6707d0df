"""Whether the web console can be used: its address, its place, its key, and who could sign in."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adapters.contract import Check
from syncer.privacy import credentials
from syncer.settings.console.doors import SHORTEST_SECRET
from syncer.settings.console.table import ConsoleSettings
from syncer.settings.secret_file import LONGEST
from syncer.setup.web import door_check, people_check

if TYPE_CHECKING:
    from syncer.app import App

#: what a console answers at /healthz, whether its database is there or not, and what stands in each answer of its
_HEALTH = (b" 200 ", b" 503 ")
_POLICY = b"content-security-policy: default-src 'none';"
_SECONDS = 2.0


def run(app: App) -> list[Check]:
    """Return a finding for each thing that keeps people out, or lets others in; none without [console]."""
    settings = app.settings.console
    return [] if settings is None else list(_findings(app, settings))


def _findings(app: App, settings: ConsoleSettings) -> Iterator[Check]:
    yield _url(settings)
    if (shared := _neighbour(settings)) is not None:
        yield shared
    yield _listener(settings)
    yield from door_check.findings(settings, app.clock())
    if (proxy := _proxy(settings)) is not None:
        yield proxy
    yield from people_check.run(app, settings)


def _url(settings: ConsoleSettings) -> Check:
    if settings.secure:
        return Check("console: url", True, settings.url)
    mend = "for people elsewhere put a proxy with TLS before it, and its https address into [console] url"
    return Check("console: url", True, f"{settings.url} is for this machine, and for ssh -L, alone", mend, warn=True)


def _neighbour(settings: ConsoleSettings) -> Check | None:
    """Return a warning where WordPress answers under the same host: its scripts could act as whoever is signed in."""
    host, door = settings.parts.hostname, settings.wordpress
    shared = door is not None and urlsplit(door.issuer).hostname == host
    # who has the whole host to themselves shares it with nobody
    if not shared and not (settings.prefix and door_check.is_wordpress(f"{settings.origin}/")):
        return None
    what = f"WordPress answers at {host} too: a hole in a plugin could act as whoever is signed in"
    return Check("console: host", True, what, "give the console a host of its own", warn=True)


def _listener(settings: ConsoleSettings) -> Check:
    name, answer, place = "console: listen", _answer_of(settings), settings.place
    if answer is None:
        problem = None if isinstance(place, Path) else _unbindable(place)
        mend = "name an address of this machine and a port from 1024 up in [console] listen"
        return Check(name, problem is None, f"{settings.listen} is {problem or 'free'}", mend if problem else "")
    head, _, rest = answer.partition(b"\r\n")
    if any(status in head for status in _HEALTH) and _POLICY in rest.lower():
        return Check(name, True, f"a console answers at {settings.listen}")
    mend = "end what listens there, or choose another place in [console] listen"
    return Check(name, False, f"{settings.listen} is in use, and what answers there is no console", mend)


def _unbindable(place: tuple[str, int]) -> str | None:
    """Return why nothing can listen there, by trying; None where something can."""
    try:
        with socket.create_server(place, family=socket.AF_INET6 if ":" in place[0] else socket.AF_INET):
            return None
    except OSError as error:
        return f"no place to listen at ({error.strerror})"


def _answer_of(settings: ConsoleSettings) -> bytes | None:
    """Return how what listens at the place answers a question about its health; None where nothing listens."""
    asked = f"GET {settings.prefix}/healthz HTTP/1.1\r\nHost: {settings.parts.netloc}\r\nConnection: close\r\n\r\n"
    place = settings.place
    try:
        if isinstance(place, Path):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(_SECONDS)
        else:
            sock = socket.create_connection(place, timeout=_SECONDS)
    except OSError:
        return None
    with closing(sock):
        try:
            if isinstance(place, Path):
                sock.connect(str(place))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError:
            return b""
        try:
            sock.sendall(asked.encode())
            return sock.recv(4096)
        except OSError:
            return b""


def _proxy(settings: ConsoleSettings) -> Check | None:
    """Return whom the console believes who is signed in; None without such a door."""
    door = settings.proxy
    if door is None:
        return None
    name, path = "console: proxy", door.secret_file
    if path is None:
        return Check(name, True, f"whoever may open {settings.place} signs people in, by {door.user_header}")
    mend = f"put a secret of {SHORTEST_SECRET} characters or more there, as of `openssl rand -hex 32`, with mode 0600"
    try:
        with path.open("rb") as file:
            found, open_to = file.read(LONGEST).strip(), os.fstat(file.fileno()).st_mode & 0o007
    except FileNotFoundError:
        if credentials.out_of_reach(path) is not None:
            return Check(name, True, f"{path}: systemd lends it to the console")
        return Check(name, False, f"{path} is missing", mend)
    except OSError as error:  # the console has an account of its own
        return Check(name, True, f"{path}: this account cannot look at it ({error.strerror})")
    if len(found) < SHORTEST_SECRET or open_to:
        what = "everybody here can read it" if open_to else "its secret can be guessed"
        return Check(name, False, f"{path}: {what}", mend)
    return Check(name, True, f"signs people in by {door.user_header}, with the secret in {path}")
