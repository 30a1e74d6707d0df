"""Where it listens: who may connect, what is in the way, and what is left behind."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncer.console.place import listening, require_free
from syncer.errors import UserError
from syncer.settings.console.table import ConsoleSettings
from tests.console.serving.conftest import Place
from tests.support.servers import free_port

WHERE = "settings.toml: [console] listen:"


def on(place: Path) -> ConsoleSettings:
    return ConsoleSettings(url="http://localhost:8484/", listen=f"unix:{place}")


def test_the_group_of_the_socket_may_connect_and_nobody_else(served: Callable[..., Place], tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    place = served(url="http://localhost:8484/", listen=f"unix:{path}")

    assert stat.S_IMODE(path.lstat().st_mode) == 0o660
    assert place.ask("/healthz").body == "ok\n"


def test_the_file_of_the_socket_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with listening(on(path), WHERE):
        assert path.is_socket()

    assert not path.exists()


def test_the_file_of_a_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with listening(on(path), WHERE):
        path.rename(tmp_path / "old")
        with closing(socket.socket(socket.AF_UNIX)) as successor:
            successor.bind(str(path))

    assert path.is_socket()


def test_a_socket_that_nobody_listens_at_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))

    require_free(on(path), WHERE)


def test_a_socket_that_somebody_listens_at_is_in_use_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with closing(socket.socket(socket.AF_UNIX)) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(UserError, match=r"is in use; end what listens there"):
            require_free(on(path), WHERE)

    assert path.is_socket()


@pytest.mark.parametrize(
    "make", [lambda path: path.write_bytes(b"mine"), lambda path: path.mkdir(), lambda path: path.symlink_to("/etc")]
)
def test_what_is_no_socket_is_not_touched(tmp_path: Path, make: Callable[[Path], object]) -> None:
    path = tmp_path / "http.sock"
    make(path)

    with pytest.raises(UserError, match="is no socket; move it away"):
        require_free(on(path), WHERE)
    assert path.exists()


@pytest.mark.parametrize("name", ["missing/http.sock", "x" * 120])
def test_a_place_that_cannot_be_is_told_in_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as told:
        require_free(on(tmp_path / name), WHERE)

    assert str(told.value).startswith(WHERE)
    assert "\n" not in str(told.value)


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    port = free_port()
    settings = ConsoleSettings(url="http://localhost/", listen=f"127.0.0.1:{port}")
    with listening(settings, WHERE), pytest.raises(UserError, match=rf"127\.0\.0\.1:{port} is in use"):
        require_free(settings, WHERE)


@pytest.mark.skipif(not os.path.exists("/proc/net/if_inet6"), reason="no IPv6 here")
def test_it_listens_on_ipv6_too(served: Callable[..., Place]) -> None:
    port = free_port()

    assert served(url="http://localhost/", listen=f"[::1]:{port}").settings.place == ("::1", port)
