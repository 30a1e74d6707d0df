"""Other ways into the console than its own accounts: WordPress, an identity provider, a proxy that signs people in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncer.domain.permissions import Role
from syncer.settings.keys.readers import one_of, read_path, read_text
from syncer.settings.keys.table import Table, key

#: characters of the secret that WordPress and the console both know: a shorter one is guessed from one ticket
SHORTEST_TICKET_SECRET = 32
#: what a header may be called (RFC 9110, section 5.6.2), without the odd characters
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
#: bytes of the secret that a proxy says
SHORTEST_SECRET = 16


def _address(given: Any) -> str:
    text = read_text(given)
    if not re.fullmatch(
        r"https://[^\s/@?#]+(/[^\s?#]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?", text
    ):
        raise ValueError("must be an address like https://example.org/; plain http only for localhost")
    return text


def _header(given: Any) -> str:
    if not _HEADER.fullmatch(read_text(given)):
        raise ValueError("must be the name of a header, like X-Remote-User")
    return read_text(given)


@dataclass(frozen=True, kw_only=True)
class WordPressDoor(Table):
    """Administrators of a WordPress site come over from there. `issuer` is the site's address, as the plugin says it.

    `role` is the most that they may have; deciding is never among it.
    """

    issuer: str = key(_address, add='the address of the site, like issuer = "https://example.org"')
    secret_file: Path = key(read_path, add="the file of the secret that both know")
    role: Role = key(one_of(*Role), Role.COMPLIANCE)


@dataclass(frozen=True, kw_only=True)
class OidcDoor(Table):
    """People sign in at an identity provider (OpenID Connect); each account is bound to one person there."""

    issuer: str = key(_address, add="the provider's issuer, as its discovery document says it")
    client_id: str = key(read_text, add="what the provider calls this console")
    secret_file: Path = key(read_path, add="the file of the client's secret")
    label: str = key(read_text, "")


@dataclass(frozen=True, kw_only=True)
class ProxyDoor(Table):
    """A proxy in front signs people in and names them in a header; `secret_file` is what it says beside that."""

    user_header: str = key(_header, add='the header that names the person, like "X-Remote-User"')
    secret_file: Path | None = key(read_path, None)
    secret_header: str = key(_header, "X-Syncer-Proxy-Secret")

    def require_fit(self) -> None:
        """Raise ValueError for one header that is to say two things."""
        if self.user_header.lower() == self.secret_header.lower():
            raise ValueError("user_header and secret_header are the same; name two headers")
