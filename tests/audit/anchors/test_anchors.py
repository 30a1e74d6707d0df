"""Every kind of anchor over real sockets: what arrives there, and half a sentence for each way it can fail."""

from __future__ import annotations

import base64
import json
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from syncer.app import App, load_settings
from syncer.audit.anchors.email import Email
from syncer.audit.anchors.folder import Folder
from syncer.audit.anchors.objects import Objects, signed
from syncer.audit.anchors.place import AnchorError
from syncer.audit.anchors.syslog import Syslog
from syncer.audit.anchors.timestamp import Timestamp
from syncer.audit.offline.notes import Checkpoint, Signer, open_note
from syncer.audit.proof.carrier import Target, targets
from syncer.audit.proof.notary import Notary
from syncer.audit.proof.rollback import Rollback
from syncer.errors import SettingsProblem
from syncer.settings.anchors import EmailAnchor, ObjectAnchor, SyslogAnchor, TimestampAnchor
from tests.conftest import Clock

SIGNER = Signer("example.org/syncer", b"\x02" * 32)
CHECKPOINT = Checkpoint("example.org/syncer", 5, bytes(range(32)))
NOTE = SIGNER.sign(CHECKPOINT.text())
NAME = "example.org_syncer-000000000005"


# -- folder -------------------------------------------------------------------------------------------------


def test_a_folder_gets_a_file_for_each_note(tmp_path: Path) -> None:
    place = Folder(tmp_path / "new" / "folder").publish(CHECKPOINT, NOTE)

    assert place.endswith(f"{NAME}.note")
    assert Path(place).read_text(encoding="utf-8") == NOTE
    assert [path.name for path in Path(place).parent.iterdir()] == [f"{NAME}.note"]  # nothing half-written beside it


def test_a_folder_that_cannot_be_written_is_one_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AnchorError, match="cannot be written"):
        Folder(tmp_path / "file").publish(CHECKPOINT, NOTE)


# -- syslog -------------------------------------------------------------------------------------------------


def noted(line: bytes) -> str:
    return base64.b64decode(line.rpartition(b"note=")[2].strip()).decode()


def test_the_journal_gets_the_whole_note_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(path))
        journal.settimeout(10)
        Syslog(SyslogAnchor(kind="syslog", socket=path)).publish(CHECKPOINT, NOTE)
        line = journal.recv(65536)

    assert line.startswith(b"<29>syncer: checkpoint origin=example.org/syncer size=5 root=000102")
    assert open_note(noted(line), [SIGNER.verifier]) == CHECKPOINT.text()


def test_a_syslog_host_gets_it_over_udp_and_tcp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        anchor = SyslogAnchor(kind="syslog", host="127.0.0.1", port=server.getsockname()[1])
        Syslog(anchor).publish(CHECKPOINT, NOTE)
        assert noted(server.recv(65536)) == NOTE
    with socket.create_server(("127.0.0.1", 0)) as listener:
        anchor = SyslogAnchor(kind="syslog", host="127.0.0.1", port=listener.getsockname()[1], protocol="tcp")
        Syslog(anchor).publish(CHECKPOINT, NOTE)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            assert noted(connection.makefile("rb").readline()) == NOTE


