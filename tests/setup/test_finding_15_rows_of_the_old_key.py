"""Finding 15: whoever has the replaced key and the database turns no old request against another person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, open_app
from syncer.audit import pins
from syncer.audit.chain import ZERO, canonical, leaf, mac
from syncer.errors import UserError
from syncer.privacy import app_secrets, key_file
from syncer.privacy.key_file import KeyState
from syncer.privacy.keyring import Keyring
from syncer.privacy.sealed import SealedRequest
from syncer.service.drain import drain, prepare
from syncer.setup import rotation
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tampering import undone
from tests.support.backups import backup, restore
from tests.support.console.signing_in import enrolled
from tests.support.looking.requests import damage
from tests.support.looks import look
from tests.support.processes import inside
from tests.support.walk import OTHER, PERSON, event, put, rows, states


@pytest.fixture
def before(make_app: Callable[..., App]) -> App:
    """An installation under its first key, with one request that is done and whose address is kept."""
    app = make_app()
    put(app, "erasure", PERSON, "k1")
    drain(app)
    return app


@pytest.fixture
def rotated(before: App) -> Iterator[App]:
    list(rotation.carry_out(before.settings, "the backup of the key was lost"))
    with open_app(before.settings, clock=before.clock) as app:
        yield app


def rewritten(app: App, stolen: Keyring) -> SealedRequest:
    """Let the log say, with a good link of the old key, that the request was another person's; return that request."""
    t = app.tables.audit
    undone(app, "SELECT 1")
    with app.engine.begin() as connection:
        query = sa.select(t.c.seq, t.c.body).where(t.c.what == "event:received").order_by(t.c.seq)
        seq, text = connection.execute(query.limit(1)).one()
        previous = connection.execute(sa.select(t.c.mac).where(t.c.seq == seq - 1)).scalar() or ZERO
        body = json.loads(text)
        body["subject"] = stolen.ref(OTHER)
        new = leaf(canonical(body))
        link = mac(stolen.chain_key, previous, seq, new)
        changed = {"body": canonical(body).decode(), "leaf": new, "mac": link}
        connection.execute(t.update().where(t.c.seq == seq).values(changed))
    facts = body["facts"]
    actions = dict(each.rsplit(":", 1) for each in facts["destinations"])
    return SealedRequest(OTHER, facts["right"], datetime.fromisoformat(facts["received_at"]), actions)


def made_anothers(app: App, stolen: Keyring, sealed: str | None) -> None:
    e = app.tables.event
    with app.engine.begin() as connection:
        connection.execute(e.update().values(subject=stolen.ref(OTHER), email_sealed=sealed))


def due_again(app: App) -> None:
    e, d = app.tables.event, app.tables.delivery
    with app.engine.begin() as connection:
        connection.execute(e.update().values(state="open", fulfilled_at=None, next_recheck_at=None))
        due = {"state": "pending", "next_attempt_at": app.clock(), "claim_rank": 1, "untried": 1, "begun_at": None}
        connection.execute(d.update().values({**due, "confirmed_at": None, "outcome": None}))


def asked(app: App) -> SealedRequest:
    row = event(app)
    return SealedRequest(PERSON, row.right, row.received_at, {"newsletter": "delete", "crm": "delete"})


