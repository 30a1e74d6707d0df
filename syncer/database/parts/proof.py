"""The tables of what makes the log believable: notes, the places they go to, verifications."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.database.column_types import BIG, DIGEST, LONG_TEXT, Moment


def checkpoint(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of signed notes, with what the next needs."""
    return sa.Table(
        f"{prefix}checkpoint",
        metadata,
        sa.Column("size", BIG, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("origin", sa.String(191), nullable=False),
        sa.Column("root", DIGEST, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),  # the compact range: the next root needs new leaves only
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("mac", DIGEST),  # keyed: the chain was recomputed up to here, the next recomputation begins here
    )


def anchor(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of where notes are carried, and how far each place is."""
    return sa.Table(
        f"{prefix}anchor",
        metadata,
        sa.Column("name", sa.String(64), primary_key=True),
        # a folder belongs to one host; "" where all daemons reach the same place
        sa.Column("host", sa.String(191), primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("at", Moment),
        sa.Column("place", sa.String(255)),
        sa.Column("tried_at", Moment),
        sa.Column("failing_since", Moment),
        sa.Column("error", sa.String(255)),
    )


def verification(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of how the last full verification ended."""
    return sa.Table(
        f"{prefix}verification",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("entries", sa.BigInteger, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(255)),
        sa.Column("mac", DIGEST, nullable=False),  # keyed: whoever has only the database cannot write a result
    )


def progress(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of what the next verification goes on from."""
    return sa.Table(
        f"{prefix}progress",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("state", LONG_TEXT, nullable=False),  # what the next verification goes on from
        sa.Column("mac", DIGEST, nullable=False),  # keyed, as that of a verification
    )
