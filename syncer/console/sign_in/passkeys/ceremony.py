"""What browsers are asked about passkeys (WebAuthn), and what their answers are worth.

The library is told who we are by the settings, never by a request. Everything in an answer was written by a stranger:
whatever it makes the library raise, the answer is not believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from syncer.console.sign_in.accounts import Account
from syncer.console.sign_in.passkeys.challenges import LASTS
from syncer.console.sign_in.passkeys.keys import Passkey
from syncer.settings.console.table import ConsoleSettings

#: characters of an answer; the longest that browsers give have a few thousand
LONGEST_ANSWER = 16_384
#: bytes of a credential's id (WebAuthn, section 4)
_LONGEST_ID = 1023
#: what statements about its maker an authenticator may add: none is asked for, and a self-made one says nothing more
_STATEMENTS = ("none", "packed")


class UnbelievedPasskey(Exception):
    """Raised for an answer that is not believed; the text says why, with nothing of the answer."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks: `id` is the host that passkeys are bound to, `origin` what a browser says the page came from."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an answer says of itself, before anything of it is believed."""

    credential: bytes
    challenge: bytes
    handle: bytes | None


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was made just now; `public_key` is COSE."""

    credential: bytes
    public_key: bytes
    sign_count: int


def relying_party(settings: ConsoleSettings) -> RelyingParty | None:
    """Return who asks for passkeys here; None where the URL has an address for a host: browsers bind none to that."""
    host = settings.parts.hostname or ""
    return RelyingParty(host, settings.origin) if settings.keeps_passkeys else None


def handle(account: Account) -> bytes:
    """Return what an authenticator knows somebody by: the same for all their passkeys, another for each namesake."""
    made = account.created_at.isoformat() if account.created_at else ""  # of a damaged row, which lets nobody in
    return hashlib.sha256(f"syncer.passkey.v1\0{account.name}\0{made}".encode()).digest()


def asked_to_make(party: RelyingParty, account: Account, challenge: bytes, held: Sequence[Passkey]) -> str:
    """Return what a browser is asked for to make a passkey (JSON); it makes no second one on a device of `held`."""
    import webauthn  # an extra, and slow to import
    from webauthn.helpers import structs

    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=f"syncer {party.id}",
        user_id=handle(account),
        user_name=account.name,
        user_display_name=account.name,
        challenge=challenge,
        timeout=int(LASTS.total_seconds() * 1000),
        attestation=structs.AttestationConveyancePreference.NONE,
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            require_resident_key=True,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[structs.PublicKeyCredentialDescriptor(id=each.credential) for each in held],
    )
    return webauthn.options_to_json(options)


def asked_to_show(party: RelyingParty, challenge: bytes, held: Sequence[Passkey] = ()) -> str:
    """Return what a browser is asked for to show a passkey (JSON): one of these, or any that it has for us."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=int(LASTS.total_seconds() * 1000),
        allow_credentials=[structs.PublicKeyCredentialDescriptor(id=each.credential) for each in held],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def claimed(answer: str) -> Claimed:
    """Return what an answer that shows a passkey says of itself. Raises UnbelievedPasskey."""
    from webauthn import helpers

    try:
        read = helpers.parse_authentication_credential_json(_object(answer))
        said = helpers.parse_client_data_json(read.response.client_data_json)
    except Exception as error:
        raise UnbelievedPasskey("an answer that cannot be read") from error
    return Claimed(read.raw_id, said.challenge, read.response.user_handle)


def challenge_of(answer: str) -> bytes:
    """Return the challenge that an answer with a new passkey says it answers. Raises UnbelievedPasskey."""
    from webauthn import helpers

    try:
        read = helpers.parse_registration_credential_json(_object(answer))
        return helpers.parse_client_data_json(read.response.client_data_json).challenge
    except Exception as error:
        raise UnbelievedPasskey("an answer that cannot be read") from error


def made(party: RelyingParty, answer: str, challenge: bytes) -> NewPasskey:
    """Return the passkey that a browser made, where its owner was verified. Raises UnbelievedPasskey."""
    import webauthn
    from webauthn import helpers

    try:
        given = _object(answer)
        statement = helpers.parse_attestation_object(
            helpers.parse_registration_credential_json(given).response.attestation_object
        )
        if statement.fmt not in _STATEMENTS or statement.att_stmt.x5c:  # no stranger's certificates are read here
            raise ValueError(statement.fmt)
        found = webauthn.verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except Exception as error:
        raise UnbelievedPasskey("a passkey that was not made for us, or without asking for its owner") from error
    if len(found.credential_id) > _LONGEST_ID:
        raise UnbelievedPasskey("a passkey with too long an id")
    return NewPasskey(found.credential_id, found.credential_public_key, found.sign_count)


def shown(party: RelyingParty, answer: str, challenge: bytes, passkey: Passkey) -> int:
    """Return the counter of a passkey that was shown by its owner, who was verified. Raises UnbelievedPasskey.

    Whether the counter went on is for the caller to judge.
    """
    import webauthn

    try:
        found = webauthn.verify_authentication_response(
            credential=_object(answer),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except Exception as error:
        raise UnbelievedPasskey("a passkey that was not shown to us, or without asking for its owner") from error
    return found.new_sign_count


def _object(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
