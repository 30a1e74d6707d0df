"""Whether people can come into the web console by its other doors: their secrets, and who vouches for them."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from adapters.contract import Check
from syncer.errors import SettingsProblem
from syncer.oidc.provider import discovered
from syncer.oidc.refusals import ProviderAway
from syncer.privacy import credentials
from syncer.settings.console.doors import SHORTEST_TICKET_SECRET, OidcDoor, WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from syncer.settings.secret_file import read

_SECONDS = 3.0
#: how WordPress names its interface in a header of each page (https://developer.wordpress.org/rest-api/)
_INTERFACE = "https://api.w.org/"
#: a ticket is good for a minute: half of it is for whoever reads the page before they click
_APART = timedelta(seconds=30)


def findings(settings: ConsoleSettings, now: datetime) -> Iterator[Check]:
    """Return a finding for each thing about a door; `now` is the time of this machine (UTC)."""
    if settings.wordpress is not None:
        yield _secret("console: WordPress", settings.wordpress.secret_file, SHORTEST_TICKET_SECRET)
        yield from _clocks(settings.wordpress, now)
    if settings.oidc is not None:
        yield _secret("console: identity provider", settings.oidc.secret_file, 1)
        yield _provider(settings.oidc)


def _secret(name: str, path: Path, shortest: int) -> Check:
    """Say whether a secret can be read and is long enough; one that is the console's alone is not for us to read."""
    if credentials.out_of_reach(path) is not None:
        return Check(name, True, f"{path}: systemd lends it to the console")
    try:
        owner = path.stat().st_uid
        found = read(name, path)
    except FileNotFoundError:
        return Check(name, False, f"{path} is missing", "make it, and name it as secret_file")
    except PermissionError:
        return Check(name, True, f"{path}: this account cannot look at it")
    except (OSError, SettingsProblem) as problem:
        if isinstance(problem, SettingsProblem) and owner not in (0, os.geteuid()):
            return Check(name, True, f"{path}: it belongs to another account, which has to be the console's")
        return Check(
            name, False, str(problem).removeprefix(f"{name}: "), "let the console's account read it, and no other"
        )
    if len(found) < shortest:
        what = f"{path} has {len(found)} characters, and everything that it signs is refused" if shortest > 1 else ""
        mend = f"put {shortest} or more into it, as `openssl rand -hex 32` makes them" if shortest > 1 else ""
        return Check(name, False, what or f"{path} is empty", mend or "put the client's secret into it")
    return Check(name, True, str(path))


def _clocks(door: WordPressDoor, now: datetime) -> Iterator[Check]:
    """Compare our clock with that of the site, where the site answers."""
    theirs = _time_of(door.issuer)
    if theirs is None:
        return
    name, apart = "console: clocks", abs(theirs - now)
    if apart <= _APART:
        yield Check(name, True, f"that of {urlsplit(door.issuer).hostname} is right, as far as ours is")
        return
    what = f"that of {urlsplit(door.issuer).hostname} and ours are {apart.total_seconds():.0f} seconds apart"
    yield Check(name, True, what, "let both follow a time server: a ticket is good for a minute", warn=True)


def _time_of(url: str) -> datetime | None:
    """Return what the answer of a site says about its time; None where it says nothing."""
    try:
        found = parsedate_to_datetime(_header(url, "Date"))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def is_wordpress(url: str) -> bool:
    """Say whether a page is WordPress', by what it says of its interface; no answer says nothing."""
    return _INTERFACE in _header(url, "Link")


def _header(url: str, name: str) -> str:
    """Return a header of a site's answer; "" where it has none, or where nobody answers."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(parts.netloc, timeout=_SECONDS)) as connection:
            connection.request("HEAD", parts.path or "/")
            return connection.getresponse().getheader(name) or ""
    except (OSError, http.client.HTTPException, ValueError):
        return ""


def _provider(door: OidcDoor) -> Check:
    name = "console: sign-in elsewhere"
    if find_spec("joserfc") is None:
        return Check(name, False, "what checks a provider's word is not installed", "install list-syncer[oidc]")
    try:
        discovered(door.issuer)
    except ProviderAway as away:
        mend = "compare [console.oidc] issuer with what the provider says, letter by letter, and look at the way there"
        return Check(name, True, f"{door.issuer}: {away}", mend, warn=True)
    return Check(name, True, door.issuer)
