"""Connections that can be cut from outside and whose failures have our names; used by the transport alone."""

from __future__ import annotations

import http.client
import ipaddress
import queue
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import InvalidHeader, ProtocolError, ReadTimeoutError, SSLError
from urllib3.response import HTTPResponse

from adapters.errors import AdapterError, Misconfigured, Transient
from adapters.http.deadline import Deadline, current
from adapters.options import is_loopback, literal


class StaleError(Exception):
    """Raised when a kept-alive socket turned out closed before any byte of the answer."""


def wire_failure(error: Exception, deadline: Deadline) -> AdapterError:
    """Return a failure of the wire under our name for it, by its type alone."""
    if deadline.cut:
        return Transient("timed_out", "no whole answer within the deadline")
    if isinstance(error, AdapterError):
        return error
    inner = error.args[-1] if error.args and isinstance(error.args[-1], Exception) else error
    if any(isinstance(one, ReadTimeoutError | TimeoutError | requests.Timeout) for one in (error, inner)):
        return Transient("timed_out", "no answer in time")
    if isinstance(error, requests.exceptions.SSLError):
        return Misconfigured("tls", "the TLS connection failed")
    if type(error) is requests.ConnectionError and inner is error:
        return Transient("unreachable", "no connection to the host")
    if any(isinstance(one, ProtocolError | SSLError | OSError) for one in (error, inner)):
        return Transient("cut_off", "the connection ended before the answer did")
    return Transient("unreadable", "the answer does not follow HTTP")


class _Response(http.client.HTTPResponse):
    """An answer that announcements may precede: http.client takes a 103 Early Hints for the final status."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(10):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 101 < status < 200:
                return version, status, reason
            while self.fp.readline(65537) not in (b"\r\n", b"\n", b""):
                pass
        raise http.client.BadStatusLine("announcements without end")


class _Connection(HTTPConnection):
    """A connection that is cut at the deadline, and whose failures have our names already."""

    response_class = _Response
    _handle: socket.socket | None = None
    _used = False

    def _new_conn(self) -> socket.socket:
        deadline = current.get()
        sock = _open(self.host, int(self.port or 0), float(self.timeout or 10), deadline)
        # TLS detaches the socket it is given, so the deadline gets a handle of its own on the same connection
        self._handle, self._used = sock.dup(), False
        if deadline is not None:
            deadline.attach(self._handle)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        deadline = current.get()
        if deadline is not None:
            deadline.reused = self._used
            if self._used and self._handle is not None:
                deadline.attach(self._handle)
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3 itself narrows it so
        deadline = current.get()
        if deadline is not None:
            self.timeout = deadline.remaining()
        try:
            response = super().getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            if deadline is not None and deadline.reused and not deadline.cut:
                raise StaleError from None
            raise Transient("cut_off", "the connection was closed before an answer came") from None
        except TimeoutError:
            raise Transient("timed_out", "no answer in time") from None
        except (http.client.HTTPException, InvalidHeader, ValueError):
            raise Transient("unreadable", "the head of the answer does not follow HTTP") from None
        self._used = self.sock is not None
        return response

    def close(self) -> None:
        handle, self._handle, self._used = self._handle, None, False
        super().close()
        if handle is not None:
            deadline = current.get()
            if deadline is None:
                handle.close()
            else:
                deadline.close_later(handle)


class _TlsConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        try:
            super().connect()
        except ssl.SSLCertVerificationError as error:
            if error.verify_code == 9:  # X509_V_ERR_CERT_NOT_YET_VALID
                raise Misconfigured(
                    "clock", "the certificate is not yet valid: is this computer's clock right?"
                ) from None
            raise Misconfigured("tls", "the provider's certificate is not to be trusted") from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError):
            raise Transient("cut_off", "the connection ended during the TLS handshake") from None
        except TimeoutError:
            raise Transient("timed_out", "the TLS handshake took too long") from None
        except (ssl.SSLError, ssl.CertificateError, SSLError):
            raise Misconfigured("tls", "no TLS connection of version 1.2 or newer could be agreed on") from None


class _Direct(HTTPConnectionPool):
    """urllib3's pool without what we never ask of it: retries, redirects, proxies, and the URL parsed once more."""

    def urlopen(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = None,
        timeout: Any = None,
        **_: Any,
    ) -> Any:
        conn = self._get_conn()
        whole = False
        try:
            response = self._make_request(
                conn,
                method,
                url,
                timeout=timeout,
                body=body,
                headers=headers,
                response_conn=conn,
                preload_content=False,
                decode_content=False,
            )
            whole = True
            return response
        except ssl.SSLError as error:
            raise SSLError(error) from None
        except (OSError, http.client.HTTPException) as error:
            raise ProtocolError("Connection aborted.", error) from None
        finally:
            if not whole:
                conn.close()
                self._put_conn(None)


