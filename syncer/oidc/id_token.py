"""The ID token by which an identity provider says who somebody is: read, and refused unless all fits.

Its signature is checked by joserfc, which is loaded only where somebody signs in so; what it says is checked here.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncer.oidc.answers import IdClaims, SigningKey, read_claims
from syncer.oidc.refusals import BadToken, UnknownKey

if TYPE_CHECKING:
    from joserfc.jwk import Key

#: how a provider may sign: with a key whose other half only it has. No `none`, and no secret that both know
ALGORITHMS = ("RS256", "ES256", "PS256", "RS384", "ES384", "PS384", "RS512", "ES512", "PS512", "EdDSA")
LONGEST = 16_384
#: how far two clocks may be apart, and how old a token may be that was made for a sign-in
_APART, _OLD = timedelta(seconds=60), timedelta(minutes=15)
_LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to say: who wrote it, for whom, and for which sign-in."""

    issuer: str
    client: str
    nonce: str


def subject_of(token: str, keys: Sequence[SigningKey], expected: Expected, now: datetime) -> str:
    """Return the person whom an ID token is about, as the issuer calls them. Raises BadToken."""
    said = read_claims(_signed(token, keys))
    if said.issuer != expected.issuer:
        raise BadToken("another issuer wrote it")
    _require_for(said, expected.client)
    if not hmac.compare_digest(said.nonce.encode("utf-8", "replace"), expected.nonce.encode()):
        raise BadToken("it was made for another sign-in")
    _require_fresh(said, now)
    subject = said.subject
    if not 0 < len(subject) <= _LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
        raise BadToken("it names nobody")
    return subject


def _require_for(said: IdClaims, client: str) -> None:
    if client not in said.audience:
        raise BadToken("it is for another client")
    if (said.party is not None or len(said.audience) > 1) and said.party != client:
        raise BadToken("it was given to another client")


def _require_fresh(said: IdClaims, now: datetime) -> None:
    if said.issued_at is None or said.expires_at is None:
        raise BadToken("it does not say how long it is good")
    if said.expires_at <= now - _APART or said.issued_at < now - _OLD:
        raise BadToken("it is too old; compare the clocks")
    if said.issued_at > now + _APART or (said.not_before is not None and said.not_before > now + _APART):
        raise BadToken("it is from the future; compare the clocks")


def _signed(token: str, keys: Sequence[SigningKey]) -> Mapping[str, object]:
    """Return what a token says that one of these keys signed. Raises BadToken."""
    from joserfc import jwt  # an extra, and needed by nobody else
    from joserfc.errors import InvalidKeyIdError, JoseError
    from joserfc.jwk import KeySet
    from joserfc.jws import JWSRegistry

    if len(token) > LONGEST:
        raise BadToken("it is too long")
    # a provider may put words of its own into the head; which are critical is looked at all the same
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        known = KeySet(list(_usable(keys)))
        return jwt.decode(token, known, algorithms=list(ALGORITHMS), registry=registry).claims
    except InvalidKeyIdError:
        raise UnknownKey("it is signed with a key that the provider does not name") from None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadToken("its signature is not the provider's") from None


def _usable(keys: Sequence[SigningKey]) -> Iterator[Key]:
    """Return the keys that can be used here: one of a kind of tomorrow spoils no other (RFC 7517, section 5)."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    for each in keys:
        try:
            yield JWKRegistry.import_key(dict(each.parts))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
