"""The statements that give syncer exactly the rights it needs in WordPress' database, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from syncer.errors import UserError
from syncer.intake.wordpress.erasure_requests import BLOG_COLUMNS, META_COLUMNS, POST_COLUMNS, names
from syncer.intake.wordpress.tables import wordpress_tables
from syncer.settings.checked import Settings


def statements(settings: Settings, sites: Sequence[int], host: str) -> list[str]:
    """Return the statements for the database's administrator to run, for the user that the settings name.

    `sites` are the sites of a network, or [1]. Raises UserError when the settings name no user or database.
    """
    if settings.wordpress is None:
        raise UserError(f"{settings.path}: there is no table [wordpress]; add it, an empty one will do")
    url = sa.make_url(settings.wordpress_url)
    if not url.database or not url.username:
        raise UserError(f"{settings.path}: [wordpress] url: it names no user or no database; write both")
    prefix, user = settings.wordpress.table_prefix, f"{_text(url.username)}@{_text(host)}"
    status = wordpress_tables(settings.database.prefix).status

    def grant(rights: str, table: str) -> str:
        return f"GRANT {rights} ON {_name(url.database or '')}.{_name(table)} TO {user};"

    lines = [f"USE {_name(url.database)};"]
    if settings.wordpress.status_table:
        lines += [_create(status), grant("SELECT, INSERT, UPDATE", status.name)]
    if settings.queue.url or settings.wordpress.url is None:
        lines.append(grant("SELECT, INSERT, UPDATE (email, taken_at)", settings.queue.table))
    if list(sites) != [1]:
        lines.append(grant(_columns(BLOG_COLUMNS), f"{prefix}blogs"))
    for site in sites:
        posts, meta = names(prefix, site)
        lines += [grant(_columns(POST_COLUMNS), posts), grant(_columns(META_COLUMNS), meta)]
    return lines


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
