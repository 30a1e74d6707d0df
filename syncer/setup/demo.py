"""`syncer demo`: the whole job against the sandbox, through the real commands; no account is needed."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncer.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from syncer.setup.filled.accounts import PlayedAccounts

#: what is kept of a demo to look at, in the current folder; another demo writes it anew
KEPT = "syncer-demo"
REPORT, DOSSIER, EXPORT, NOTE = "propagation-log.html", "dossier.html", "audit.jsonl", "checkpoint.note"
#: the person whose dossier is written: every destination was asked, and not every one is done
PERSON = "everywhere@three.test"
#: the script that an auditor runs; it is part of the source, not of the package
VERIFIER = Path(__file__).parents[2] / "docs" / "verify_log.py"
#: people at the providers who never ask for anything
PEOPLE = 300
#: the sandbox account allows more than the real 5 calls a second, so that the demo takes seconds
RATE = 60
#: seconds the demo waits for the throttled spell to pass
PATIENCE = 15.0

SETTINGS = """\
# written by `syncer demo`; the servers behind it end with the demo
[database]
url = "sqlite:///syncer.db"

# "info", the default, logs every delivery; in the demo the commands say enough
[log]
level = "error"

[deadlines]
timezone = "Europe/Berlin"

# the made-up people ask for more in half a minute than a newsletter has in a day
[guard]
always_allowed = 1_000_000

"""

ERASURES = {
    "everywhere@three.test": "in all three audiences and both CRMs",
    "user+tag@plus.test": "plus-addressed",
    "nobody@absent.test": "known to nobody",
    "reader@bücher.test": "with an internationalised domain",
    "Mixed.Case@Letters.test": "written in mixed case",
    "shopper@shop.test": "a shop customer too",
    "cleaned@bounce.test": "bounced once, so not to be archived",
    "archived@hand.test": "archived by hand, data still kept",
}
OBJECTIONS = {
    "tired@three.test": "in all three audiences",
    "pending@optin.test": "with a double opt-in under way",
    "stranger@absent.test": "known to nobody, so a tombstone is left",
}


def run(console: Console) -> int:
    """Run the demo and return its exit code.

    What there is to look at afterwards is kept in the folder KEPT. The installation itself, its key and its database
    with the addresses, lies in a temporary folder that goes with the demo. Raises UserError when nothing can be kept.
    """
    kept = _kept()
    with told_to_stop(), tempfile.TemporaryDirectory(prefix="syncer-demo-") as folder:
        return _play(console, Path(folder), kept)


def _kept() -> Path:
    kept = Path.cwd() / KEPT
    try:
        kept.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"demo: the folder {kept} cannot be made ({error.strerror}); change to a folder of your own"
        ) from None
    return kept


@contextmanager
def told_to_stop() -> Iterator[None]:
    """Let a signal end the block as an exception does: the key must not stay behind where a terminal is closed."""
    before = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _play(console: Console, folder: Path, kept: Path) -> int:
    from syncer.setup.filled.accounts import played_accounts

    started = time.monotonic()
    with played_accounts(PEOPLE, RATE, shop_admin=False) as accounts:
        _introduce(accounts)
        before = _snapshot(accounts)
        (folder / "settings.toml").write_text(SETTINGS + accounts.settings, encoding="utf-8")
        console.rule("[bold]syncer demo")
        people = PEOPLE + len(ERASURES) + len(OBJECTIONS)
        console.print(
            "This machine plays one Mailchimp account (`newsletter`) and two ActiveCampaign accounts (`crm`, `shop`),\n"
            f"with {people} made-up people: {len(ERASURES)} ask to be erased, {len(OBJECTIONS)} object to marketing.\n"
            f"What there is to look at afterwards is kept in {kept}; the installation with its key goes with the demo.",
            soft_wrap=True,
        )
        _work(console, folder, accounts)
        _compare(console, accounts, before)
        _show(console, folder, kept)
    _close(console, folder, kept)
    console.print(f"\nThat took {time.monotonic() - started:.0f} s.")
    return 0


def _introduce(accounts: PlayedAccounts) -> None:
    """Let the accounts know those who are going to ask."""
    from syncer.setup.filled.accounts import AUDIENCES

    for address in ("everywhere@three.test", "tired@three.test"):
        for audience in AUDIENCES:
            accounts.newsletter.add(address, audience)
        accounts.crm.add(address)
        accounts.shop.add(address)
    for address in ("user+tag@plus.test", "mixed.case@letters.test", "shopper@shop.test"):
        accounts.newsletter.add(address, AUDIENCES[0])
        accounts.crm.add(address)
    accounts.newsletter.add("reader@xn--bcher-kva.test", AUDIENCES[1])
    accounts.newsletter.add("cleaned@bounce.test", AUDIENCES[0], status="cleaned")
    accounts.newsletter.add("archived@hand.test", AUDIENCES[2], status="archived")
    accounts.newsletter.add("pending@optin.test", AUDIENCES[0], status="pending")
    accounts.crm.archive("archived@hand.test")
    accounts.newsletter.add_customer("shopper@shop.test")
    accounts.crm.add_customer("shopper@shop.test")


def _work(console: Console, folder: Path, accounts: PlayedAccounts) -> None:
    from adapters.sandbox import Fault

    _syncer(console, folder, "init")
    _syncer(console, folder, "check")
    console.print("\nThe failure is on purpose: the key of `shop` has too few rights, to show what happens then.")
    console.print("\nNobody has tried yet what these accounts really do. One invented contact shows it for `crm`:")
    _syncer(console, folder, "check", "--try", "crm", "--domain", "operator.test", "--yes")
    _syncer(console, folder, "submit", "erasure", "--source", "demo", stdin="\n".join(ERASURES))
    _syncer(console, folder, "submit", "objection", "--source", "demo", stdin="\n".join(OBJECTIONS))
    _syncer(console, folder, "submit", "erasure", "--source", "demo", stdin="not an address")
    console.print("\nThat was not an address: it is not lost but held, until a person decides.")
    console.print("Next, Mailchimp asks syncer to slow down for a moment (429, Retry-After: 1).")
    accounts.newsletter.fault(Fault(status=429, headers={"Retry-After": "1"}, body="", times=2, path="members"))
    _syncer(console, folder, "drain")
    deadline = time.monotonic() + PATIENCE
    while _under_way(folder) and time.monotonic() < deadline:
        time.sleep(1.0)
        console.print("\nSome deliveries had to wait. The daemon, `syncer run`, goes on by itself; here we drain again")
        _syncer(console, folder, "drain")


def _under_way(folder: Path) -> bool:
    status = json.loads(_output(folder, "status", "--json"))
    lanes = status["destinations"].values()
    return any(lane["pending"] + lane["retrying"] + lane["applied"] for lane in lanes)


def _show(console: Console, folder: Path, kept: Path) -> None:
    _syncer(console, folder, "status")
    console.print(
        f"\nHeld are the {len(ERASURES)} erasures that the key of `shop` could not finish, and the line that was not"
        " an address.\nNothing that is held is forgotten: it says why, and what to do. One of them, with its evidence:",
        soft_wrap=True,
    )
    events = json.loads(_output(folder, "events", "--json"))
    first = next(event for event in events if event["state"] == "held" and event["right"])
    _syncer(console, folder, "show", first["id"])
    console.print("\nNow the proof: for compliance, for one person, and for an auditor.")
    _syncer(console, folder, "report", "--format", "html", "--out", str(kept / REPORT))
    _syncer(console, folder, "dossier", "--out", str(kept / DOSSIER), stdin=PERSON)
    _syncer(console, folder, "audit", "checkpoint")
    _syncer(console, folder, "audit", "verify")


def _close(console: Console, folder: Path, kept: Path) -> None:
    """Print what there is now and where, and let the auditor's script have the last word."""
    key = _output(folder, "audit", "key").strip()
    _output(folder, "audit", "export", "--out", str(kept / EXPORT))
    shutil.copy(max((folder / "checkpoints").glob("*.note")), kept / NOTE)
    results = {
        "report for compliance": (kept / REPORT).as_uri(),
        "dossier of one person": (kept / DOSSIER).as_uri(),
        "signed checkpoint": str(kept / NOTE),
        "exported log": str(kept / EXPORT),
        "public key of the log": key,
    }
    if VERIFIER.exists():  # not in an installed package
        words = [sys.executable, str(VERIFIER), "--key", key, str(kept / EXPORT), str(kept / NOTE)]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)  # noqa: S603 — our own
        results["docs/verify_log.py says"] = (done.stdout or done.stderr).partition("\n")[0]
    console.print()
    console.rule("[bold]what you have now")
    for name, what in results.items():
        console.print(f"[bold]{name:<23}[/bold] {what}", soft_wrap=True)
    console.print(
        "\nOpen the first two in a browser. The installation behind them is gone, and its key with it;\n"
        "delete the rest when you like:\n"
        f"  [bold]rm -r {shlex.quote(str(kept))}[/bold]\n"
        "To install it on a server: docs/install.md",
        soft_wrap=True,
    )


