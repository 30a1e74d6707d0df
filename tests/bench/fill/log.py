"""The log of a filled installation, in memory: entries chained by the key, and signed as the daemon signs them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from syncer.audit.chain import ZERO, Chain
from syncer.audit.ledger import Ledger
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import Checkpoint, Signer
from syncer.audit.proof.recomputation import Recomputation
from syncer.privacy.keyring import Keyring
from tests.bench.fill.patterns import EntryPattern, Values

#: how often the log is signed, as the settings say
ENTRIES, EVERY = 1000, timedelta(days=1)


class Log:
    """Writes entries into lists: `rows` in the order of the audit table's columns, `checkpoints` as rows by name."""

    def __init__(self, keyring: Keyring, ledger: Ledger, recomputation: Recomputation, facts: dict[str, str]) -> None:
        self.seq, self.mac = 0, ZERO
        self.rows: list[tuple[Any, ...]] = []
        self.checkpoints: list[dict[str, Any]] = []
        self._key = keyring.chain_key
        self._signer = Signer(facts["origin"], keyring.signing_seed)
        self._ledger = ledger
        self._recomputation = recomputation
        self._facts = facts
        self._frontier = Frontier()
        self._signed = (0, datetime.min.replace(tzinfo=UTC))
        self._nonces = _nonces()

    def write(self, entries: tuple[EntryPattern, ...], values: Values) -> None:
        """Append the entries of one event."""
        key, seq, mac, event = self._key, self.seq, self.mac, values["id"]
        rows, leaves, nonces = self.rows, self._frontier, self._nonces
        for entry in entries:
            seq += 1
            values["seq"], values["nonce"] = seq, next(nonces)
            body = entry.body % values
            leaf = hashlib.sha256(b"\x00" + body.encode()).digest()
            mac = hmac.digest(key, mac + seq.to_bytes(8, "big") + leaf, "sha256")
            leaves.add(leaf)
            at = values[f"s{entry.moment}"]
            rows.append((seq, at, entry.what, event, entry.destination, body, leaf, mac))
        self.seq, self.mac = seq, mac

    def sign_if_due(self, now: datetime) -> None:
        """Make a checkpoint where the schedule says so."""
        size, at = self._signed
        if self.seq - size >= ENTRIES or now - at >= EVERY:
            self._sign(now, "entries" if self.seq - size >= ENTRIES else "time", size)

    def _sign(self, now: datetime, reason: str, previous: int) -> None:
        chain = Chain(self._key, self.seq, self.mac)
        facts = {"reason": reason, "origin": self._facts["origin"], "previous": previous, "every_minutes": 1440}
        entry = chain.append(
            what="audit:checkpoint", at=now, event=None, subject=None, destination=None,
            actor={"kind": "daemon", "user": None}, facts=facts, sw=self._facts["sw"], cfg=self._facts["cfg"],
        )  # fmt: skip
        self.seq, self.mac = chain.seq, chain.mac
        self.rows.append((entry.seq, entry.at, entry.what, None, None, entry.body, entry.leaf, entry.mac))
        self._frontier.add(entry.leaf)
        checkpoint = Checkpoint(self._facts["origin"], entry.seq, self._frontier.root())
        self._signed = (entry.seq, now)
        self.checkpoints.append(
            {
                "size": checkpoint.size,
                "at": now,
                "origin": checkpoint.origin,
                "root": checkpoint.root,
                "frontier": self._frontier.pack(),
                "note": self._signer.sign(checkpoint.text()),
                "mac": self._recomputation.seal(checkpoint, now, entry.mac),
            }
        )


def _nonces() -> Iterator[str]:
    """Yield sixteen random octets each time, in base64; made by the thousand."""
    while True:
        text = base64.b64encode(os.urandom(18 * 1000)).decode()
        for at in range(0, len(text), 24):
            yield f"{text[at : at + 21]}A=="
