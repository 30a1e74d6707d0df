"""`syncer check --try`: one invented contact at the real provider, from its creation to the proof that it is gone."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from adapters.contract import SettingsError, TrialStep
from adapters.errors import AdapterError
from syncer.errors import AddressError, UserError
from syncer.privacy.keyring import subject
from syncer.privacy.masking import kept
from syncer.reports.trials import TRIED
from syncer.settings.destinations import SHADOW

if TYPE_CHECKING:
    from syncer.app import App

#: what begins the name of every invented contact, so that an operator knows one who meets it
PREFIX = "syncer-trial-"
#: Mailchimp refuses every address at these (recorded by grouparoo), and nobody owns a mailbox there
RESERVED = ("example.com", "example.net", "example.org")


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What a trial will do: the invented address, and a sentence for each part."""

    destination: str
    place: str | None
    address: str = field(repr=False)
    sentences: tuple[str, ...] = ()


def plan(app: App, name: str, domain: str, place: str | None) -> TrialPlan:
    """Return what a trial at a destination would do; nothing is called. Raises UserError."""
    if name not in app.settings.destinations:
        raise UserError(f"--try: {name} is not in the settings; use one of {', '.join(app.settings.destinations)}")
    if domain.lower().removeprefix("www.") in RESERVED:
        raise UserError("--domain: providers refuse the reserved example domains; name a domain of your own")
    if app.settings.destinations[name].mode == SHADOW:
        raise UserError(f'--try: {name} is in shadow mode, in which nothing is written there; set mode = "live" first')
    address = f"{PREFIX}{secrets.token_hex(6)}@{domain.lower()}"
    try:
        subject(app.keyring, address)
    except AddressError:
        raise UserError("--domain: not a domain; write one of your own, like my-site.org") from None
    adapter = app.adapter(name)
    try:
        sentences = adapter.trial_plan(place)
    except SettingsError as error:
        raise UserError(f"--{error.key}: {error}") from None
    finally:
        adapter.close()
    if not sentences:
        raise UserError(f"--try: the adapter of {name} has no trial")
    return TrialPlan(name, place, address, sentences)


def carry_out(app: App, wanted: TrialPlan, show: Callable[[TrialStep], None]) -> tuple[TrialStep, ...]:
    """Carry a plan out, show each step as it is made, and keep the result in the audit. Raises UserError."""
    app.leases.ensure([wanted.destination])
    if app.leases.is_at_rest(wanted.destination, app.clock()):
        raise UserError(
            f"--try: {wanted.destination} is paused by an operator or told to wait; `syncer resume` it first"
        )
    adapter = app.adapter(wanted.destination)
    steps: list[TrialStep] = []
    try:
        # closed in any case: a trial that is interrupted removes the contact before the connections close
        with closing(adapter.trial(subject(app.keyring, wanted.address), wanted.place)) as trial:
            for step in trial:
                steps.append(step)
                show(step)
    except AdapterError as error:
        steps.append(TrialStep("go on", False, "", None, 0, (), str(error)))
        show(steps[-1])
    finally:
        adapter.close()
        if steps:
            _keep(app, wanted.destination, steps)
    return tuple(steps)


def _keep(app: App, destination: str, steps: list[TrialStep]) -> None:
    facts: dict[str, Any] = {
        "ok": all(step.ok for step in steps),
        "steps": [
            {name: kept(value) for name, value in asdict(step).items()} | {"keys": list(step.keys)} for step in steps
        ],
    }
    with app.transactions.write() as tx:
        tx.audit.add(TRIED, destination=destination, facts=facts)
