"""Certificates for private servers, made with openssl: an authority, and a server's by it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers import Server, ordinary_user, server_or_skip
from tests.support.session import tools


@dataclass(frozen=True)
class Certificates:
    """Files: the authority, another one that signed nothing, and a server's certificate and key for one name."""

    ca: Path
    other_ca: Path
    certificate: Path
    key: Path


@contextmanager
def tls_server(kind: str, name: str = "DNS:localhost") -> Iterator[tuple[Server, Certificates]]:
    """Start a server that offers TLS with a certificate for `name`."""
    folder = Path(tempfile.mkdtemp(prefix="syncer-tls-"))
    server = None
    try:
        files = _made(folder, name)
        if kind == "mariadb":
            options = [f"--ssl-ca={files.ca}", f"--ssl-cert={files.certificate}", f"--ssl-key={files.key}"]
        else:
            if os.getuid() == 0:
                folder.chmod(0o755)
                shutil.chown(files.key, ordinary_user())  # PostgreSQL takes no key that others may read
            settings = {"ssl": "on", "ssl_cert_file": files.certificate, "ssl_key_file": files.key}
            options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        server = _with_tls(kind, options)
        yield server, files
    finally:
        if server is not None:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


def _with_tls(kind: str, options: list[str]) -> Server:
    try:
        return server_or_skip(kind, *options)
    except RuntimeError as error:
        if "SSL is not supported by this build" not in str(error):
            raise
        tools.skip(kind, f"a {kind} that was built with TLS {tools.NOT_INSTALLED}")


def _made(folder: Path, name: str) -> Certificates:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    for ca in ("ca", "other"):
        openssl(*new, "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-subj", f"/CN=test {ca}")
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server"
    )
    (folder / "names").write_text(f"subjectAltName={name}\n", encoding="utf-8")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names")
    openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", *signed)
    for path in folder.glob("*.pem"):
        path.chmod(0o644)
    (folder / "server.key").chmod(0o600)
    return Certificates(folder / "ca.pem", folder / "other.pem", folder / "server.pem", folder / "server.key")
