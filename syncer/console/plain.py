"""A page without templates: for what is answered before there is a site, and for when the site itself fails."""

from __future__ import annotations

from html import escape

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response

from syncer.language.texts import ENGLISH, LANGUAGES, _, spoken

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · syncer</title>
</head>
<body><main><h1>{title}</h1><p>{said}</p>{more}</main></body>
</html>
"""


def plain_page(code: int, title: str, said: str, number: str | None = None) -> Response:
    """Return a page that says what went wrong, in the language that is spoken; `number` is what the log calls it."""
    named = _("Number of this error: %(number)s") % {"number": number}
    more = f"<p>{escape(named)}</p>" if number else ""
    text = _PAGE.format(language=spoken(), title=escape(title), said=escape(said), more=more)
    return Response(text, code, content_type="text/html; charset=utf-8")


def wished_language(header: str, wanted: str | None) -> str:
    """Return the language to speak: the one that is wanted here, else the first that a browser asks for and we have.

    `de-CH` is German: werkzeug's own choice would be the French that stands behind it.
    """
    if wanted is not None:
        return wanted
    asked = (str(tag).partition("-")[0].lower() for tag, _quality in parse_accept_header(header, LanguageAccept))
    return next((tag for tag in asked if tag in LANGUAGES), ENGLISH)
