"""What the accounts may do that work, look and purge."""

from __future__ import annotations

from syncer.database.revisions import version_table
from syncer.database.tables import Tables
from syncer.setup.granted.grant import QUEUE_WRITTEN, Grant, but_keys, may, swept

#: what the daemon may change of a queue row: it takes it and blanks the address
QUEUE_TAKEN = ("email", "taken_at")
#: what the daemon changes of an event: never who asked for what and when. Of these `subject` alone says who: `resync`
#: gives it to an event whose address nobody could read
EVENT_CHANGED = (
    "subject", "email_sealed", "due_on", "legal_due_on", "extended_at", "informed_on", "state", "code",
    "fulfilled_at", "rechecks_done", "next_recheck_at", "shredded_at", "released_at",
)  # fmt: skip
#: what the daemon changes of a delivery: never the plan
DELIVERY_CHANGED = (
    "state", "outcome", "code", "attempts", "next_attempt_at", "claim_rank", "due_on", "applied_at", "confirmed_at",
    "unseen", "failing_since", "begun_at", "untried", "settles_on", "lapses_on",
)  # fmt: skip


def producer(tables: Tables) -> list[Grant]:
    """Return what writing requests needs."""
    return [Grant("producer", tables.queue.name, ("INSERT",), QUEUE_WRITTEN)]


def daemon(tables: Tables) -> list[Grant]:
    """Return what the work needs, but for what commands do in the tables of the web console."""
    queue, event, delivery = tables.queue.name, tables.event.name, tables.delivery.name

    return [
        *may("daemon", queue, "SELECT", changes=QUEUE_TAKEN),
        Grant("daemon", queue, ("INSERT",), QUEUE_WRITTEN),  # for `syncer submit`
        *may("daemon", event, "SELECT", "INSERT", changes=EVENT_CHANGED),
        *may("daemon", delivery, "SELECT", "INSERT", changes=DELIVERY_CHANGED),
        *(
            line
            for table in (tables.lane, tables.watch)
            for line in may("daemon", table.name, "SELECT", "INSERT", changes=but_keys(table))
        ),
        # the whole row: MariaDB asks for the key's columns too where a row is there already
        *may("daemon", tables.tally.name, "SELECT", "INSERT", "UPDATE"),
        # a daemon that stops deletes its row, and one that starts deletes the rows of those that died
        *may("daemon", tables.daemon.name, "SELECT", "INSERT", "DELETE", changes=("seen_until",)),
        *(line for name in swept(tables) for line in may("daemon", name, "SELECT", "INSERT", "DELETE")),
        *may("daemon", tables.audit.name, "SELECT", "INSERT"),
        *may("daemon", tables.head.name, "SELECT", changes=but_keys(tables.head)),
        *may("daemon", tables.checkpoint.name, "SELECT", "INSERT"),
        *(
            line
            for table in (tables.anchor, tables.verification, tables.progress)
            for line in may("daemon", table.name, "SELECT", "INSERT", changes=but_keys(table))
        ),
        *may("daemon", tables.duty.name, "SELECT", "INSERT", changes=but_keys(tables.duty)),
        *may("daemon", tables.alert_channel.name, "SELECT", "INSERT", changes=but_keys(tables.alert_channel)),
        # what is over is forgotten, and after a time deleted
        *(
            line
            for table in (tables.alert, tables.alert_message, tables.alert_told)
            for line in may("daemon", table.name, "SELECT", "INSERT", "DELETE", changes=but_keys(table))
        ),
        *may("daemon", version_table(tables.prefix), "SELECT"),
        *may("daemon", tables.schema.name, "SELECT"),  # whether this syncer runs on a newer schema
    ]


def reader(tables: Tables) -> list[Grant]:
    """Return what looking needs."""
    return readable("reader", tables, queue=("id", "taken_at"))


def readable(account: str, tables: Tables, queue: tuple[str, ...]) -> list[Grant]:
    """Return what an account that looks may read: everything but addresses, and how people sign in."""
    readable = tuple(column.name for column in tables.event.c if column.name != "email_sealed")
    hidden = [table for table in tables.of_console if table is not tables.proposal]
    whole = [table.name for table in tables.own if table not in (tables.event, *hidden)]
    return [
        Grant(account, tables.queue.name, ("SELECT",), queue),
        Grant(account, tables.event.name, ("SELECT",), readable),
        *(Grant(account, name, ("SELECT",)) for name in (*whole, *swept(tables), version_table(tables.prefix))),
    ]


def retention(tables: Tables) -> list[Grant]:
    """Return what purging bodies needs."""
    return [
        Grant("retention", tables.audit.name, ("SELECT", "INSERT")),
        Grant("retention", tables.audit.name, ("UPDATE",), ("body",)),
        Grant("retention", tables.head.name, ("SELECT",)),
        Grant("retention", tables.head.name, ("UPDATE",), ("seq", "mac")),
        Grant("retention", tables.checkpoint.name, ("SELECT",)),  # the comparison before the first write
        Grant("retention", tables.event.name, ("SELECT",), ("id", "state", "fulfilled_at")),
        Grant("retention", version_table(tables.prefix), ("SELECT",)),
        Grant("retention", tables.schema.name, ("SELECT",)),
    ]
