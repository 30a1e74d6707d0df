"""The tables of the web console: who may sign in, who is signed in, what waits for a second person."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.database.column_types import BIG, LONG_TEXT, Moment


def user(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of people who may sign in."""
    return sa.Table(
        f"{prefix}user",
        metadata,
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("roles", sa.String(191), nullable=False),  # separated by blanks
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("disabled_at", Moment),
        sa.Column("password", sa.String(255)),  # an Argon2id PHC string
        sa.Column("totp_sealed", sa.String(255)),  # under the console's key, bound to the name
        sa.Column("totp_step", sa.BigInteger),  # the last step that was used: none is taken twice
        sa.Column("enrol_hash", sa.String(64)),  # SHA-256 of the code, empty once it was used
        sa.Column("enrol_until", Moment),
        sa.Column("oidc_issuer", sa.String(255)),
        sa.Column("oidc_subject", sa.String(255)),
        sa.Column("language", sa.String(16)),
        sa.Column("last_seen_at", Moment),
        sa.Column("looked_at", Moment),  # the overview, and the time before that: what is new since then
        sa.Column("looked_before_at", Moment),
    )


def passkey(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of passkeys; its key is the SHA-256 of the credential's id, which may have 1,023 bytes."""
    return sa.Table(
        f"{prefix}passkey",
        metadata,
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("user_name", sa.String(32), nullable=False),
        sa.Column("label", sa.String(64), nullable=False),
        sa.Column("credential", LONG_TEXT, nullable=False),  # its id, base64url
        sa.Column("public_key", LONG_TEXT, nullable=False),  # COSE, base64url
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("used_at", Moment),
        sa.Index(f"ix_{prefix}passkey_user", "user_name"),
    )


def session(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of who is signed in; the cookie itself is nowhere."""
    return sa.Table(
        f"{prefix}session",
        metadata,
        sa.Column("hash", sa.String(64), primary_key=True),  # SHA-256 of the cookie's value
        sa.Column("user_name", sa.String(191), nullable=False),  # of `user`, or wp:BLOG:ID
        sa.Column("via", sa.String(16), nullable=False),  # password | passkey | oidc | proxy | wordpress | code
        sa.Column("network", sa.String(64), nullable=False),  # /24 or /48
        sa.Column("roles", sa.String(191)),  # of somebody who has no row in `user`
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.Column("stepped_up_at", Moment),  # when a second factor was last shown
        sa.Index(f"ix_{prefix}session_user", "user_name"),
        sa.Index(f"ix_{prefix}session_seen", "seen_at"),
    )


def bucket(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of token buckets: how often something may still be tried."""
    return sa.Table(
        f"{prefix}bucket",
        metadata,
        sa.Column("name", sa.String(191), primary_key=True),
        sa.Column("tokens", sa.Float, nullable=False),
        sa.Column("at", Moment, nullable=False),  # when it held so many
        sa.Column("told_at", Moment),  # when a refusal was last written to the log
        sa.Index(f"ix_{prefix}bucket_at", "at"),
    )


def once(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of what may be used once: tickets, challenges, forms; kept until they expire."""
    return sa.Table(
        f"{prefix}once",
        metadata,
        sa.Column("id", sa.String(96), primary_key=True),  # its kind, and a hash
        sa.Column("facts", LONG_TEXT),  # JSON, without a person
        sa.Column("until", Moment, nullable=False),
        sa.Index(f"ix_{prefix}once_until", "until"),
    )


def proposal(prefix: str, metadata: sa.MetaData) -> sa.Table:
    """Return the table of decisions that wait for a second person."""
    return sa.Table(
        f"{prefix}proposal",
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),  # exempt | extend | release | resync
        sa.Column("facts", LONG_TEXT, nullable=False),  # what is to be done; JSON, without a person
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(1000), nullable=False),
        sa.Column("proposer", LONG_TEXT, nullable=False),  # as the audit names who acts; JSON
        sa.Column("proposed_at", Moment, nullable=False),
        sa.Column("until", Moment, nullable=False),
        sa.Column("outcome", sa.String(16)),  # approved | rejected | lapsed; empty while it waits
        sa.Column("decided_at", Moment),
        sa.Column("decider", LONG_TEXT),
        sa.Column("decision_reason", sa.String(1000)),
        sa.Index(f"ix_{prefix}proposal_outcome", "outcome", "until"),
    )
