"""Sealed addresses as tests need them: any request, and the seals of an older syncer."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime

from syncer.privacy.keyring import Keyring
from syncer.privacy.sealed import SealedRequest

RECEIVED = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def asked(address: str) -> SealedRequest:
    """A request of somebody for an erasure at one destination."""
    return SealedRequest(address, "erasure", RECEIVED, {"newsletter": "delete"})


def sealed_before(keyring: Keyring, address: str, event_id: str) -> str:
    """Seal an address as syncer did before it sealed requests with them: `v1`."""
    version, nonce = keyring.versions[-1], secrets.token_bytes(12)
    sealed = version.aead.encrypt(nonce, address.encode(), f"syncer_event.email_sealed:{event_id}".encode())
    return f"v1.{version.key_id}.{_b64(nonce)}.{_b64(sealed)}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
