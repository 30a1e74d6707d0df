"""The accounts of `syncer demo --console`: one for each role, with no way to sign in but the demo's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from syncer.console.sign_in.accounts import AccountBook
from syncer.domain.permissions import Role

if TYPE_CHECKING:
    from syncer.app import App

#: role -> who has it
DEMO_PEOPLE: Mapping[Role, str] = {
    Role.READER: "rita",
    Role.COMPLIANCE: "clara",
    Role.OPS: "otto",
    Role.ADMIN: "agnes",
}


def add_demo_people(app: App) -> None:
    """Add the four accounts; the codes with which their owners would begin are told to nobody."""
    book = AccountBook(app.transactions)
    for role, name in DEMO_PEOPLE.items():
        book.add(name, [role])
