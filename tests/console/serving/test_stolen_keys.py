"""A console stolen with its key file, its database account and its environment opens no address and no provider."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.sandbox import ActiveCampaignSandbox
from syncer.app import App, require_secrets
from syncer.audit.offline.notes import Signer
from syncer.errors import KeyTooSmall, SealError, SettingsProblem
from syncer.privacy.keyring import Keyring
from syncer.service.drain import drain
from tests.support.operate.console_keys import console_of, with_console
from tests.support.walk import PERSON, event, put, whats

#: what keys are derived for; a thief tries them all on all that there is
PURPOSES = (b"sealing", b"checkpoint signing", b"subject", b"audit chain", b"check", b"console")


@pytest.fixture
def held(app: App, activecampaign: ActiveCampaignSandbox) -> App:
    """An installation that keeps the address of somebody whose request is held, and signed its log."""
    activecampaign.admin = False
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    with_console(app)
    return app


def material(file: Path) -> set[bytes]:
    """Return all that may be a key in a file: each of its parts read in every way, and what can be derived from it."""
    found: set[bytes] = set()
    for part in re.split(r"[:\s]", file.read_text(encoding="ascii")):
        readings = [part.encode(), hashes_of(part.encode())]
        for read in (base64.b64decode, base64.urlsafe_b64decode, bytes.fromhex):
            try:
                readings.append(read(part))
            except (ValueError, binascii.Error):
                continue
        found.update(readings)
    found |= {b"".join(pair) for pair in itertools.permutations(found, 2) if len(pair[0]) + len(pair[1]) == 32}
    derived = {HKDF(hashes.SHA256(), 32, b"syncer.v1", purpose).derive(each) for each in found for purpose in PURPOSES}
    return found | derived


def hashes_of(part: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(part)
    return digest.finalize()


def opened(sealed: str, event_id: str, keys: set[bytes]) -> Iterator[bytes]:
    """Yield what opens of a sealed address with any of these, as either form and with no context at all."""
    _, _, nonce, text = sealed.split(".")
    contexts = (
        f"syncer_event.email_sealed.v2:{event_id}".encode(),
        f"syncer_event.email_sealed:{event_id}".encode(),
        b"",
        None,
    )
    for key, context in itertools.product((key for key in keys if len(key) in (16, 24, 32)), contexts):
        try:
            yield AESGCM(key).decrypt(unb64(nonce), unb64(text), context)
        except InvalidTag:
            continue


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_no_sealed_address_opens_with_anything_in_the_file(held: App) -> None:
    sealed = event(held).email_sealed
    stolen = material(with_console(held))

    assert list(opened(sealed, event(held).id, stolen)) == []
    # the same search does find it in the key file that the daemon has
    assert any(PERSON.encode() in text for text in opened(sealed, event(held).id, material(key_file_of(held))))
    with console_of(held) as console, pytest.raises(SealError):
        console.keyring.address(sealed, event(held).id)


def key_file_of(app: App) -> Path:
    return app.settings.identity.key_file


def test_no_checkpoint_can_be_signed_and_the_console_signs_none(held: App) -> None:
    known = {key.public for key in held.origins.public_keys()}
    origin, before = held.origins.current(), whats(held)

    def publics(file: Path) -> set[bytes]:
        return {Signer(origin, seed).verifier.public for seed in material(file) if len(seed) == 32}

    assert not known & publics(with_console(held))
    assert known <= publics(key_file_of(held))
    with console_of(held) as console:
        signings: list[Callable[[], object]] = [console.notary.make, lambda: console.checkpoints.make("stop")]
        for sign in signings:
            with pytest.raises(KeyTooSmall, match="signs no checkpoint; the daemon does"):
                sign()
        assert console.verify().stands
        assert console.rollback.problem() is None
    assert whats(held) == before


@pytest.mark.slow
def test_no_key_of_a_provider_is_needed_or_known(held: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEST_MAILCHIMP_KEY", "TEST_ACTIVECAMPAIGN_KEY"):  # the unit of the console gives it none
        monkeypatch.delenv(name)
    with console_of(held) as console:
        assert console.status.read() is not None
        assert console.reader.events()
        console.interventions.pause("crm", "the account is under review")
        with pytest.raises(SettingsProblem, match="TEST_ACTIVECAMPAIGN_KEY"):
            require_secrets(console.settings)


def test_the_secret_of_a_second_factor_opens_with_the_file_alone(held: App) -> None:
    whole = Keyring.load(key_file_of(held))
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(whole.console_key).encrypt(nonce, b"JBSWY3DPEHPK3PXP", b"anna")

    with console_of(held) as console:
        assert AESGCM(console.keyring.console_key).decrypt(nonce, sealed, b"anna") == b"JBSWY3DPEHPK3PXP"
        others = [version.chain_key for version in console.keyring.versions]
        others += [version.subject_key for version in console.keyring.versions]
    for key in others:
        with pytest.raises(InvalidTag):
            AESGCM(key).decrypt(nonce, sealed, b"anna")
