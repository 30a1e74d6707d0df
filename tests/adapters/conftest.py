"""A server that says byte for byte what a test wants, certificates for it, and a transport that points at it."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.http.transport import Transport
from tests.adapters.stage import SITUATIONS
from tests.adapters.stages import STAGES

Script = Callable[[socket.socket, "RawServer"], None]


class RawServer:
    """Runs `script` for every connection; keeps every request that `request` read."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script = script
        self.context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.stopped = threading.Event()
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = self._socket.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def request(self, conn: socket.socket) -> bytes:
        """Read and return one request, b"" when the client hangs up."""
        got = b""
        while b"\r\n\r\n" not in got:
            part = conn.recv(65536)
            if not part:
                return b""
            got += part
        head, _, body = got.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += conn.recv(65536)
        whole = head + b"\r\n\r\n" + body
        self.requests.append(whole)
        return whole

    def close(self) -> None:
        self.stopped.set()
        for one in [self._socket, *self._open]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in [self._acceptor, *self._threads]:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(conn)
            thread = threading.Thread(target=self._serve, args=(conn,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, conn: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.context:
                conn = self.context.wrap_socket(conn, server_side=True)
                self._open.append(conn)
            self._script(conn, self)
        with contextlib.suppress(OSError):
            conn.close()


def saying(*answers: bytes) -> Script:
    """Return a script that answers the requests of one connection with these bytes in turn and then hangs up."""

    def script(conn: socket.socket, server: RawServer) -> None:
        for answer in answers:
            if not server.request(conn):
                return
            conn.sendall(answer)

    return script


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the contract's tests the findings that their provider knows, None where it knows none."""
    stage = getattr(metafunc.cls, "stage_class", None)
    for situation in SITUATIONS if stage else ():
        if situation in metafunc.fixturenames:
            metafunc.parametrize(situation, stage.findings.get(situation) or [None])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the contract asks of other adapters: an action or a finding that this one does not have."""
    out = [item for item in items if not _concerns(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def _concerns(item: pytest.Item) -> bool:
    asked = getattr(getattr(item, "callspec", None), "params", {})
    named = asked.get("stage")  # by the stages' name, in attacks/
    stage = getattr(getattr(item, "cls", None), "stage_class", STAGES.get(named) if isinstance(named, str) else None)
    if stage is None:
        return True
    if any(asked.get(situation, "") is None for situation in SITUATIONS):
        return False
    actions = stage.adapter_class.actions
    return asked.get("action") in {None, *actions} and asked.get("lacking") not in actions


@pytest.fixture
def serve() -> Iterator[Callable[..., RawServer]]:
    servers: list[RawServer] = []

    def start(script: Script, context: ssl.SSLContext | None = None) -> RawServer:
        servers.append(RawServer(script, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., Transport]]:
    """Yield a maker of transports, which are closed after the test."""
    made: list[Transport] = []

    def make(url: str, **options: Any) -> Transport:
        options = {"headers": {"Api-Token": "canary-key"}, "connections": 2, "total_timeout": 5.0, **options}
        made.append(Transport(url, **options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


class Certificates:
    """A certificate authority in a folder, and server contexts with certificates of any date and name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=900))
            .not_valid_after(now + dt.timedelta(days=900))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.bundle = str(folder / "authority.pem")
        Path(self.bundle).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, *, first_day: int = -10, last_day: int = 10, name: str = "127.0.0.1") -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        try:
            alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            alternative = x509.DNSName(name)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=first_day))
            .not_valid_after(now + dt.timedelta(days=last_day))
            .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / f"{certificate.serial_number}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))
