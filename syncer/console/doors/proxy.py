"""A proxy in front that has signed people in: whom it names, and whether it is the proxy that says so.

Every user of a machine reaches its loopback ports and may write any header. So a name counts only on the unix socket,
which its group alone may open, or beside a secret that proxy and console know.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from flask import request

from syncer.console.desk import Desk, desk
from syncer.console.sign_in.accounts import NAME, Account
from syncer.console.sign_in.flow import SigningIn
from syncer.console.sign_in.person import PROXY
from syncer.console.sign_in.throttle import made_meanwhile
from syncer.database.failures import retry_on_conflict
from syncer.errors import SettingsProblem
from syncer.settings import secret_file
from syncer.settings.console.doors import SHORTEST_SECRET, ProxyDoor


class BadProxyHeader(Exception):
    """Raised for a name that does not count; the text says why, without a word of the header."""


class ProxyTries(SigningIn):
    """Tries of somebody whom the proxy names."""

    @made_meanwhile
    @retry_on_conflict
    def named(self, account: Account, before: str | None) -> str | None:
        """Open a session and return the cookie's value; None where the account was disabled meanwhile.

        It is not stepped up: what asks for a second factor asks for one of their own. `before` is the hash of the
        session that ends thereby.
        """
        with self.acting(account.name, PROXY).transactions.write() as tx:
            if not self._book().is_enabled(tx, account.name):
                return None
            tx.audit.add("console:signed_in", facts={"second_factor": False})
            return self._sessions.open(tx, account.name, PROXY, self._network, stepped_up=False, in_place_of=before)


def whom_it_names(here: Desk, door: ProxyDoor) -> Account:
    """Return the account whose name the proxy says. Raises BadProxyHeader, and SettingsProblem without its secret."""
    if door.secret_file is not None:
        known = _secret(f"{here.app.settings.path}: [console.proxy] secret_file", door.secret_file)
        if not hmac.compare_digest(_header(door.secret_header), known):
            raise BadProxyHeader("a proxy without the secret")
    elif isinstance(here.settings.place, tuple):  # settings with such a door are refused; this is the second lock
        raise BadProxyHeader("a proxy that did not come by the unix socket")
    # a header that was sent twice arrives as "anna, bert" or "anna,bert": no account has such a name
    name = _header(door.user_header).decode("latin-1")
    account = here.accounts().find(name) if NAME.fullmatch(name) else None
    if account is None:
        raise BadProxyHeader("a proxy that names nobody who has an account")
    if account.barred is not None:
        raise BadProxyHeader(account.barred)
    return account


def proxied() -> str | None:
    """Return the name of whom the proxy names with this request; None for nobody, and where there is no such door."""
    here = desk()
    door = here.settings.proxy
    if door is None:
        return None
    try:
        return whom_it_names(here, door).name
    except (BadProxyHeader, SettingsProblem):  # the page stands without; pressing the button says why
        return None


def _secret(place: str, file: Path) -> bytes:
    """Return what the proxy has to say. Raises SettingsProblem: nothing slows down whoever guesses a short one."""
    found = (secret_file.secret(place, None, file) or "").encode()
    if len(found) < SHORTEST_SECRET:
        remedy = f"put {SHORTEST_SECRET} characters or more there, as of `openssl rand -hex 32`"
        raise SettingsProblem([f"{place}: {file} holds a secret that can be guessed; {remedy}"])
    return found


def _header(name: str) -> bytes:
    """Return what a header says, as the bytes that were sent; nothing where it was not sent."""
    return str(request.environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")).encode("latin-1", "replace")
