"""The tables, as SQLAlchemy Core objects: one definition for SQLite, MariaDB/MySQL and PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from syncer.database.column_types import BIG, DIGEST, LONG_TEXT, Moment
from syncer.database.parts import alerting, console, proof


@dataclass(frozen=True)
class Tables:
    """All tables of one installation, under its prefix."""

    prefix: str
    metadata: sa.MetaData
    queue: sa.Table
    event: sa.Table
    delivery: sa.Table
    lane: sa.Table
    daemon: sa.Table
    audit: sa.Table
    head: sa.Table
    watch: sa.Table
    checkpoint: sa.Table
    anchor: sa.Table
    verification: sa.Table
    tally: sa.Table
    progress: sa.Table
    schema: sa.Table
    alert: sa.Table
    alert_message: sa.Table
    alert_told: sa.Table
    alert_channel: sa.Table
    duty: sa.Table
    user: sa.Table
    passkey: sa.Table
    session: sa.Table
    bucket: sa.Table
    once: sa.Table
    proposal: sa.Table

    @property
    def own(self) -> list[sa.Table]:
        """The tables of syncer's own database; the queue may lie elsewhere."""
        work = [self.event, self.delivery, self.lane, self.daemon, self.watch, self.tally, self.schema, self.duty]
        alerts = [self.alert, self.alert_message, self.alert_told, self.alert_channel]
        proof = [self.audit, self.head, self.checkpoint, self.anchor, self.verification, self.progress]
        return [*work, *alerts, *proof, *self.of_console]

    @property
    def of_console(self) -> list[sa.Table]:
        """The tables that the web console alone keeps; but for proposals, which commands make and decide too."""
        return [self.user, self.passkey, self.session, self.bucket, self.once, self.proposal]


