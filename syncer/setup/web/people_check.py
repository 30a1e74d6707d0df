"""Whether somebody can sign in to the web console, and whether those who may decide can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from adapters.contract import Check
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading
from syncer.database.failures import in_words
from syncer.domain.model import word
from syncer.domain.permissions import STEP_UP, Permission, Role, permissions
from syncer.settings.console.table import ConsoleSettings

if TYPE_CHECKING:
    from syncer.app import App

_NAME = "console: people"
_SECOND = "console: second factor"


@dataclass(frozen=True, slots=True)
class _Account:
    """An account that is not disabled. `can_sign_in` is by any way that the settings open."""

    name: str
    decides: bool
    can_sign_in: bool
    has_password: bool
    has_second_factor: bool


def run(app: App, settings: ConsoleSettings) -> Iterator[Check]:
    """Yield the findings."""
    try:
        accounts = _accounts(app, settings)
    except sa.exc.SQLAlchemyError as error:
        yield Check(_NAME, True, f"this account cannot read who may sign in ({in_words(error)})")
        return
    yield _somebody(accounts, settings)
    yield from _second_factors(accounts)


def _somebody(accounts: Sequence[_Account], settings: ConsoleSettings) -> Check:
    number = sum(each.can_sign_in for each in accounts)
    if settings.wordpress is not None:
        return Check(_NAME, True, f"{number} can sign in, and whoever comes over from WordPress")
    if number:
        return Check(_NAME, True, f"{number} can sign in")
    mend = "run `syncer user add NAME --role compliance`, or let those begin who have a code: `syncer user list`"
    return Check(_NAME, True, "nobody can sign in yet", mend, warn=True)


def _second_factors(accounts: Sequence[_Account]) -> Iterator[Check]:
    lacking = [each for each in accounts if not each.has_second_factor]
    if bare := [each.name for each in lacking if each.decides and each.can_sign_in]:
        what = f"may decide, and have no second factor: {', '.join(bare)}"
        mend = "run `syncer user reset NAME`: with the new code they choose one"
        yield Check(_SECOND, True, what, mend, warn=True)
    if out := [each.name for each in lacking if each.has_password and not each.can_sign_in]:
        what = f"have a password alone, with which [console] second_factor lets nobody in: {', '.join(out)}"
        yield Check(_SECOND, True, what, "run `syncer user reset NAME`: with the code they begin anew", warn=True)


def _accounts(app: App, settings: ConsoleSettings) -> list[_Account]:
    u, p = app.tables.user.c, app.tables.passkey.c
    passkeys = sa.select(sa.func.count()).select_from(app.tables.passkey).where(p.user_name == u.name).scalar_subquery()
    query: sa.Select[Any] = (
        sa.select(*as_held(u), passkeys.label("passkeys")).where(u.disabled_at.is_(None)).order_by(u.name)
    )
    with reading(app.engine) as connection:
        rows = [(HeldRow(u, row), row.passkeys) for row in connection.execute(query)]
    # a damaged row lets nobody in; `syncer user list` names it
    return [_account(row, passkeys, settings) for row, passkeys in rows if not row.damaged]


def _account(row: HeldRow, passkeys: int, settings: ConsoleSettings) -> _Account:
    granted = permissions(role for role in (word(Role, each) for each in row.roles.split()) if role is not None)
    reads_only = granted <= {Permission.VIEW}
    second = row.totp_sealed is not None or bool(passkeys)
    by_password = row.totp_sealed is not None or (settings.second_factor == "actions" and reads_only)
    ways = (
        bool(passkeys) and row.oidc_subject is None and settings.keeps_passkeys,
        row.password is not None and by_password,
        row.oidc_subject is not None and settings.oidc is not None,
        settings.proxy is not None,
    )
    decides = settings.actions and bool(granted & STEP_UP)
    return _Account(str(row.name), decides, any(ways), row.password is not None, second)
