"""An authenticator of software: makes passkeys and shows them, truthfully or with whatever lie a test tells it."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftKey:
    """One passkey. `rp_id` and `origin` are what it says it was asked by; `verifies` whether it asks its owner."""

    origin: str = "http://localhost:8484"
    rp_id: str = "localhost"
    verifies: bool = True
    counter: int = 0
    handle: bytes = b""
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, asked: dict[str, Any], **client: Any) -> str:
        """Answer a browser that is asked to make a passkey."""
        self.handle = unb64(asked["user"]["id"])
        numbers = self.private.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        attested = bytes(16) + len(self.credential).to_bytes(2) + self.credential + cose
        statement = {"fmt": "none", "attStmt": {}, "authData": self._said(ATTESTED) + attested}
        return self._answer(
            clientDataJSON=self._client("webauthn.create", asked, client), attestationObject=cbor2.dumps(statement)
        )

    def show(self, asked: dict[str, Any], **client: Any) -> str:
        """Answer a browser that is asked to show a passkey."""
        told = self._client("webauthn.get", asked, client)
        said = self._said(0)
        signature = self.private.sign(said + hashlib.sha256(told).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=told, authenticatorData=said, signature=signature, userHandle=self.handle)

    def _said(self, more: int) -> bytes:
        flags = PRESENT | more | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4)

    def _client(self, kind: str, asked: dict[str, Any], client: dict[str, Any]) -> bytes:
        told = {"type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(told | client).encode()

    def _answer(self, **response: bytes) -> str:
        name = b64(self.credential)
        said = {key: b64(value) for key, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": said})


def b64(data: bytes) -> str:
    """Base64url without padding, as browsers write it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of such a text."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
