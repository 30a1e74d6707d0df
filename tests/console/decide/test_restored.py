"""A database that was put back: no decision is called wrong or late, every one is told that nothing is written."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from syncer.app import App
from syncer.domain.permissions import Role
from tests.conftest import Clock

FORMS = {
    "/requests/{held}/exempt": {"destination": "crm", "ground": "legal_claims"},
    "/requests/{held}/extend": {"informed": "{day}"},
    "/requests/{held}/withdraw": {"digest": "0"},
    "/resync/plan?held=1": {"digest": "0"},
    "/guard/release": {"digest": "0"},
    "/guard/refuse": {"digest": "0"},
    "/guard/refused": {"digest": "0"},
    "/decisions/1/approve": {"digest": "0"},
    "/decisions/1/reject": {"digest": "0"},
    "/submit": {"right": "erasure", "address": "ada@lovelace.test", "received": "{day}", "way": "letter"},
}


@pytest.mark.slow
def test_every_decision_says_that_the_log_is_not_the_one_that_was_signed(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, clock = filled
    held, anna = app.reader.events(state="held")[0].id, signed_in(Role.ADMIN)
    app.notary.publish(now=True)
    with app.engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE {app.tables.head.name} SET seq = seq - 1"))
    answers = {}
    for path, fields in FORMS.items():
        form = {name: value.format(day=clock.now.date().isoformat()) for name, value in fields.items()}
        form |= {"form": secrets.token_urlsafe(16), "reason": "needed for a court case"}
        answer = anna.post(path.format(held=held), data=form)
        answers[path] = (answer.status_code, "Nothing is written any more" in answer.text)

    assert answers == dict.fromkeys(FORMS, (503, True))
