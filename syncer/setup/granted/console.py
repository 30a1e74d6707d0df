"""What the web console may do: one account that looks, and one that decides as well; neither sees a sealed address."""

from __future__ import annotations

from syncer.database.tables import Tables
from syncer.setup.granted.grant import QUEUE_WRITTEN, Grant, but_keys, may
from syncer.setup.granted.work import readable

#: what a person's decision changes of an event: also that its address is gone, never whose it is
EVENT_DECIDED = (
    "email_sealed", "due_on", "legal_due_on", "extended_at", "informed_on", "state", "code", "fulfilled_at",
    "rechecks_done", "next_recheck_at", "shredded_at", "released_at",
)  # fmt: skip
#: of a delivery: where it stands and when it is taken up, never that something was done there
DELIVERY_DECIDED = (
    "state", "outcome", "code", "attempts", "next_attempt_at", "claim_rank", "due_on", "confirmed_at", "begun_at",
    "untried",
)  # fmt: skip
#: of a lane: that it rests or goes on, never whose it is
LANE_DECIDED = (
    "paused", "paused_by", "reason", "paused_at", "probe_at", "cool_until", "strikes", "guard_since", "guard_limit",
    "guard_counted",
)  # fmt: skip
#: of a proposal: how it ended, never what was proposed
PROPOSAL_ENDED = ("outcome", "decided_at", "decider", "decision_reason")
#: of a message: the trial of a channel, which a daemon sends; never that it was sent
TRIAL_WRITTEN = (
    "channel", "message_id", "answers", "kind", "severity", "subject", "body", "alerts", "created_at", "next_try_at",
    "attempts",
)  # fmt: skip


def console_reader(tables: Tables) -> list[Grant]:
    """Return what the console needs that shows and changes nothing but its own tables."""
    return _looking("console_reader", tables)


def console(tables: Tables) -> list[Grant]:
    """Return what the console needs in which people decide."""
    return [
        *_looking("console", tables),
        *may("console", tables.event.name, changes=EVENT_DECIDED),
        *may("console", tables.delivery.name, changes=DELIVERY_DECIDED),
        *may("console", tables.lane.name, changes=LANE_DECIDED),
        *may("console", tables.alert.name, changes=("quiet_until",)),
        *may("console", tables.proposal.name, "INSERT", changes=PROPOSAL_ENDED),
        Grant("console", tables.queue.name, ("INSERT",), QUEUE_WRITTEN),
        Grant("console", tables.alert_message.name, ("INSERT",), TRIAL_WRITTEN),
    ]


def of_the_commands(tables: Tables) -> list[Grant]:
    """Return what commands with the daemon's account do there: they make accounts, end sessions, decide proposals."""
    return [
        *may("daemon", tables.user.name, "SELECT", "INSERT", changes=but_keys(tables.user)),
        *may("daemon", tables.passkey.name, "SELECT", "DELETE"),
        *may("daemon", tables.session.name, "SELECT", "DELETE"),
        *may("daemon", tables.once.name, "SELECT"),  # whether the console waits for a signature
        *may("daemon", tables.proposal.name, "SELECT", "INSERT", changes=PROPOSAL_ENDED),
    ]


def _looking(account: str, tables: Tables) -> list[Grant]:
    """Return what looking needs, with signing in, and with an entry in the log for whoever looked."""
    changed = tuple(name for name in but_keys(tables.user) if name != "created_at")
    return [
        # the key of a row tells whether a form came twice, its kind how many deletions wait; never an address
        *readable(account, tables, queue=("id", "event_key", "kind", "taken_at")),
        *may(account, tables.audit.name, "INSERT"),
        *may(account, tables.head.name, changes=("seq", "mac")),
        *may(account, tables.user.name, "SELECT", changes=changed),  # accounts are made by `syncer user add` alone
        *(
            line
            for table in (tables.passkey, tables.session, tables.bucket, tables.once)
            # the whole row: a session goes on under another key, and a lock asks for the right to change one
            for line in may(account, table.name, "SELECT", "INSERT", "UPDATE", "DELETE")
        ),
    ]
