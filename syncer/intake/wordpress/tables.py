"""The tables that stand between syncer and WordPress: what the sweep remembers, and what WordPress is told."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from syncer.database.column_types import Moment


@dataclass(frozen=True, slots=True)
class WordPressTables:
    """`request` and `site` live in syncer's own database, `status` in WordPress', which only reads it."""

    request: sa.Table
    site: sa.Table
    status: sa.Table


def wordpress_tables(prefix: str) -> WordPressTables:
    """Return the tables under the prefix of `[database] prefix`."""
    metadata = sa.MetaData()
    return WordPressTables(_request(prefix, metadata), _site(prefix, metadata), _status(prefix, metadata))


def _request(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}wp_request",
        metadata,
        sa.Column("request", sa.String(64), primary_key=True),  # blog:request
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("modified_at", Moment),
        sa.Column("since", Moment),  # when it was confirmed
        sa.Column("gone_at", Moment),  # when it was found to have vanished while confirmed
        sa.Column("covered_at", Moment),  # the completion that only its key shows to be covered
    )


def _site(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}wp_site",
        metadata,
        sa.Column("site", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("swept_at", Moment, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("problem", sa.String(32)),
    )


def _status(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}wp_status",
        metadata,
        sa.Column("request", sa.String(64), primary_key=True),  # blog:request, DESTINATIONS or PLUGIN
        sa.Column("state", sa.String(16), nullable=False),
        # JSON: [{"name", "state"}], closed ones with "at", "why", "settles_on" or "lapses_on"; no personal data
        sa.Column("destinations", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("updated_at", Moment, nullable=False),
    )
