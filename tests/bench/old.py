"""`make bench`: how close the lanes come to the providers' limits, as ratios and counts within one run."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, initialise, load_settings, open_app
from syncer.log import configure

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
AUDIENCE = "a1b2c3d4e5"

HEAD = '[deadlines]\ntimezone = "Europe/Berlin"\n\n[schedule]\nrecheck_days = []\n\n'
ACTIVECAMPAIGN = """[destinations.crm]
adapter = "activecampaign"
api_key_env = "BENCH_KEY"
base_url = "{url}"
requests_per_second = 5
erasure = "delete"
objection = "unsubscribe"
ecommerce = false
"""
MAILCHIMP = """[destinations.newsletter]
adapter = "mailchimp"
api_key_env = "BENCH_KEY"
base_url = "{url}"
erasure = "delete"
objection = "unsubscribe"
ecommerce = false
"""


def installation(folder: Path, destination: str, key: str) -> App:
    """Make an installation with one destination."""
    os.environ["BENCH_KEY"] = key
    path = folder / "settings.toml"
    path.write_text(HEAD + destination, encoding="utf-8")
    settings = load_settings(path)
    initialise(settings)
    return open_app(settings)


def fill(app: App, count: int) -> None:
    """Queue `count` erasures of person0, person1 …"""
    app.queue.insert(
        [
            {"event_key": f"k{n}", "kind": "erasure", "email": f"person{n}@bench.test", "created_at": app.clock()}
            for n in range(count)
        ]
    )


def activecampaign_share(seconds: float) -> dict[str, Any]:
    """The share of 5 requests a second that the lane uses at 250 ms latency, and the 429 it earned."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ActiveCampaignSandbox(rate=5.0, latency=0.25, jitter=0.02) as server,
    ):
        count = int(seconds) + 20
        for number in range(count):
            server.add(f"person{number}@bench.test")
        app = installation(Path(folder), ACTIVECAMPAIGN.format(url=server.url), server.api_key)
        fill(app, count)
        server.clear_requests()
        app.drain(max_seconds=seconds)
        arrivals = sorted(server.arrivals)
        app.close()
        span = arrivals[-1] - arrivals[0]
        return {
            "activecampaign: share of 5 requests/s used": round((len(arrivals) - 1) / span / 5.0, 3),
            "activecampaign: 429 answers": server.throttled,
        }


def mailchimp_share(seconds: float) -> dict[str, Any]:
    """The share of the ideal 40 calls a second at 200 ms and 8 connections, and the most at one time."""
    with tempfile.TemporaryDirectory() as folder, MailchimpSandbox(audiences=(AUDIENCE,), latency=0.2) as server:
        count = int(seconds * 40 / 3) + 40
        for number in range(count):
            server.add(f"person{number}@bench.test", AUDIENCE)
        app = installation(Path(folder), MAILCHIMP.format(url=server.url), server.api_key)
        fill(app, count)
        app.prepare()
        server.clear_requests()
        began = time.monotonic()
        app.drain(max_seconds=seconds)
        took = time.monotonic() - began
        app.close()
        return {
            "mailchimp: share of the ideal 40 calls/s": round(server.request_count / took / 40.0, 3),
            "mailchimp: most connections at one time (allowed 10)": server.peak_connections,
            "mailchimp: 429 answers": server.throttled,
        }


def calls_per_event() -> dict[str, Any]:
    """How many calls one confirmed erasure takes: one match, no leftovers."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, ActiveCampaignSandbox(rate=None) as crm:
        crm.add("person0@bench.test")
        app = installation(Path(folder), ACTIVECAMPAIGN.format(url=crm.url), crm.api_key)
        figures["activecampaign: calls per confirmed erasure"] = _calls(app, crm)
    with tempfile.TemporaryDirectory() as folder, MailchimpSandbox(audiences=(AUDIENCE,)) as mailchimp:
        mailchimp.add("person0@bench.test", AUDIENCE)
        app = installation(Path(folder), MAILCHIMP.format(url=mailchimp.url), mailchimp.api_key)
        figures["mailchimp: calls per confirmed erasure, one audience (its proof included)"] = _calls(app, mailchimp)
    return figures


def _calls(app: App, server: Any) -> int:
    fill(app, 1)
    server.clear_requests()
    app.drain()
    app.close()
    return int(server.request_count)


def audit_rate() -> dict[str, Any]:
    """Verified audit entries a second, over a bare SHA-256 of the same bodies."""
    import hashlib

    with tempfile.TemporaryDirectory() as folder, ActiveCampaignSandbox(rate=None) as crm:
        app = installation(Path(folder), ACTIVECAMPAIGN.format(url=crm.url), crm.api_key)
        for _ in range(20):
            with app.store.write() as tx:
                for number in range(1000):
                    tx.audit.add("operator:looked_up", facts={"events": number})
        bodies = [row["body"].encode() for row in app.ledger.rows(app.engine)]
        began = time.perf_counter()
        for body in bodies:
            hashlib.sha256(body).digest()
        bare = time.perf_counter() - began
        began = time.perf_counter()
        assert app.ledger.verify(app.engine).ok
        took = time.perf_counter() - began
        app.close()
        return {
            "audit: entries verified per second": round(len(bodies) / took),
            "audit: verification over bare SHA-256 (times)": round(took / bare, 1),
        }


def main() -> int:
    """Run everything, print one table, write bench.json."""
    configure("error")
    parts: list[Callable[[], dict[str, Any]]] = [
        lambda: activecampaign_share(SECONDS),
        lambda: mailchimp_share(min(SECONDS, 20)),
        calls_per_event,
        audit_rate,
    ]
    figures: dict[str, Any] = {}
    for part in parts:
        for name, value in part().items():
            figures[name] = value
            print(f"{name:<75} {value:>8}", flush=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    Path("bench.json").write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n")
    print(f"\n{machine}; written to bench.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
