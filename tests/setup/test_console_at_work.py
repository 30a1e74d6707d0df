"""The console as it is, with an account of its own on a real server: every page opens, and every form does its work."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.console.sign_in.accounts import AccountBook
from syncer.console.sign_in.sessions import hashed
from syncer.console.site import make_site
from syncer.decisions.guarded import StoppedChoice
from syncer.domain.permissions import READING, Role
from syncer.service.drain import drain
from tests.conftest import UNGUARDED, Clock
from tests.support import eventful
from tests.support.console.authenticator import SoftKey
from tests.support.console.crawl import Crawler, address
from tests.support.console.signing_in import PASSWORD, Somebody, enrolled
from tests.support.console.visitor import Visitor
from tests.support.operate.console_keys import console_of, with_console
from tests.support.operate.guarded import flood
from tests.support.receivers.alerting import hook_channel
from tests.support.servers import ENGINES
from tests.support.walk import put, rows

on_servers = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
pytestmark = pytest.mark.slow
#: an identity provider and a proxy have tests of their own: what they write is what every way in writes
ABROAD = {"oidc.bind", "proxy.go_on"}
WHY = "as the officer asked"
LETTER = "letter@post.test"
ISSUER, SECRET = "https://shop.example.org", "a secret that both sides of the door know"
MORE = f"""\
{{more}}
four_eyes = ["extend"]
[console.wordpress]
issuer = "{ISSUER}"
secret_file = "wordpress.secret"
"""


@dataclass(frozen=True)
class AtWork:
    """An installation as its owner has it, the console's pages over it, and who uses them."""

    owner: App
    console: App
    clock: Clock
    site: Flask
    ada: Somebody
    otto: Somebody

    def visitor(self, who: Somebody) -> Visitor:
        """Sign somebody in."""
        self.clock.advance(minutes=1)  # no code is taken twice
        visitor = Visitor(self.site)
        visitor.fill("/sign-in", name=who.name, password=who.password, code=who.code(self.clock.now))
        return visitor


@pytest.fixture
def at_work(
    app: App,
    accounts: Callable[[str], str],
    clock: Clock,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """What opens the console with an account, over an installation in which everything happened."""
    eventful.fill(app, clock, mailchimp, activecampaign)
    activecampaign.admin = False
    for number in range(5):
        put(app, "erasure", f"more{number}@held.test", f"more {number}")
        activecampaign.add(f"more{number}@held.test")
    drain(app)
    activecampaign.admin = True
    _alert(app)

    @contextmanager
    def opened(account: str, more: str = "") -> Iterator[AtWork]:
        monkeypatch.setenv("TEST_HOOK_URL", "https://hooks.test/")
        monkeypatch.setenv("TEST_HOOK_SECRET", "hook")
        with_console(app)
        _settings(app.settings.path, more)
        with open_app(load_settings(app.settings.path), clock=clock) as owner:
            flood(owner, 3, source="shop import")
            flood(owner, 3, source="form", name="real")
            drain(owner)
            owner.notary.make()
            people = [enrolled(owner, name, Role.ADMIN) for name in ("ada", "otto")]
            with console_of(owner, accounts(account)) as console:
                yield AtWork(owner, console, clock, make_site(console), *people)

    return opened


def _alert(app: App) -> None:
    alert = {"condition": "late", "scope": "", "open_as": "late:", "topic": "work", "severity": "page", "facts": "{}"}
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.alert.insert().values(alert | {"raised_at": tx.now}))


def _settings(path: Path, more: str) -> None:
    (path.parent / "wordpress.secret").write_text(SECRET, encoding="utf-8")
    (path.parent / "wordpress.secret").chmod(0o600)
    text = path.read_text(encoding="utf-8").replace(UNGUARDED, "deletions_per_day = 1\nalways_allowed = 1")
    path.write_text(text + MORE.format(more=more) + hook_channel(), encoding="utf-8")


@on_servers
@pytest.mark.parametrize(("account", "more"), [("console", ""), ("console_reader", "actions = false")])
def test_every_page_opens_for_an_administrator(at_work: Callable[..., Any], account: str, more: str) -> None:
    with at_work(account, more) as here:
        seen = Crawler(here.site, here.visitor(here.ada).client).crawl()

    assert [(each.url, each.status) for each in seen if each.status >= 500] == []
    assert {each.view for each in seen if each.status == 200} >= {"overview.overview", "request.request_page", "me.me"}


@on_servers
def test_every_form_does_its_work_with_the_account_of_the_console(at_work: Callable[..., Any]) -> None:
    with at_work("console") as here:
        ada = here.visitor(here.ada)
        used = _account(here) | _own(here) | _passkeys(here) | _looks(here, ada) | _people(here, ada)
        used |= _decides(here, ada) | _approves(here, ada) | _guards(here, ada) | _works(here, ada)
        drain(here.owner)
        assert here.owner.verify().stands
        assert [row.email for row in rows(here.owner, here.owner.tables.queue) if row.source == "letter"] != []

    assert used == _forms(here.site) - ABROAD


