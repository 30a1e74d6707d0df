"""WordPress' own erasure requests, of every site of a network, read with column rights only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from syncer.database.connections import reading
from syncer.intake.wordpress import views
from syncer.intake.wordpress.titles import decoded, same_person
from syncer.intake.wordpress.views import COMPLETED, CONFIRMED, NAMES

BLOG_COLUMNS = ("blog_id",)
#: MariaDB's and MySQL's error numbers: no right to the table or column; no such table; a view whose table, right or
#: definer is gone
DENIED, MISSING, BROKEN = {1142, 1143}, {1146}, {1356, 1449}


class Way(StrEnum):
    """How a site's requests were read: through the views, from the tables, or by grants older than the views."""

    VIEWS = "views"
    TABLES = "tables"
    OLD_GRANTS = "old_grants"


_QUERIES = {Way.VIEWS: views.by_views, Way.TABLES: views.by_tables, Way.OLD_GRANTS: views.by_old_grants}


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """One erasure request as it stands. Times UTC, whole seconds; None where WordPress has none.

    `genuine`: WordPress itself wrote the time of its completion, and its author is nobody or the person it is about.
    """

    site: int
    id: int
    address: str = field(repr=False)
    status: str
    received_at: datetime | None
    modified_at: datetime | None
    confirmed_at: datetime | None
    completed_at: datetime | None
    genuine: bool = True

    @property
    def ref(self) -> str:
        """The request as `source_ref` names it: blog:request."""
        return f"{self.site}:{self.id}"


class Unreadable(Exception):
    """Raised for a site whose tables are missing or not granted."""


class Sites:
    """Reads the sites of one WordPress. `engine` commits by itself: a snapshot would hide what was written since.

    `own` is the prefix of syncer's views, `prefix` that of WordPress' tables.
    """

    def __init__(self, engine: sa.Engine, own: str, prefix: str) -> None:
        self._engine = engine
        self._own = own
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

    def requests(self, site: int) -> tuple[list[ErasureRequest], Way]:
        """Return every erasure request of a site, whatever its status, and how they were read. Raises Unreadable.

        The posts are read first: WordPress writes the time of a completion before its status.
        """
        names = views.site_tables(self._own, self._prefix, site)
        for way, queries in _QUERIES.items():
            requests, times_of = queries(names)
            try:
                with reading(self._engine) as connection:
                    posts = connection.execute(requests).all()
                    times = _times(connection.execute(times_of))
            except sa.exc.DBAPIError as error:
                if _code(error) in DENIED | MISSING | BROKEN:
                    continue
                raise
            known = way != Way.OLD_GRANTS
            return [_request(site, row, times.get(row.ID, {}), author_known=known) for row in posts], way
        raise Unreadable


def _times(rows: Iterable[Any]) -> dict[int, dict[str, datetime]]:
    """Return the latest time by post and meta key, without those that are not a number of seconds."""
    by_post: dict[int, dict[str, datetime]] = {}
    for post, key, value in rows:
        moment = _unix(value)
        if moment is not None:
            times = by_post.setdefault(post, {})
            times[key] = max(moment, times.get(key, moment))
    return by_post


def _request(site: int, row: Any, times: Mapping[str, datetime], *, author_known: bool) -> ErasureRequest:
    modified = _time(row.post_modified_gmt)
    trashed = row.post_name != NAMES[0]
    completed = times.get(COMPLETED)
    if completed is None and row.post_status == "request-completed":
        completed = modified  # written by hand or by an importer
    confirmed, address = times.get(CONFIRMED), decoded(row.post_title or "")
    if row.post_status == "request-confirmed":
        confirmed = confirmed or modified
    return ErasureRequest(
        site=site,
        id=int(row.ID),
        address=address,
        status="trash" if trashed else row.post_status,
        received_at=_time(row.post_date_gmt),
        modified_at=modified,
        confirmed_at=confirmed,
        completed_at=completed,
        genuine=COMPLETED in times and (not author_known or _is_of_the_person(row, address)),
    )


def _is_of_the_person(row: Any, address: str) -> bool:
    """Say whether a request's author is who `wp_create_user_request` writes: nobody, or the user of its address.

    Not an administrator either: deleting an account with "attribute all content to" gives its requests away, those
    that a contributor forged as well.
    """
    return not row.post_author or (row.author_email is not None and same_person(address, decoded(row.author_email)))


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
