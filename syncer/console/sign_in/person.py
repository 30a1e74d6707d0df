"""Who is at the other end of a request: what they may do, and how the audit names them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncer.domain.model import word
from syncer.domain.permissions import FROM_WORDPRESS, Permission, Role, permissions

#: for so long a second factor counts for what asks for one (OWASP ASVS 5.0, 7.5.3)
STEP_UP_COUNTS = timedelta(minutes=10)
#: how a session was opened for whom another site vouched
WORDPRESS, OIDC, PROXY = "wordpress", "oidc", "proxy"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    `name` is the account's, or `wp:BLOG:ID`; `via` how they signed in; `network` the /24 or /48 they come from.
    `session` is the SHA-256 of their cookie's value. `stepped_up_at` (UTC) is when they last showed a second factor.
    """

    name: str
    roles: frozenset[Role]
    via: str
    network: str
    session: str
    stepped_up_at: datetime | None = None
    language: str | None = None

    @property
    def allowed(self) -> frozenset[Permission]:
        """All that they may do, as far as it is up to them."""
        granted = permissions(self.roles)
        return granted & FROM_WORDPRESS if self.via == WORDPRESS else granted

    @property
    def actor(self) -> dict[str, Any]:
        """How the audit names them."""
        return {"kind": "console", "user": self.name, "via": self.via, "from": self.network}

    def is_stepped_up(self, now: datetime) -> bool:
        """Say whether they showed a second factor within the last ten minutes."""
        return self.stepped_up_at is not None and now - self.stepped_up_at <= STEP_UP_COUNTS


def roles_of(text: str) -> frozenset[Role]:
    """Return the roles that a row holds, separated by blanks; a word that is none gives no right to anything.

    Nor does what is no text at all: SQLite holds anything.
    """
    if not isinstance(text, str):
        return frozenset()
    return frozenset(role for role in (word(Role, each) for each in text.split()) if role is not None)


def as_text(roles: Iterable[Role]) -> str:
    """Return roles as a row holds them, in the order of their enumeration."""
    wanted = set(roles)
    return " ".join(role for role in Role if role in wanted)
