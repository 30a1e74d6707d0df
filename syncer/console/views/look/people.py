"""`/requests/find` and `/people/REF/`: whether somebody was dealt with, and who asked that."""

from __future__ import annotations

from flask import Blueprint, abort, request
from markupsafe import escape
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import BadInput, page, seen_other
from syncer.console.reading.requests import people
from syncer.console.views.look import asked as asking
from syncer.console.views.look import words
from syncer.console.views.look.at_hand import names
from syncer.domain.permissions import Permission
from syncer.errors import AddressError
from syncer.language.texts import _
from syncer.privacy.addresses import normalise
from syncer.privacy.damage import damage
from syncer.reports.wording.kept import of_address

views = Blueprint("people", __name__)

#: pseudonyms that somebody had under older keys; no key is replaced more often
MOST_KEYS = 50


@views.get("/requests/find")
@needs(Permission.FIND)
def find() -> Response:
    """Ask for an address."""
    asking.read()
    return page("look/find.html", typed="", wrong=None)


@views.post("/requests/find")
@needs(Permission.FIND)
def look_up() -> Response:
    """Find the requests of an address. It is in the audit who asked, before anything is answered."""
    typed = request.form.getlist("address")
    text = typed[0] if len(typed) == 1 else ""
    here = desk()
    sign = damage(text)
    try:
        refs = here.app.keyring.refs(normalise(text))
    except AddressError as error:
        said = _("the address cannot be used (%(why)s); correct it")
        return _again(text, said % {"why": of_address(sign or error.code)})
    found = people.of_person(here.app, refs)
    here.acting().access_log.looked_up(refs[0], len(found.requests))  # also where all that is said is "nobody"
    if sign and not found.requests:  # "nobody" would not be true of the person who was meant
        said = _("the address shows damage (%(why)s), and no event has it as it is; correct it")
        return _again(text, said % {"why": of_address(sign)})
    known = {row.view.subject for row in found.requests if row.view is not None}
    older = [ref for ref in refs[1:] if ref in known]
    return seen_other("people.person", ref=refs[0], **({"also": ",".join(older)} if older else {}))


@views.get("/people/<ref>/")
@needs(Permission.VIEW)
def person(ref: str) -> Response:
    """Show the requests of somebody by pseudonym, and who looked them up."""
    asked = asking.read("also")
    if not people.REF.fullmatch(ref):
        abort(404)
    also = asked["also"].split(",") if "also" in asked else []
    if len(also) > MOST_KEYS or not all(map(people.REF.fullmatch, also)):
        raise BadInput(_("The pseudonyms in this address are none. Look the person up again."))
    app, refs = desk().app, [ref, *also]
    found = people.of_person(app, refs)
    looks = people.looks_at(app, refs, [row.id for row in found.requests if row.id is not None])
    rotated = len(app.keyring.versions) > 1 and not also
    said = "" if found.more else words.of_person([row.view for row in found.requests])
    return page(
        "look/person.html",
        ref=ref,
        refs=refs,
        found=found,
        said=said,
        looks=looks,
        titles=names(),
        rotated=rotated,
    )


def _again(typed: str, wrong: str) -> Response:
    # marked up already: what they typed themselves is shown to them unmasked, and to nobody else
    return page("look/find.html", 422, typed=escape(typed), wrong=wrong)