class _Pool(_Direct):
    ConnectionCls = _Connection


class _TlsPool(_Direct, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@dataclass(frozen=True, slots=True)
class Received:
    """The head of an answer, with the body still to be read: what the transport uses of requests' Response.

    `request` is there for `responses` alone, which stands in for a provider in tests.
    """

    request: requests.PreparedRequest = field(repr=False)
    status_code: int
    headers: Mapping[str, str]
    raw: HTTPResponse


class Wire(HTTPAdapter):
    """requests' adapter over our connections: at most `connections` of them, the callers wait for a free one.

    It serves one base URL, so what requests looks up, parses and builds anew for each call is done once or not at
    all (a quarter of what a call costs): the pool, its certificates, the path, the cookie jar.
    """

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0, pool_block=True)
        self._pool: Any = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def get_connection_with_tls_context(self, request: Any, verify: Any, *args: Any, **kwargs: Any) -> Any:
        if self._pool is None:
            pool = super().get_connection_with_tls_context(request, verify, *args, **kwargs)
            super().cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]
            self._pool = pool
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the pool was told when it was made."""

    def request_url(self, request: Any, proxies: Any) -> str:
        return "/" + str(request.url).split("/", 3)[3]

    def build_response(self, req: Any, resp: Any) -> Any:
        return Received(req, resp.status, resp.headers, resp)

    def close(self) -> None:
        self._pool = None
        super().close()


def _open(host: str, port: int, timeout: float, deadline: Deadline | None) -> socket.socket:
    """Connect to the first address that answers, `timeout` seconds each, all within the deadline of the call."""
    failure: AdapterError = Transient("unreachable", "the host name has no address")
    for family, address in _resolve(host, port, min(timeout, deadline.remaining()) if deadline else timeout):
        _refuse_inner(host, address[0])
        if deadline is not None and deadline.cut:
            raise Transient("timed_out", "no connection in time")
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(min(timeout, deadline.remaining()) if deadline else timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
        except TimeoutError:
            sock.close()
            failure = Transient("timed_out", "no connection in time")
        except OSError:
            sock.close()
            failure = Transient("unreachable", "no connection to the host")
        else:
            return sock
    raise failure


def _resolve(host: str, port: int, timeout: float) -> list[tuple[int, Any]]:
    """Look the host up in a thread of its own: getaddrinfo knows no timeout, and new connections are few."""
    answer: queue.SimpleQueue[list[tuple[int, Any]] | None] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            answer.put(None)
        else:
            answer.put([(int(family), address) for family, _, _, _, address in entries])

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        addresses = answer.get(timeout=timeout)
    except queue.Empty:
        raise Transient("unreachable", "the look-up of the host name took too long") from None
    if not addresses:
        raise Transient("unreachable", "the host name has no address")
    return addresses


def _refuse_inner(host: str, address: str) -> None:
    """Refuse to send a key into the local network because a name server said so."""
    if is_loopback(host) or literal(host) is not None:
        return  # written so in settings.toml
    if not ipaddress.ip_address(address).is_global:  # nor is 100.64.0.0/10, shared behind a carrier's NAT
        raise Misconfigured("wrong_address", "the host name leads to an address inside the local network")
