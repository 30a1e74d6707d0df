"""Everything about one person's requests, as plain data: what was asked, what each recipient did, and the proofs."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from syncer import __version__
from syncer.audit.offline.inclusion import ProofError, verify_proof
from syncer.clock import stamp
from syncer.reports.evidence import Evidence
from syncer.reports.reader import Reader, summary

if TYPE_CHECKING:
    from syncer.app import App

#: the entries that carry a person's story; each is proven
KEY_ENTRIES = frozenset(
    {
        "event:received",
        "event:held",
        "event:extended",
        "event:fulfilled",
        "delivery:confirmed",
        "delivery:held",
        "delivery:exempt",
        "delivery:reappeared",
        "identity:shredded",
    }
)
#: seconds for the anchors when a checkpoint had to be made; the daemon brings the note to those that need longer
PATIENCE = 10.0


def of_person(app: App, ref: str) -> dict[str, Any]:
    """Return the dossier of the person behind a pseudonym, and audit the look-up; `events` is empty for nobody."""
    events = Reader(app).events(subject=ref)
    app.access_log.looked_up(ref, len(events))
    return _dossier(app, ref, events)


def of_event(app: App, prefix: str) -> dict[str, Any]:
    """Return the dossier of the person who made a request, with all their requests, and audit the look-up.

    A request whose address cannot be used belongs to nobody known and stands alone. Raises UserError unless exactly
    one event id starts with `prefix`.
    """
    reader = Reader(app)
    event_id = reader.resolve(prefix)
    (event,) = reader.events(event_id=event_id)
    if event["subject"] is not None:
        return of_person(app, event["subject"])
    app.access_log.looked_up(None, 1, event_id)
    return _dossier(app, None, [event])


def needs_attention(found: dict[str, Any]) -> bool:
    """Say whether a request is held or late, or a proof does not hold."""
    counts = found["summary"]
    return bool(counts["held"] or counts["overdue"] or not found["log"]["verified"])


def _dossier(app: App, ref: str | None, events: list[dict[str, Any]]) -> dict[str, Any]:
    recipients: dict[str, dict[str, Any]] = {}
    events.sort(key=lambda event: (event["received_at"], event["id"]))
    for event in events:
        event["audit"] = app.ledger.timeline(app.engine, event["id"])
        Evidence(event["audit"]).add_to([event])
        for delivery in event["deliveries"]:
            recipients[delivery["destination"]] = _recipient(app, delivery)
            delivery["remains"] = _remains(app, delivery)
    proven = [entry["seq"] for event in events for entry in event["audit"] if entry["what"] in KEY_ENTRIES]
    return {
        "generated_at": stamp(app.clock()),
        "software": __version__,
        "timezone": app.settings.deadlines.timezone,
        "objection_target_hours": app.rule.objection_target_hours,
        "audit_months": app.settings.retention.audit_months,
        "recheck_days": list(app.settings.schedule.recheck_days),
        "subject": ref,
        "summary": summary(events),
        "recipients": recipients,
        "events": events,
        **_proofs(app, sorted(proven)),
    }


def _recipient(app: App, delivery: dict[str, Any]) -> dict[str, Any]:
    adapter = app.about(delivery["adapter"])
    return {"adapter": delivery["adapter"], "title": (adapter.title if adapter else "") or delivery["adapter"]}


def _remains(app: App, delivery: dict[str, Any]) -> list[str]:
    adapter = app.about(delivery["adapter"])
    kept = adapter is not None and delivery["outcome"] == "done" and delivery["state"] != "exempt"
    return list(adapter.remains.get(delivery["action"], ())) if adapter and kept else []


def _proofs(app: App, seqs: Sequence[int]) -> dict[str, Any]:
    """Prove each entry under the newest signed state, and check the proofs as a stranger would.

    A page that says "not signed yet" helps nobody who gets it, and the next checkpoint may be an hour away. So one is
    made here when the newest does not reach the last of the entries; the anchors get it as they get every other.
    """
    checkpoints = app.checkpoints
    newest = checkpoints.newest()
    if seqs and (newest is None or newest.size < seqs[-1]):
        newest = checkpoints.make("dossier")
        app.notary.publish(seconds=PATIENCE)
    proofs = checkpoints.prove_all(seqs)
    keys = [str(key) for key in app.origins.public_keys()]
    reason = _first_wrong(proofs, keys)
    log = {
        "origin": app.origins.current(),
        "keys": keys,
        "signed": {"size": newest.size, "at": stamp(newest.at)} if newest else None,
        "root": b64encode(newest.checkpoint.root).decode("ascii") if newest else None,
        "verified": reason is None,
        "reason": reason,
    }
    return {"log": log, "proofs": proofs}


def _first_wrong(proofs: Sequence[dict[str, Any]], keys: Sequence[str]) -> str | None:
    for proof in proofs:
        try:
            verify_proof(json.dumps(proof), keys)
        except ProofError as error:
            return str(error)
    return None
