"""Where messages go: addresses and secrets that stand in the environment or in files, read when they are needed."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import urlsplit

from syncer.errors import SettingsProblem
from syncer.settings.alerting.channels import EmailChannel, WebhookChannel
from syncer.settings.keys.mail import is_loopback
from syncer.settings.secret_file import secret

_PREFIX = "whsec_"
#: bytes of a webhook's secret, as https://www.standardwebhooks.com bounds them
LEAST, MOST = 24, 64


def mail_password(table: str, channel: EmailChannel) -> str | None:
    """Read the password for a mail server, None where none is wanted. Raises SettingsProblem."""
    return secret(f"{table} password", channel.password_env, channel.password_file)


def web_address(table: str, variable: str | None, file: Path | None) -> str:
    """Read an address that is a secret: https, or http to this machine. Raises SettingsProblem, which says it not."""
    url = secret(f"{table} url", variable, file, "address")
    assert url is not None  # the settings name one place
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    else:
        schemes = ("https", "http") if is_loopback(host or "") else ("https",)
        if parts.scheme not in schemes or parts.username is not None or not url.isascii() or not url.isprintable():
            host = None
    if not host or " " in url:
        what = "is no https address without a user (plain http for loopback only)"
        raise SettingsProblem([f"{table} url: what {variable or file} holds {what}; correct it"])
    return url


def webhook_key(table: str, channel: WebhookChannel) -> bytes:
    """Read the key that signs webhooks. Raises SettingsProblem."""
    text = secret(f"{table} secret", channel.secret_env, channel.secret_file)
    assert text is not None  # the settings name one place
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:
        key = b""
    if not LEAST <= len(key) <= MOST:
        remedy = f"write {_PREFIX} and base64 of {LEAST} to {MOST} random bytes"
        raise SettingsProblem([f"{table} secret: not a secret for webhooks; {remedy}"])
    return key