def queue_table(name: str, metadata: sa.MetaData) -> sa.Table:
    """Return the queue table, the contract with producers: they only INSERT, one statement per event."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("event_key", sa.String(191), nullable=False, unique=True),
        sa.Column("kind", sa.String(16)),
        sa.Column("email", sa.String(320)),
        sa.Column("received_at", Moment),
        sa.Column("source", sa.String(64)),
        sa.Column("source_ref", sa.String(191)),
        sa.Column("created_at", Moment),
        sa.Column("taken_at", Moment),
        sa.Index(f"ix_{name}_taken", "taken_at", "id"),
    )


def _event(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}event",
        metadata,
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("event_key", sa.String(191), nullable=False, unique=True),
        sa.Column("right", sa.String(16)),
        sa.Column("subject", sa.String(64)),
        sa.Column("email_sealed", sa.Text),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("legal_due_on", sa.Date),  # moved past days off; only recorded
        sa.Column("extended_at", Moment),
        sa.Column("informed_on", sa.Date),  # when the person was told of the extension
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("source", sa.String(64)),
        sa.Column("source_ref", sa.String(191)),
        sa.Column("queue_id", sa.BigInteger),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("fulfilled_at", Moment),
        sa.Column("rechecks_done", sa.Integer, nullable=False),
        sa.Column("next_recheck_at", Moment),
        sa.Column("shredded_at", Moment),
        sa.Column("released_at", Moment),  # a person let its deletions pass the guard
        sa.Index(f"ix_{prefix}event_subject", "subject"),
        sa.Index(f"ix_{prefix}event_state", "state", "due_on"),
        sa.Index(f"ix_{prefix}event_recheck", "next_recheck_at"),
        sa.Index(f"ix_{prefix}event_source_ref", "source_ref"),
        sa.Column("odd", sa.SmallInteger, sa.FetchedValue()),  # derived by the database, as `slow`: see revision 0011
        sa.Column("slow", sa.Integer, sa.FetchedValue()),
        # 1 where an address is kept, derived likewise (revision 0015): for accounts that may not read the address
        sa.Column("sealed", sa.SmallInteger, sa.FetchedValue()),
        sa.Index(f"ix_{prefix}event_received", "received_at", "id"),
        sa.Index(f"ix_{prefix}event_created", "created_at", "right"),
        sa.Index(f"ix_{prefix}event_right", "right", "id"),
        sa.Index(f"ix_{prefix}event_odd", "odd"),
        sa.Index(f"ix_{prefix}event_slow", "slow"),
    )


def _delivery(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}delivery",
        metadata,
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(36), sa.ForeignKey(f"{prefix}event.id"), nullable=False),
        sa.Column("destination", sa.String(64), nullable=False),
        sa.Column("adapter", sa.String(64), nullable=False),
        sa.Column("action", sa.String(16)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("code", sa.String(64)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", Moment),
        # 0 objection, 1 erasure, NULL when nobody needs to take it up: the claim reads one index range
        sa.Column("claim_rank", sa.SmallInteger),
        sa.Column("due_on", sa.Date, nullable=False),
        # sources take turns in a claim: which of them this is, a small number
        sa.Column("turn", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("applied_at", Moment),
        sa.Column("confirmed_at", Moment),
        sa.Column("unseen", sa.Integer),  # deleted there, not yet seen where deleted objects are kept; NULL: nothing
        sa.Column("failing_since", Moment),  # since when it gets nowhere though the destination answers
        sa.Column("begun_at", Moment),  # when its first attempt began; empty again once it starts over by itself
        sa.Column("settles_on", sa.Date),  # the day by which the recipient says to be through with what it accepted
        sa.Column("lapses_on", sa.Date),  # the day by which data that cannot be found there is gone by itself
        sa.Column("untried", sa.SmallInteger),  # 1: a deletion that never began and that nobody released
        sa.UniqueConstraint("event_id", "destination", name=f"uq_{prefix}delivery"),
        # on SQLite and PostgreSQL without the finished ones (revision 0003); to say so here would load PostgreSQL's
        # dialect at every start
        sa.Index(f"ix_{prefix}delivery_urgency", "destination", "claim_rank", "due_on", "next_attempt_at", "id"),
        sa.Index(f"ix_{prefix}delivery_due", "destination", "next_attempt_at"),
        sa.Index(f"ix_{prefix}delivery_turn", "destination", "turn", "next_attempt_at"),
        sa.Index(f"ix_{prefix}delivery_state", "destination", "state"),
        sa.Column("odd", sa.SmallInteger, sa.FetchedValue()),  # of revision 0011; read by the version before this one
        sa.Index(f"ix_{prefix}delivery_event", "destination", "event_id"),
        sa.Index(f"ix_{prefix}delivery_odd", "odd"),
        sa.Column("strange", sa.SmallInteger, sa.FetchedValue()),  # derived by the database: see revision 0016
        sa.Index(f"ix_{prefix}delivery_strange", "strange"),
        sa.Index(f"ix_{prefix}delivery_confirmed", "destination", "confirmed_at"),
        sa.Index(f"ix_{prefix}delivery_begun", "destination", "begun_at"),
        sa.Index(f"ix_{prefix}delivery_untried", "destination", "untried", "claim_rank"),
        # the few that wait for the guard or are on trial only
        sa.Index(f"ix_{prefix}delivery_code", "destination", "code"),
    )


def _lane(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}lane",
        metadata,
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(191)),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("taken_at", Moment),  # by the database's clock, like lease_until
        sa.Column("lease_until", Moment),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("paused_by", sa.String(16)),  # operator | syncer
        sa.Column("reason", sa.String(255)),
        sa.Column("paused_at", Moment),
        sa.Column("probe_at", Moment),
        sa.Column("cool_until", Moment),
        sa.Column("strikes", sa.Integer, nullable=False),
        sa.Column("guard_since", Moment),  # since when its deletions wait for a person
        sa.Column("guard_limit", sa.Integer),
        sa.Column("guard_counted", sa.Integer),
        sa.Column("contacts", sa.BigInteger),  # how many the destination held when it was last asked
        sa.Column("contacts_at", Moment),
        sa.Column("shadow_since", Moment),  # since when it is read and never written to
    )


def _daemon(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}daemon",
        metadata,
        sa.Column("owner", sa.String(191), primary_key=True),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("seen_until", Moment, nullable=False),
    )


def _audit(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}audit",
        metadata,
        sa.Column("seq", BIG, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(36)),
        sa.Column("destination", sa.String(64)),
        sa.Column("body", LONG_TEXT),
        sa.Column("leaf", DIGEST, nullable=False),
        sa.Column("mac", DIGEST, nullable=False),
        sa.Index(f"ix_{prefix}audit_event", "event_id", "seq"),
        sa.Index(f"ix_{prefix}audit_what", "what", "seq"),
    )


def _head(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}audit_head",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("mac", DIGEST, nullable=False),
        # shows a start with another key file, with which every search by address would miss
        sa.Column("key_check", sa.String(64), nullable=False),
    )


def _watch(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}watch",
        metadata,
        sa.Column("destination", sa.String(64), primary_key=True),
        sa.Column("looked_at", Moment, nullable=False),
        sa.Column("seen", sa.Integer, nullable=False),
        sa.Column("listed_at", Moment),  # when everybody was last listed, whatever their dates say
        sa.Column("listed", sa.Integer),  # how many that were
        sa.Column("unfinished", LONG_TEXT),  # how far a look came that broke off; under a mac
    )


def _tally(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}tally",
        metadata,
        sa.Column("what", sa.String(16), primary_key=True),  # event | delivery
        sa.Column("destination", sa.String(64), primary_key=True),  # "" for events
        sa.Column("number", BIG, nullable=False),
    )


def _schema(prefix: str, metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        f"{prefix}schema",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("compatible_from", sa.String(16), nullable=False),  # the oldest revision whose code runs on this one
    )


def tables(prefix: str = "syncer_", queue: str = "syncer_queue") -> Tables:
    """Return the tables of an installation; `prefix` and `queue` come from the settings."""
    metadata = sa.MetaData()
    return Tables(
        prefix=prefix,
        metadata=metadata,
        queue=queue_table(queue, metadata),
        event=_event(prefix, metadata),
        delivery=_delivery(prefix, metadata),
        lane=_lane(prefix, metadata),
        daemon=_daemon(prefix, metadata),
        audit=_audit(prefix, metadata),
        head=_head(prefix, metadata),
        watch=_watch(prefix, metadata),
        checkpoint=proof.checkpoint(prefix, metadata),
        anchor=proof.anchor(prefix, metadata),
        verification=proof.verification(prefix, metadata),
        tally=_tally(prefix, metadata),
        progress=proof.progress(prefix, metadata),
        schema=_schema(prefix, metadata),
        alert=alerting.alert(prefix, metadata),
        alert_message=alerting.message(prefix, metadata),
        alert_told=alerting.told(prefix, metadata),
        alert_channel=alerting.channel(prefix, metadata),
        duty=alerting.duty(prefix, metadata),
        user=console.user(prefix, metadata),
        passkey=console.passkey(prefix, metadata),
        session=console.session(prefix, metadata),
        bucket=console.bucket(prefix, metadata),
        once=console.once(prefix, metadata),
        proposal=console.proposal(prefix, metadata),
    )
