"""Mail by a server that others wrote: what it takes with STARTTLS and a login, and what it refuses in words."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from syncer.database.alerting.outbox import MessageRow
from syncer.service.alerts.channels.mail import MailSender
from syncer.service.alerts.channels.sender import Attachment, Undelivered
from syncer.settings.alerting.channels import EmailChannel
from tests.conftest import Clock
from tests.support.receivers.aiosmtp import Letterbox, letterbox, text_of

# aiosmtpd asks asyncio what Python 3.14 asks elsewhere
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def message(clock: Clock) -> MessageRow:
    return MessageRow(
        id=1, channel="dpo", message_id="msg_1", answers=None, kind="digest", severity="info",
        subject="[syncer] how things stand", body=".A line that begins with a dot.\nÄ and a long dash —\n", alerts="[]",
        created_at=clock.now,
    )  # fmt: skip


def sender_to(box: Letterbox, **more: object) -> MailSender:
    keys = {"kind": "email", "to": "dpo@house.test", "sender": "syncer@house.test", "host": "127.0.0.1"}
    return MailSender(EmailChannel.read({**keys, "port": box.port, **more}), "settings.toml: [channels.dpo]", 10)


def test_a_digest_with_its_report_arrives_as_it_was_written(clock: Clock) -> None:
    with letterbox() as box:
        sender_to(box).send(message(clock), Attachment("report.html", ("<p>Ä</p>\n" * 20_000).encode()))

        mail = box.awaited("how things stand", 10)

    assert text_of(mail) == message(clock).body
    (attached,) = list(mail.iter_attachments())
    assert (attached.get_filename(), attached.get_content_type()) == ("report.html", "text/html")
    assert attached.get_content() == "<p>Ä</p>\n" * 20_000


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for 127.0.0.1, and the file of the authority that vouches for it."""
    folder = tmp_path_factory.mktemp("mail")
    command = shutil.which("openssl")
    assert command is not None, "apt install openssl"
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    subprocess.run([command, *words, *names, *files], check=True, capture_output=True)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "certificate", folder / "key")
    return made, folder / "certificate"


SECURE = {"tls": "starttls", "user": "syncer", "password_env": "TEST_MAIL_PASSWORD"}


def test_a_login_is_given_in_tls_alone_and_to_whom_an_authority_vouches_for(
    clock: Clock, context: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MAIL_PASSWORD", "open sesame")
    with letterbox(context[0], ("syncer", "open sesame")) as box:
        with pytest.raises(Undelivered, match="did not accept the mail"):
            sender_to(box, **SECURE).send(message(clock), None)
        assert box.mails == []
        monkeypatch.setenv("SSL_CERT_FILE", str(context[1]))

        sender_to(box, **SECURE).send(message(clock), None)

        assert len(box.mails) == 1


def test_a_wrong_password_is_told_by_the_servers_number_and_stands_in_no_message(
    clock: Clock, context: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_MAIL_PASSWORD", "close sesame")
    monkeypatch.setenv("SSL_CERT_FILE", str(context[1]))
    with letterbox(context[0], ("syncer", "open sesame")) as box:
        with pytest.raises(Undelivered, match=r"\(535\)") as raised:
            sender_to(box, **SECURE).send(message(clock), None)

        assert "sesame" not in str(raised.value)
        assert box.mails == []


def test_a_server_that_wants_a_login_and_gets_none_is_told_by_its_number(clock: Clock) -> None:
    with letterbox(None, ("syncer", "open sesame")) as box, pytest.raises(Undelivered, match=r"\(5\d\d\)"):
        sender_to(box).send(message(clock), None)
