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
        attention="something is held, late, paused or refused, WordPress alarms, or the log's proof is at risk",
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
        done="told to stop (SIGTERM, SIGINT), and every call in hand is finished",
        attention="an error of its own, which a new start may get past",
        wrong="configured wrongly, or the log is not the one that was signed: a person must mend it",
    ),
    "drain": _usage(
        "syncer drain",
        "syncer drain --max-seconds 60",
        done=f"nothing is due any more, and {_NOTHING}",
        attention="something needs attention: `syncer status` says what",
    ),
    # -- decide
    "resync": _usage(
        f"syncer resync --held {_BECAUSE}",
        f"syncer resync --held {_BECAUSE} --yes",
        'syncer resync --file lines.txt --reason "asked the person" --yes',
        done="the plan was shown, or carried out",
    ),
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
    "replay": _usage(
        'syncer replay --since note.txt --reason "restored the backup of 2026-11-24"',
        'syncer replay --since note.txt --export log.jsonl --reason "restored the backup" --yes',
        done="the plan was shown, or carried out; nothing is lost",
        attention="the plan was shown, or carried out; some requests only the lost part knew, each with its remedy",
    ),
    "metrics": _usage("syncer metrics", "syncer metrics --out /var/lib/node_exporter/syncer.prom"),
    # -- set up
    "demo": _usage("syncer demo"),
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
