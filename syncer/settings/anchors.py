"""The tables [anchors.NAME]: places outside this machine's reach where the notes of the audit log go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from syncer.settings.keys.kinds import read_kinds
from syncer.settings.keys.mail import MailTable, is_loopback
from syncer.settings.keys.readers import one_of, read_path, read_text, whole
from syncer.settings.keys.table import Table, key
from syncer.settings.proof import FOLDER

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")


@dataclass(frozen=True, kw_only=True)
class FolderAnchor(Table):
    """Another folder, on a mounted share for instance."""

    kind: Literal["folder"] = key(one_of("folder"))
    path: Path = key(read_path)


@dataclass(frozen=True, kw_only=True)
class SyslogAnchor(Table):
    """The journal or syslog: a local socket, or `host` and `port` of another machine."""

    kind: Literal["syslog"] = key(one_of("syslog"))
    socket: Path = key(read_path, Path("/dev/log"))
    host: str | None = key(read_text, None)
    port: int = key(whole(1, 65535), 514)
    protocol: Literal["udp", "tcp"] = key(one_of("udp", "tcp"), "udp")


@dataclass(frozen=True, kw_only=True)
class EmailAnchor(MailTable):
    """Mail to somebody whom the administrators do not control, the data protection officer for instance."""

    every_hours: int = key(whole(1, 168), 24)


@dataclass(frozen=True, kw_only=True)
class ObjectAnchor(Table):
    """HTTPS PUT of each note under `url`; with `lock_days` an object lock in COMPLIANCE mode.

    With `access_key` the request is signed for S3 (AWS, MinIO, Ceph …), otherwise the secret is a bearer token.
    """

    kind: Literal["object"] = key(one_of("object"))
    url: str = key(read_text)
    lock_days: int | None = key(whole(1, 36500), None)
    region: str = key(read_text, "us-east-1")
    access_key: str | None = key(read_text, None)
    secret_env: str | None = key(read_text, None)
    secret_file: Path | None = key(read_path, None)

    def require_fit(self) -> None:
        """Raise ValueError for an unusable address, and for none or two secrets where one is needed."""
        _require_url(self.url)
        if self.secret_env is not None and self.secret_file is not None:
            raise ValueError("give secret_env or secret_file, not both")
        if self.access_key is not None and self.secret_env is None and self.secret_file is None:
            raise ValueError("access_key needs secret_env or secret_file")


@dataclass(frozen=True, kw_only=True)
class TimestampAnchor(Table):
    """An RFC 3161 time stamp authority; the tokens are kept in the state folder, beside the notes.

    With `root_file` (PEM) each token is verified up to that root before it counts.
    """

    kind: Literal["timestamp"] = key(one_of("timestamp"))
    url: str = key(read_text)
    root_file: Path | None = key(read_path, None)
    every_hours: int = key(whole(1, 168), 1)

    def require_fit(self) -> None:
        """Raise ValueError for an unusable address."""
        # the token is signed, so plain http loses nothing; most authorities offer nothing else
        _require_url(self.url, plain=True)

    @property
    def travels_in_clear(self) -> bool:
        """Say whether somebody on the way to another machine could answer in the authority's place."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")


Anchor = FolderAnchor | SyslogAnchor | EmailAnchor | ObjectAnchor | TimestampAnchor
_KINDS: Mapping[str, type[Anchor]] = {
    "folder": FolderAnchor,
    "syslog": SyslogAnchor,
    "email": EmailAnchor,
    "object": ObjectAnchor,
    "timestamp": TimestampAnchor,
}


def read_anchors(given: Any) -> dict[str, Anchor]:
    """Read all of them by their names. Raises Unfit, and ValueError for a name that is not allowed."""
    found = read_kinds(given, _KINDS)
    for name in found:
        if not _NAME.fullmatch(name):
            raise ValueError("an anchor's name has lower-case letters, digits, - and _ only; rename it")
        if name == FOLDER:
            raise ValueError(f'"{FOLDER}" is the state folder, which is always there; take another name')
    return found


def _require_url(url: str, *, plain: bool = False) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("url is not a web address") from None
    schemes = ("https", "http") if plain or is_loopback(host or "") else ("https",)
    if parts.scheme not in schemes or not host or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("url must be https, without user, query and fragment (plain http for loopback only)")
