"""Who looked a person up, who took data out, and who was refused: each leaves an entry in the audit."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.audit.transaction import Transactions
from syncer.database.failures import retry_on_conflict


class AccessLog:
    """Notes what people did without changing anything."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @retry_on_conflict
    def looked_up(self, ref: str | None, count: int, event: str | None = None) -> None:
        """Note that somebody searched for a person; where the person is not known, `event` names the request."""
        with self._transactions.write() as tx:
            tx.audit.add("operator:looked_up", event=event, subject=ref, facts={"events": count})

    @retry_on_conflict
    def exported(self, kind: str, fmt: str, rows: int, sha256: str, parts: Sequence[str] = ()) -> None:
        """Note that somebody took data out; where `parts` name several files by SHA-256, `sha256` is their index's."""
        facts = {"kind": kind, "format": fmt, "rows": rows, "sha256": sha256}
        with self._transactions.write() as tx:
            tx.audit.add("report:exported", facts=facts | ({"parts": list(parts)} if parts else {}))

    @retry_on_conflict
    def refused(self, command: str, why: str) -> None:
        """Note that somebody's command was turned down; `why` is a short phrase of ours, never what was typed."""
        with self._transactions.write() as tx:
            tx.audit.add("operator:refused", facts={"command": command, "why": why})
