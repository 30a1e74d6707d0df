"""The tables of alerts: what is wrong, whom a message tells so, how it fares on its way."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.database.column_types import BIG, LONG_TEXT, Moment


def alert(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of alerts: one row from the raising of a condition to its clearing."""
    return sa.Table(
        f"{prefix}alert",
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("condition", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(191), nullable=False),  # a destination, an anchor, a channel; "" for all
        sa.Column("open_as", sa.String(255), unique=True),  # condition and scope while it is open: one at a time
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),  # info | warning | critical
        sa.Column("facts", LONG_TEXT, nullable=False),  # counts, days, names of recipients; JSON, without a person
        sa.Column("raised_at", Moment, nullable=False),
        sa.Column("cleared_at", Moment),
        sa.Column("quiet_until", Moment),  # acknowledged: no reminder before
        sa.Column("gone_since", Moment),  # not seen any more; cleared once that has lasted
        sa.Index(f"ix_{prefix}alert_raised", "raised_at", "id"),
    )


def message(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of messages: a row is written before anything is sent."""
    return sa.Table(
        f"{prefix}alert_message",
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("message_id", sa.String(191), nullable=False, unique=True),  # the same at every try
        sa.Column("answers", sa.String(191)),  # the message that this one goes on from
        sa.Column("kind", sa.String(16), nullable=False),  # raised | reminder | cleared | digest | test
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("body", LONG_TEXT, nullable=False),
        sa.Column("alerts", LONG_TEXT, nullable=False),  # what it is about, as a webhook says it; JSON
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("next_try_at", Moment),  # empty once it was sent or given up
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sent_at", Moment),
        sa.Column("given_up_at", Moment),
        sa.Column("error", sa.String(255)),
        sa.Index(f"ix_{prefix}alert_message_try", "next_try_at", "id"),
        sa.Index(f"ix_{prefix}alert_message_channel", "channel", "kind", "created_at"),
    )


def told(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of who was told of which alert: only they hear that it is over."""
    return sa.Table(
        f"{prefix}alert_told",
        metadata,
        sa.Column("alert_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("message_id", sa.String(191), nullable=False),  # the first: later ones refer to it
        sa.Column("severity", sa.String(16), nullable=False),  # the worst that was told
        sa.Column("told_at", Moment, nullable=False),  # when a message was last written
    )


def channel(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of channels: since when one fails, and whether its receiver switched it off."""
    return sa.Table(
        f"{prefix}alert_channel",
        metadata,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("failing_since", Moment),
        sa.Column("off_at", Moment),
        sa.Column("sent_at", Moment),
        sa.Column("error", sa.String(255)),
        sa.Column("digest_at", Moment),  # the last moment for which a digest was written
    )


def duty(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of duties that one daemon of all has at a time, by the database's clock."""
    return sa.Table(
        f"{prefix}duty",
        metadata,
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(191)),
        sa.Column("lease_until", Moment),
    )