def _snapshot(accounts: PlayedAccounts) -> list[Any]:
    """Return what the providers hold of people who never asked."""
    wanted = {person.lower() for person in accounts.bystanders}
    members = sorted(row for row in map(tuple, accounts.newsletter.members()) if row[1].lower() in wanted)
    return [members, [accounts.crm.contact(person) for person in sorted(accounts.bystanders)]]


def _compare(console: Console, accounts: PlayedAccounts, before: list[Any]) -> None:
    from syncer.setup.filled.accounts import AUDIENCES

    console.print("\n[bold]What the providers themselves hold now, compared person by person[/bold]")
    left = [
        address
        for address in ERASURES
        if any(accounts.newsletter.member(_stored(address), audience) for audience in AUDIENCES)
        or accounts.crm.contact(_stored(address))
        or _stored(address) in {row["email"].lower() for row in accounts.crm.archived()}
    ]
    reached = [
        address
        for address in OBJECTIONS
        for audience in AUDIENCES
        if (accounts.newsletter.member(address, audience) or {}).get("status") in ("subscribed", "pending")
    ]
    untouched = _snapshot(accounts) == before
    console.print(f"erased at Mailchimp and the CRM: {len(ERASURES) - len(left)} of {len(ERASURES)}")
    console.print(f"people who objected and would still receive mail there: {len(reached)}")
    console.print(f"the other {PEOPLE} people: {'untouched' if untouched else 'CHANGED'}")


def _stored(address: str) -> str:
    from syncer.privacy.addresses import normalise

    return normalise(address)


def _syncer(console: Console, folder: Path, *words: str, stdin: str | None = None) -> None:
    lines = len(stdin.splitlines()) if stdin is not None else 0
    given = f"   ({lines} {'address' if lines == 1 else 'addresses'} on stdin)" if lines else ""
    console.print(f"\n[bold]$ syncer {' '.join(words)}[/bold]{given}", highlight=False)
    subprocess.run(  # noqa: S603 — our own command line
        _command(folder, *words), input=stdin, encoding="utf-8", check=False, cwd=folder
    )


def _output(folder: Path, *words: str) -> str:
    return subprocess.run(  # noqa: S603 — our own command line
        _command(folder, *words), capture_output=True, encoding="utf-8", check=False, cwd=folder
    ).stdout


def _command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "syncer", "--settings", str(folder / "settings.toml"), *words]
