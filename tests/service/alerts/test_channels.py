"""What leaves, as its receivers see it: a mail, a signed POST, a push; nothing in it is a person's."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import util
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.database.alerting.outbox import MessageRow
from syncer.service.alerts.alarms import Alarms
from syncer.service.alerts.channels.build import build
from syncer.service.alerts.channels.mail import MailSender
from syncer.service.alerts.channels.sender import Attachment, Undelivered
from syncer.service.alerts.channels.webhook import WebhookSender
from syncer.service.alerts.digest import Digests
from syncer.service.drain import drain
from syncer.settings.alerting.channels import EmailChannel, WebhookChannel, read_channels
from tests.conftest import AUDIENCES, Clock
from tests.service.alerts.conftest import Make
from tests.support.attacks.dripping import dripping
from tests.support.receivers.alerting import alarms_of, hook_channel, mail_channel, rows, turn
from tests.support.receivers.hooks import Receiver, verify
from tests.support.receivers.smtp import Mailbox
from tests.support.walk import put

APPRISE = util.find_spec("apprise") is not None
CANARY = "canary.person@private.test"


def message(clock: Clock, **more: object) -> MessageRow:
    values = {
        "id": 1, "channel": "dpo", "message_id": "msg_1", "answers": None, "kind": "raised", "severity": "critical",
        "subject": "[syncer] critical: 3", "body": "It is so.\n", "alerts": "[]", "created_at": clock.now,
    }  # fmt: skip
    return MessageRow(**(values | more))  # type: ignore[arg-type]


def mail_of(box: Mailbox, seconds: float = 30, **more: object) -> MailSender:
    keys = {"kind": "email", "to": "dpo@house.test", "sender": "Syncer <syncer@house.test>", "host": "127.0.0.1"}
    return MailSender(EmailChannel.read({**keys, "port": box.port, **more}), "settings.toml: [channels.dpo]", seconds)


def test_a_mail_is_plain_text_named_threaded_and_answered_by_no_machine(box: Mailbox, clock: Clock) -> None:
    mail_of(box).send(message(clock, answers="msg_0"), None)

    (mail,) = box.mails
    assert str(mail["Message-ID"]) == "<msg_1@house.test>"
    assert str(mail["References"]) == str(mail["In-Reply-To"]) == "<msg_0@house.test>"
    assert str(mail["Auto-Submitted"]) == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == "It is so.\n"
    assert box.envelopes == [("syncer@house.test", ["dpo@house.test"])]


@pytest.mark.slow
def test_a_report_comes_along_as_a_file(box: Mailbox, clock: Clock) -> None:
    mail_of(box).send(message(clock), Attachment("report.html", "<p>ä</p>".encode()))

    (attached,) = box.mails[0].iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("report.html", "<p>ä</p>")


@pytest.mark.parametrize(
    "subject", ["a\r\nBcc: eve@evil.test", "a\nBcc: eve@evil.test\n\nbody", "a\rBcc: eve@evil.test"]
)
def test_no_subject_becomes_another_header(box: Mailbox, clock: Clock, subject: str) -> None:
    with pytest.raises(Undelivered):
        mail_of(box).send(message(clock, subject=subject), None)

    assert box.raw == []


@pytest.mark.slow
def test_a_body_cannot_end_the_mail_early(box: Mailbox, clock: Clock) -> None:
    mail_of(box).send(message(clock, body="before\n.\nQUIT\n..\nafter\n"), None)

    assert box.mails[0].get_content() == "before\n.\nQUIT\n..\nafter\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["smtp greeting", "smtp reply"])
def test_a_mail_server_that_drips_is_cut_off(box: Mailbox, clock: Clock, kind: str) -> None:
    with dripping(kind) as server:
        began = time.monotonic()
        with pytest.raises(Undelivered, match="did not accept"):
            mail_of(box, 0.6, port=server.server_address[1]).send(message(clock), None)

        assert time.monotonic() - began < 5


def hook(clock: Clock, seconds: float = 5) -> WebhookSender:
    table = {"kind": "webhook", "url_env": "TEST_HOOK_URL", "secret_env": "TEST_HOOK_SECRET"}
    return WebhookSender(WebhookChannel.read(table), "settings.toml: [channels.ops]", clock, seconds)


def test_a_webhook_is_signed_as_the_standard_says(hooks: Receiver, clock: Clock) -> None:
    hook(clock).send(message(clock), None)

    (request,) = hooks.received
    verify(request, now=clock.now.timestamp())
    assert request.path == "/hook?token=t0ps3cret"
    assert request.headers["content-type"] == "application/json"
    assert request.json["type"] == "syncer.alert.raised"
    assert request.json["data"]["severity"] == "critical"
    with pytest.raises(AssertionError):
        verify(request, secret="whsec_" + base64.b64encode(bytes(32)).decode(), now=clock.now.timestamp())


@pytest.mark.slow
def test_the_signature_is_that_of_the_specifications_example(hooks: Receiver, clock: Clock) -> None:
    hook(clock).send(message(clock), None)
    hook(clock).send(message(clock, message_id="msg_2"), None)

    first, second = hooks.received
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    clock.advance(hours=1)
    hook(clock).send(message(clock, created_at=clock.now - timedelta(hours=1)), None)
    third = hooks.received[2]
    assert (third.headers["webhook-id"], third.body) == (first.headers["webhook-id"], first.body)
    verify(third, now=clock.now.timestamp())


@pytest.mark.slow
@pytest.mark.parametrize(("status", "length"), [(301, 0), (404, 0), (500, 0), (200, 10_000_000)])
def test_what_is_no_whole_acceptance_is_one_reason_without_the_address(
    hooks: Receiver, clock: Clock, status: int, length: int
) -> None:
    hooks.status, hooks.length = status, length
    with pytest.raises(Undelivered) as failed:
        hook(clock).send(message(clock), None)

    assert "127.0.0.1" not in str(failed.value)
    assert "t0ps3cret" not in str(failed.value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["http header", "http continue", "http body", "http body without length"])
def test_a_webhook_that_never_ends_is_cut_off(
    hooks: Receiver, clock: Clock, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dripping(kind) as server:
        monkeypatch.setenv("TEST_HOOK_URL", f"http://127.0.0.1:{server.server_address[1]}/t0ps3cret")
        began = time.monotonic()
        with pytest.raises(Undelivered) as failed:
            hook(clock, 0.6).send(message(clock), None)

    assert time.monotonic() - began < 5
    assert "t0ps3cret" not in str(failed.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # apprise imports what Python is about to drop
@pytest.mark.skipif(not APPRISE, reason="needs apprise: pip install 'list-syncer[apprise]'")
def test_a_push_arrives_and_one_that_does_not_names_the_service_and_no_address(
    hooks: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    url = hooks.url("/push").replace("http://", "json://")
    monkeypatch.setenv("TEST_PUSH_URL", url)
    channel = read_channels({"phone": {"kind": "apprise", "url_env": "TEST_PUSH_URL"}})["phone"]
    build("phone", channel, clock).send(message(clock), None)
    assert hooks.received[0].json["title"] == "[syncer] critical: 3"

    hooks.status = 500
    with pytest.raises(Undelivered) as failed:
        build("phone", channel, clock).send(message(clock), None)

    assert str(failed.value) == "apprise says: JSON failure"
    assert "127.0.0.1" not in "".join(capfd.readouterr())


def full_of_people(make: Make, clock: Clock, lines: str, world: tuple[MailchimpSandbox, ActiveCampaignSandbox]) -> App:
    """An installation in which a person's address stands wherever one can, and everything is wrong."""
    app = make(lines)
    mailchimp, activecampaign = world
    activecampaign.admin = False
    mailchimp.add(CANARY, AUDIENCES[0])
    activecampaign.add(CANARY)
    put(app, "erasure", CANARY, f"form {CANARY}", source=CANARY[:60], source_ref=CANARY)
    drain(app)
    put(app, "objection", CANARY, "form 2", source=CANARY[:60], source_ref=CANARY)
    app.interventions.pause("newsletter", f"{CANARY} asked by phone")
    clock.advance(days=40)
    drain(app)
    return app


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_channel_is_ever_told_of_a_person(
    with_channels: Make,
    clock: Clock,
    box: Mailbox,
    hooks: Receiver,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEST_PUSH_URL", hooks.url("/push").replace("http://", "json://"))
    push = '[channels.phone]\nkind = "apprise"\nurl_env = "TEST_PUSH_URL"\nleast = "info"\n' if APPRISE else ""
    lines = mail_channel(box, more='least = "info"\nreport = true') + hook_channel(more='least = "info"') + push
    app = full_of_people(with_channels, clock, lines, (mailchimp, activecampaign))
    alarms = alarms_of(app)
    for _ in range(8):
        turn(alarms)
        turn(alarms)
        clock.advance(days=4)

    said = b"".join(mail.as_bytes() for mail in box.mails)
    said += b"".join(part.get_content().encode() for mail in box.mails for part in mail.iter_attachments())
    said += "".join(str(mail.get_body()) for mail in box.mails).encode()
    said += b"".join(str(one.headers).encode() + one.body for one in hooks.received)
    kept = str([rows(app, table) for table in (app.tables.alert, app.tables.alert_message, app.tables.alert_channel)])
    log = str([row.body for row in rows(app, app.tables.audit) if row.what.startswith("alert:")])
    assert len(box.mails) > 3
    assert len(hooks.received) > 3
    assert any(mail.is_multipart() for mail in box.mails)
    for text in (said.decode(), kept, log, "".join(capfd.readouterr())):
        assert "private.test" not in text
        assert "canary" not in text.lower()
    assert "house.test" not in log + kept
    assert "t0ps3cret" not in log + kept


@pytest.mark.slow
def test_a_digest_says_how_things_stand_also_when_nothing_happened(app: App, clock: Clock) -> None:
    subject, body = Digests(app).text(clock.now - timedelta(days=7))

    assert subject == "[syncer] digest: all is well"
    assert "What needs somebody\n  nothing\n" in body
    assert "newsletter: 0, of 1000000 allowed\n" in body


def test_digests_come_at_their_time_in_the_controllers_zone_and_once(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app = with_channels(mail_channel(box))
    sent = []
    # at eight o'clock on Mondays in Berlin, where the clocks go forward on the 29th
    for at in ("23 06:30", "23 07:30", "29 23:00", "30 05:59", "30 06:01", "30 12:00", "31 06:01"):
        clock.now = datetime.strptime(f"2026-03-{at} +0000", "%Y-%m-%d %H:%M %z")
        before = len(box.raw)
        turn(alarms_of(app))
        sent += [at for mail in box.mails[before:] if "digest" in str(mail["Subject"])]

    assert sent == ["23 07:30", "30 06:01"]


def test_the_second_daemon_says_nothing(
    with_channels: Make, clock: Clock, box: Mailbox, make_second: Callable[[App, str], Alarms]
) -> None:
    lines = mail_channel(box)
    first, second = with_channels(lines), with_channels(lines, again=True)
    first.leases.ensure(["crm"])
    first.interventions.pause("crm", "the account is under review")
    one, other = alarms_of(first), make_second(second, "other.test:1:boot")
    for _ in range(4):
        one.work()
        other.work()
        clock.advance(minutes=1)
    one.finish()
    other.finish()

    assert len(box.raw) == 1
