"""Who may sign in to the console: as values for --json, and as lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from syncer.cli.output.console import console, grid
from syncer.domain.permissions import Role
from syncer.reports.wording.words import day_time

if TYPE_CHECKING:
    from syncer.console.sign_in.accounts import Account


@dataclass(frozen=True, slots=True)
class ListedUser:
    """`user list`: an account with its roles, and what its owner signs in with. Moments are UTC, None for never.

    `code_until` is until when a code to begin with is good; None where there is none. `damaged` are the columns that
    hold what syncer never writes there: nobody signs in with such a row, nor with a passkey whose row is damaged.
    """

    name: str
    roles: tuple[Role, ...]
    factors: tuple[str, ...]
    created_at: datetime | None
    disabled_at: datetime | None
    last_seen_at: datetime | None
    code_until: datetime | None
    damaged: tuple[str, ...]
    damaged_passkeys: int


def listed(account: Account) -> ListedUser:
    """Return an account as it is shown."""
    roles = tuple(role for role in Role if role in account.roles)
    return ListedUser(
        account.name, roles, account.factors, account.created_at, account.disabled_at, account.last_seen_at,
        account.enrol_until, account.damaged, account.damaged_passkeys,
    )  # fmt: skip


def show_users(users: Sequence[ListedUser]) -> None:
    """Show the accounts as a table."""
    if not users:
        console().print("nobody may sign in yet; `syncer user add NAME --role ROLE` makes an account")
        return
    table = grid("name", "roles", "signs in with", "last signed in")
    for user in users:
        table.add_row(user.name, ", ".join(user.roles) or "-", _with(user), day_time(user.last_seen_at))
    console().print(table)


def _with(user: ListedUser) -> str:
    if user.damaged:
        return f"cannot: the row is damaged ({', '.join(user.damaged)})"
    if user.disabled_at:
        return f"disabled since {day_time(user.disabled_at)}"
    if user.factors or user.damaged_passkeys:
        return ", ".join((*user.factors, *(["a damaged passkey: remove it"] if user.damaged_passkeys else [])))
    return f"nothing yet; the code is good until {day_time(user.code_until)}" if user.code_until else "nothing"
