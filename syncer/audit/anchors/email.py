"""Mail to somebody outside the administrators' reach: its Received headers are a clock that is not ours."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from syncer.audit.anchors.folder import file_name
from syncer.audit.anchors.place import AnchorError
from syncer.audit.offline.notes import Checkpoint
from syncer.settings.proof import EmailAnchor
from syncer.settings.table import secret

SECONDS = 10.0
TEXT = """\
This is a signed state of the erasure log {origin}: its first {size} entries.

Keep this mail. If entries are ever changed or cut off, the note below proves it:
  syncer audit verify --against FILE
docs/audit.md says how to verify it without trusting anybody.

{note}"""


class Email:
    """A mail server and a recipient. `table` names the settings, for errors."""

    def __init__(self, settings: EmailAnchor, table: str) -> None:
        self._settings = settings
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
            with self._connect() as server:
                if s.tls == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if s.user and self._password:
                    server.login(s.user, self._password)
                server.send_message(message)
        except smtplib.SMTPResponseException as error:
            raise AnchorError(f"{s.host} refused the mail ({error.smtp_code})") from None
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise AnchorError(f"{s.host} did not accept the mail ({type(error).__name__})") from None
        return f"mailed through {s.host}"

    def _connect(self) -> smtplib.SMTP:
        s = self._settings
        if s.tls == "tls":
            return smtplib.SMTP_SSL(s.host, s.port, timeout=SECONDS, context=ssl.create_default_context())
        return smtplib.SMTP(s.host, s.port, timeout=SECONDS)
