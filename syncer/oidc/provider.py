"""An identity provider: where it lets people sign in, which keys it signs with, and what it gives for a code."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from syncer.oidc.answers import Endpoints, SigningKey, read_endpoints, read_keys, read_token
from syncer.oidc.refusals import ProviderAway, StillAway
from syncer.oidc.web import ask

#: seconds for which what it says of itself is believed, a failure is remembered, and keys are not asked for again
_KNOWN, _AWAY, _KEYS_KNOWN = 3600.0, 10.0, 60.0
#: seconds that somebody waits for another who asks it already
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class ConsoleClient:
    """What the console is to the provider; `place` is where people are sent back to."""

    id: str
    secret: str
    place: str


class Provider:
    """The provider of one installation, whose discovery document is asked for at most once an hour."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._lock = threading.Lock()
        self._endpoints: tuple[Endpoints, float] | None = None
        self._keys: tuple[tuple[SigningKey, ...], float] | None = None
        self._away: tuple[str, float] | None = None

    def endpoints(self) -> Endpoints:
        """Return what it says of itself. Raises ProviderAway."""
        with self._alone():
            now = time.monotonic()
            if self._endpoints is not None and now - self._endpoints[1] < _KNOWN:
                return self._endpoints[0]
            if self._away is not None and now - self._away[1] < _AWAY:
                raise StillAway(self._away[0])
            try:
                found = discovered(self.issuer)
            except ProviderAway as away:
                self._away = (str(away), time.monotonic())
                raise
            self._endpoints = (found, now)
            return found

    def keys(self, *, anew: bool = False) -> tuple[SigningKey, ...]:
        """Return its keys; `anew` asks again where that was not done within the last minute. Raises ProviderAway."""
        place = self.endpoints().keys
        with self._alone():
            now, kept = time.monotonic(), self._keys
            if kept is not None and now - kept[1] < (_KEYS_KNOWN if anew else _KNOWN):
                return kept[0]
            found = read_keys(ask(place))
            self._keys = (found, now)
            return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=_PATIENCE):  # a provider that dribbles holds up one thread, not all
            raise StillAway("it is slow, and somebody waits for it already")
        try:
            yield
        finally:
            self._lock.release()

    def way_in(self, client: ConsoleClient, state: str, nonce: str, verifier: str) -> str:
        """Return the address at which somebody signs in. Raises ProviderAway."""
        place = self.endpoints().authorization
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {"response_type": "code", "scope": "openid", "client_id": client.id, "redirect_uri": client.place}
        asked |= {"state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256"}
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    def redeem(self, client: ConsoleClient, code: str, verifier: str) -> str:
        """Return the ID token that it gives for a code, as it came. Raises ProviderAway."""
        ends = self.endpoints()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": client.place}
        form["code_verifier"] = verifier
        headers = {}
        if ends.by_form:
            form |= {"client_id": client.id, "client_secret": client.secret}
        else:  # each half is encoded as in a form (RFC 6749, section 2.3.1)
            pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return read_token(ask(ends.token, form, headers)).id_token


def discovered(issuer: str) -> Endpoints:
    """Read a provider's discovery document. Raises ProviderAway, too where it is that of another issuer."""
    return read_endpoints(ask(f"{issuer.rstrip('/')}/.well-known/openid-configuration"), issuer)
