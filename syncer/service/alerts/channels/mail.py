"""A message as a mail: plain text, and marked so that no answering machine answers it."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import format_datetime

from syncer.audit.anchors.cutoff import WHOLE
from syncer.audit.anchors.email import NotAccepted, PartlyAccepted, hand_over
from syncer.database.alerting.outbox import MessageRow
from syncer.service.alerts.channels.sender import Attachment, PartlyDelivered, Undelivered
from syncer.settings.alerting.channels import EmailChannel
from syncer.settings.alerting.places import mail_password


class MailSender:
    """A mail server and a recipient. `table` names the settings, for errors."""

    def __init__(self, settings: EmailChannel, table: str, seconds: float = WHOLE) -> None:
        self._settings = settings
        self._seconds = seconds
        self._password = mail_password(table, settings)

    def send(self, message: MessageRow, attachment: Attachment | None) -> None:
        """Mail a message. Raises Undelivered, PartlyDelivered."""
        try:
            hand_over(self._mail(message, attachment), self._settings, self._password, self._seconds)
        except PartlyAccepted as error:
            raise PartlyDelivered(f"the mail server {error}") from None
        except NotAccepted as error:
            raise Undelivered(f"the mail server {error}") from None
        except ValueError:  # an address in the settings that no header can hold
            raise Undelivered("the mail cannot be made of these settings; correct to and sender") from None

    def _mail(self, message: MessageRow, attachment: Attachment | None) -> EmailMessage:
        mail, s = EmailMessage(), self._settings
        mail["Subject"] = message.subject
        mail["From"], mail["To"] = s.sender, s.to
        mail["Date"] = format_datetime(message.created_at)
        mail["Message-ID"] = self._named(message.message_id)
        if message.answers is not None:
            mail["In-Reply-To"] = mail["References"] = self._named(message.answers)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
        if message.severity == "critical":
            mail["Importance"] = "high"
        mail.set_content(message.body)
        if attachment is not None:
            charset = {"charset": "utf-8"}
            mail.add_attachment(
                attachment.content, maintype="text", subtype="html", filename=attachment.name, params=charset
            )
        return mail

    def _named(self, message_id: str) -> str:
        domain = self._settings.sender.rpartition("@")[2].strip("<> ") or "localhost"
        return f"<{message_id}@{domain}>"
