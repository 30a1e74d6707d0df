"""The tables of settings.toml about proof: checkpoints, their anchors, and how long audit bodies are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StrictInt, field_validator, model_validator

from syncer.settings.table import Table

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
#: the anchor that is always there; the rollback check at start reads it
FOLDER = "folder"


class CheckpointsSettings(Table):
    """How often the audit log is signed, its name, and the state folder, which is always an anchor.

    `origin` is read for the first checkpoint only: a log keeps its name. None stands for `syncer/KEYID`. `folder`
    None stands for `checkpoints` beside an SQLite database, else beside the settings.
    """

    origin: str | None = Field(default=None, max_length=120)
    every_minutes: StrictInt = Field(default=60, ge=1, le=1440)
    every_entries: StrictInt = Field(default=1000, ge=1, le=1_000_000)
    folder: Path | None = None

    @field_validator("origin")
    @classmethod
    def _usable(cls, value: str | None) -> str | None:
        if value is not None and (not re.fullmatch(r"[!-~]+", value) or "+" in value or "@" in value):
            raise ValueError("must be a name like example.org/syncer: no blanks, no + and no @")
        return value


class RetentionSettings(Table):
    """How many months the body of an audit entry is kept; its leaf is kept for good."""

    audit_months: StrictInt = Field(default=36, ge=12, le=240)


class FolderAnchor(Table):
    """Another folder, on a mounted share for instance."""

    kind: Literal["folder"]
    path: Path


class SyslogAnchor(Table):
    """The journal or syslog: a local socket, or `host` and `port` of another machine."""

    kind: Literal["syslog"]
    socket: Path = Path("/dev/log")
    host: str | None = None
    port: StrictInt = Field(default=514, ge=1, le=65535)
    protocol: Literal["udp", "tcp"] = "udp"


class EmailAnchor(Table):
    """Mail to somebody whom the administrators do not control, the data protection officer for instance."""

    kind: Literal["email"]
    to: str = Field(repr=False)
    sender: str = Field(repr=False)
    host: str = "localhost"
    port: StrictInt = Field(default=25, ge=1, le=65535)
    tls: Literal["none", "starttls", "tls"] = "none"
    user: str | None = None
    password_env: str | None = None
    password_file: Path | None = Field(default=None)
    every_hours: StrictInt = Field(default=24, ge=1, le=168)

    @model_validator(mode="after")
    def _secret_needs_tls(self) -> EmailAnchor:
        named = [key for key in (self.password_env, self.password_file) if key is not None]
        if bool(self.user) != bool(named) or len(named) > 1:
            raise ValueError("a user needs password_env or password_file, exactly one of the two")
        if self.user and self.tls == "none":
            raise ValueError('a password needs tls = "starttls" or "tls"')
        return self

    @property
    def travels_in_clear(self) -> bool:
        """Say whether somebody on the way to another machine could keep the mail back."""
        return self.tls == "none" and not is_loopback(self.host)


class ObjectAnchor(Table):
    """HTTPS PUT of each note under `url`; with `lock_days` an object lock in COMPLIANCE mode.

    With `access_key` the request is signed for S3 (AWS, MinIO, Ceph …), otherwise the secret is a bearer token.
    """

    kind: Literal["object"]
    url: str
    lock_days: StrictInt | None = Field(default=None, ge=1, le=36500)
    region: str = "us-east-1"
    access_key: str | None = None
    secret_env: str | None = None
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _usable(self) -> ObjectAnchor:
        _require_url(self.url)
        if self.secret_env is not None and self.secret_file is not None:
            raise ValueError("give secret_env or secret_file, not both")
        if self.access_key is not None and self.secret_env is None and self.secret_file is None:
            raise ValueError("access_key needs secret_env or secret_file")
        return self


class TimestampAnchor(Table):
    """An RFC 3161 time stamp authority; the tokens are kept in the state folder, beside the notes.

    With `root_file` (PEM) each token is verified up to that root before it counts.
    """

    kind: Literal["timestamp"]
    url: str
    root_file: Path | None = None
    every_hours: StrictInt = Field(default=1, ge=1, le=168)

    @model_validator(mode="after")
    def _usable(self) -> TimestampAnchor:
        # the token is signed, so plain http loses nothing; most authorities offer nothing else
        _require_url(self.url, plain=True)
        return self

    @property
    def travels_in_clear(self) -> bool:
        """Say whether somebody on the way to another machine could answer in the authority's place."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")


Anchor = Annotated[
    FolderAnchor | SyslogAnchor | EmailAnchor | ObjectAnchor | TimestampAnchor, Field(discriminator="kind")
]
KINDS = ("folder", "syslog", "email", "object", "timestamp")


def allowed_names(anchors: Mapping[str, Anchor]) -> Mapping[str, Anchor]:
    """Return the anchors. Raises ValueError for a name that is not allowed."""
    for name in anchors:
        if not _NAME.fullmatch(name):
            raise ValueError("an anchor's name has lower-case letters, digits, - and _ only; rename it")
        if name == FOLDER:
            raise ValueError(f'"{FOLDER}" is the state folder, which is always there; take another name')
    return anchors


def anchored_at(anchor: Anchor, folder: Path) -> Anchor:
    """Return the anchor with its relative files resolved against the settings' folder."""
    paths = {key: folder / value for key, value in anchor if isinstance(value, Path)}
    return anchor.model_copy(update=paths)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    return host in ("localhost", "127.0.0.1", "::1")


def _require_url(url: str, *, plain: bool = False) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("url is not a web address") from None
    schemes = ("https", "http") if plain or is_loopback(host or "") else ("https",)
    if parts.scheme not in schemes or not host or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("url must be https, without user, query and fragment (plain http for loopback only)")
