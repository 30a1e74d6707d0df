"""The tables [channels.NAME]: by which ways alerts and digests reach people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from syncer.settings.alerting.alerts import require_one
from syncer.settings.keys.kinds import read_kinds
from syncer.settings.keys.mail import MailTable
from syncer.settings.keys.readers import one_of, read_flag, read_path, read_text, whole
from syncer.settings.keys.table import Table, key

#: what a message may be about; the digest is a topic of its own
TOPICS = ("deadlines", "decisions", "proof", "operation", "security", "digest")
#: how bad it may be, the mildest first
SEVERITIES = ("info", "warning", "critical")
Severity = Literal["info", "warning", "critical"]
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


def _topics(given: Any) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)) or not given or any(each not in TOPICS for each in given):
        raise ValueError(f"must be a list of some of {', '.join(TOPICS)}")
    return tuple(given)


@dataclass(frozen=True, kw_only=True)
class ChannelTable(Table):
    """What all channels have: who wants to know what, from which severity on, and after how long."""

    topics: tuple[str, ...] = key(_topics, TOPICS, as_json=True)
    least: Severity = key(one_of(*SEVERITIES), "warning")
    after_hours: int = key(whole(0, 720), 0, as_json=True)


@dataclass(frozen=True, kw_only=True)
class EmailChannel(ChannelTable, MailTable):
    """Mail. With `report` the digest brings the propagation log along, as HTML."""

    report: bool = key(read_flag, False)


@dataclass(frozen=True, kw_only=True)
class WebhookChannel(ChannelTable):
    """A POST of JSON, signed as Standard Webhooks says; URL and secret stand elsewhere."""

    kind: Literal["webhook"] = key(one_of("webhook"))
    url_env: str | None = key(read_text, None)
    url_file: Path | None = key(read_path, None)
    secret_env: str | None = key(read_text, None)
    secret_file: Path | None = key(read_path, None)

    def require_fit(self) -> None:
        """Raise ValueError unless one place of the URL and one of the secret are named."""
        require_one(url_env=self.url_env, url_file=self.url_file)
        require_one(secret_env=self.secret_env, secret_file=self.secret_file)


@dataclass(frozen=True, kw_only=True)
class AppriseChannel(ChannelTable):
    """Whatever apprise reaches: ntfy, Signal, Slack, Teams, PagerDuty …; its URL is a secret and stands elsewhere."""

    kind: Literal["apprise"] = key(one_of("apprise"))
    url_env: str | None = key(read_text, None)
    url_file: Path | None = key(read_path, None)

    def require_fit(self) -> None:
        """Raise ValueError unless one place of the URL is named."""
        require_one(url_env=self.url_env, url_file=self.url_file)


Channel = EmailChannel | WebhookChannel | AppriseChannel
_KINDS: Mapping[str, type[Channel]] = {"email": EmailChannel, "webhook": WebhookChannel, "apprise": AppriseChannel}


def read_channels(given: Any) -> dict[str, Channel]:
    """Read all of them by their names. Raises Unfit, and ValueError for a name that is not allowed."""
    found = read_kinds(given, _KINDS)
    if not all(_NAME.fullmatch(name) for name in found):
        raise ValueError("a channel's name has lower-case letters, digits, - and _ only; rename it")
    return found