def test_a_syslog_that_is_not_there_is_one_reason(tmp_path: Path) -> None:
    with pytest.raises(AnchorError, match="did not accept the note"):
        Syslog(SyslogAnchor(kind="syslog", socket=tmp_path / "none")).publish(CHECKPOINT, NOTE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(AnchorError, match="did not accept the note"):
        Syslog(SyslogAnchor(kind="syslog", host="127.0.0.1", port=port, protocol="tcp")).publish(CHECKPOINT, NOTE)


# -- mail ---------------------------------------------------------------------------------------------------


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        self.wfile.write(b"220 here\r\n")
        data = False
        for raw in self.rfile:
            line = raw.strip().upper()
            if data:
                if raw == b".\r\n":
                    data = False
                    self.wfile.write(b"250 taken\r\n")
                else:
                    server.mail += raw
            elif line.startswith(b"DATA"):
                data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.startswith(b"QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            elif line.startswith(b"RCPT") and server.refuse:
                self.wfile.write(b"550 no such user\r\n")
            else:
                self.wfile.write(b"250 fine\r\n")


@contextmanager
def smtp(*, refuse: bool = False) -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.mail, server.refuse = b"", refuse  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def mail(port: int, **more: Any) -> Email:
    settings = {"kind": "email", "to": "dpo@site.test", "sender": "log@site.test", "host": "127.0.0.1", "port": port}
    return Email(EmailAnchor.read(settings | more), "settings.toml: [anchors.dpo]")


def test_a_mail_carries_the_note_in_its_text_and_as_a_file() -> None:
    with smtp() as server:
        mail(server.server_address[1]).publish(CHECKPOINT, NOTE)
        message = message_from_bytes(server.mail, policy=default)

    assert message["Subject"] == "syncer checkpoint example.org/syncer 5"
    body = message.get_body()
    assert body is not None
    assert NOTE in body.get_content().replace("\r\n", "\n")
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == f"{NAME}.note"
    assert attached.get_content() == NOTE.encode()


def test_mail_that_is_refused_or_has_no_server_is_one_reason() -> None:
    with smtp(refuse=True) as server:
        port = server.server_address[1]
        with pytest.raises(AnchorError, match=r"refused the recipient \(550\)"):
            mail(port).publish(CHECKPOINT, NOTE)
    with pytest.raises(AnchorError, match="did not accept the mail"):
        mail(port).publish(CHECKPOINT, NOTE)


def test_a_missing_password_is_named_with_its_remedy() -> None:
    with pytest.raises(SettingsProblem, match="NOT_THERE is not set; export it"):
        mail(25, user="log", password_env="NOT_THERE", tls="starttls")


# -- object store -------------------------------------------------------------------------------------------


class _Web(BaseHTTPRequestHandler):
    def _take(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.seen.append((self.command, self.path, dict(self.headers), body))
        status, answer = server.answer(body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        if status in (301, 307):
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST = _take

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def web(answer: Any) -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        server.answer, server.seen = answer, []  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def objects(url: str, **more: Any) -> Objects:
    return Objects(ObjectAnchor.read({"kind": "object", "url": url} | more), "settings.toml: [anchors.s3]")


def test_an_object_is_put_under_its_name_with_a_lock_and_a_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET", "made-up")
    with web(lambda body: (200, b"")) as server:
        store = objects(f"{server.url}/bucket", lock_days=3650, access_key="AKEXAMPLE", secret_env="STORE_SECRET")
        place = store.publish(CHECKPOINT, NOTE)
        ((method, path, headers, body),) = server.seen

    assert (method, path, body) == ("PUT", f"/bucket/{NAME}.note", NOTE.encode())
    assert place.endswith(path)
    assert headers["x-amz-object-lock-mode"] == "COMPLIANCE"
    until = datetime.strptime(headers["x-amz-object-lock-retain-until-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs(until - datetime.now(UTC) - timedelta(days=3650)) < timedelta(minutes=5)
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKEXAMPLE/")
    assert "x-amz-object-lock-mode" in headers["Authorization"]
    assert "made-up" not in json.dumps(headers)


def test_without_an_access_key_the_secret_is_a_bearer_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET", "made-up")
    with web(lambda body: (201, b"")) as server:
        objects(server.url, secret_env="STORE_SECRET").publish(CHECKPOINT, NOTE)
        assert server.seen[0][2]["Authorization"] == "Bearer made-up"
        assert "x-amz-object-lock-mode" not in server.seen[0][2]


@pytest.mark.parametrize("status", [301, 307, 403, 404, 500, 202])
def test_anything_but_stored_is_a_failure_and_no_redirect_is_followed(status: int) -> None:
    with web(lambda body: (status, b"")) as server:
        with pytest.raises(AnchorError, match=f"HTTP {status}"):
            objects(server.url).publish(CHECKPOINT, NOTE)
        assert len(server.seen) == 1


def test_the_signature_follows_the_published_example() -> None:
    # Amazon S3 API reference, "Examples: Signature Calculations", PUT Object
    headers = {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    signed_headers = signed(
        "PUT", "https://examplebucket.s3.amazonaws.com/test%24file.text", headers, b"Welcome to Amazon S3.",
        "us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        datetime(2013, 5, 24, tzinfo=UTC),
    )  # fmt: skip

    assert signed_headers["Authorization"].endswith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


# -- time stamps --------------------------------------------------------------------------------------------

TSA = """
[ tsa ]
default_tsa = one
[ one ]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def openssl(*words: str, folder: Path, given: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *words], cwd=folder, input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root and a time stamping certificate under it, for `openssl ts`."""
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "tsa.cnf").write_text(TSA.format(folder=folder), encoding="utf-8")
    (folder / "serial").write_text("01\n", encoding="utf-8")
    (folder / "ext").write_text(
        "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n", encoding="utf-8"
    )
    for name in ("root", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-days", "30", "-subj", f"/CN={name} CA", "-addext", "basicConstraints=critical,CA:TRUE",
                folder=folder)  # fmt: skip
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa",
            folder=folder)  # fmt: skip
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out",
            "tsa.pem", "-days", "30", "-extfile", "ext", folder=folder)  # fmt: skip
    return folder


def responder(authority: Path) -> Any:
    def answer(query: bytes) -> tuple[int, bytes]:
        (authority / "query").write_bytes(query)
        words = ["-config", "tsa.cnf", "-queryfile", "query", "-inkey", "tsa.key", "-signer", "tsa.pem"]
        return 200, openssl("ts", "-reply", *words, folder=authority)

    return answer


def stamper(url: str, state: Path, root: Path | None = None) -> Timestamp:
    return Timestamp(TimestampAnchor(kind="timestamp", url=url, root_file=root), state)


@pytest.mark.slow
def test_a_time_stamp_is_kept_beside_the_notes_and_openssl_verifies_it(authority: Path, tmp_path: Path) -> None:
    with web(responder(authority)) as server:
        place = stamper(server.url, tmp_path, authority / "root.pem").publish(CHECKPOINT, NOTE)
        assert server.seen[0][2]["Content-Type"] == "application/timestamp-query"

    assert place.endswith(f"{NAME}.tsr")
    (tmp_path / "note").write_text(NOTE, encoding="utf-8")
    output = openssl("ts", "-verify", "-data", str(tmp_path / "note"), "-in", place, "-CAfile", "root.pem",
                   folder=authority)  # fmt: skip
    assert b"OK" in output
    (tmp_path / "note").write_text(NOTE.replace("5", "6", 1), encoding="utf-8")
    words = ["openssl", "ts", "-verify", "-data", str(tmp_path / "note"), "-in", place, "-CAfile"]
    assert subprocess.run([*words, str(authority / "root.pem")], capture_output=True, check=False).returncode != 0


def test_a_time_stamp_of_another_root_does_not_count(authority: Path, tmp_path: Path) -> None:
    with web(responder(authority)) as server, pytest.raises(AnchorError, match="is not valid"):
        stamper(server.url, tmp_path, authority / "other.pem").publish(CHECKPOINT, NOTE)
    assert list(tmp_path.iterdir()) == []


def test_an_old_answer_given_again_does_not_count(authority: Path, tmp_path: Path) -> None:
    answers: list[tuple[int, bytes]] = []

    def again(query: bytes) -> tuple[int, bytes]:
        answers.append(answers[0] if answers else responder(authority)(query))
        return answers[-1]

    with web(again) as server:
        stamper(server.url, tmp_path).publish(CHECKPOINT, NOTE)
        with pytest.raises(AnchorError, match="stamped something else"):
            stamper(server.url, tmp_path).publish(CHECKPOINT, NOTE)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(200, b""), (200, b"<html>"), (500, b""), (200, os.urandom(400)), (302, b""), (200, b"0" * 400_000)],
)
def test_anything_but_a_time_stamp_is_a_failure(status: int, answer: bytes, tmp_path: Path) -> None:
    with web(lambda query: (status, answer)) as server, pytest.raises(AnchorError):
        stamper(server.url, tmp_path).publish(CHECKPOINT, NOTE)


# -- settings -----------------------------------------------------------------------------------------------

GOOD = """
[deadlines]
timezone = "Europe/Berlin"
[checkpoints]
origin = "example.org/syncer"
[anchors.share]
kind = "folder"
path = "share"
[anchors.journal]
kind = "syslog"
[anchors.dpo]
kind = "email"
to = "dpo@site.test"
sender = "log@site.test"
[anchors.s3]
kind = "object"
url = "https://s3.site.test/bucket"
[anchors.tsa]
kind = "timestamp"
url = "http://tsa.site.test"
"""


def settings(folder: Path, text: str) -> Any:
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "settings.toml")


def test_every_kind_can_be_configured_and_overridden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCER_ANCHORS__DPO__HOST", "mail.site.test")
    monkeypatch.setenv("SYNCER_CHECKPOINTS__EVERY_MINUTES", "30")

    loaded = settings(tmp_path, GOOD)

    assert [anchor.kind for anchor in loaded.anchors.values()] == ["folder", "syslog", "email", "object", "timestamp"]
    assert loaded.anchors["share"].path == tmp_path / "share"
    assert loaded.anchors["dpo"].host == "mail.site.test"
    assert loaded.checkpoints.every_minutes == 30
    assert loaded.checkpoints.folder == tmp_path / "checkpoints"
    assert "dpo@" not in repr(loaded)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('kind = "folder"', 'kind = "pigeon"'), "[anchors.share]: kind is missing or not known; use folder, syslog"),
        (('path = "share"', 'paht = "share"'), "[anchors.share] paht: unknown key; known here: kind, path"),
        (('path = "share"', ""), "[anchors.share] path: missing; add it"),
        (("[anchors.share]", "[anchors.folder]"), "is the state folder"),
        (("[anchors.share]", '[anchors."A B"]'), "lower-case letters"),
        (("https://s3", "http://s3"), "[anchors.s3]: url must be https"),
        (("https://s3", "https://me:pw@s3"), "[anchors.s3]: url must be https"),
        (('url = "https', 'access_key = "a"\nurl = "https'), "access_key needs secret_env or secret_file"),
        (('sender = "log', 'user = "u"\nsender = "log'), "a user needs password_env"),
        (('sender = "log', 'user = "u"\npassword_env = "P"\nsender = "log'), 'tls = "starttls"'),
        (('origin = "example.org', 'origin = "exam ple.org'), "[checkpoints] origin: must be a name like"),
        (("[checkpoints]", "[retention]\naudit_months = 1\n[checkpoints]"), "[retention] audit_months"),
        (("[anchors.share]\n", "[anchors]\nx = 1\n[anchors.share]\n"), "[anchors.x]"),
    ],
    ids=range(13),
)
def test_a_mistake_about_anchors_is_one_line(tmp_path: Path, change: tuple[str, str], expected: str) -> None:
    with pytest.raises(SettingsProblem) as caught:
        settings(tmp_path, GOOD.replace(*change))

    assert any(expected in line for line in caught.value.problems), caught.value.problems
    assert "pw" not in str(caught.value)


