"""The statements that give syncer exactly the rights it needs in WordPress' database, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from syncer.errors import UserError
from syncer.intake.wordpress import views
from syncer.intake.wordpress.erasure_requests import BLOG_COLUMNS
from syncer.intake.wordpress.tables import wordpress_tables
from syncer.intake.wordpress.views import META_COLUMNS, OLD_POST_COLUMNS, POST_COLUMNS, USER_COLUMNS, SiteTables
from syncer.settings.checked import Settings


def statements(settings: Settings, sites: Sequence[int], host: str) -> list[str]:
    """Return the statements for the database's administrator to run, for the user that the settings name.

    Each is one line, and all of them may be run again. A new account is locked: until a password is set, MariaDB lets
    everybody in without one. `sites` are the sites of a network, or [1]. Raises UserError when the settings name no
    user or database.
    """
    wordpress, url = settings.wordpress, _url(settings)
    assert wordpress is not None
    assert url.database is not None
    prefix, user = wordpress.table_prefix, _user(settings, host)
    status = wordpress_tables(settings.database.prefix).status
    grant = _Grant(url.database)
    lines = [f"USE {_name(url.database)};", f"CREATE USER IF NOT EXISTS {user} ACCOUNT LOCK;"]
    if wordpress.status_table:
        lines += [_create(status), grant.to(user, "SELECT, INSERT, UPDATE", status.name)]
    if settings.queue.url or wordpress.url is None:
        lines.append(grant.to(user, "SELECT, INSERT, UPDATE (email, taken_at)", settings.queue.table))
    if list(sites) != [1]:
        lines.append(grant.to(user, _columns(BLOG_COLUMNS), f"{prefix}blogs"))
    # views are read with the rights of an account that nobody can log in to
    definer = f"{_text(f'{settings.database.prefix}views')}@'localhost'"
    lines += [f"CREATE USER IF NOT EXISTS {definer} ACCOUNT LOCK;", f"ALTER USER {definer} ACCOUNT LOCK;"]
    for site in sites:
        lines += _of_site(views.site_tables(settings.database.prefix, prefix, site), grant, definer, user)
    return lines


def unlocking(settings: Settings, host: str) -> str:
    """Return the statement that sets the account's password and lets it in. Raises UserError, as `statements` does."""
    return f"ALTER USER {_user(settings, host)} IDENTIFIED BY '…' ACCOUNT UNLOCK;"


def _url(settings: Settings) -> sa.URL:
    if settings.wordpress is None:
        raise UserError(f"{settings.path}: there is no table [wordpress]; add it, an empty one will do")
    url = sa.make_url(settings.wordpress_url)
    if not url.database or not url.username:
        raise UserError(f"{settings.path}: [wordpress] url: it names no user or no database; write both")
    return url


def _user(settings: Settings, host: str) -> str:
    return f"{_text(_url(settings).username or '')}@{_text(host)}"


class _Grant:
    """Writes statements about rights on the tables of one database."""

    def __init__(self, database: str) -> None:
        self._database = _name(database)

    def to(self, user: str, rights: str, table: str) -> str:
        """Return the statement that gives rights."""
        return f"GRANT {rights} ON {self._database}.{_name(table)} TO {user};"

    def taken_from(self, user: str, rights: str, table: str) -> list[str]:
        """Return the statements that take rights: given first, since what is not there cannot be revoked."""
        return [self.to(user, rights, table), f"REVOKE {rights} ON {self._database}.{_name(table)} FROM {user};"]


def _of_site(names: SiteTables, grant: _Grant, definer: str, user: str) -> list[str]:
    return [
        grant.to(definer, _columns(POST_COLUMNS), names.posts),
        grant.to(definer, _columns(META_COLUMNS), names.meta),
        grant.to(definer, _columns(USER_COLUMNS), names.users),
        *views.create_views(names, definer),
        grant.to(user, "SELECT", names.requests_view),
        grant.to(user, "SELECT", names.times_view),
        # what was granted before there were views
        *grant.taken_from(user, _columns(OLD_POST_COLUMNS), names.posts),
        *grant.taken_from(user, _columns(META_COLUMNS), names.meta),
    ]


def _columns(columns: Sequence[str]) -> str:
    return f"SELECT ({', '.join(columns)})"


def _create(table: sa.Table) -> str:
    # a right can only be granted on a table that is there
    text = str(CreateTable(table, if_not_exists=True).compile(dialect=mysql.dialect()))
    return " ".join(text.split()) + ";"


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
