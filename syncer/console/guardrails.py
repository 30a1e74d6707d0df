"""What holds for every request and every answer: hosts, origins, methods, and the headers that browsers obey.

Without a framework's help in each view: what a view forgets, these still do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Request, Response, abort, current_app, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import RequestRedirect

from syncer.settings.console.table import LOCAL_HOSTS, ConsoleSettings

View = TypeVar("View", bound=Callable[..., Any])

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # not no-referrer: under that Chromium sends `Origin: null` with our own forms
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "publickey-credentials-get=(self), publickey-credentials-create=(self)",
}
#: what changes nothing, and what changes something; no view knows another method
SAFE, CHANGING = ("GET", "HEAD"), ("POST",)
#: a Host header: the name or the address, and perhaps a port
_HOST = re.compile(r"([a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?", re.IGNORECASE)
#: networks that stand for one person: addresses within are had for nothing
_NETWORKS = {4: 24, 6: 48}
_YEAR = 31_536_000


def install(site: Flask, settings: ConsoleSettings) -> None:
    """Let these rules hold for a site."""
    site.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    site.before_request(lambda: _require_own_host(settings))
    site.before_request(lambda: _require_own_origin(settings))
    site.after_request(lambda answer: _with_headers(answer, settings))


def is_own_host(host: str, settings: ConsoleSettings) -> bool:
    """Say whether a Host header names the console: the host of its URL, or this machine itself, on any port.

    Flask's TRUSTED_HOSTS takes no `[::1]`, and lets nothing be answered in words.
    """
    found = _HOST.fullmatch(host)
    own = (settings.parts.hostname, *LOCAL_HOSTS)
    return found is not None and found[1].lower() in map(_bracketed, filter(None, own))


def is_own(asked: Request, settings: ConsoleSettings) -> bool:
    """Say whether a request was sent by one of our own pages: by Fetch Metadata, else by the Origin."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    return asked.headers.get("Origin") == settings.origin


def cross_site(view: View) -> View:
    """Mark a view that other sites may post to; it has to know by itself whom it believes."""
    view.cross_site = True  # type: ignore[attr-defined]
    return view


def network(asked: Request, settings: ConsoleSettings) -> str:
    """Return the network a request comes from, as /24 or /48: the peer's, or what a trusted proxy says.

    Of X-Forwarded-For the right-most address counts that is no proxy of ours: whatever stands before that was written
    by the browser.
    """
    peer = asked.environ.get("REMOTE_ADDR", "")
    if not is_trusted_peer(peer, settings):
        return _network(peer)
    hops = [hop.strip() for hop in ",".join(asked.headers.getlist("X-Forwarded-For")).split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _is_among(hop, settings.trusted):
            return _network(hop)
    return _network(peer)


def is_trusted_peer(peer: str, settings: ConsoleSettings) -> bool:
    """Say whether who connected is a proxy of ours: one of `proxies`, or whoever may open the unix socket."""
    return not isinstance(settings.place, tuple) or _is_among(peer, settings.trusted)


def _is_among(text: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in each for each in networks)


def _network(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network(f"{mapped}/{_NETWORKS[mapped.version]}", strict=False))


def _require_own_host(settings: ConsoleSettings) -> None:
    # what the client wrote, not what werkzeug makes of it
    if not is_own_host(request.environ.get("HTTP_HOST", ""), settings):
        abort(400)


def _require_own_origin(settings: ConsoleSettings) -> None:
    if request.method in SAFE:
        return
    if request.method not in CHANGING:
        raise MethodNotAllowed([*SAFE, *CHANGING])
    view = current_app.view_functions.get(request.endpoint or "")
    if not getattr(view, "cross_site", False) and not is_own(request, settings):
        abort(403)


def headers_of(settings: ConsoleSettings) -> Mapping[str, str]:
    """Return the headers of every answer of this console."""
    headers = HEADERS | {"Cache-Control": "no-store"}
    if settings.secure:
        below = "" if settings.prefix else "; includeSubDomains"
        headers["Strict-Transport-Security"] = f"max-age={_YEAR}{below}"
    return headers


def _own_path(url: str) -> str:
    """Return the path and the query of an address; never one that a browser takes for another host."""
    parts = urlsplit(url)
    return urlunsplit(("", "", f"/{parts.path.lstrip('/')}", parts.query, ""))


def _with_headers(answer: Response, settings: ConsoleSettings) -> Response:
    if isinstance(moved := request.routing_exception, RequestRedirect):
        # werkzeug names host and scheme as it sees them: before a tunnel or a proxy the browser knows others
        answer.headers["Location"] = _own_path(moved.new_url)
    if "Location" in answer.headers:  # werkzeug's page, which nobody sees, is English and names the address again
        answer.set_data(b"")
        answer.content_type = "text/plain; charset=utf-8"
    kept = answer.headers.get("Cache-Control")
    answer.headers.update(headers_of(settings))
    if kept is not None:  # a file under an address that names what it holds
        answer.headers["Cache-Control"] = kept
    return answer


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
