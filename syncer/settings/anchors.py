"""The tables [anchors.NAME]: places outside this machine's reach where the notes of the audit log go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from syncer.settings.keys.readers import one_of, read_path, read_text, whole
from syncer.settings.keys.table import Mistake, Table, Unfit, key
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
class EmailAnchor(Table):
    """Mail to somebody whom the administrators do not control, the data protection officer for instance."""

    kind: Literal["email"] = key(one_of("email"))
    to: str = key(read_text, shown=False)
    sender: str = key(read_text, shown=False)
    host: str = key(read_text, "localhost")
    port: int = key(whole(1, 65535), 25)
    tls: Literal["none", "starttls", "tls"] = key(one_of("none", "starttls", "tls"), "none")
    user: str | None = key(read_text, None)
    password_env: str | None = key(read_text, None)
    password_file: Path | None = key(read_path, None)
    every_hours: int = key(whole(1, 168), 24)

    def require_fit(self) -> None:
        """Raise ValueError for a user without one password, and for a password in clear."""
        named = [one for one in (self.password_env, self.password_file) if one is not None]
        if bool(self.user) != bool(named) or len(named) > 1:
            raise ValueError("a user needs password_env or password_file, exactly one of the two")
        if self.user and self.tls == "none":
            raise ValueError('a password needs tls = "starttls" or "tls"')

    @property
    def travels_in_clear(self) -> bool:
        """Say whether somebody on the way to another machine could keep the mail back."""
        return self.tls == "none" and not is_loopback(self.host)


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
    if not isinstance(given, Mapping):
        raise Unfit([Mistake((), None)])
    found: dict[str, Anchor] = {}
    mistakes: list[Mistake] = []
    for name, table in given.items():
        try:
            found[name] = _anchor(table)
        except Unfit as unfit:
            mistakes += unfit.under(name)
    if mistakes:
        raise Unfit(mistakes)
    for name in found:
        if not _NAME.fullmatch(name):
            raise ValueError("an anchor's name has lower-case letters, digits, - and _ only; rename it")
        if name == FOLDER:
            raise ValueError(f'"{FOLDER}" is the state folder, which is always there; take another name')
    return found


def _anchor(given: Any) -> Anchor:
    if not isinstance(given, Mapping):
        raise Unfit([Mistake((), None)])
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Unfit([Mistake((), f"kind is missing or not known; use {', '.join(_KINDS)}")])
    return _KINDS[kind].read(given)


def anchored_at(anchor: Anchor, folder: Path) -> Anchor:
    """Return the anchor with its relative files resolved against the settings' folder."""
    paths: dict[str, Any] = {name: folder / value for name, value in anchor.values().items() if isinstance(value, Path)}
    return replace(anchor, **paths)


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
