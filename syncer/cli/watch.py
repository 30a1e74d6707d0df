"""Commands that look for people who are back: watch, reconcile."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.common import JSON, Context, common

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.delivery.drift import Comparison
    from syncer.delivery.watch import Look


@click.command()
@JSON
@common
def watch(context: Context, as_json: bool) -> int:
    """Look for erased or objecting people who are back at a destination; the daemon does it daily."""
    from syncer.app import require_secrets
    from syncer.cli import printing
    from syncer.clock import stamp

    with context.app() as app:
        require_secrets(app.settings)
        looks = {name: _look(app, name) for name in app.settings.destinations}
    found = [
        {
            "destination": name,
            "since": stamp(look.since) if look and look.since else None,
            "seen": look.seen if look else 0,
            "complete": look.complete if look else False,
            "code": look.code if look else "lane_is_owned",
            "incidents": [
                {"event": event, "newer_consent": newer} for event, newer in (look.incidents if look else ())
            ],
        }
        for name, look in looks.items()
    ]
    if as_json:
        printing.json(found)
    else:
        for item in found:
            click.echo(_sentence(item))
    return 1 if any(look is not None and (look.incidents or not look.complete) for look in looks.values()) else 0


def _look(app: App, name: str) -> Look | None:
    """Look at one destination as the owner of its lane; None when a daemon owns it, which looks itself."""
    lease = app.leases.acquire(name)
    if lease is None:
        return None
    adapter = app.adapter(name)
    try:
        return app.watch.look(name, adapter, lambda: app.leases.renew(lease))
    finally:
        adapter.close()
        app.leases.release(lease)


def _sentence(item: dict[str, Any]) -> str:
    from syncer.domain.codes import meaning

    name = item["destination"]
    if item["code"] == "lane_is_owned":
        return f"{name}: a running daemon owns the lane and looks itself"
    if item["since"] is None:
        return f"{name}: nobody to watch yet"
    back = len(item["incidents"])
    held = sum(incident["newer_consent"] for incident in item["incidents"])
    said = f"{back} came back ({held} with a newer opt-in, held for a person)" if back else "nobody came back"
    if item["code"]:
        said = f"not read whole ({meaning(item['code'])}), so nothing is proven; {back} found back so far"
    return f"{name}: {item['seen']} contacts changed since {item['since'][:16]}Z: {said}"


@click.command()
@JSON
@common
def reconcile(context: Context, as_json: bool) -> int:
    """Compare what the destinations say today with what was recorded, for events still within their rechecks."""
    from syncer.app import require_secrets
    from syncer.cli import printing

    rows: list[dict[str, Any]] = []
    with context.app() as app:
        require_secrets(app.settings)
        for name in app.settings.destinations:
            adapter = app.adapter(name)
            try:
                rows += [_row(item) for item in app.drift.compare(name, adapter)]
            finally:
                adapter.close()
    if as_json:
        printing.json(rows)
    else:
        printing.drift(rows)
    return 1 if any(row["today"] != "as_recorded" for row in rows) else 0


def _row(item: Comparison) -> dict[str, Any]:
    from syncer.clock import stamp

    return asdict(item) | {"confirmed_at": stamp(item.confirmed_at)}
