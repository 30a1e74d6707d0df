"""Passwords, codes, secrets and sessions stand in no address, title, log, audit or table."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pyotp
import pytest
from flask import Flask

from syncer.app import App
from syncer.console.sign_in.accounts import AccountBook
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support.console.signing_in import Somebody, browser, sign_in

CANARY = "canary-wet-boots-7f3a9"


def test_what_was_typed_and_what_is_secret_is_nowhere_to_be_found(
    site: Flask, app: App, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client, password, seen = browser(site), f"{CANARY} by the door", []
    begins = AccountBook(app.transactions).add("anna", [Role.ADMIN])

    page = client.post("/enrol", data={"enrolment": begins}).text
    (sealed,) = re.findall(r'name="pairing" value="([^"]+)"', page)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)
    anna = Somebody("anna", secret.replace(" ", ""), password)
    chosen = {"enrolment": begins, "pairing": sealed, "password": password, "again": password}
    seen.append(client.post("/enrol/choose", data=chosen | {"code": pyotp.TOTP(anna.secret).at(clock.now)}))
    for wrong in ({"name": CANARY}, {"password": CANARY}, {"code": CANARY}, {"next": f"/{CANARY}"}):
        clock.advance(minutes=1)
        seen.append(sign_in(browser(site), anna, clock.now, **wrong))
    seen.append(client.post("/enrol", data={"enrolment": CANARY}))
    seen.append(client.post("/step-up", data={"code": CANARY}))
    seen.append(client.post("/me/password", data={"present": CANARY, "password": CANARY, "again": CANARY}))
    clock.advance(minutes=1)
    code = anna.code(clock.now)
    seen.append(client.post("/step-up", data={"code": code}))
    cookie = client.get_cookie("__Host-syncer")
    assert cookie is not None

    secrets = (CANARY, begins, anna.secret, code, cookie.value)
    for answer in seen:
        assert not any(each in answer.headers.get("Location", "") for each in secrets)
        assert not any(each in title for each in secrets for title in re.findall("<title>.*</title>", answer.text))
    audit = "".join(str(row) for row in app.ledger.rows())
    told = caplog.text + "".join(capfd.readouterr())
    app.engine.dispose()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("syncer.db*"))
    assert "console:refused" in audit and b"argon2id" in stored
    for each in secrets:
        assert each not in audit
        assert each not in told
        assert each.encode() not in stored or each == code  # six digits are somewhere
