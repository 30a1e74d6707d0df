"""A real nginx before a console, as docs/console.md sets it up; skips where it is missing."""

from __future__ import annotations

import http.client
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.processes import until
from tests.support.servers import Missing, binary, free_port
from tests.support.session import tools

_WHOLE = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
worker_processes 1;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 418; }}
        {location}
    }}
}}
"""


@dataclass(frozen=True)
class Proxied:
    """What a browser gets by way of a proxy: status, headers as they came, body."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class Proxy:
    """A proxy on a port of loopback; what is not the console's it answers with 418."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, method: str = "GET", **headers: str) -> Proxied:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {"Host": f"localhost:{self.port}"} | {
                key.replace("_", "-"): value for key, value in headers.items()
            }
            connection.request(method, path, headers=named)
            answer = connection.getresponse()
            return Proxied(answer.status, answer.getheaders(), answer.read().decode("utf-8", "replace"))
        finally:
            connection.close()


def documented(prefix: str, upstream: str) -> str:
    """Return the location that the page tells people to write, for another prefix and another upstream."""
    page = (ROOT / "docs/console.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in page.split("```nginx\n")[1:]]
    (block,) = [block for block in blocks if block.startswith("location /privacy/")]
    assert block.count("/privacy/") == 1 and block.count("http://127.0.0.1:8484") == 1
    return block.replace("/privacy/", prefix).replace("http://127.0.0.1:8484", upstream)


@contextmanager
def nginx(folder: Path, prefix: str, upstream: str, port: int | None = None) -> Iterator[Proxy]:
    """Run nginx before `upstream`, `http://HOST:PORT` or `http://unix:PATH:`, for as long as the block lasts."""
    try:
        command = binary("nginx")
    except Missing as missing:
        tools.skip("nginx", str(missing))
    port = port or free_port()
    user = "user root;" if os.getuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        _WHOLE.format(user=user, folder=folder, port=port, location=documented(prefix, upstream)), encoding="utf-8"
    )
    with (folder / "nginx.out").open("wb") as out:
        process = subprocess.Popen([command, "-p", str(folder), "-c", str(config)], stdout=out, stderr=out)
    try:
        proxy = Proxy(port)
        until(lambda: _answers(proxy), 20)
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


def _answers(proxy: Proxy) -> bool:
    try:
        return proxy.ask("/").status == 418
    except OSError:
        return False