@on_servers
def test_a_console_that_only_shows_keeps_accounts_and_shows_and_refuses_all_else(at_work: Callable[..., Any]) -> None:
    with at_work("console_reader", "actions = false") as here:
        ada = here.visitor(here.ada)
        used = _account(here) | _own(here) | _passkeys(here) | _looks(here, ada)
        for endpoint in _forms(here.site) - ABROAD - used:
            view = here.site.view_functions[endpoint]
            assert view.permission not in READING, endpoint  # type: ignore[attr-defined]
            rule = next(each for each in here.site.url_map.iter_rules(endpoint))
            ada.post(address(rule, {name: _ANY.get(name, 1) for name in rule.arguments}), 403)
        assert here.owner.verify().stands


_ANY: dict[str, object] = {"event_id": "00000000-0000-7000-8000-000000000000", "ref": "p1:x", "name": "crm"}


def _forms(site: Flask) -> set[str]:
    return {rule.endpoint for rule in site.url_map.iter_rules() if "POST" in (rule.methods or ())}


def _account(here: AtWork) -> set[str]:
    """Begin with a code, leave, come over from WordPress."""
    carl = Visitor(here.site)
    code = AccountBook(here.owner.transactions).add("carl", [Role.READER])
    page = carl.post("/enrol", 200, enrolment=code).text
    hidden, app = _pairing(page, here.clock)
    chosen = {"password": PASSWORD, "again": PASSWORD, "code": app, "enrolment": code}
    carl.post("/enrol/choose", **(hidden | chosen))
    carl.fill("/me", "/sign-out")
    carl.fill("/sign-in", name="carl", password="something else", code="123456", expected=422)
    page = carl.post("/sign-in/wordpress", 200, ticket=_ticket(here)).text
    (entry,) = re.findall(r'name="entry" value="([^"]+)"', page)
    carl.post("/sign-in/wordpress/go-on", entry=entry)
    assert carl.client.get("/").status_code == 200
    return carl.used


def _pairing(page: str, clock: Clock) -> tuple[dict[str, str], str]:
    (sealed,) = re.findall(r'name="pairing" value="([^"]+)"', page)
    (secret,) = re.findall(r"<code>([A-Z2-7 ]+)</code>", page)
    return {"pairing": sealed}, pyotp.TOTP(secret.replace(" ", "")).at(clock.now)


def _ticket(here: AtWork) -> str:
    now = int(here.clock.now.timestamp())
    said = {"iss": ISSUER, "aud": "http://localhost:8484/", "sub": "1:7", "iat": now, "exp": now + 60, "to": "/"}
    raw = json.dumps(said | {"jti": "0" * 32}).encode()
    mac = hmac.digest(SECRET.encode(), b"syncer-ticket-v1" + raw, "sha256")
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (raw, mac))


def _own(here: AtWork) -> set[str]:
    """Change one's own account."""
    elsewhere, otto = here.visitor(here.otto), here.visitor(here.otto)
    otto.post("/me/language", language="en")
    otto.post("/seen", until=here.clock.now.isoformat())
    here.clock.advance(minutes=1)
    otto.post("/step-up", code=here.otto.code(here.clock.now), next="/me")
    elsewhere.post("/me/sessions/end", session=_session(elsewhere))
    otto.post("/me/sessions/end-others")
    otto.post("/me/password", present=PASSWORD, password=PASSWORD[::-1], again=PASSWORD[::-1])
    hidden, code = _pairing(otto.client.get("/me/app").text, here.clock)
    otto.post("/me/app", code=code, **hidden)
    (row,) = [row for row in rows(here.owner, here.owner.tables.user) if row.name == "otto"]
    assert row.looked_at is not None
    return otto.used | elsewhere.used


def _passkeys(here: AtWork) -> set[str]:
    """Make passkeys, name, show and remove them."""
    dora, elsewhere, emil = here.visitor(enrolled(here.owner, "dora")), Visitor(here.site), Visitor(here.site)
    key = SoftKey()
    dora.post("/me/passkeys/new", answer=key.make(_asked(dora, "/me/passkeys/ask")), label="the key")
    (row,) = rows(here.owner, here.owner.tables.passkey)
    dora.post("/me/passkeys/call", passkey=row.id, label="the blue key")
    elsewhere.post("/sign-in/passkey", answer=key.show(_asked(elsewhere, "/sign-in/passkey/ask")))
    elsewhere.post("/step-up/passkey", answer=key.show(_asked(elsewhere, "/step-up/passkey/ask")))
    dora.post("/me/passkeys/remove", passkey=row.id)
    code = AccountBook(here.owner.transactions).add("emil", [Role.READER])
    answer = SoftKey().make(_asked(emil, "/enrol/passkey/ask", enrolment=code))
    emil.post("/enrol/passkey", enrolment=code, answer=answer)
    hidden, code = _pairing(emil.client.get("/me/password/new").text, here.clock)
    emil.post("/me/password/new", password=PASSWORD, again=PASSWORD, code=code, **hidden)
    return dora.used | elsewhere.used | emil.used


def _asked(visitor: Visitor, where: str, **typed: str) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(visitor.post(where, 200, **typed).text)
    return asked


