"""How factors, sessions and languages are called on the pages about accounts."""

from __future__ import annotations

from babel import Locale

from syncer.language.texts import N_, _, spoken

_FACTORS = {
    "password": N_("a password"),
    "totp": N_("codes of an authenticator app"),
    "passkey": N_("a passkey"),
    "oidc": N_("an identity provider"),
}
_WAYS = {
    "password": N_("password"),
    "passkey": N_("passkey"),
    "oidc": N_("identity provider"),
    "proxy": N_("the proxy in front"),
    "wordpress": N_("WordPress"),
    "code": N_("the code to begin with"),
}


def factor(name: str) -> str:
    """Return what a factor is called."""
    return _(_FACTORS.get(name, name))


def via(way: str) -> str:
    """Return how somebody signed in."""
    return _(_WAYS.get(way, way))


def language_name(code: str) -> str:
    """Return what a language calls itself."""
    return str(Locale.parse(code).get_language_name(code) or Locale.parse(code).get_language_name(spoken()))
