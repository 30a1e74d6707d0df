"""WordPress' own erasure requests, of every site of a network, read with column rights only."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import reading

#: what is read, and so what must be granted
POST_COLUMNS = ("ID", "post_title", "post_name", "post_status", "post_type", "post_date_gmt", "post_modified_gmt")
META_COLUMNS = ("post_id", "meta_key", "meta_value")
BLOG_COLUMNS = ("blog_id",)
CONFIRMED = "_wp_user_request_confirmed_timestamp"
COMPLETED = "_wp_user_request_completed_timestamp"
NAMES = ("remove_personal_data", "remove_personal_data__trashed")
#: MariaDB's and MySQL's error numbers: no right to the table or column; no such table
DENIED, MISSING = {1142, 1143}, {1146}


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """One erasure request as it stands. Times UTC, whole seconds; None where WordPress has none."""

    site: int
    id: int
    address: str = field(repr=False)
    status: str
    received_at: datetime | None
    modified_at: datetime | None
    confirmed_at: datetime | None
    completed_at: datetime | None

    @property
    def ref(self) -> str:
        """The request as `source_ref` names it: blog:request."""
        return f"{self.site}:{self.id}"


class Unreadable(Exception):
    """Raised for a site whose tables are missing or not granted."""


class Sites:
    """Reads the sites of one WordPress. `engine` commits by itself: a snapshot would hide what was written since."""

    def __init__(self, engine: sa.Engine, prefix: str) -> None:
        self._engine = engine
        self._prefix = prefix

    def ids(self) -> list[int] | None:
        """Return the sites of a network, archived and deleted ones too, or None where `blogs` cannot be read."""
        blogs = sa.table(f"{self._prefix}blogs", sa.column("blog_id"))
        try:
            with reading(self._engine) as connection:
                return sorted(connection.execute(sa.select(blogs.c.blog_id)).scalars())
        except sa.exc.DBAPIError as error:
            if _code(error) in DENIED | MISSING:
                return None
            raise

    def requests(self, site: int) -> list[ErasureRequest]:
        """Return every erasure request of a site, whatever its status. Raises Unreadable.

        The posts are read first: WordPress writes the time of a completion before its status.
        """
        try:
            with reading(self._engine) as connection:
                posts = connection.execute(posts_query(self._prefix, site)).all()
                times = _times(connection.execute(meta_query(self._prefix, site)))
        except sa.exc.DBAPIError as error:
            if _code(error) in DENIED | MISSING:
                raise Unreadable from None
            raise
        return [_request(site, row, times.get(row.ID, {})) for row in posts]


def posts_query(prefix: str, site: int) -> sa.Select[Any]:
    """Return the statement that reads a site's requests; WordPress' index type_status_date serves it."""
    posts = sa.table(names(prefix, site)[0], *map(sa.column, POST_COLUMNS))
    return (
        sa.select(*posts.c)
        .where(posts.c.post_type == "user_request", posts.c.post_name.in_(NAMES))
        .order_by(posts.c.ID)
    )


def meta_query(prefix: str, site: int) -> sa.Select[Any]:
    """Return the statement that reads the requests' times; the index on meta_key serves it.

    Not a subquery for each request: without fresh statistics MariaDB looks each of them up by meta_key, and ten
    thousand requests take minutes.
    """
    meta = sa.table(names(prefix, site)[1], *map(sa.column, META_COLUMNS))
    return sa.select(*meta.c).where(meta.c.meta_key.in_((CONFIRMED, COMPLETED)))


def names(prefix: str, site: int) -> tuple[str, str]:
    """Return the names of a site's posts and postmeta; the first site's carry no number."""
    own = prefix if site == 1 else f"{prefix}{site}_"
    return f"{own}posts", f"{own}postmeta"


def _times(rows: Iterable[Any]) -> dict[int, dict[str, datetime]]:
    """Return the latest time by post and meta key, without those that are not a number of seconds."""
    by_post: dict[int, dict[str, datetime]] = {}
    for post, key, value in rows:
        moment = _unix(value)
        if moment is not None:
            times = by_post.setdefault(post, {})
            times[key] = max(moment, times.get(key, moment))
    return by_post


def _request(site: int, row: Any, times: Mapping[str, datetime]) -> ErasureRequest:
    modified = _time(row.post_modified_gmt)
    trashed = row.post_name != NAMES[0]
    completed = times.get(COMPLETED)
    if completed is None and row.post_status == "request-completed":
        completed = modified  # written by hand or by an importer
    confirmed = times.get(CONFIRMED)
    if row.post_status == "request-confirmed":
        confirmed = confirmed or modified
    return ErasureRequest(
        site=site,
        id=int(row.ID),
        # an anonymous visitor's click on the link stores a&b@ as a&amp;b@
        address=html.unescape(row.post_title or ""),
        status="trash" if trashed else row.post_status,
        received_at=_time(row.post_date_gmt),
        modified_at=modified,
        confirmed_at=confirmed,
        completed_at=completed,
    )


def _time(value: Any) -> datetime | None:
    # 0000-00-00 comes as text from one driver and as None from another
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None


def _unix(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC) if value else None
    except (ValueError, OverflowError, OSError):
        return None


def _code(error: sa.exc.DBAPIError) -> int | None:
    """Return the server's own number of an error."""
    args: Iterable[Any] = getattr(error.orig, "args", ())
    return next((arg for arg in args if isinstance(arg, int)), None)
