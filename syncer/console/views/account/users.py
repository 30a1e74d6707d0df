"""`/users/`: who can sign in, and what whoever looks after accounts may change about them."""

from __future__ import annotations

from flask import Blueprint, url_for
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.console.access import needs, person
from syncer.console.desk import desk
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.pages import announce, page, seen_other
from syncer.console.sign_in.accounts import LastAdmin, NoSuchAccount
from syncer.console.views.account.wording import factor
from syncer.console.views.look import asked as asking
from syncer.domain.permissions import Permission, Role
from syncer.errors import UserError
from syncer.language.texts import N_, _

views = Blueprint("users", __name__)

ROLES_SET = announce("roles-set", N_("The roles were changed, and the person's sessions were ended."))
ROLES_KEPT = announce("roles-kept", N_("The person had these roles already. Nothing was changed."))
DISABLED = announce("user-disabled", N_("The account was disabled, and its sessions were ended."))
ENABLED = announce("user-enabled", N_("The account can sign in again."))
SIGNED_OUT = announce("user-signed-out", N_("All sessions of the person were ended."))
_YOURSELF = N_("You cannot change your own account here. Another administrator can, or `syncer user` on the server.")
_TWO_PEOPLE = N_(
    "Decisions need a second person here, and whoever resets an account gets the code to sign in as that person. Let"
    " somebody on the server do it: syncer user reset NAME."
)
_LAST = N_("Nobody else could look after the accounts then. Make another administrator first.")
_UNREADABLE = N_("Choose a person and roles from this page.")

#: what each role is called, and what it may do
ROLE_WORDS = {
    Role.READER: (N_("reader"), N_("sees all pages, with pseudonyms only")),
    Role.COMPLIANCE: (N_("compliance"), N_("also looks people up, exports, enters requests, approves")),
    Role.OPS: (N_("operations"), N_("also looks people up, enters requests, starts over, pauses, decides, releases")),
    Role.ADMIN: (N_("administrator"), N_("does everything, and looks after accounts")),
}


class Yourself(UserError):
    """Raised for a change of one's own account: nobody edits themselves out."""


class TwoInOne(UserError):
    """Raised for what would let one person sign in as two, where decisions ask for two."""


class NameForm(Form):
    """Whose account it is."""

    name: str = Field(min_length=1, max_length=32)


class RolesForm(NameForm):
    """The roles that somebody is to have."""

    roles: frozenset[Role] = Field(min_length=1)


@views.get("/users/")
@needs(Permission.PEOPLE)
def users() -> Response:
    """List the people who may sign in."""
    asking.read()
    return _users()


@views.post("/users/roles")
@needs(Permission.PEOPLE)
def set_roles() -> Response:
    """Give somebody other roles."""
    form = sent(RolesForm, lists=("roles",))
    ended = desk().accounts().set_roles(_another(form), form.roles, keep_an_admin=True)
    return seen_other("users.users", said=ROLES_KEPT if ended is None else ROLES_SET)


@views.post("/users/disable")
@needs(Permission.PEOPLE)
def disable() -> Response:
    """Let somebody sign in no more."""
    desk().accounts().disable(_another(sent(NameForm)), keep_an_admin=True)
    return seen_other("users.users", said=DISABLED)


@views.post("/users/enable")
@needs(Permission.PEOPLE)
def enable() -> Response:
    """Let somebody sign in again."""
    desk().accounts().enable(_another(sent(NameForm)))
    return seen_other("users.users", said=ENABLED)


@views.post("/users/sign-out")
@needs(Permission.PEOPLE)
def sign_out() -> Response:
    """End all sessions of somebody."""
    desk().accounts().sign_out(_another(sent(NameForm)))
    return seen_other("users.users", said=SIGNED_OUT)


@views.post("/users/reset")
@needs(Permission.PEOPLE)
def reset() -> Response:
    """Take all factors of somebody away, and show the code with which they begin anew: here, and never again.

    Not where decisions ask for a second person: with the code one would be both.
    """
    name = _another(sent(NameForm))
    if desk().settings.four_eyes:
        raise TwoInOne(_TWO_PEOPLE)
    code = desk().accounts().reset(name, keep_an_admin=True)
    where = f"{desk().settings.origin}{url_for('enrol.enrol')}"
    return page("account/code.html", name=name, code=code, where=where)


@views.errorhandler(UnfitForm)
def _unfit(_error: UnfitForm) -> Response:
    return _users(422, _(_UNREADABLE))


@views.errorhandler(Yourself)
def _yourself(_error: Yourself) -> Response:
    return _users(409, _(_YOURSELF))


@views.errorhandler(TwoInOne)
def _two_in_one(_error: TwoInOne) -> Response:
    return _users(409, _(_TWO_PEOPLE))


@views.errorhandler(LastAdmin)
def _last_admin(_error: LastAdmin) -> Response:
    return _users(409, _(_LAST))


@views.errorhandler(NoSuchAccount)
def _no_such_account(_error: NoSuchAccount) -> Response:
    return _users(404, _(_UNREADABLE))


def _another(form: NameForm) -> str:
    """Return whose account is to change. Raises Yourself for one's own."""
    if form.name == person().name:
        raise Yourself(_YOURSELF)
    return form.name


def _users(status: int = 200, wrong: str = "") -> Response:
    errors = {"people": wrong} if wrong else {}
    found, words = desk().accounts().all(), ROLE_WORDS
    return page(
        "account/users.html", status, accounts=found, errors=errors, words=words, roles=tuple(Role), factor=factor,
        may_reset=not desk().settings.four_eyes,
    )  # fmt: skip
