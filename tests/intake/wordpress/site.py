"""A real WordPress for one test session: Debian's files, private database, PHP's own server on loopback."""

from __future__ import annotations

import contextlib
import html
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from tests.support.servers import Server
from tests.support.session import tools

CORE = Path("/usr/share/wordpress")
HERE = Path(__file__).parent
ADMIN = ("admin", "a long pass phrase of the tests")
PATIENCE = 60.0
PAGES = 3


def core_or_skip() -> Path:
    """Return Debian's WordPress, or skip; fail where SYNCER_REQUIRE names wordpress."""
    if not (CORE / "wp-load.php").exists() or not shutil.which("php"):
        tools.skip("wordpress", f"WordPress or PHP {tools.NOT_INSTALLED}")
    return CORE


class Site:
    """One WordPress. Requests of people go over HTTP; `php` runs code inside it, as WP-CLI would."""

    def __init__(self, server: Server, *, network: bool = False, mail_when_done: bool = False) -> None:
        core = core_or_skip()
        self.server = server
        self.network = network
        self.folder = Path(tempfile.mkdtemp(prefix="syncer-wordpress-"))
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = f"wordpress_{os.getpid()}_{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.content = self.folder / "wp-content"
        self.mails = self.folder / "mails"
        self.root = self.folder / "root"
        self._copy(core)
        server.new_database(self.database)
        self._create_user()
        self._environment = {
            **os.environ,
            "TEST_WP_DB": self.database,
            "TEST_WP_DB_HOST": f"127.0.0.1:{server.port}",
            "TEST_WP_CONTENT": str(self.content),
            "TEST_WP_URL": self.url,
            "TEST_WP_MAIL_WHEN_DONE": "1" if mail_when_done else "",
        }
        try:
            self._install()
            self.start()
            self.browser = self.logged_in()
        except BaseException:
            self.close()
            raise

    def _create_user(self) -> None:
        # WordPress' own account: all rights on its own database, as every installer sets it up
        self.server.sql("CREATE USER IF NOT EXISTS wordpress@'127.0.0.1' IDENTIFIED BY 'wordpress'")
        self.server.sql(f"GRANT ALL ON {self.database}.* TO wordpress@'127.0.0.1'")

    def _copy(self, core: Path) -> None:
        skipped = shutil.ignore_patterns("wp-content", "wp-config.php", "*.map")
        shutil.copytree(core, self.root, ignore=skipped, symlinks=False)
        for name in ("mu-plugins", "plugins", "themes"):
            (self.content / name).mkdir(parents=True)
        self.mails.mkdir()
        shutil.copy(HERE / "wp-config.php", self.root)
        shutil.copy(HERE / "router.php", self.root)
        shutil.copy(HERE / "test-site.php", self.content / "mu-plugins")
        sendmail = self.folder / "sendmail"
        sendmail.write_text(f'#!/bin/sh\nexec cat > "{self.mails}/$(date +%s%N).$$"\n', encoding="utf-8")
        sendmail.chmod(0o755)

    def _words(self) -> list[str]:
        return ["php", "-d", f"sendmail_path={self.folder / 'sendmail'}", "-d", f"error_log={self.folder / 'php.log'}",
                "-d", "log_errors=1", "-d", "display_errors=0"]  # fmt: skip

    def _install(self) -> None:
        code = f"wp_install('Test', '{ADMIN[0]}', 'admin@site.test', true, '', '{ADMIN[1]}');"
        self.php(code, "define('WP_INSTALLING', true);", "require ABSPATH . 'wp-admin/includes/upgrade.php';")
        if not self.network:
            return
        code = (
            "foreach ( $wpdb->tables( 'ms_global' ) as $n => $t ) { $wpdb->$n = $t; } install_network();"
            f"$r = populate_network( 1, '127.0.0.1:{self.port}', 'admin@site.test', 'Net', '/', false );"
            "if ( is_wp_error( $r ) && 'no_wildcard_dns' !== $r->get_error_code() ) { echo $r->get_error_message(); }"
        )
        load = "require ABSPATH . 'wp-admin/includes/upgrade.php'; require ABSPATH . 'wp-admin/includes/network.php';"
        assert self.php(code, "", load) == ""
        self._environment["TEST_WP_NETWORK"] = "1"

    def start(self) -> None:
        """Start PHP's server."""
        with (self.folder / "server.log").open("ab") as out:
            self._process = subprocess.Popen(
                [*self._words(), "-S", f"127.0.0.1:{self.port}", "-t", str(self.root), str(self.root / "router.php")],
                stdout=out,
                stderr=out,
                env={**self._environment, "PHP_CLI_SERVER_WORKERS": "3"},
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError((self.folder / "server.log").read_text(errors="replace", encoding="utf-8"))

    def kill(self) -> None:
        """Kill PHP with all its workers, in whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """Kill it and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def php(self, code: str, before: str = "", after: str = "", *, url: str = "") -> str:
        """Run code inside WordPress and return what it prints; `url` chooses the site of a network."""
        host, _, path = (url or self.url).removeprefix("http://").partition("/")
        script = (
            f"<?php $_SERVER['HTTP_HOST'] = '{host}'; $_SERVER['REQUEST_URI'] = '/{path}';"
            "$_SERVER['REMOTE_ADDR'] = '127.0.0.1';"
            f"$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1'; {before} require '{self.root}/wp-load.php'; {after} {code}"
        )
        done = subprocess.run(
            [*self._words(), "/dev/stdin"], input=script, capture_output=True, encoding="utf-8", env=self._environment,
            timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sql(self, statement: str) -> list[Any]:
        """Run one statement in WordPress' database as its administrator."""
        return self.server.sql(statement.replace("%", "%%"), self.database)

    def add_blog(self, name: str) -> int:
        """Add a site to the network, at /name; returns its number."""
        domain = f"127.0.0.1:{self.port}"
        number = int(self.php(f"echo wpmu_create_blog( '{domain}', '/{name}/', '{name}', 1 );"))
        # WordPress takes the colon of the port out of the name
        self.sql(f"UPDATE wp_blogs SET domain = '{domain}' WHERE blog_id = {number}")
        url, where = f"{self.url}/{name}", "option_name IN ('siteurl', 'home')"
        self.sql(f"UPDATE wp_{number}_options SET option_value = '{url}' WHERE {where}")
        return number

    # -- what an administrator does -------------------------------------------------------------------------

    @property
    def plugin(self) -> Path:
        return self.content / "mu-plugins" / "syncer-queue.php"

    def logged_in(self) -> requests.Session:
        """Log in at the form, as a person does."""
        browser = requests.Session()
        browser.get(f"{self.url}/wp-login.php", timeout=PATIENCE)
        form = {"log": ADMIN[0], "pwd": ADMIN[1], "testcookie": "1", "redirect_to": f"{self.url}/wp-admin/"}
        browser.post(f"{self.url}/wp-login.php", data=form, timeout=PATIENCE, allow_redirects=False)
        assert any(name.startswith("wordpress_logged_in") for name in (cookie.name for cookie in browser.cookies))
        return browser

    def screen(self, blog: str = "") -> str:
        """Open Tools > Erase Personal Data and return its HTML."""
        page = self.browser.get(f"{self.url}{blog}/wp-admin/erase-personal-data.php", timeout=PATIENCE)
        assert page.status_code == 200, page.text[-500:]
        return page.text

    def create(self, address: str, *, mail: bool = True, blog: str = "") -> int:
        """Fill in the form for a new request; returns its id."""
        form = _form(self.screen(blog), "wp-privacy-request-form")
        form["username_or_email_for_privacy_request"] = address
        if mail:
            form["send_confirmation_email"] = "1"
        else:
            form.pop("send_confirmation_email", None)
        self._post(form, blog)
        return max(int(found) for found in re.findall(r'name="request_id\[\]" value="(\d+)"', self.screen(blog)))

    def confirm(self, request: int) -> None:
        """Open the link in the last mail, without being logged in."""
        found = re.findall(rf"http\S+confirmaction\S*request_id={request}\S*", self.last_mail())
        assert found, self.last_mail()
        answer = requests.get(html.unescape(found[-1]), timeout=PATIENCE)
        assert answer.status_code == 200, answer.text[-300:]

    def erase(self, request: int, blog: str = "") -> list[dict[str, Any]]:
        """Click "Erase personal data": what the screen's script calls, until an eraser fails. Returns the answers.

        The script goes on for ever with an eraser that is never done; here it is left after PAGES of its pages.
        """
        page = self.screen(blog)
        (found,) = re.findall(rf'data-erasers-count="(\d+)" data-request-id="{request}" data-nonce="(\w+)', page)[
            :1
        ] or [("", "")]
        assert found[0], "the request cannot be erased in the screen"
        answers: list[dict[str, Any]] = []
        for eraser in range(1, int(found[0]) + 1):
            for number in range(1, PAGES + 1):
                answers.append(self.call(request, found[1], eraser, number, blog))
                if not answers[-1]["success"]:
                    return answers
                if answers[-1]["data"]["done"]:
                    break
            else:
                return answers
        return answers

    def call(self, request: int, nonce: str, eraser: int = 1, page: int = 1, blog: str = "") -> dict[str, Any]:
        """Make one call of the screen's script; an answer that is not WordPress' own counts as a failure."""
        data = {"action": "wp-privacy-erase-personal-data", "eraser": eraser, "id": request, "page": page,
                "security": nonce}  # fmt: skip
        answer = self.browser.post(f"{self.url}{blog}/wp-admin/admin-ajax.php", data=data, timeout=PATIENCE)
        try:
            told: dict[str, Any] = dict(answer.json())
        except (ValueError, TypeError):
            return {"success": False, "data": f"HTTP {answer.status_code}"}
        return told

    def act(self, action: str, request: int, blog: str = "") -> None:
        """Use a row or bulk action: complete, resend or delete."""
        nonce = re.findall(r'name="_wpnonce" value="(\w+)"', self.screen(blog))[-1]
        self._post({"action": action, "request_id[]": str(request), "_wpnonce": nonce}, blog)

    def _post(self, form: dict[str, str], blog: str) -> None:
        done = self.browser.post(f"{self.url}{blog}/wp-admin/erase-personal-data.php", data=form, timeout=PATIENCE)
        assert done.status_code == 200, done.text[-500:]

    # -- what came of it ------------------------------------------------------------------------------------

    def last_mail(self) -> str:
        mails = sorted(self.mails.iterdir())
        return mails[-1].read_text(encoding="utf-8", errors="replace") if mails else ""

    def status(self, request: int, posts: str = "wp_posts") -> str | None:
        found = self.sql(f"SELECT post_status FROM {posts} WHERE ID = {request}")
        return str(found[0][0]) if found else None

    def queued(self, request: int, blog: int = 1) -> list[Any]:
        """Return (event_key, source, taken) of a request's rows in the queue."""
        return self.sql(
            f"SELECT event_key, source, taken_at IS NOT NULL FROM syncer_queue WHERE source_ref = '{blog}:{request}'"
            " ORDER BY id"
        )

    def log(self) -> str:
        file = self.folder / "php.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _form(page: str, css: str) -> dict[str, str]:
    (text,) = re.findall(rf'<form[^>]*class="{css}".*?</form>', page, re.DOTALL)
    fields = {}
    for tag in re.findall(r"<input[^>]+>", text):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            fields[name[1]] = html.unescape(value[1]) if value else ""
    return fields


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


CONFIRMED = ["confirmed"]
