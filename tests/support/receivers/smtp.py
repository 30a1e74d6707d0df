"""A mail server on loopback, as far as a mail needs it; it can refuse, greylist, hang, and say no farewell."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class Mailbox(socketserver.ThreadingTCPServer):
    """Keeps what was accepted. `refusals` are answered to as many RCPT, one each; `after_data` to DATA's end."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.over = threading.Event()
        self.raw: list[bytes] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.refusals: list[bytes] = []
        self.hangs = False
        self.hangs_at_quit = False
        self.farewell = b"221 bye"
        self.visits = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def mails(self) -> list[EmailMessage]:
        return [message_from_bytes(raw.replace(b"\r\n", b"\n"), policy=policy.default) for raw in self.raw]  # type: ignore[misc]


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self.server.visits += 1
        if self.server.hangs:
            self.server.over.wait(60)
            return
        with contextlib.suppress(OSError):
            self._say(b"220 mailbox.test ready")
            self._talk()

    def _talk(self) -> None:
        sender, recipients = "", list[str]()
        while line := self.rfile.readline(1000):
            verb = line[:4].upper()
            if verb in (b"EHLO", b"HELO"):
                self.wfile.write(b"250-mailbox.test\r\n250 8BITMIME\r\n")
            elif verb == b"MAIL":
                sender, recipients = line[10:].decode().partition(">")[0].strip("<"), []
                self._say(b"250 fine")
            elif verb == b"RCPT":
                if self.server.refusals:
                    self._say(self.server.refusals.pop(0))
                else:
                    recipients.append(line[8:].decode().strip().strip("<>"))
                    self._say(b"250 fine")
            elif verb == b"DATA":
                self._say(b"354 go on")
                self.server.raw.append(self._content())
                self.server.envelopes.append((sender, recipients))
                self._say(b"250 taken")
            elif verb == b"QUIT":
                if self.server.hangs_at_quit:
                    self.server.over.wait(60)
                self._say(self.server.farewell)
                return
            else:
                self._say(b"250 fine")

    def _content(self) -> bytes:
        lines = []
        while (line := self.rfile.readline(1_000_000)) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Serve one on a port of loopback."""
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
