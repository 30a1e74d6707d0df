"""Examples and exit codes of each command, by its words behind `syncer`; `docs/commands.md` shows the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

#: what every command's codes have in common
EXITS = {
    0: "done, and nothing needs attention",
    1: "done, and something needs attention: held, late, paused, not proven, not found",
    2: "called or configured wrongly, or the log is not the one that was signed; nothing was changed, unless a line"
    " says how far it came",
    3: "audit verify: nothing was altered, but a restore on record declares anchored entries lost",
}


class Usage(NamedTuple):
    """Lines to type, and what the exit codes mean."""

    examples: tuple[str, ...]
    exits: Mapping[int, str]


def _usage(*examples: str, done: str = "done", attention: str = "", wrong: str = EXITS[2]) -> Usage:
    exits = {0: done, 1: attention, 2: wrong} if attention else {0: done, 2: wrong}
    return Usage(examples, exits)


_NOTHING = "nothing needs attention"
_WAITS = "is held or overdue"
_BECAUSE = '--reason "key replaced"'

USAGE: Mapping[str, Usage] = {
    # -- every day
    "status": _usage(
        "syncer status",
        "syncer status --json | jq .events.held",
        done=_NOTHING,
        attention="something is held, late, paused or refused, WordPress alarms, the log's proof is at risk, or what is"
        " due within 7 days waits in shadow mode",
    ),
    "events": _usage(
        "syncer events --state held",
        "syncer events --right objection --since 2026-11-01 --until 2026-12-01 --json",
        done="none of the requests listed waits for a person",
        attention=f"a request that is listed {_WAITS}",
    ),
    "show": _usage(
        "syncer show 4711",
        done="the request does not wait for a person",
        attention=f"the request {_WAITS}",
    ),
    "find": _usage(
        "syncer find < address.txt",
        done="found, and none of the requests waits for a person",
        attention=f"there is no request of this person, or one {_WAITS}",
    ),
    "submit": _usage(
        "syncer submit erasure < addresses.txt",
        "syncer submit objection --file export.csv --source phone",
        'syncer submit erasure --ref "letter 7" --received 2026-11-24 < addresses.txt',
        done="queued; a line on stderr names each address that cannot be used and will be held",
        wrong="called or configured wrongly; nothing was queued",
    ),
    "run": _usage(
        "syncer run",
        "syncer run --debug",
        "syncer run --shadow",
        done="told to stop (SIGTERM, SIGINT), and every call in hand is finished",
        attention="an error of its own, which a new start may get past",
        wrong="configured wrongly, or the log is not the one that was signed: a person must mend it",
    ),
    "drain": _usage(
        "syncer drain",
        "syncer drain --max-seconds 60",
        "syncer drain --shadow",
        done=f"nothing is due any more, and {_NOTHING}",
        attention="something needs attention: `syncer status` says what",
    ),
    # -- decide
    "preview": _usage(
        "syncer preview --event 4711",
        "syncer preview --held --json",
        "syncer preview --file addresses.txt --right objection",
        done="everybody was looked for, and nothing would be held",
        attention="something would be held, or a destination did not answer",
    ),
    "resync": _usage(
        f"syncer resync --held {_BECAUSE}",
        f"syncer resync --held {_BECAUSE} --yes",
        'syncer resync --file lines.txt --reason "asked the person" --yes',
        done="the plan was shown, or carried out",
    ),
    "guard": _usage(
        "syncer guard",
        "syncer guard --json | jq .destinations",
        done="nothing is stopped",
        attention="deletions are stopped, and wait for a person",
    ),
    "guard plan": _usage(
        "syncer guard plan",
        "syncer guard plan --source shop --received-until 2026-11-24",
        done="nothing of that is stopped",
        attention="the requests that wait for a person were shown",
    ),
    "guard release": _usage(
        'syncer guard release --event 4711 --reason "asked the person" --apply DIGEST --deletions 2',
        wrong="called wrongly, or the plan is not the one that was shown; nothing was changed",
    ),
    "guard refuse": _usage(
        'syncer guard refuse --source shop --reason "a bug in the shop" --apply DIGEST',
        wrong="called wrongly, or the plan is not the one that was shown; nothing was changed",
    ),
    "guard withdraw": _usage(
        'syncer guard withdraw --source shop --reason "a bug in the shop"',
        'syncer guard withdraw --source shop --reason "a bug in the shop" --apply DIGEST --requests 500',
        done="the plan was shown, or carried out",
        wrong="called wrongly, or the plan is not the one that was shown; nothing was changed",
    ),
    "proposals": _usage(
        "syncer proposals",
        "syncer proposals --json | jq '.[] | select(.outcome == null)'",
        done="nothing waits for a second person",
        attention="something waits for a second person",
    ),
    "approve": _usage(
        'syncer approve 12 --reason "saw the letter of the court"',
        wrong="called wrongly, not yours to approve, decided before, or not any more what was proposed; nothing was"
        " changed",
    ),
    "reject": _usage('syncer reject 12 --reason "the person never asked for that"'),
    "exempt": _usage(
        'syncer exempt 4711 --destination crm --ground legal_claims --reason "court case 12 C 34/26"',
    ),
    "withdraw": _usage(
        'syncer withdraw 4711 --reason "the wrong person was typed"',
        'syncer withdraw 4711 --reason "the wrong person was typed" --yes',
        done="the plan was shown, or carried out; or it was withdrawn before",
        wrong="called or configured wrongly, nothing of it is open any more, or it still waits in the queue,"
        " from which --yes takes it; nothing was changed",
    ),
    "extend": _usage(
        'syncer extend 4711 --informed 2026-11-24 --reason "data in eleven archives"',
    ),
    "pause": _usage('syncer pause crm --reason "the account moves to a new plan"'),
    "resume": _usage('syncer resume crm --reason "the account moved"'),
    # -- prove
    "report": _usage(
        "syncer report --format html --out log.html",
        "syncer report --since 2026-10-01 --until 2026-11-01 --format csv --out october.csv",
        "syncer report --json | jq .summary",
        done="written; no request in it is held or late, and the log is intact",
        attention=f"written; a request in it {_WAITS}, or the log is not intact",
    ),
    "dossier": _usage(
        "syncer dossier --out page.html < address.txt",
        "syncer dossier 4711 --json --out proofs.json",
        done="written; nothing in it is held or late",
        attention=f"written, and a request in it {_WAITS} or a proof does not hold; or nobody has this address,"
        " and there is no page",
    ),
    "audit verify": Usage(
        (
            "syncer audit verify",
            "syncer audit verify --full",
            "syncer audit verify --against note.txt",
            "syncer audit verify --accept-fork 4800",
        ),
        {
            0: "proven",
            1: "something was altered, or the tables disagree with the log",
            2: EXITS[2],
            3: "nothing was found altered, but a restore on record declares anchored entries lost; --accept-fork if"
            " you were told of it",
        },
    ),
    "audit prove": _usage("syncer audit prove 4712 --out proof.json"),
    "audit check-proof": _usage(
        "syncer audit check-proof proof.json --key log.key",
        "syncer audit check-proof proofs.json --key log.key --json",
        done="proven",
        attention="not proven, or the file cannot be read as a proof",
    ),
    "audit checkpoint": _usage(
        "syncer audit checkpoint", done="signed, and every anchor has the note", attention="signed; an anchor failed"
    ),
    "audit key": _usage("syncer audit key > log.key"),
    "audit export": _usage(
        "syncer audit export --out log.jsonl", "syncer audit export --format csv --out log.csv", done="every entry"
    ),
    "audit fork": _usage('syncer audit fork --reason "restored the backup of 2026-11-24"', done="recorded"),
    # -- look after it
    "watch": _usage(
        "syncer watch",
        "syncer watch --whole",
        done="nobody is back",
        attention="somebody is back, or a destination could not be read whole",
    ),
    "reconcile": _usage(
        "syncer reconcile",
        done="all is as recorded",
        attention="something is not as recorded, or could not be asked",
    ),
    "retention": _usage(
        "syncer retention --dry-run",
        "syncer retention",
        attention="addresses past their time are left: a recheck of theirs is late",
    ),
    "backup": _usage(
        "syncer backup /var/backups/syncer --keep 14",
        "syncer backup --check /var/backups/syncer/syncer-20261124T031500Z.db",
        done="the backup was made, restored into a scratch database and verified",
        attention="it was not made, is damaged, or could not be verified",
    ),
    "restore": _usage(
        "syncer restore /var/backups/syncer/syncer-20261124T031500Z.db --into sqlite:////var/lib/syncer/syncer.db",
        "syncer restore /var/backups/syncer/syncer-20261124T031500Z.dump --into postgresql://syncer@localhost/syncer",
        done="the database is in place; what it printed comes next",
        attention="the backup is damaged, or could not be put in place whole",
    ),
    "replay": _usage(
        'syncer replay --since note.txt --reason "restored the backup of 2026-11-24"',
        'syncer replay --since note.txt --export log.jsonl --reason "restored the backup" --yes',
        done="the plan was shown, or carried out; nothing is lost",
        attention="the plan was shown, or carried out; some requests only the lost part knew, each with its remedy",
    ),
    "metrics": _usage("syncer metrics", "syncer metrics --out /var/lib/node_exporter/syncer.prom"),
    "console key": _usage("syncer console key --out /etc/syncer-console/console.key"),
    "console": _usage(
        "syncer console",
        "syncer --settings /etc/syncer/settings.toml console",
        done="told to stop (SIGTERM, SIGINT), and every request in hand is answered",
        wrong="configured wrongly, its place is taken, or the database is another version's: a person must mend it",
    ),
    "alerts": _usage(
        "syncer alerts",
        "syncer alerts --json | jq '.alerts[].condition'",
        done="no alert is open, and every channel works",
        attention="an alert is open, or a channel fails or is off",
    ),
    "alerts test": _usage(
        "syncer alerts test",
        "syncer alerts test dpo",
        done="every channel took its trial",
        attention="a channel did not take it; a line says why",
    ),
    "alerts ack": _usage('syncer alerts ack 12 --until 2026-12-07 --reason "the provider is mending it"'),
    "alerts digest": _usage("syncer alerts digest --print"),
    # -- set up
    "demo": _usage("syncer demo", "syncer demo --console"),
    "init": _usage("syncer init", "syncer --settings /etc/syncer/settings.toml init", done="made, or already there"),
    "check": _usage(
        "syncer check",
        "syncer check --try crm --domain my-site.org",
        "syncer check --try newsletter --domain my-site.org --in a1b2c3d4e5 --yes",
        "SYNCER_DATABASE__URL=mysql://syncer_reader@localhost/syncer syncer check --account reader",
        done="nothing FAILs; a `warn` wants a look, and is no failure",
        attention="something FAILs; each has its remedy",
    ),
    "config": _usage("syncer config", "syncer config --json | jq .file"),
    "user add": _usage("syncer user add anna --role compliance", "syncer user add bert --role ops --role admin"),
    "user list": _usage("syncer user list", "syncer user list --json"),
    "user role": _usage("syncer user role anna --role compliance --role ops"),
    "user disable": _usage("syncer user disable anna"),
    "user enable": _usage("syncer user enable anna"),
    "user reset": _usage("syncer user reset anna"),
    "user sign-out": _usage("syncer user sign-out anna"),
    "key create": _usage("syncer key create"),
    "key list": _usage("syncer key list"),
    "key rotate": _usage('syncer key rotate --reason "a backup got lost"', 'syncer key rotate --reason "…" --yes'),
    "db upgrade": _usage("syncer db upgrade", done="up to date"),
    "db grants": _usage("syncer db grants > grants.sql", "syncer db grants --host app.example.org"),
    "wordpress install": _usage(
        "syncer wordpress install --wp-content /var/www/html/wp-content",
        "syncer wordpress install --wp-content - > syncer-queue.php",
    ),
    "wordpress grants": _usage(
        "syncer wordpress grants > grants.sql", "syncer wordpress grants --site 1 --site 2 --host app.example.org"
    ),
    "wordpress sweep": _usage(
        "syncer wordpress sweep --dry-run", "syncer wordpress sweep", attention="WordPress raises an alarm"
    ),
    "wordpress dismiss": _usage('syncer wordpress dismiss 1:344121 --reason "deleted by the site\'s owner"'),
    "completion": _usage('eval "$(syncer completion bash)"', "syncer completion fish | source"),
}


def usage_of(words: str) -> Usage:
    """Return what stands here for a command; nothing but the common codes for one that is not listed."""
    return USAGE.get(words, Usage((), EXITS))
