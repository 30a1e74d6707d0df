"""MariaDB and MySQL: `mariadb-dump` in one transaction, put back by `mariadb`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from syncer.database.tls import ServerLogin
from syncer.errors import UserError
from syncer.setup.backup.copying import clients

_PACKAGE = "mariadb-client"
#: parameters of the URL -> keys of an option file
_TLS = {"ssl_ca": "ssl-ca", "ssl_capath": "ssl-capath", "ssl_cert": "ssl-cert", "ssl_key": "ssl-key"}
_IGNORED = ("charset", "connect_timeout", "read_timeout", "write_timeout", "ssl_check_hostname", "ssl_verify_cert")
#: where Debian and most others keep the authorities that the system trusts
_SYSTEM = "/etc/ssl/certs/ca-certificates.crt"


def dump(login: ServerLogin, tables: Sequence[str], part: Path) -> None:
    """Write one moment of these tables as SQL into a new file (0600), durably. Raises UserError."""
    binary = clients.program("mariadb-dump", package=_PACKAGE)
    url = sa.make_url(login.url)
    words = [
        # triggers are made by syncer itself: an account without TRIGGER would leave them out, and say nothing
        "--single-transaction", "--quick", "--skip-lock-tables", "--skip-add-locks", "--skip-add-drop-table",
        "--skip-triggers", "--no-tablespaces", "--hex-blob", "--default-character-set=utf8mb4", "--skip-dump-date",
    ]  # fmt: skip
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file, _options(login) as options:
        clients.run([binary, options, *words, "--", str(url.database), *tables], stdout=file)
        os.fsync(file.fileno())


def load(backup: Path, login: ServerLogin) -> None:
    """Run the SQL of a backup in the empty database that the URL names. Raises UserError."""
    binary = clients.program("mariadb", package=_PACKAGE)
    with backup.open("rb") as file, _options(login) as options:
        name = str(sa.make_url(login.url).database)
        clients.run([binary, options, "--default-character-set=utf8mb4", f"--database={name}"], stdin=file)


@contextmanager
def _options(login: ServerLogin) -> Iterator[str]:
    """Yield the word that names an option file: the only one that is read, so that no other's password counts."""
    lines = "".join(f'{name} = "{_escaped(value)}"\n' for name, value in _named(login))
    with clients.secret_file(f"[client]\n{lines}") as path:
        yield f"--defaults-file={path}"


def _named(login: ServerLogin) -> Iterator[tuple[str, str]]:
    url = sa.make_url(login.url)
    query = {name: value for name, value in url.query.items() if isinstance(value, str)}
    socket = query.pop("unix_socket", None)
    unknown = set(query) - {*_TLS, *_IGNORED}
    if unknown:
        raise UserError(f"{login.place} url: a backup knows nothing of {min(unknown)}; take it out")
    yield "user", url.username or ""
    yield "password", url.password or ""
    if socket is not None:
        yield "socket", socket
    else:
        yield "host", url.host or "localhost"
        yield "port", str(url.port or 3306)
        yield "protocol", "tcp"  # as the driver does; of localhost the client would think a socket
    yield from ((_TLS[name], value) for name, value in query.items() if name in _TLS)
    yield from _tls(login, query)


def _tls(login: ServerLogin, query: dict[str, str]) -> Iterator[tuple[str, str]]:
    if login.tls == "verify":
        yield "ssl-ca", str(login.tls_ca or _SYSTEM)
        yield "ssl-verify-server-cert", "1"
    elif login.tls == "require":
        yield "ssl", "1"
        yield "ssl-verify-server-cert", "0"
    elif "ssl_ca" in query:
        yield "ssl-verify-server-cert", "0" if query.get("ssl_check_hostname") == "false" else "1"
    elif not any(name.startswith("ssl") for name in query):
        yield "ssl-verify-server-cert", "0"  # on by default from 11.4 on


def _escaped(value: str) -> str:
    if any(ord(character) < 32 for character in value):
        raise UserError("a backup cannot hand a login with control characters to the client; choose another password")
    return value.replace("\\", "\\\\").replace('"', '\\"')
