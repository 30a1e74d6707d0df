"""A database server elsewhere is spoken to by TLS and proves who it is, on real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import load_settings, open_app
from tests.database.certificates import Certificates, tls_server
from tests.support.processes import inside as run
from tests.support.servers import Server

#: an address that is not loopback's, and leads here all the same
ELSEWHERE = "0.0.0.0"
KINDS = ("mariadb", "postgresql")


@pytest.fixture(scope="module", params=KINDS)
def secure(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Certificates]]:
    with tls_server(request.param) as made:
        yield made


@pytest.fixture(params=KINDS)
def plain(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def installed(settings_file: Callable[..., Path]) -> Callable[..., Path]:
    """Write settings for a server's database, with further keys of [database] and parameters of its URL."""

    def write(server: Server, host: str, query: str = "", **keys: object) -> Path:
        url = sa.make_url(server.new_database()).set(host=host).render_as_string(hide_password=False)
        path = settings_file()
        lines = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
        path.write_text(
            path.read_text(encoding="utf-8").replace(
                'url = "sqlite:///syncer.db"', f'url = "{url}{query}"\n{lines}', 1
            ),
            encoding="utf-8",
        )
        return path

    return write


def _refused(path: Path) -> str:
    """Return the one line in which `init` refuses the server, without its place."""
    done = run(path, "init")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done
    place, _, said = done.stderr.rstrip("\n").partition(": [")
    assert place == str(path)
    return f"[{said}"


def _encrypted(path: Path) -> bool:
    with open_app(load_settings(path)) as app, app.engine.connect() as connection:
        if app.engine.dialect.name == "mysql":
            return bool(connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_cipher'").one()[1])
        return bool(connection.exec_driver_sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").scalar())


def test_finding_21_the_right_authority_and_name_let_us_work_encrypted(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    server, files = secure
    path = installed(server, "localhost", tls="verify", tls_ca=files.ca)

    assert run(path, "init").returncode == 0
    assert _encrypted(path)
    assert run(path, "status").returncode == 0


def test_finding_21_another_authority_is_refused(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    server, files = secure

    said = _refused(installed(server, "localhost", tls="verify", tls_ca=files.other_ca))

    assert said == (
        f"[database] tls_ca: the certificate of localhost cannot be verified with {files.other_ca};"
        " let tls_ca name the file (PEM) of the authority that signed it"
    )


def test_finding_21_without_an_authority_those_of_the_system_count(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    said = _refused(installed(secure[0], ELSEWHERE))

    assert "cannot be verified with the system's authorities; let tls_ca name" in said


def test_finding_21_another_name_is_refused(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    server, files = secure

    said = _refused(installed(server, "127.0.0.1", tls_ca=files.ca))

    assert said == (
        "[database] url: the certificate of the server is not for 127.0.0.1; write the name that stands in it"
    )


@pytest.mark.parametrize("keys", [{}, {"tls": "verify"}, {"tls": "require"}], ids=["unsaid", "verify", "require"])
def test_finding_21_a_server_elsewhere_that_offers_no_tls_is_refused_with_the_key_to_set(
    plain: Server, installed: Callable[..., Path], keys: dict[str, str]
) -> None:
    said = _refused(installed(plain, ELSEWHERE, **keys))

    assert said == (
        f"[database] tls: {ELSEWHERE} offers no TLS; switch it on there,"
        ' or set [database] tls = "off" where nobody can listen in'
    )


def test_finding_21_off_and_loopback_ask_for_nothing(plain: Server, installed: Callable[..., Path]) -> None:
    for path in (installed(plain, ELSEWHERE, tls="off"), installed(plain, "127.0.0.1")):
        assert run(path, "init").returncode == 0


def test_finding_21_require_encrypts_and_asks_for_no_proof(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    path = installed(secure[0], ELSEWHERE, tls="require")

    assert run(path, "init").returncode == 0
    assert _encrypted(path)


def test_finding_21_parameters_of_the_url_keep_working(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    server, files = secure
    verified = f"?ssl_ca={files.ca}" if server.kind == "mariadb" else f"?sslmode=verify-full&sslrootcert={files.ca}"
    path = installed(server, "localhost", verified)
    assert run(path, "init").returncode == 0
    assert _encrypted(path)

    done = run(installed(server, "localhost", verified, tls="verify"), "init")

    assert (done.returncode, "url speaks of TLS as well" in done.stderr) == (2, True)


def test_finding_21_a_parameter_may_switch_it_off_elsewhere(postgresql: Server, installed: Callable[..., Path]) -> None:
    assert run(installed(postgresql, ELSEWHERE, "?sslmode=disable"), "init").returncode == 0


def test_finding_21_a_file_of_authorities_that_is_none_is_named(
    secure: tuple[Server, Certificates], installed: Callable[..., Path]
) -> None:
    said = _refused(installed(secure[0], "localhost", tls_ca="settings.toml"))

    assert said.startswith("[database] tls_ca: ") and said.endswith("cannot be read as certificates (PEM); correct it")


@pytest.mark.parametrize("table", ["queue", "wordpress"])
def test_finding_21_the_same_is_asked_of_the_queue_and_of_wordpress(
    settings_file: Callable[..., Path], mariadb: Server, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    url = sa.make_url(mariadb.new_database()).set(host=ELSEWHERE).render_as_string(hide_password=False)
    path = settings_file()
    if table == "wordpress":
        path.write_text(path.read_text(encoding="utf-8") + "\n[wordpress]\n", encoding="utf-8")
    monkeypatch.setenv(f"SYNCER_{table.upper()}__URL", url)

    done = run(path, "init")

    assert (done.returncode, f'set [{table}] tls = "off"' in done.stderr) == (2, True), done