def test_the_state_folder_lies_beside_the_database(tmp_path: Path) -> None:
    text = GOOD + f'[database]\nurl = "sqlite:///{tmp_path}/var/syncer.db"\n'

    assert settings(tmp_path, text).checkpoints.folder == tmp_path / "var" / "checkpoints"


# -- together -----------------------------------------------------------------------------------------------


class _Scripted:
    """A place that fails as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.got: list[int] = []

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        if self.failures:
            self.failures -= 1
            raise AnchorError("the place is closed")
        self.got.append(checkpoint.size)
        return "there"


def notary_at(app: App, folder: Path, places: list[Target], host: str) -> Notary:
    rollback = Rollback(app.checkpoints, app.origins, folder)
    everywhere = [*targets({}, folder, app.checkpoints.schedule.every, host), *places]
    return Notary(app.engine, app.tables, app.checkpoints, app.origins, rollback, everywhere, app.clock)


@pytest.mark.slow
def test_each_anchor_goes_at_its_own_pace_and_catches_up(app: Any, clock: Clock, tmp_path: Path) -> None:
    hourly, daily, shaky = _Scripted(0), _Scripted(0), _Scripted(3)
    hour, day = timedelta(hours=1), timedelta(hours=24)
    places = [
        Target("hourly", "object", "", hour, lambda: hourly),
        Target("daily", "email", "", day, lambda: daily),
        Target("shaky", "object", "", hour, lambda: shaky),
    ]
    notary = notary_at(app, tmp_path / "state", places, "here")
    with app.transactions.write() as tx:
        tx.audit.add("operator:looked_up", facts={"events": 0})
    for _ in range(26):
        notary.tick()
        clock.advance(hours=1)

    assert hourly.got == list(range(2, 28))
    assert daily.got == [2, 26]
    assert shaky.got == list(range(5, 28))
    assert {item.level for item in notary.standing().anchors} == {"ok"}


def test_two_daemons_do_not_mail_twice(app: Any, clock: Clock, tmp_path: Path) -> None:
    place = _Scripted(0)
    places = [Target("dpo", "email", "", timedelta(hours=24), lambda: place)]
    one = notary_at(app, tmp_path / "one", places, "one")
    two = notary_at(app, tmp_path / "two", places, "two")
    with app.transactions.write() as tx:
        tx.audit.add("operator:looked_up", facts={"events": 0})

    one.tick()
    two.tick()

    assert place.got == [2]
    assert [len(list((tmp_path / name).iterdir())) for name in ("one", "two")] == [1, 1]


def test_two_hosts_of_one_name_each_get_their_notes_into_their_own_state_folder(
    app: Any, clock: Clock, tmp_path: Path
) -> None:
    one, other = (notary_at(app, tmp_path / name, [], "web") for name in ("one", "other"))

    for _ in range(2):
        with app.transactions.write() as tx:
            tx.audit.add("daemon:started")
        one.make()
        other.publish()
        clock.advance(hours=1)

    kept = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("one", "other")]
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2
