"""A mail server that others wrote (aiosmtpd), on loopback: it holds to RFC 5321, with STARTTLS and a login if asked."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.servers import free_port


class Letterbox:
    """Keeps what was delivered; `port` is where."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self._arrived = threading.Condition()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        mail = message_from_bytes(content.replace(b"\r\n", b"\n"), policy=policy.default)
        with self._arrived:
            self.mails.append(mail)
            self._arrived.notify_all()
        return "250 OK"

    def awaited(self, words: str, seconds: float) -> EmailMessage:
        """The first mail whose subject or text has these words; fails where none comes in time."""
        end = time.monotonic() + seconds
        with self._arrived:
            while True:
                for mail in self.mails:
                    if words in f"{mail['Subject']}\n{text_of(mail)}":
                        return mail
                left = end - time.monotonic()
                assert left > 0, f"no mail says {words}: {[mail['Subject'] for mail in self.mails]}"
                self._arrived.wait(left)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    return "" if part is None else str(part.get_content())


@contextmanager
def letterbox(tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> Iterator[Letterbox]:
    """Run the server; with `tls` and `login` only for who says STARTTLS and knows user and password."""
    box = Letterbox()
    more: dict[str, Any] = {}
    if tls is not None:
        more |= {"tls_context": tls, "require_starttls": True}
    if login is not None:
        expected = tuple(each.encode() for each in login)

        def allowed(*given: Any) -> AuthResult:
            (data,) = [each for each in given if isinstance(each, LoginPassword)]
            return AuthResult(success=(data.login, data.password) == expected, handled=False)

        more |= {"authenticator": allowed, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **more)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
