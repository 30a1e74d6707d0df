"""An entry of the log that somebody altered keeps no page from being shown, and no list from being whole."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.reading.audit_pages import AuditFilter, AuditPages
from syncer.domain.permissions import Role
from tests.console.proof.conftest import Filled, SignedIn
from tests.support.eventful import PLAIN
from tests.support.looking.requests import damage


def request_of(app: App, ref: str) -> str:
    with app.engine.connect() as connection:
        e = app.tables.event.c
        return str(
            connection.execute(app.tables.event.select().where(e.subject == ref).with_only_columns(e.id)).scalar()
        )


def statuses(client: FlaskClient, *paths: str) -> dict[str, int]:
    return {path: client.get(path).status_code for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize(
    "altered",
    [
        "at = x'ff00'", "at = 'soon'", "at = ''", "what = x'ff'", "what = 'x{y'", "what = '{user[0]}'",
        "what = 'event:received{'", "destination = x'ff'", "destination = ''", "body = x'ff'", "body = 5", "body = ''",
        "body = CAST(x'ffc3' AS TEXT)", "body = '[1]'", "leaf = 5", "leaf = 999999999999", "mac = 'x'", "leaf = 1.5",
        """body = '{"actor":5,"facts":[],"subject":7}'""",
        """body = '{"actor":{"kind":[],"user":{}},"facts":{"outcome":[],"code":{},"ground":[],"due_on":[]}}'""",
    ],
)  # fmt: skip
def test_an_altered_entry_breaks_no_page(filled: Filled, signed_in: SignedIn, altered: str) -> None:
    app, _ = filled
    ref = app.keyring.ref(PLAIN)
    anna, event_id, last = signed_in(Role.ADMIN), request_of(app, ref), app.ledger.head()[0]
    damage(app, f"UPDATE syncer_audit SET {altered} WHERE event_id = ? OR seq > ?", event_id, last - 3)
    paths = (
        "/audit/", f"/audit/{last}", "/audit/?by=anna", f"/audit/?subject={ref}", f"/audit/?subject={ref}&by=root",
        f"/requests/{event_id}/", f"/people/{ref}/", "/reports/", "/returned/",
    )  # fmt: skip

    found = statuses(anna, *paths)

    assert found == dict.fromkeys(paths, 200)


@pytest.mark.parametrize(
    "told", ['{"kind":[],"format":{},"rows":[],"sha256":7}', '{"kind":{"a":1}}', '{"kind":7}', '{"kind":null}']
)
def test_an_altered_export_keeps_no_other_from_being_listed(filled: Filled, signed_in: SignedIn, told: str) -> None:
    app, officer = filled[0], signed_in(Role.COMPLIANCE)
    for _number in range(2):
        officer.post("/reports/", data={"format": "csv"}).close()
    altered = f'{{"actor":{{"kind":"console","user":"anna"}},"facts":{told}}}'
    damage(app, "UPDATE syncer_audit SET body = ? WHERE seq = ?", altered, app.ledger.head()[0])

    page = officer.get("/reports/")

    assert (page.status_code, '<td data-l="What">Report</td>' in page.text) == (200, True)


@pytest.mark.parametrize("size", [2, 50])
def test_the_entries_of_a_person_that_one_colleague_wrote_are_all_there(filled: Filled, size: int) -> None:
    app, _ = filled
    ref = app.keyring.ref(PLAIN)
    event_id = request_of(app, ref)
    anna = app.acting_as({"kind": "console", "user": "anna", "via": "passkey", "from": "127.0.0.0/24"})
    with anna.transactions.write() as tx:
        tx.audit.add("operator:dismissed", event=event_id)
    wanted = app.ledger.head()[0]
    for _number in range(60):  # by somebody else, who names her
        with app.transactions.write() as tx:
            tx.audit.add("operator:dismissed", event=event_id, facts={"user": "anna"})

    page = AuditPages(app.engine, app.tables).page(AuditFilter(subject=ref, by="anna"), size)

    assert [entry.seq for entry in page.entries] == [wanted]
