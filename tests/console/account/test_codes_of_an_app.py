"""Codes of an authenticator app: one step of tolerance, each once, sealed for its owner."""

from __future__ import annotations

import threading
from xml.etree import ElementTree

import pytest
from flask import Flask

from syncer.app import App
from syncer.console.sign_in import totp
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.factors import Factors
from syncer.domain.permissions import Role
from syncer.privacy import app_secrets, key_file
from syncer.privacy.key_file import KeyLine, KeyState
from syncer.privacy.keyring import Keyring
from tests.conftest import Clock
from tests.support.console.signing_in import browser, enrolled, sign_in


@pytest.mark.slow
@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 303), (0, 303), (1, 303), (2, 422)])
def test_the_code_before_and_the_one_after_count_too(
    site: Flask, app: App, clock: Clock, steps: int, status: int
) -> None:
    anna = enrolled(app)

    answer = sign_in(browser(site), anna, clock.now, code=anna.code(clock.now, steps))

    assert answer.status_code == status


def test_a_code_is_never_taken_twice_nor_one_from_before_it(site: Flask, app: App, clock: Clock) -> None:
    anna = enrolled(app)
    now, before = anna.code(clock.now), anna.code(clock.now, -1)
    assert sign_in(browser(site), anna, clock.now, code=now).status_code == 303

    assert sign_in(browser(site), anna, clock.now, code=now).status_code == 422
    assert sign_in(browser(site), anna, clock.now, code=before).status_code == 422
    assert sign_in(browser(site), anna, clock.now, code=anna.code(clock.now, 1)).status_code == 303


def test_of_two_who_type_the_same_code_at_the_same_moment_one_gets_in(site: Flask, app: App, clock: Clock) -> None:
    anna, seen, ready = enrolled(app), [], threading.Barrier(4)

    def try_it() -> None:
        client = browser(site)
        ready.wait()
        seen.append(sign_in(client, anna, clock.now).status_code)

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(seen) == [303, 422, 422, 422]
    assert len(app.ledger.entries(("console:signed_in",))) == 1


@pytest.mark.parametrize("typed", ["{} {}", " {}{} ", "{}\t{}"])
def test_blanks_in_a_code_do_not_matter(site: Flask, app: App, clock: Clock, typed: str) -> None:
    anna = enrolled(app)
    code = anna.code(clock.now)

    assert sign_in(browser(site), anna, clock.now, code=typed.format(code[:3], code[3:])).status_code == 303


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["٠٠٠٠٠٠", "1" * 10_000, "-00001", "1e5", "null", "\0"])
def test_what_is_no_code_is_wrong_and_nothing_worse(site: Flask, app: App, clock: Clock, typed: str) -> None:
    assert sign_in(browser(site), enrolled(app), clock.now, code=typed).status_code == 422


def test_a_secret_is_sealed_for_one_person_and_opens_for_no_other(app: App) -> None:
    sealed = app_secrets.seal(app.keyring, "JBSWY3DPEHPK3PXP", "anna")

    assert "JBSWY3DPEHPK3PXP" not in sealed
    assert app_secrets.opened(app.keyring, sealed, "anna") == "JBSWY3DPEHPK3PXP"
    assert app_secrets.opened(app.keyring, sealed, "bert") is None
    assert app_secrets.opened(Keyring(b"k" * 32), sealed, "anna") is None
    for damaged in (
        None,
        b"t1.a.b.c",
        5,
        "",
        "t1",
        "t1.a.b.c",
        f"{sealed[:-4]}AAAA",
        f"x{sealed}",
        sealed.replace(".", ""),
    ):
        assert app_secrets.opened(app.keyring, damaged, "anna") is None


def test_a_secret_that_an_earlier_key_sealed_is_sealed_anew_when_it_is_used(app: App, clock: Clock) -> None:
    anna = enrolled(app)
    (old,) = key_file.read(app.settings.identity.key_file)
    newer = Keyring(b"n" * 32, [KeyLine(old.root, old.created, KeyState.RETIRING)])
    factors, book = Factors(app.transactions, newer), AccountBook(app.transactions)
    before = book.find("anna")
    assert before is not None

    step = factors.step(before, anna.code(clock.now))
    assert step is not None
    with app.transactions.write() as tx:
        assert factors.use(tx, before, step)

    after = book.find("anna")
    assert after is not None and after.totp_sealed != before.totp_sealed
    assert app_secrets.opened(Keyring(b"n" * 32), after.totp_sealed, "anna") == anna.secret


def test_a_secret_that_a_retired_key_sealed_signs_nobody_in(app: App) -> None:
    (old,) = key_file.read(app.settings.identity.key_file)
    sealed = app_secrets.seal(app.keyring, "JBSWY3DPEHPK3PXP", "anna")
    opens = {
        state: app_secrets.opened(Keyring(b"n" * 32, [KeyLine(old.root, old.created, state)]), sealed, "anna")
        for state in (KeyState.RETIRING, KeyState.RETIRED)
    }

    assert opens == {KeyState.RETIRING: "JBSWY3DPEHPK3PXP", KeyState.RETIRED: None}
    put_back = Keyring(b"n" * 32, [KeyLine(old.root, old.created, KeyState.RETIRED)])
    going_on = put_back.going_on_with(app.keyring.check_value, retired=True)
    assert app_secrets.opened(going_on, sealed, "anna") == "JBSWY3DPEHPK3PXP"


def test_a_secret_from_another_account_signs_nobody_in(site: Flask, app: App, clock: Clock) -> None:
    anna, bert = enrolled(app, "anna"), enrolled(app, "bert", Role.ADMIN)
    u = app.tables.user
    with app.transactions.write() as tx:  # whoever writes to the table gives bert anna's app
        sealed = tx.connection.execute(u.select().where(u.c.name == "anna")).one().totp_sealed
        tx.connection.execute(u.update().where(u.c.name == "bert").values(totp_sealed=sealed))

    assert sign_in(browser(site), bert, clock.now, code=anna.code(clock.now)).status_code == 422


def test_the_qr_code_has_no_style_and_no_script_of_its_own() -> None:
    drawn = totp.drawn(totp.address("JBSWY3DPEHPK3PXP", "anna", "privacy.example.org"))

    attributes = {name for each in ElementTree.fromstring(drawn).iter() for name in each.attrib}
    assert attributes <= {"viewBox", "class", "fill", "d", "stroke", "transform"}
    assert "JBSWY3DPEHPK3PXP" not in drawn
