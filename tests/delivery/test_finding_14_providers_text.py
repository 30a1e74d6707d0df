"""What a provider writes into its answers stands nowhere afterwards: not in audit, export, log, status or metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import structlog

from adapters.contract import Step
from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.events.mapping import step_facts
from syncer.privacy.masking import LONGEST_KEPT, kept
from syncer.service import metrics
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tainting import CANARY, MARKUP, MD5, TEXTS, taint, traces_in
from tests.support.looks import look
from tests.support.processes import inside as run
from tests.support.walk import put

#: keys whose texts say who somebody is and where: without them no walk gets far
IDENTITY = frozenset({"email", "email_address", "list_id", "id", "contact", "status", "total", "total_items"})
#: which texts the providers write the canary into
CHOSEN: dict[str, Callable[[str], bool]] = {
    "all": lambda key: True,
    "all but who and where": lambda key: key not in IDENTITY,
    "ids of lists and shops": lambda key: key in ("list", "listid", "automation", "name", "store_id"),
    "times": lambda key: "date" in key or "time" in key or key.endswith("_at"),
}


@pytest.mark.slow  # every text at every place
@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("text", ["address", "hash", "all of it"])
def test_finding_14_what_a_provider_writes_stands_nowhere_afterwards(
    make_app: Callable[..., App],
    clock: Clock,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    text: str,
    chosen: str,
) -> None:
    app = make_app(recheck_days="[]")
    put(app, "erasure", CANARY, "k0")
    drain(app)
    clock.now += timedelta(days=40)
    now = clock.now.isoformat(timespec="seconds")
    for address in (CANARY, "grace@hopper.test"):
        mailchimp.add(address, AUDIENCES[0], timestamp_opt=now, last_changed=now)
        mailchimp.add_customer(address, store=CANARY)
        activecampaign.add(address, sdate=now, udate=now)
        activecampaign.add_customer(address)
    put(app, "erasure", CANARY, "k1", received_at=clock.now - timedelta(hours=1))
    put(app, "objection", "grace@hopper.test", "k2")
    for sandbox in (mailchimp, activecampaign):
        taint(sandbox, TEXTS[text], CHOSEN[chosen])

    with structlog.testing.capture_logs() as logs:
        drain(app)
        look(app)
        clock.now += timedelta(days=2)
        drain(app)

    out = app.settings.path.parent / "audit.jsonl"
    assert run(app.settings.path, "audit", "export", "--out", str(out)).returncode == 0
    left = {
        "audit": json.dumps(list(app.ledger.rows()), default=str, ensure_ascii=False),
        "export": out.read_text(encoding="utf-8"),
        "status": run(app.settings.path, "status", "--json").stdout,
        "events": run(app.settings.path, "events", "--json").stdout,
        "report": run(app.settings.path, "report", "--format", "json").stdout,
        "metrics": metrics.text(app),
        "log": json.dumps(logs, default=str, ensure_ascii=False),
    }
    assert {place: traces_in(words) for place, words in left.items() if traces_in(words)} == {}
    assert all(left.values())


def test_finding_14_what_slips_through_an_adapter_is_masked_and_cut_before_the_audit() -> None:
    step = Step(f"store {CANARY}", "GET /x", 200, MD5, 1, MARKUP)

    [fact] = step_facts((step,))

    assert fact["status"] == 200 and fact["scope"] == "store [address]" and fact["request_id"] == "[hash]"
    assert fact["state"].isprintable()
    assert kept("word " * 5000) == ("word " * 5000)[:LONGEST_KEPT] + "…"
    assert kept(None) is None and kept(7) == 7 and kept("as it is") == "as it is"
