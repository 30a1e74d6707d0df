"""What an identity provider answers, read into values: of another kind than it has to be, it is refused here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from syncer.oidc.refusals import BadToken, ProviderAway
from syncer.oidc.web import is_place

#: what a public key consists of (RFC 7517 and 7518): of everything else that stands beside it nothing is kept
_KEY_TEXTS = ("kty", "kid", "use", "alg", "n", "e", "crv", "x", "y")
#: keys with two halves; and of one that shows its private half nobody knows any more who signs
_KINDS, _PRIVATE = ("RSA", "EC", "OKP"), "d"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a provider says of itself. `says_issuer`: it names itself when it sends somebody back (RFC 9207).

    `by_form`: it wants the client's secret in the form, since it does not take it in the header.
    """

    authorization: str
    token: str
    keys: str
    says_issuer: bool
    by_form: bool


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What it gives for a code; nothing but the ID token is used."""

    id_token: str


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key with which it signs; `parts` are its members as a JWK has them."""

    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class IdClaims:
    """What an ID token says, each in the kind that it has to have; None, or "", is what it does not say."""

    issuer: str
    audience: tuple[str, ...]
    party: str | None
    nonce: str
    subject: str
    issued_at: datetime | None
    expires_at: datetime | None
    not_before: datetime | None


def read_endpoints(content: bytes, issuer: str) -> Endpoints:
    """Read the discovery document of an issuer. Raises ProviderAway, too where it is that of another."""
    said = _object(content)
    if said.get("issuer") != issuer:
        raise ProviderAway("its discovery document names another issuer")
    secure = issuer.startswith("https:")
    authorization, token, keys = (
        _place(said.get(name), secure=secure) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    )
    methods = said.get("token_endpoint_auth_methods_supported")
    known = methods if isinstance(methods, list) and methods else ["client_secret_basic"]
    by_form = "client_secret_basic" not in known and "client_secret_post" in known
    says_issuer = said.get("authorization_response_iss_parameter_supported") is True
    return Endpoints(authorization, token, keys, says_issuer, by_form)


def read_token(content: bytes) -> TokenAnswer:
    """Read what came for a code. Raises ProviderAway."""
    token = _object(content).get("id_token")
    if not isinstance(token, str):
        raise ProviderAway("it gave no ID token")
    return TokenAnswer(token)


def read_keys(content: bytes) -> tuple[SigningKey, ...]:
    """Read the keys with which it signs; what is for something else, or is none, is left out. Raises ProviderAway."""
    given = _object(content).get("keys")
    found = (_signing_key(each) for each in given) if isinstance(given, list) else ()
    return tuple(key for key in found if key is not None)


def read_claims(said: Mapping[str, object]) -> IdClaims:
    """Read what a token says whose signature is right. Raises BadToken."""
    given, party = said.get("aud"), said.get("azp")
    several = given if isinstance(given, list) else [given]
    audience = tuple(each for each in several if isinstance(each, str))
    if len(audience) != len(several):
        raise BadToken("it is for another client")
    if party is not None and not isinstance(party, str):
        raise BadToken("it was given to another client")
    issued_at, expires_at, not_before = (_moment(said.get(name)) for name in ("iat", "exp", "nbf"))
    issuer, nonce, subject = (_text(said.get(name)) for name in ("iss", "nonce", "sub"))
    return IdClaims(issuer, audience, party, nonce, subject, issued_at, expires_at, not_before)


def _signing_key(given: object) -> SigningKey | None:
    if not isinstance(given, dict) or given.get("kty") not in _KINDS or _PRIVATE in given:
        return None
    parts = {name: given[name] for name in _KEY_TEXTS if name in given}
    if not all(isinstance(each, str) for each in parts.values()) or parts.get("use", "sig") != "sig":
        return None
    uses = given.get("key_ops", ["verify"])
    return SigningKey(parts) if isinstance(uses, list) and "verify" in uses else None


def _object(content: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderAway("its answer is no JSON object")
    return found


def _place(given: object, *, secure: bool) -> str:
    if not isinstance(given, str) or not is_place(given) or (secure and not given.startswith("https:")):
        raise ProviderAway("its discovery document names no places that are https")
    return given


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _moment(given: object) -> datetime | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise BadToken("it names no moment")
    try:
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise BadToken("it names no moment") from None
