"""A recipient whose machine takes orders and shows nothing of what becomes of them, and a lane that works there."""

from __future__ import annotations

from datetime import date, datetime

from adapters.contract import Action, Evidence, Limits, Outcome, Receipt, Step, Subject
from adapters.mailchimp.adapter import Mailchimp
from syncer.app import App
from syncer.delivery.lane import Lane


class PassingOn(Mailchimp):
    """Takes every order; `orders` counts them, `settles_on` is the day by which it says to be through."""

    evidence = Evidence.ACCEPTED

    def __init__(self, settles_on: date | None = None) -> None:
        self.orders = 0
        self.settles_on = settles_on

    @property
    def limits(self) -> Limits:
        return Limits(1)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        self.orders += 1
        return Receipt(Outcome.ACCEPTED, (Step("users", "POST /users", 200, None, 1),), settles_on=self.settles_on)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        raise AssertionError("what nobody can read is not read")

    def close(self) -> None:
        pass


def pass_on(app: App, destination: str, adapter: PassingOn) -> None:
    """Do all that is due at a destination, by this adapter."""
    app.leases.ensure(list(app.settings.destinations))
    worker = Lane(destination, adapter, app.transactions, app.store, app.leases, app.seals, app.stop)
    try:
        while worker.turn():
            pass
    finally:
        worker.release()
