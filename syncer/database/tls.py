"""TLS to a database server: what the drivers are told, and their answers in words."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from syncer.errors import UserError

#: from this version on libpq reads the authorities that the system trusts by itself
#: (https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-CONNECT-SSLROOTCERT)
_SYSTEM_SINCE = 160000
_SYSTEM_FILE = "/etc/ssl/certs/ca-certificates.crt"


class ServerLogin(Protocol):
    """What `syncer.settings.login.Login` is: where it stands in the settings, the whole URL, and what TLS is asked."""

    @property
    def place(self) -> str:
        """The table in the settings, with its file."""

    @property
    def url(self) -> str:
        """The URL with the password."""

    @property
    def tls(self) -> str | None:
        """`verify`, `require`, `off`, or None for what the URL and the driver say."""

    @property
    def tls_ca(self) -> Path | None:
        """The file (PEM) of the authorities that may have signed the server's certificate; None: the system's."""


def arguments(login: ServerLogin, backend: str) -> dict[str, Any]:
    """Return what the driver's `connect` is told. Raises UserError for an unusable file of authorities."""
    if login.tls not in ("verify", "require"):
        return {}
    if login.tls_ca is not None:
        _context(login)  # libpq would only say that the file does not exist
    if backend != "postgresql":
        # from 1.2 on PyMySQL refuses a server without TLS then; before, it went on in plain text
        # (https://github.com/PyMySQL/PyMySQL/issues/1213)
        return {"ssl": _context(login)}
    if login.tls == "require":
        return {"sslmode": "require"}
    return {"sslmode": "verify-full", "sslrootcert": str(login.tls_ca or _system())}


def _context(login: ServerLogin) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=login.tls_ca)
    except (OSError, ssl.SSLError):
        raise UserError(
            f"{login.place} tls_ca: {login.tls_ca} cannot be read as certificates (PEM); correct it"
        ) from None
    # Python 3.13 asks for extensions that the certificates lack which the servers make for themselves
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if login.tls == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _system() -> str:
    from psycopg import pq

    return "system" if pq.version() >= _SYSTEM_SINCE else ssl.get_default_verify_paths().cafile or _SYSTEM_FILE


def explain(engine: sa.Engine, login: ServerLogin) -> None:
    """Let `engine` raise a UserError, in one line with its remedy, where TLS fails at its first connection.

    Once the server was trusted, the same failure is an outage like any other: somebody is renewing its certificate.
    """
    trusted = False

    @sa.event.listens_for(engine, "do_connect")
    def _connect(dialect: sa.Dialect, _record: Any, args: Any, named: Any) -> Any:
        nonlocal trusted
        try:
            connection = dialect.connect(*args, **named)
        except dialect.loaded_dbapi.Error as error:
            problem = None if trusted else _in_words(login, str(engine.url.host), error)
            if problem is None:
                raise
            raise UserError(problem) from None
        trusted = True
        return connection


def _in_words(login: ServerLogin, host: str, error: Exception) -> str | None:
    """Return what is wrong with a server's TLS and the remedy; None where something else is."""
    # the driver's text is looked at and not shown: it may say more than is good
    text = f"{error} {getattr(error, 'original_exception', '')}"
    if "SSL is required" in text or "does not support SSL" in text:
        remedy = f'switch it on there, or set {login.place.rpartition(": ")[2]} tls = "off" where nobody can listen in'
        return f"{login.place} tls: {host} offers no TLS; {remedy}"
    if "does not match host name" in text or "Hostname mismatch" in text or "IP address mismatch" in text:
        return f"{login.place} url: the certificate of the server is not for {host}; write the name that stands in it"
    if "certificate verify failed" in text.lower() or "CERTIFICATE_VERIFY_FAILED" in text:
        signed = login.tls_ca or "the system's authorities"
        remedy = "let tls_ca name the file (PEM) of the authority that signed it"
        return f"{login.place} tls_ca: the certificate of {host} cannot be verified with {signed}; {remedy}"
    return None