def test_finding_15_what_a_retired_key_sealed_is_not_sealed_anew(
    before: App, rotated: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(OTHER, AUDIENCES[0])
    request = rewritten(rotated, before.keyring)
    sealed = before.keyring.seal(request, event(rotated).id)
    made_anothers(rotated, before.keyring, sealed)
    due_again(rotated)

    with suppress(UserError):
        drain(rotated)

    assert event(rotated).email_sealed == sealed
    assert set(states(rotated).values()) == {("held", None, "unsealable")}
    assert mailchimp.member(OTHER, AUDIENCES[0])["status"] == "subscribed"


def test_finding_15_an_own_seal_put_back_after_the_rotation_stays_closed(before: App, rotated: App) -> None:
    sealed = before.keyring.seal(asked(rotated), event(rotated).id)
    with rotated.engine.begin() as connection:
        connection.execute(rotated.tables.event.update().values(email_sealed=sealed))

    assert rotated.resealing.run() == (event(rotated).id,)


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 500])
def test_finding_15_a_received_entry_of_the_old_key_counts_only_in_its_place(
    before: App, rotated: App, mailchimp: MailchimpSandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The address is shredded, the log and the row name another person, who is at the destination."""
    monkeypatch.setattr(pins, "STEP", step)
    mailchimp.add(OTHER, AUDIENCES[0], last_changed=clock.now.isoformat())
    rewritten(rotated, before.keyring)
    made_anothers(rotated, before.keyring, None)
    clock.advance(hours=1)

    look(rotated)
    with suppress(UserError):
        drain(rotated)

    assert mailchimp.member(OTHER, AUDIENCES[0])["status"] == "subscribed"
    assert event(rotated).email_sealed is None


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 500])
def test_finding_15_an_entry_that_is_rewritten_after_it_was_once_good_is_not_believed(
    before: App, rotated: App, mailchimp: MailchimpSandbox, clock: Clock, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(pins, "STEP", step)
    row = event(rotated)
    with rotated.engine.begin() as connection:
        connection.execute(rotated.tables.event.update().values(email_sealed=None))
        assert rotated.seals.is_of(connection, row.id, row.subject, None)
        assert not rotated.seals.is_of(connection, row.id, before.keyring.ref(OTHER), None)
    rewritten(rotated, before.keyring)
    made_anothers(rotated, before.keyring, None)
    mailchimp.add(OTHER, AUDIENCES[0], last_changed=clock.now.isoformat())
    clock.advance(hours=1)

    look(rotated)
    with suppress(UserError):
        drain(rotated)

    assert mailchimp.member(OTHER, AUDIENCES[0])["status"] == "subscribed"
    assert event(rotated).email_sealed is None


def test_finding_15_while_a_key_is_being_replaced_a_rewritten_log_is_not_believed_either(before: App) -> None:
    doing = rotation.carry_out(before.settings, "the backup of the key was lost")
    for _ in range(2):
        next(doing)
    doing.close()
    with open_app(before.settings, clock=before.clock) as between:
        assert [version.state for version in between.keyring.versions] == [KeyState.RETIRING, KeyState.CURRENT]
        sealed = before.keyring.seal(rewritten(between, before.keyring), event(between).id)
        made_anothers(between, before.keyring, sealed)

        assert between.resealing.run() == (event(between).id,)


def test_finding_15_a_database_put_back_and_rotated_again_has_its_addresses_sealed_anew(
    before: App,
) -> None:
    folder = before.settings.path.parent
    backup(folder / "syncer.db", folder / "kept.db")
    list(rotation.carry_out(before.settings, "the backup of the key was lost"))
    before.close()
    restore(folder / "kept.db", folder / "syncer.db")
    recorded = inside(before.settings.path, "audit", "fork", "--reason", "put back from a backup")
    assert recorded.returncode == 0, recorded.stderr

    list(rotation.carry_out(before.settings, "once more"))

    assert [line.state for line in key_file.read(before.settings.identity.key_file)] == [
        KeyState.RETIRED,
        KeyState.CURRENT,
    ]
    with open_app(before.settings, clock=before.clock) as app:
        prepare(app)
        assert {row.email_sealed.split(".")[1] for row in rows(app, app.tables.event)} == {app.keyring.key_id}


def test_finding_15_apps_of_people_are_sealed_anew_before_the_key_is_retired(before: App) -> None:
    anna, bert = enrolled(before, "anna"), enrolled(before, "bert")
    user = before.tables.user
    with before.transactions.write() as tx:  # what a stolen backup made of somebody's app
        foreign = app_secrets.seal(Keyring(b"k" * 32), bert.secret, "bert")
        tx.connection.execute(user.update().where(user.c.name == "bert").values(totp_sealed=foreign))

    said = list(rotation.carry_out(before.settings, "the backup of the key was lost"))

    assert [line for line in said if "syncer user reset" in line] == [
        "the app of bert was not sealed with a key in use: `syncer user reset bert`, then they enrol again"
    ]
    with open_app(before.settings, clock=before.clock) as app:
        kept = {row.name: row.totp_sealed for row in rows(app, user)}
        assert app_secrets.opened(app.keyring, kept["anna"], "anna") == anna.secret
        assert app_secrets.is_present(app.keyring, kept["anna"])
        assert app_secrets.opened(app.keyring, kept["bert"], "bert") is None


@pytest.mark.slow
def test_finding_15_a_damaged_app_does_not_keep_the_key_from_being_retired(before: App) -> None:
    enrolled(before, "anna")
    damage(before, "UPDATE syncer_user SET totp_sealed = x'ff'")

    said = list(rotation.carry_out(before.settings, "the backup of the key was lost"))

    assert any(line.startswith("the app of anna was not sealed") for line in said)
    states = [line.state for line in key_file.read(before.settings.identity.key_file)]
    assert states == [KeyState.RETIRED, KeyState.CURRENT]
