"""Ways through the console: to the sign-in or a second factor, and from there back to where somebody wanted to go."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException

from syncer.console.desk import desk

#: characters that a way back may have: a plan of all requests that a page of the register shows has 2,200, and a cookie
#: in which a way back is kept on a way to an identity provider 4,096, at four characters for three
_LONGEST = 2600
#: what a way back does not take along: what was said on the page, and whether it follows by itself
_LEFT_OUT = ("said", "follow", "next")


def beside(endpoint: str, said: str) -> str:
    """Return the way to a page of the sign-in, which leads back to where this request came from.

    `said` is told where a form was sent: what was typed is not kept, and nothing was changed.
    """
    if request.method in ("GET", "HEAD"):
        return f"{url_for(endpoint)}?{urlencode({'next': request.full_path.rstrip('?')})}"
    return f"{url_for(endpoint)}?{urlencode({'next': _form(), 'said': said})}"


def back(wanted: str) -> str:
    """Return the address of a page of ours that somebody wanted; that of the overview for whatever is none.

    It is made anew from our own map of pages: of what was wanted nothing is left but which page, and its filters.
    """
    overview = url_for("overview.overview")
    root = request.script_root
    path, _, query = (wanted.removeprefix(root) if wanted.startswith(f"{root}/") else wanted).partition("?")
    path = unquote(path)
    if len(wanted) > _LONGEST or not path.startswith("/") or path.startswith("//") or "\\" in wanted:
        return overview
    if not (path.isprintable() and query.isprintable()):
        return overview
    try:
        endpoint, values = current_app.url_map.bind("localhost").match(path, method="GET")
        view = current_app.view_functions[endpoint]
        if getattr(view, "public", False) or endpoint.startswith("sign_in."):
            return overview
        filters = [each for each in parse_qsl(query.partition("#")[0]) if each[0] not in _LEFT_OUT]
        return f"{url_for(endpoint, **values)}{'?' if filters else ''}{urlencode(filters)}"
    except (HTTPException, ValueError):
        return overview


def _form() -> str:
    """Return the page whose form was sent."""
    settings = desk().settings
    start, referrer = f"{settings.origin}{settings.prefix}", request.headers.get("Referer", "")
    return referrer.removeprefix(start) if referrer.startswith(f"{start}/") else request.full_path.rstrip("?")
