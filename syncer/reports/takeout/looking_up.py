"""Looking a person up for a dossier: it is audited first, and what is to be proven is signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncer.audit.access_log import AccessLog
    from syncer.reports.dossier import DossierFacts, Dossiers, Requests


def look_up(dossiers: Dossiers, access_log: AccessLog, requests: Requests, sign: Callable[[], object]) -> DossierFacts:
    """Audit that somebody looks the person up and return the dossier.

    `sign` is called where an entry of it is not signed yet; it signs the log, or raises. Raises UserError where no
    checkpoint covers one of its entries.
    """
    nobody_known = requests.subject is None
    access_log.looked_up(requests.subject, len(requests.events), requests.events[0].id if nobody_known else None)
    history = dossiers.history(requests)
    if dossiers.unproven(history):
        sign()
    return dossiers.facts(history)
