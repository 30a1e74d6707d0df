"""How syncer logs in to a database server: the keys of a table that say so, and the whole URL with its password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from syncer.settings.keys.readers import one_of, read_path, read_text
from syncer.settings.keys.table import Table, key
from syncer.settings.secret_file import secret

BACKENDS = ("sqlite", "mysql", "mariadb", "postgresql")
#: verify: TLS, and a certificate that an authority signed for this name. require: TLS with whomever. off: as the
#: driver and the server like it
Tls = Literal["verify", "require", "off"]


@dataclass(frozen=True, slots=True)
class Login:
    """What a connection needs: `place` is the table in the settings, `url` has the password in it.

    `tls` None leaves TLS to the URL and the driver; `tls_ca` None means the authorities that the system trusts.
    """

    place: str
    url: str = field(repr=False)
    tls: Tls | None = None
    tls_ca: Path | None = None


def database_url(given: Any) -> str:
    """Return the URL. Raises ValueError for one that is none, and for a kind of database that is not supported."""
    url = read_text(given)
    try:
        kind = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):  # the second for a port that is not a number
        raise ValueError("not a database URL; write it like sqlite:///syncer.db") from None
    if kind not in BACKENDS:
        raise ValueError("this kind of database is not supported; use sqlite, mysql or postgresql")
    return url


@dataclass(frozen=True, kw_only=True)
class ServerTable(Table):
    """A table that names a database; `url` None means another table's, and is not shown, as it may hold a password."""

    url: str | None = key(database_url, None, shown=False)
    password_env: str | None = key(read_text, None)
    password_file: Path | None = key(read_path, None)
    tls: Tls | None = key(one_of("verify", "require", "off"), None)
    tls_ca: Path | None = key(read_path, None)

    def require_fit(self) -> None:
        """Raise ValueError for keys of a server beside an SQLite file, and for what is said twice."""
        named = [one for one in ("password_env", "password_file", "tls", "tls_ca") if getattr(self, one) is not None]
        url = make_url(self.url or "sqlite://")
        if named and url.get_backend_name() == "sqlite":
            raise ValueError(f"{named[0]} is for the url of a server; take it out, or name the server in url")
        if self.password_env is not None and self.password_file is not None:
            raise ValueError("give password_env or password_file, not both")
        if url.password is not None and (self.password_env or self.password_file):
            raise ValueError("url holds a password as well; take it out there")
        if (self.tls or self.tls_ca) and list(_words_on_tls(url)):
            raise ValueError("url speaks of TLS as well (its parameters ssl…); take them out there, or tls and tls_ca")
        if self.tls_ca is not None and self.tls not in (None, "verify"):
            raise ValueError('tls_ca is for tls = "verify"; take one of the two out')

    def login(self, place: str) -> Login:
        """Return how to log in; `place` is the table in its file. Raises SettingsProblem for a missing password."""
        url, tls = make_url(self.url or "sqlite://"), self.tls
        named = "password_env" if self.password_env is not None else "password_file"
        password = secret(f"{place} {named}", self.password_env, self.password_file, "password")
        if password is not None:
            url = url.set(password=password)
        if tls is None and (self.tls_ca is not None or (is_remote(url) and not list(_words_on_tls(url)))):
            tls = "verify"
        return Login(place, url.render_as_string(hide_password=False), tls, self.tls_ca)

    def beside(self, folder: Path) -> dict[str, Any]:
        """Return the files of this table, resolved against the settings' folder."""
        files = {"password_file": self.password_file, "tls_ca": self.tls_ca}
        return {name: folder / file for name, file in files.items() if file is not None}


def is_remote(url: URL) -> bool:
    """Say whether a URL leads to another machine: to a host that is neither loopback nor a socket's path."""
    if url.get_backend_name() == "sqlite" or "unix_socket" in url.query:
        return False
    return not all(map(_is_here, _hosts(url)))


def _hosts(url: URL) -> Iterator[str]:
    # PostgreSQL's driver reads hosts from the query as well, and several in one value
    for named in (url.host, url.query.get("host"), url.query.get("hostaddr")):
        for text in (named,) if isinstance(named, str) else named or ():
            yield from text.split(",")


def _is_here(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        # with a port behind it, as in the query of PostgreSQL: HOST:PORT
        name, _, port = host.rpartition(":")
        return port.isdecimal() and name != "" and _is_here(name.strip("[]"))


def _words_on_tls(url: URL) -> Iterator[str]:
    return (word for word in url.query if word.startswith("ssl"))
