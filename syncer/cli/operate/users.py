"""Commands for the people who sign in to the web console. The shell is where trust begins: no page makes an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncer.cli.common import JSON, Context, common, legible
from syncer.cli.help.shape import Group
from syncer.cli.output import stdout
from syncer.domain.permissions import Role
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.console.sign_in.accounts import AccountBook

NAME = click.argument("name", callback=legible)
ROLES = click.option(
    "--role",
    "roles",
    type=click.Choice([role.value for role in Role]),
    multiple=True,
    required=True,
    help="What the person may do; repeat it for several.",
)


@click.group(cls=Group)
def user() -> None:
    """Make and change accounts of people who use the web console."""


@user.command()
@NAME
@ROLES
@common
def add(context: Context, name: str, roles: tuple[str, ...]) -> None:
    """Make an account, and print the code with which its owner begins.

    The code works once, within 24 hours; give it to nobody else. NAME has 2 to 32 lower-case letters, digits, . _ or -,
    and begins with a letter.
    """
    with context.app() as app:
        where = _where(app)
        _begin(where, _book(app).add(name, map(Role, roles)))


@user.command("list")
@JSON
@common
def list_(context: Context, as_json: bool) -> None:
    """List accounts, with their roles and what their owners sign in with."""
    from syncer.cli.output import console
    from syncer.cli.output.people import listed, show_users

    with context.app() as app:
        users = tuple(map(listed, _book(app).all()))
    console.answer(users, as_json, show_users)


@user.command()
@NAME
@ROLES
@common
def role(context: Context, name: str, roles: tuple[str, ...]) -> None:
    """Give somebody these roles, in place of those they had.

    Their sessions end: they sign in again.
    """
    with context.app() as app:
        book = _book(app)
        _ended(f"{name} has these roles now: {', '.join(roles)}", book.set_roles(name, map(Role, roles)) or 0)
        _remark_without_admin(book)


@user.command()
@NAME
@common
def disable(context: Context, name: str) -> None:
    """Let somebody sign in no more, and end their sessions."""
    with context.app() as app:
        book = _book(app)
        _ended(f"{name} cannot sign in any more", book.disable(name))
        _remark_without_admin(book)


@user.command()
@NAME
@common
def enable(context: Context, name: str) -> None:
    """Let somebody sign in again, with what they signed in with before."""
    from syncer.cli.output import console

    with context.app() as app:
        book = _book(app)
        book.enable(name)
        account = book.find(name)
    console.line(f"{name} can sign in again")
    if account is not None and not account.is_enrolled:
        stdout.remark(f"{name} has nothing to sign in with; `syncer user reset {name}` prints a code to begin with")


@user.command()
@NAME
@common
def reset(context: Context, name: str) -> None:
    """Take all factors of somebody away, and print a new code.

    For who lost a phone or forgot a password, and whoever may have lost it to somebody else: sessions end.
    Nobody chooses another's password.
    """
    with context.app() as app:
        where, book = _where(app), _book(app)
        _begin(where, book.reset(name))
        _remark_without_admin(book)


@user.command("sign-out")
@NAME
@common
def sign_out(context: Context, name: str) -> None:
    """End all sessions of somebody."""
    with context.app() as app:
        _ended(f"{name} is signed out", _book(app).sign_out(name))


def _book(app: App) -> AccountBook:
    from syncer.console.sign_in.accounts import AccountBook

    return AccountBook(app.transactions)


def _where(app: App) -> str:
    """Return where somebody goes with a code. Raises UserError where the settings have no console."""
    if app.settings.console is None:
        raise UserError(
            f"{app.settings.path}: there is no web console to sign in to; add [console] with"
            ' url = "https://privacy.example.org/", or url = "http://localhost:8484/" to try it on this machine'
        )
    return f"{app.settings.console.url}enrol"


def _begin(where: str, code: str) -> None:
    from syncer.cli.output import console

    console.line(f"address  {where}")
    console.line(f"code     {code}")
    stdout.remark("the code works once, within 24 hours, and is not shown again; hand both over by a way of your own")


def _ended(said: str, sessions: int) -> None:
    from syncer.cli.output import console

    console.line(f"{said}; sessions ended: {sessions}")


def _remark_without_admin(book: AccountBook) -> None:
    """Say where nobody is left who may look after accounts on the pages."""
    if not any(Role.ADMIN in each.roles and each.is_enrolled and each.barred is None for each in book.all()):
        stdout.remark("no administrator can sign in to the console now; `syncer user` still does all of it")
