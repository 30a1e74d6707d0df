"""One export of a person, two in all: and a slot is free again, however its answer ended."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests

from syncer.console.taking.limits import AGAIN_AFTER, LONGEST, ExportSlots
from syncer.domain.permissions import Role
from tests.console.conftest import place
from tests.console.proof.conftest import Filled, SignedIn, take


def people(site: Flask, filled: Filled, *names: str) -> list[FlaskClient]:
    return [place(site, filled[0], Role.COMPLIANCE, name=name) for name in names]


def test_a_second_export_of_one_person_waits_until_the_first_was_read(signed_in: SignedIn) -> None:
    anna = signed_in(Role.COMPLIANCE)
    first = anna.post("/audit/export")

    refused = take(anna, "/reports/")
    first.close()

    assert refused.status == 429
    assert refused.headers["Retry-After"] == str(AGAIN_AFTER)
    assert "Too often" in refused.text
    assert take(anna, "/reports/").status == 200


def test_a_third_person_waits_while_two_take_out(site: Flask, filled: Filled) -> None:
    anna, bert, carl = people(site, filled, "anna", "bert", "carl")
    answers = [anna.post("/audit/export"), bert.post("/audit/export")]

    assert take(carl, "/audit/export").status == 429
    answers[0].close()
    assert take(carl, "/audit/export").status == 200
    answers[1].close()


def test_a_client_that_goes_away_in_the_middle_gives_its_slot_back(filled: Filled, signed_in: SignedIn) -> None:
    anna = signed_in(Role.COMPLIANCE)
    answer = anna.post("/audit/export")
    chunks = iter(answer.response)
    next(chunks)

    answer.close()

    assert take(anna, "/audit/export").status == 200
    assert filled[0].ledger.entries(("report:exported",))[0].facts, "it was noted before its first octet was sent"


def test_of_many_at_once_no_more_than_two_are_served(site: Flask, filled: Filled) -> None:
    names = [f"person{number}" for number in range(6)]
    places, gate, served = people(site, filled, *names), threading.Barrier(6), []

    def ask(client: FlaskClient) -> None:
        gate.wait()
        served.append(client.post("/audit/export"))

    threads = [threading.Thread(target=ask, args=(client,)) for client in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    codes = sorted(answer.status_code for answer in served)
    for answer in served:
        answer.close()

    assert codes == [200, 200, 429, 429, 429, 429]


def test_whoever_reads_without_an_end_keeps_nobody_else_from_theirs() -> None:
    now = [0.0]
    limits = ExportSlots(2, lambda: now[0])
    limits.take("anna")
    limits.take("bert")
    with pytest.raises(TooManyRequests):
        limits.take("carl")

    now[0] = LONGEST + 1

    assert limits.take("carl").name == "carl"


def test_a_verification_counts_until_its_end_however_long_it_takes() -> None:
    now = [0.0]
    limits = ExportSlots(1, lambda: now[0])
    limits.take("anna", None)
    now[0] = LONGEST * 100

    with pytest.raises(TooManyRequests):
        limits.take("bert")
