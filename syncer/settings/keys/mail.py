"""The keys of a mail: to whom, from whom, and by which server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from syncer.settings.keys.readers import one_of, read_path, read_text, whole
from syncer.settings.keys.table import Table, key


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    return host in ("localhost", "127.0.0.1", "::1")


def _address(given: Any) -> str:
    # what stands in a header: a line break would begin another one
    if not (shown := read_text(given).strip()) or not shown.isprintable():
        raise ValueError("must be one line with an address")
    return shown


@dataclass(frozen=True, kw_only=True)
class MailTable(Table):
    """A recipient, a sender, and the mail server that takes it."""

    kind: Literal["email"] = key(one_of("email"))
    to: str = key(_address, shown=False)
    sender: str = key(_address, shown=False)
    host: str = key(read_text, "localhost")
    port: int = key(whole(1, 65535), 25)
    tls: Literal["none", "starttls", "tls"] = key(one_of("none", "starttls", "tls"), "none")
    user: str | None = key(read_text, None)
    password_env: str | None = key(read_text, None)
    password_file: Path | None = key(read_path, None)

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
