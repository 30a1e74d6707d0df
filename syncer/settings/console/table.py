"""The table [console]: where the web console is, who may come in, and what asks for a second person."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from syncer.language.texts import LANGUAGES
from syncer.settings.console.doors import OidcDoor, ProxyDoor, WordPressDoor
from syncer.settings.keys.kinds import at_folder
from syncer.settings.keys.readers import one_of, read_flag, read_path, read_text, whole
from syncer.settings.keys.table import Table, key

#: hosts on which browsers treat plain http as secure (https://w3c.github.io/webappsec-secure-contexts/)
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
#: what may ask for a second person
FOUR_EYES = ("exempt", "extend", "release", "resync")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*/")
_PORTS = {"http": 80, "https": 443}
_UNIX = "unix:"
#: bytes of a unix socket's path, with the one that ends it (unix(7))
_LONGEST = 108


def _url(given: Any) -> str:
    text = read_text(given)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment or "@" in parts.netloc or parts.scheme not in ("http", "https"):
        raise ValueError('must be what browsers type, like "https://privacy.example.org/"')
    if parts.scheme == "http" and host not in LOCAL_HOSTS:
        raise ValueError("must be https: plain http is for localhost alone, where browsers keep its cookies")
    if not host.isascii() or not host.isprintable():
        raise ValueError("has a host that browsers write in another way; write it as they do, like xn--bcher-kva.de")
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    if not _PATH.fullmatch(path):
        raise ValueError("has a path that is no prefix; use letters, digits, - and _ between slashes")
    if any(part.strip(".") == "" for part in path.strip("/").split("/") if part):
        raise ValueError("has a path that browsers shorten; leave . and .. out of it")
    # as browsers say it in Origin: lower case, and without the port that its scheme has anyhow
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return parts._replace(netloc=f"[{host}]{port}" if ":" in host else f"{host}{port}", path=path).geturl()


def _listen(given: Any) -> str:
    text = read_text(given)
    if text.startswith(_UNIX) and (path := text.removeprefix(_UNIX)).startswith("/") and path.isprintable():
        if len(path.encode()) >= _LONGEST:
            raise ValueError(f"has a path that no socket can have; use one of fewer than {_LONGEST} bytes")
        return text
    host, _, port = text.rpartition(":")
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        host = ""
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError('must be "ADDRESS:PORT", like "127.0.0.1:8484", or "unix:/run/syncer-console/http.sock"')
    return text


def _networks(given: Any) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)):
        raise ValueError('must be a list of addresses or networks, like ["10.0.0.1"]')
    for item in given:
        try:
            ip_network(read_text(item))
        except ValueError:
            raise ValueError('must be a list of addresses or networks, like ["10.0.0.1"]') from None
    return tuple(given)


def _four_eyes(given: Any) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)) or any(item not in FOUR_EYES for item in given):
        raise ValueError(f"must be a list of any of {', '.join(FOUR_EYES)}")
    return tuple(dict.fromkeys(given))


@dataclass(frozen=True, kw_only=True)
class ConsoleSettings(Table):
    """The web console. `url` is what browsers type; its path, which ends with a slash, is the prefix of every page.

    `language` None means what the browser asks for. `listen` is `ADDRESS:PORT` or `unix:PATH`.
    """

    url: str = key(_url, add='what browsers type, like url = "https://privacy.example.org/"')
    listen: str = key(_listen, "127.0.0.1:8484")
    public: bool = key(read_flag, False)
    proxies: tuple[str, ...] = key(_networks, (), as_json=True)
    key_file: Path = key(read_path, Path("console.key"))
    actions: bool = key(read_flag, True)
    second_factor: Literal["required", "actions"] = key(one_of("required", "actions"), "required")
    idle_minutes: int = key(whole(1, 1440), 30, as_json=True)
    session_hours: int = key(whole(1, 168), 10, as_json=True)
    four_eyes: tuple[str, ...] = key(_four_eyes, (), as_json=True)
    language: str | None = key(one_of(*LANGUAGES), None)
    wordpress: WordPressDoor | None = key(WordPressDoor.read, None)
    oidc: OidcDoor | None = key(OidcDoor.read, None)
    proxy: ProxyDoor | None = key(ProxyDoor.read, None)

    def require_fit(self) -> None:
        """Raise ValueError for what strangers could reach or say without being asked to."""
        place = self.place
        if isinstance(place, tuple) and not self.public and not ip_address(place[0]).is_loopback:
            raise ValueError("listen can be reached from elsewhere; use 127.0.0.1:8484, or set public = true as well")
        if isinstance(place, tuple) and self.proxy is not None and self.proxy.secret_file is None:
            said = "proxy would believe whoever reaches the port"
            raise ValueError(f"{said}; add secret_file to [console.proxy], or listen on unix:PATH")

    @property
    def place(self) -> tuple[str, int] | Path:
        """The IP address and port, or the path of the socket."""
        if self.listen.startswith(_UNIX):
            return Path(self.listen.removeprefix(_UNIX))
        host, _, port = self.listen.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)

    @property
    def parts(self) -> SplitResult:
        """The parts of the URL."""
        return urlsplit(self.url)

    @property
    def secure(self) -> bool:
        """Say whether browsers reach it by https."""
        return self.parts.scheme == "https"

    @property
    def keeps_passkeys(self) -> bool:
        """Say whether browsers keep passkeys for the host: they bind none to an address of numbers."""
        try:
            ip_address(self.parts.hostname or "")
        except ValueError:
            return True
        return False

    @property
    def prefix(self) -> str:
        """The path before every page: "" for none, else like "/privacy"."""
        return self.parts.path.rstrip("/")

    @property
    def origin(self) -> str:
        """What browsers send as Origin from its pages."""
        return f"{self.parts.scheme}://{self.parts.netloc}"

    @property
    def trusted(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The proxies whose word about the address of a browser counts."""
        return tuple(map(ip_network, self.proxies))

    def at(self, folder: Path) -> ConsoleSettings:
        """Return the table with its relative files resolved against the settings' folder."""
        doors = {name: getattr(self, name) for name in ("wordpress", "oidc", "proxy")}
        return replace(
            at_folder(self, folder), **{name: door and at_folder(door, folder) for name, door in doors.items()}
        )
