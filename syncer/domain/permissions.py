"""Who may do what in the console: roles, and the permissions that each of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """What a page or an action asks for."""

    VIEW = "view"
    FIND = "find"
    EXPORT = "export"
    SUBMIT = "submit"
    WORK = "work"
    DECIDE = "decide"
    RELEASE = "release"
    APPROVE = "approve"
    PEOPLE = "people"


class Role(StrEnum):
    """What a person is; one may hold several."""

    READER = "reader"
    COMPLIANCE = "compliance"
    OPS = "ops"
    ADMIN = "admin"


_P = Permission
ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.READER: frozenset({_P.VIEW}),
    Role.COMPLIANCE: frozenset({_P.VIEW, _P.FIND, _P.EXPORT, _P.SUBMIT, _P.APPROVE}),
    Role.OPS: frozenset({_P.VIEW, _P.FIND, _P.SUBMIT, _P.WORK, _P.DECIDE, _P.RELEASE}),
    Role.ADMIN: frozenset(Permission),
}
#: what asks for a second factor that is not older than ten minutes (OWASP ASVS 5.0, 7.5.3)
STEP_UP = frozenset({_P.DECIDE, _P.RELEASE, _P.APPROVE, _P.PEOPLE})
#: all that a session may do that WordPress vouched for: whoever breaks WordPress decides nothing
FROM_WORDPRESS = frozenset({_P.VIEW, _P.FIND, _P.EXPORT, _P.SUBMIT})
#: what an installation allows whose console is for reading only
READING = frozenset({_P.VIEW, _P.FIND, _P.EXPORT})


def permissions(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return all that these roles hold together."""
    return frozenset[Permission]().union(*(ROLES[role] for role in roles))
