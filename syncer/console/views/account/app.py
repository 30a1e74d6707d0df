"""An authenticator app that is being paired: its secret goes to the page and comes back sealed, and is kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.console.desk import desk
from syncer.console.sign_in import totp
from syncer.privacy import app_secrets


@dataclass(frozen=True, slots=True)
class PairingApp:
    """The secret of an app that nobody confirmed yet, for people, for the QR code, and sealed for the way back."""

    secret: str
    spaced: str
    address: str
    sealed: str


def pairing(owner: str, sealed: str = "") -> PairingApp:
    """Return the app that is being paired with somebody: the one that came back, or a new one."""
    here, bound = desk(), f"pairing:{owner}"
    secret = app_secrets.opened(here.app.keyring, sealed, bound) or totp.new_secret()
    shown = totp.address(secret, owner, here.settings.parts.hostname or "")
    return PairingApp(secret, totp.spaced(secret), shown, app_secrets.seal(here.app.keyring, secret, bound))


def paired_step(app: PairingApp, code: str) -> int | None:
    """Return the step of the code that shows that the app was paired; None for a wrong code."""
    return totp.step_of(app.secret, code, desk().app.clock(), None)
