"""Mail to somebody outside the administrators' reach: its Received headers are a clock that is not ours."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from syncer.audit.anchors.cutoff import SECONDS, WHOLE, Cutoff
from syncer.audit.anchors.folder import file_name
from syncer.audit.anchors.place import AnchorError
from syncer.audit.offline.notes import Checkpoint
from syncer.settings.anchors import EmailAnchor
from syncer.settings.keys.mail import MailTable
from syncer.settings.secret_file import secret

#: bytes of all replies of a mail server; they are some hundred
LARGEST = 64 * 1024
TEXT = """\
This is a signed state of the erasure log {origin}: its first {size} entries.

Keep this mail. If entries are ever changed or cut off, the note below proves it:
  syncer audit verify --against FILE
docs/audit.md says how to verify it without trusting anybody.

{note}"""


class Email:
    """A mail server and a recipient. `table` names the settings, for errors."""

    def __init__(self, settings: EmailAnchor, table: str, seconds: float = WHOLE) -> None:
        self._settings = settings
        self._seconds = seconds
        self._password = secret(f"{table} password", settings.password_env, settings.password_file)

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        """Send the note in the text and as a file. The mail holds nothing but the note and the log's name."""
        message, s = EmailMessage(), self._settings
        message["Subject"] = f"syncer checkpoint {checkpoint.origin} {checkpoint.size}"
        message["From"], message["To"] = s.sender, s.to
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid("syncer", s.sender.rpartition("@")[2] or "localhost")
        message.set_content(TEXT.format(origin=checkpoint.origin, size=checkpoint.size, note=note))
        message.add_attachment(
            note.encode(), maintype="application", subtype="octet-stream", filename=file_name(checkpoint)
        )
        try:
            hand_over(message, s, self._password, self._seconds)
        except NotAccepted as error:
            raise AnchorError(f"{s.host} {error}") from None
        return f"mailed through {s.host}"


class NotAccepted(Exception):
    """Raised when a mail server did not take a mail; the text says why, without naming anybody."""


class PartlyAccepted(NotAccepted):
    """Raised when a mail server took a mail for some of its recipients, and refused others for good."""


def hand_over(message: EmailMessage, settings: MailTable, password: str | None, seconds: float = WHOLE) -> None:
    """Give a mail to its server, within so many seconds. Raises NotAccepted, PartlyAccepted."""
    s, refused = settings, None
    try:
        context = ssl.create_default_context() if s.tls == "tls" else None
        with Cutoff(seconds) as cutoff, _Server(s.host, s.port, cutoff, context) as server:
            if s.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if s.user and password:
                server.login(s.user, password)
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        if refused is None:  # else only the farewell failed; sent once more it would arrive twice
            raise NotAccepted(_why(error)) from None
    if refused:
        raise _partly(refused)


def _partly(refused: Mapping[str, tuple[int, bytes]]) -> NotAccepted:
    """Return what is to be raised where some of several recipients were refused; 4xx is for now (RFC 5321, 4.2.1)."""
    codes = sorted({code for code, _ in refused.values()})
    kind = NotAccepted if any(code < 500 for code in codes) else PartlyAccepted
    return kind(f"refused a recipient ({', '.join(map(str, codes))})")


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"refused the mail ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return f"refused the recipient ({', '.join(map(str, codes))})"
    return f"did not accept the mail ({type(error).__name__})"


class _Server(smtplib.SMTP):
    """An SMTP session over a socket that the cutoff can shut down, in TLS from the start where a context is given."""

    def __init__(self, host: str, port: int, cutoff: Cutoff, context: ssl.SSLContext | None) -> None:
        self._cutoff = cutoff
        self._context = context
        super().__init__(host, port, timeout=SECONDS)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # as smtplib.SMTP_SSL does it
        plain = self._cutoff.connect(host, port)
        return plain if self._context is None else self._context.wrap_socket(plain, server_hostname=host)

    def getreply(self) -> tuple[int, bytes]:
        """Return the next reply; smtplib keeps all its lines, and a reply may have lines without end."""
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock)
        return super().getreply()


class _Bounded:
    """The lines of a socket, until they are more than LARGEST bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._lines = sock.makefile("rb")
        self._left = LARGEST

    def readline(self, most: int) -> bytes:
        """Return the next line or `most` bytes of it. Raises OSError where the peer says too much."""
        line = self._lines.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("too long a reply")
        return line

    def close(self) -> None:
        """Close the file, not the socket."""
        self._lines.close()
