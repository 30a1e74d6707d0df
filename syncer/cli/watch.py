"""Commands that look for people who are back: watch, reconcile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncer.cli.common import JSON, Context, common
from syncer.cli.help.shape import Command

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.cli.output.results import WatchResult
    from syncer.delivery.drift import Comparison
    from syncer.delivery.looks.watch import Look


#: where nobody looks now: somebody else owns the lane, and so looks; an operator paused it, or it cools
OWNED = "lane_is_owned"
AT_REST = "lane_is_at_rest"
#: nor in shadow mode: who is found back would be opened again
SHADOWED = "shadowed"


@click.command(cls=Command)
@click.option("--whole", is_flag=True, help="List every contact, whatever its dates say.")
@JSON
@common
def watch(context: Context, whole: bool, as_json: bool) -> int:
    """Look for people who are back at a destination.

    People who were erased, or who object; the daemon does it daily. An old opt-in is carried out again, a newer one is
    held for a person.
    """
    from syncer.app import require_secrets
    from syncer.cli.output import console

    with context.app() as app:
        require_secrets(app.settings)
        looks = {name: _look(app, name, whole) for name in app.settings.destinations}
    results = tuple(_result(name, look) for name, look in looks.items())
    console.answer(results, as_json, lambda shown: console.lines(map(_sentence, shown)))
    looked = [result for result in results if result.code not in (OWNED, AT_REST, SHADOWED)]
    return 1 if any(result.incidents or not result.complete for result in looked) else 0


def _look(app: App, name: str, whole: bool) -> Look | str:
    """Look at one destination as the owner of its lane; return why not where nobody may look from here."""
    if app.leases.is_at_rest(name, app.clock()):
        return AT_REST
    if app.settings.destinations[name].mode == "shadow":
        return SHADOWED
    lease = app.leases.acquire(name, shadow=False)
    if lease is None:
        row = app.leases.get(name)
        return SHADOWED if row is not None and row.shadow_since is not None else OWNED
    adapter = app.adapter(name)

    def alive() -> bool:
        return app.leases.renew(lease) and not app.leases.is_at_rest(name, app.clock())

    try:
        return app.watch.look(name, adapter, alive, whole=whole)
    finally:
        adapter.close()
        app.leases.release(lease)


def _result(name: str, look: Look | str) -> WatchResult:
    from syncer.cli.output.results import IncidentLine, WatchResult

    if isinstance(look, str):
        return WatchResult(name, None, 0, False, look, (), False)
    incidents = tuple(IncidentLine(event, newer) for event, newer in look.incidents)
    return WatchResult(name, look.since, look.seen, look.complete, look.code, incidents, look.whole)


def _sentence(result: WatchResult) -> str:
    from syncer.domain.codes import meaning

    name, back = result.destination, len(result.incidents)
    if result.code == OWNED:
        return f"{name}: a running daemon owns the lane and looks itself"
    if result.code == AT_REST:
        return f"{name}: not called, since its lane is paused by an operator or told to wait"
    if result.code == SHADOWED:
        return f"{name}: in shadow mode, in which nobody is looked for: whoever is back would be opened again"
    if result.since is None:
        return f"{name}: nobody to watch yet"
    held = sum(incident.newer_consent for incident in result.incidents)
    outcome = f"{back} came back ({held} with a newer opt-in, held for a person)" if back else "nobody came back"
    if result.code:
        outcome = f"not read whole ({meaning(result.code)}), so nothing is proven; {back} found back so far"
    if result.whole:
        return f"{name}: all {result.seen} contacts listed: {outcome}"
    return f"{name}: {result.seen} contacts changed since {result.since:%Y-%m-%dT%H:%M}Z: {outcome}"


@click.command(cls=Command)
@JSON
@common
def reconcile(context: Context, as_json: bool) -> int:
    """Compare what destinations say today with what was recorded.

    It asks while addresses are kept, also for requests that are still open elsewhere, and changes nothing.
    """
    from syncer.app import require_secrets
    from syncer.cli.output import console, printing

    comparisons: list[Comparison] = []
    with context.app() as app:
        require_secrets(app.settings)
        for name in app.settings.destinations:
            if app.leases.is_at_rest(name, app.clock()):
                comparisons += app.drift.uncalled(name, AT_REST)
                continue
            adapter = app.adapter(name)
            try:
                comparisons += app.drift.compare(name, adapter)
            finally:
                adapter.close()
    console.answer(comparisons, as_json, printing.drift)
    return 1 if any(item.today != "as_recorded" for item in comparisons) else 0
