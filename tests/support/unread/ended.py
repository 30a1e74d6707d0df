"""An erasure that ended in every way there is: read back, passed on, settled, not to be asked, exempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.contract import Outcome
from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.domain.rights import Ground
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.unread.attesting import attest
from tests.support.unread.installation import installed
from tests.support.walk import PERSON, event, put, states


@contextmanager
def ended(settings_file: Callable[..., Path], clock: Clock, mailchimp: MailchimpSandbox) -> Iterator[App]:
    """Open an installation in which that happened; its log is signed."""
    mailchimp.add(PERSON, AUDIENCES[0])
    kinds = {"analytics": "taking", "clarity": "unasked", "ads": "lying", "court": "lying"}
    with installed(settings_file, clock, **kinds) as (app, machines):
        for name in ("ads", "court"):
            machines[name].outcome = Outcome.ABSENT
        put(app, "erasure", PERSON, "k1")
        drain(app)
        attest(app, "ads")
        app.interventions.exempt(event(app).id, "court", Ground.LEGAL_CLAIMS, "a case is pending")
        assert {name: state for name, (state, _, _) in states(app).items()} == {
            "newsletter": "confirmed", "analytics": "accepted", "clarity": "not_applicable", "ads": "attested",
            "court": "exempt",
        }  # fmt: skip
        assert event(app).state == "fulfilled"
        app.notary.make()
        yield app
