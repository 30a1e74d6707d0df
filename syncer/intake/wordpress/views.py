"""What syncer reads of WordPress: a site's erasure requests and their times, through two views or from the tables.

The views show the requests' rows alone, of `wp_users` the addresses of their authors alone, of `wp_postmeta` two times
of each. They are what `syncer wordpress grants` makes. Without them the tables are read, by an account that may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

REQUEST = ("ID", "post_title", "post_name", "post_status", "post_date_gmt", "post_modified_gmt")
#: columns of the tables that the views need
POST_COLUMNS = (*REQUEST, "post_type", "post_author")
META_COLUMNS = ("post_id", "meta_key", "meta_value")
USER_COLUMNS = ("ID", "user_email")
#: what was granted before there were views: no author
OLD_POST_COLUMNS = ("ID", "post_title", "post_name", "post_status", "post_type", "post_date_gmt", "post_modified_gmt")
CONFIRMED = "_wp_user_request_confirmed_timestamp"
COMPLETED = "_wp_user_request_completed_timestamp"
NAMES = ("remove_personal_data", "remove_personal_data__trashed")


@dataclass(frozen=True, slots=True)
class SiteTables:
    """The names of what is read of one site; the first site's carry no number, and a network shares its users."""

    posts: str
    meta: str
    users: str
    requests_view: str
    times_view: str


def site_tables(own: str, prefix: str, site: int) -> SiteTables:
    """Return the names for syncer's prefix, WordPress' prefix and the number of a site."""
    of_site = prefix if site == 1 else f"{prefix}{site}_"
    return SiteTables(
        f"{of_site}posts", f"{of_site}postmeta", f"{prefix}users", f"{own}{of_site}erasures", f"{own}{of_site}times"
    )


Queries = tuple[sa.Select[Any], sa.Select[Any]]


def by_views(names: SiteTables) -> Queries:
    """Return the statements that read requests and times through the views."""
    requests = sa.table(names.requests_view, *map(sa.column, (*REQUEST, "post_author", "author_email")))
    times = sa.table(names.times_view, *map(sa.column, META_COLUMNS))
    return sa.select(*requests.c).order_by(requests.c.ID), sa.select(*times.c)


def by_tables(names: SiteTables) -> Queries:
    """Return the statements that read requests and times from the tables."""
    posts, users = _posts(names), sa.table(names.users, *map(sa.column, USER_COLUMNS))
    requests = (
        _of_requests(posts, REQUEST)
        .add_columns(posts.c.post_author, users.c.user_email.label("author_email"))
        .select_from(posts.outerjoin(users, posts.c.post_author == users.c.ID))
    )
    return requests.order_by(posts.c.ID), _times(names)


def by_old_grants(names: SiteTables) -> Queries:
    """Return the statements for an account that may read the columns of former grants: nobody's author is known."""
    posts = _posts(names)
    return _of_requests(posts, REQUEST).order_by(posts.c.ID), _times(names)


def create_views(names: SiteTables, definer: str) -> list[str]:
    """Return the statements that create both views, or replace them; they read with the rights of `definer`."""
    posts, meta = _posts(names), sa.table(names.meta, *map(sa.column, META_COLUMNS))
    # of requests alone: an export has a time of completion too
    times = (
        sa.select(*meta.c)
        .select_from(posts.join(meta, meta.c.post_id == posts.c.ID))
        .where(*_is_request(posts), _is_time(meta))
    )
    views = {names.requests_view: by_tables(names)[0].order_by(None), names.times_view: times}
    return [
        f"CREATE OR REPLACE DEFINER = {definer} SQL SECURITY DEFINER VIEW `{view}` AS {_in_full(query)};"
        for view, query in views.items()
    ]


def _posts(names: SiteTables) -> sa.TableClause:
    return sa.table(names.posts, *map(sa.column, POST_COLUMNS))


def _of_requests(posts: sa.TableClause, columns: Sequence[str]) -> sa.Select[Any]:
    """Return the statement that reads requests; WordPress' index type_status_date serves it."""
    return sa.select(*(posts.c[name] for name in columns)).where(*_is_request(posts))


def _is_request(posts: sa.TableClause) -> tuple[sa.ColumnElement[bool], ...]:
    return posts.c.post_type == "user_request", posts.c.post_name.in_(NAMES)


def _times(names: SiteTables) -> sa.Select[Any]:
    """Return the statement that reads the times; the index on meta_key serves it.

    Not a subquery for each request: without fresh statistics MariaDB looks each of them up by meta_key, and ten
    thousand requests take minutes.
    """
    meta = sa.table(names.meta, *map(sa.column, META_COLUMNS))
    return sa.select(*meta.c).where(_is_time(meta))


def _is_time(meta: sa.TableClause) -> sa.ColumnElement[bool]:
    return meta.c.meta_key.in_((CONFIRMED, COMPLETED))


def _in_full(query: sa.Select[Any]) -> str:
    text = query.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True})
    return " ".join(str(text).split())
