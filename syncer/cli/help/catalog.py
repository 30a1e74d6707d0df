"""Every command by what one wants to do, and where it lives: `syncer --help` loads none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class CatalogEntry(NamedTuple):
    """Where a command lives, as "module:attribute" below `syncer.cli`, and what it does: its own first sentence."""

    place: str
    line: str


#: section -> name -> command, in the order in which they are shown; a new command is one line here
SECTIONS: Mapping[str, Mapping[str, CatalogEntry]] = {
    "Every day": {
        "status": CatalogEntry("read:status", "Show what is open, held, late and paused."),
        "events": CatalogEntry("read:events", "List requests and where they stand."),
        "show": CatalogEntry("read:show", "Show one request with its whole timeline."),
        "find": CatalogEntry("read:find", "Find a person's requests; the address comes from stdin."),
        "submit": CatalogEntry("work:submit", "Queue requests; the addresses come from stdin or a file."),
        "run": CatalogEntry("work:run", "Run the daemon: it takes, delivers and reads back, for good."),
        "drain": CatalogEntry("work:drain", "Do what is due now, and end."),
    },
    "Decide": {
        "preview": CatalogEntry("operate.shadow:preview", "Show what would happen, without doing it."),
        "resync": CatalogEntry("decide:resync", "Start held deliveries over, read confirmed ones back."),
        "guard": CatalogEntry("operate.guard:guard", "See and decide what unusually many deletions stopped."),
        "exempt": CatalogEntry("decide:exempt", "Close a held delivery: a destination is not told."),
        "withdraw": CatalogEntry("decide:withdraw", "Withdraw a request that was submitted by mistake."),
        "extend": CatalogEntry("decide:extend", "Extend the time to answer a complex erasure to three months."),
        "proposals": CatalogEntry("operate.proposals:proposals", "List decisions that wait for a second person."),
        "approve": CatalogEntry("operate.proposals:approve", "Carry out what somebody else proposed."),
        "reject": CatalogEntry("operate.proposals:reject", "Turn down what somebody proposed."),
        "pause": CatalogEntry("decide:pause", "Stop the work at a destination until it is resumed."),
        "resume": CatalogEntry("decide:resume", "Go on with the work at a destination."),
    },
    "Prove": {
        "report": CatalogEntry("read:report", "Write the propagation log for compliance."),
        "dossier": CatalogEntry("dossier:dossier", "Write one page for one person."),
        "audit": CatalogEntry("audit:audit", "Verify, sign, prove and export the log of all that was done."),
    },
    "Look after it": {
        "alerts": CatalogEntry("operate.alerts:alerts", "Show what people are told of, and try the channels."),
        "watch": CatalogEntry("watch:watch", "Look for people who are back at a destination."),
        "reconcile": CatalogEntry("watch:reconcile", "Compare what destinations say today with what was recorded."),
        "retention": CatalogEntry("audit:retention", "Purge what is past its time from the log, and old addresses."),
        "backup": CatalogEntry("operate.backup:backup", "Back the database up, and verify the backup."),
        "restore": CatalogEntry("operate.backup:restore", "Put a backup into an empty database."),
        "replay": CatalogEntry("audit:replay", "Repeat what a restored backup undid."),
        "console": CatalogEntry("operate.console:console", "Run the web console: pages for people who have no shell."),
        "metrics": CatalogEntry("read:metrics", "Print the figures for Prometheus."),
    },
    "Set up": {
        "demo": CatalogEntry("work:demo", "Try everything against the sandbox; no account needed."),
        "init": CatalogEntry("install:init", "Create the key file, the tables and the queue table."),
        "check": CatalogEntry("install:check", "Check settings, key file, database and every destination."),
        "config": CatalogEntry("config:config", "Show the settings in force, and where each came from."),
        "user": CatalogEntry("operate.users:user", "Make and change accounts of people who use the web console."),
        "key": CatalogEntry("key:key", "Make, list and replace the key."),
        "db": CatalogEntry("install:db", "Bring the database up to date, print its accounts."),
        "wordpress": CatalogEntry("wordpress:wordpress", "Connect WordPress: plugin, grants, sweep."),
        "completion": CatalogEntry(
            "help.completion:completion", "Print what lets your shell complete commands, names and ids."
        ),
    },
}
