"""The site: its pages, its rules, and what it answers when something goes wrong. Made for one installation."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from flask import Flask, g, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.wrappers import Response

from syncer.console import access, guardrails, pages
from syncer.console.desk import desk, furnish
from syncer.console.forms import UnfitForm
from syncer.console.plain import wished_language
from syncer.console.views.all import ALL
from syncer.database.failures import is_outage
from syncer.errors import UntrustedLog
from syncer.language.texts import _, speaking
from syncer.log import get_logger
from syncer.privacy.masking import visible
from syncer.reports.wording.kept import refusal

if TYPE_CHECKING:
    from syncer.app import App

#: how templates are read
_TEMPLATES: dict[str, Any] = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "finalize": visible,
    "extensions": ["jinja2.ext.i18n"],
}
#: bytes of a form; more is refused before it is read
LONGEST_FORM = 65_536


def make_site(app: App) -> Flask:
    """Return the pages of an installation as a WSGI application."""
    site = _Site(__name__.rpartition(".")[0], static_folder=None, template_folder="templates")
    here = furnish(app)
    site.extensions["syncer"] = here
    site.jinja_options = {**_TEMPLATES}
    site.config["MAX_CONTENT_LENGTH"] = site.config["MAX_FORM_MEMORY_SIZE"] = LONGEST_FORM
    site.before_request(_begin)
    guardrails.install(site, here.settings)
    site.before_request(access.admit)
    site.before_request(_speak)
    site.teardown_request(_fall_silent)
    for views in ALL:
        site.register_blueprint(views)
    site.register_error_handler(HTTPException, _refused)
    site.register_error_handler(UnfitForm, _unfit)
    site.register_error_handler(Exception, _failed)
    pages.furnish_templates(site.jinja_env)
    return site


class _Site(Flask):
    """Flask, with templates in which a missing value is a bug, and every value is masked and made visible."""

    def select_jinja_autoescape(self, _filename: str | None) -> bool:
        """Escape in every template, whatever it is called."""
        return True


def _begin() -> None:
    g.person = None  # until `admit` found somebody; a page that says why nobody was looked for asks for it too


def _speak() -> None:
    """Speak the language of whoever asks: their own, that of the settings, that of their browser.

    What is refused before a page is looked for is said in it, too.
    """
    if "speaking" in g:
        return
    here = desk()
    who = g.get("person")
    own = who.language if who is not None else None
    asked = request.headers.get("Accept-Language", "")
    g.speaking = speaking(wished_language(asked, own or here.settings.language))
    g.speaking.__enter__()


def _fall_silent(_error: BaseException | None) -> None:
    if (spoken := g.pop("speaking", None)) is not None:
        spoken.__exit__(None, None, None)


def _refused(error: HTTPException) -> Response:
    """Answer what a request was refused for in words, without a word of what was sent."""
    _speak()
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
        return _failed(error.original_exception)  # raised by a handler of errors, which reads the database, too
    if error.response is not None:  # a redirect
        return Response.force_type(error.get_response(), request.environ)
    code = error.code or 500
    title, said = _SAID.get(code, _SAID[400 if code < 500 else 500])()
    if code == 400 and isinstance(error, pages.BadInput):
        said = str(error)
    answer = pages.error_page(code, title, said)
    for name, value in error.get_headers():
        if name in ("Retry-After", "Allow"):
            answer.headers[name] = value
    return answer


def _unfit(_error: UnfitForm) -> Response:
    """Answer a form that its own page did not show again."""
    return pages.error_page(422, *_SAID[422]())


def _failed(error: Exception) -> Response:
    """Answer what went wrong with a number that the log has too: no type, no path, nothing of the request."""
    _speak()
    if is_outage(error):
        answer = _refused(ServiceUnavailable(retry_after=10))
        get_logger("syncer.console").warning("database.away", error=type(error).__name__)
        return answer
    if isinstance(error, UntrustedLog):
        return pages.error_page(503, _("Nothing is written any more"), refusal(error))
    number = uuid.uuid4().hex[:12]
    get_logger("syncer.console").error(
        "page.failed", reason=number, path=request.endpoint or "", error=type(error).__name__, exc_info=error
    )
    title, said = _SAID[500]()
    return pages.error_page(InternalServerError.code, title, said, number)


#: HTTP status -> what is said, made when it is said: in the language that is spoken then
_SAID = {
    400: lambda: (_("This request cannot be understood"), _("Go back and try it again; nothing was changed.")),
    403: lambda: (
        _("You may not do this"),
        _("Your roles do not allow it, or the request did not come from a page of this console. Nothing was changed."),
    ),
    404: lambda: (_("There is no such page"), _("The address may be mistyped, or what it named is not here.")),
    405: lambda: (_("There is no such page"), _("This address is not one that can be opened.")),
    409: lambda: (_("This has changed meanwhile"), _("Nothing was done. Look at it again.")),
    413: lambda: (_("This is too long"), _("Shorten what you wrote; nothing was changed.")),
    422: lambda: (
        _("This form cannot be taken"),
        _("Something in it is missing, or cannot be understood. Go back and fill it in again; nothing was changed."),
    ),
    429: lambda: (_("Too often"), _("Wait a little, then try it again. Nothing was changed.")),
    431: lambda: (_("This is too long"), _("Nothing was changed.")),
    500: lambda: (
        _("Something went wrong here"),
        _("It was noted, and nothing of it is shown. Tell whoever runs syncer the number below."),
    ),
    503: lambda: (
        _("The database is away"),
        _("Nothing is lost: what was asked for is carried out once it is back. Try it again in a few seconds."),
    ),
}