def _session(visitor: Visitor) -> str:
    """The name of a visitor's own session, as a form has it."""
    cookie = visitor.client.get_cookie("__Host-syncer", "localhost")
    assert cookie is not None
    return hashed(cookie.value)[:16]


def _looks(here: AtWork, ada: Visitor) -> set[str]:
    """Look somebody up and take out all that can be taken out."""
    person = ada.fill("/requests/find", address=eventful.PLAIN).headers["Location"]
    ada.fill(person, "/dossier", 200)
    event = here.owner.reader.events(subject=here.owner.keyring.refs(eventful.PLAIN))[0].id
    ada.fill(f"/requests/{event}/", "/proofs", 200)
    ada.fill("/reports/", expected=200, format="csv")
    ada.fill("/audit/", "/audit/export", 200, format="jsonl")
    ada.fill("/audit/1", "/proof", 200)
    ada.fill("/audit/", "/audit/verify")
    until = time.monotonic() + 120
    while (last := here.site.extensions["syncer.verifications"].last).running and time.monotonic() < until:
        time.sleep(0.1)
    assert (last.trouble, last.finding and last.finding.stands) == (None, True)
    assert ada.client.get("/audit/").status_code == 200
    return ada.used


def _people(here: AtWork, ada: Visitor) -> set[str]:
    """Look after the account of somebody else."""
    assert ada.client.get("/users/").status_code == 200
    ada.post("/users/sign-out", name="carl")
    ada.post("/users/roles", name="carl", roles=["reader", "ops"])
    ada.post("/users/disable", name="carl")
    ada.post("/users/enable", name="carl")
    settings = here.console.settings
    assert settings.console is not None
    # where decisions need two people, no page resets anybody
    here.console.settings = replace(settings, console=replace(settings.console, four_eyes=()))
    alone = replace(here, site=make_site(here.console)).visitor(here.ada)
    alone.post("/users/reset", 200, name="carl")
    here.console.settings = settings
    return ada.used | alone.used


def _held(here: AtWork, number: int) -> str:
    """The id of a request that is held since the archive was closed."""
    return str(here.owner.reader.events(subject=here.owner.keyring.refs(f"more{number}@held.test"))[0].id)


def _decides(here: AtWork, ada: Visitor) -> set[str]:
    """Exempt, withdraw, start over."""
    ada.fill(f"/requests/{_held(here, 0)}/exempt", destination="crm", ground="legal_claims", reason=WHY)
    ada.fill(f"/requests/{_held(here, 1)}/withdraw", reason=WHY)
    event = _held(here, 2)
    page = f"/resync/plan?event={event}"
    count, *_ = re.findall(r"plan has: (\d+)", ada.fill(page, expected=422, reason=WHY, deletions="9999").text)
    ada.fill(page, reason=WHY, deletions=count)
    assert here.owner.reader.events(event_id=event)[0].state == "open"
    return ada.used


def _approves(here: AtWork, ada: Visitor) -> set[str]:
    """Propose two extensions; somebody else approves one and rejects the other."""
    today = here.clock.now.astimezone(here.owner.rule.zone).date()
    for event in (_held(here, 3), _held(here, 4)):
        ada.fill(f"/requests/{event}/extend", reason=WHY, informed=today.isoformat())
    carla = enrolled(here.owner, "carla", Role.ADMIN)
    other = here.visitor(carla)
    first, second = (each.id for each in here.owner.proposals.waiting())
    other.fill(f"/decisions/{first}", "/approve", reason=WHY)
    other.fill(f"/decisions/{second}", "/reject", reason=WHY)
    assert sorted(row.outcome for row in rows(here.owner, here.owner.tables.proposal)) == ["approved", "rejected"]
    return ada.used | other.used


def _guards(here: AtWork, ada: Visitor) -> set[str]:
    """Release what one source asked for, refuse and withdraw what another did."""
    page = "/guard/?source=form"
    deletions = here.owner.guard_decisions.plan(StoppedChoice(source="form")).deletions
    ada.fill(page, "/release", reason=WHY, deletions=str(deletions))
    ada.fill("/guard/?source=shop import", "/refuse", reason=WHY)
    ada.fill("/guard/refused", reason=WHY, requests=str(here.owner.refused.number()))
    assert here.owner.refused.number() == 0
    return ada.used


def _works(here: AtWork, ada: Visitor) -> set[str]:
    """Pause and resume, enter a letter, take an alert, try a channel."""
    ada.fill("/recipients/crm/", "/pause", reason=WHY)
    ada.fill("/recipients/crm/", "/resume", reason=WHY)
    received = (here.clock.now - timedelta(days=3)).date().isoformat()
    ada.fill("/submit", right="erasure", address=LETTER, received=received, way="letter", reference="A 7")
    tomorrow = (here.clock.now + timedelta(days=2)).date().isoformat()
    ada.fill("/alerts/", "/acknowledge", until=tomorrow, reason=WHY)
    ada.fill("/alerts/", "/alerts/test/ops")
    assert [row.channel for row in rows(here.owner, here.owner.tables.alert_message)] == ["ops"]
    return ada.used
