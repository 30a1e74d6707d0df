"""What waitress reads from a connection and writes to it, where ours is stricter than its own.

It takes the place of nothing that waitress checks; it refuses what two programs in a row could read differently, and
lets no client hold a connection by sending a little now and then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import ErrorTask
from werkzeug.wrappers import Response

from syncer.console.plain import plain_page
from syncer.language.texts import _

#: requests that are answered at one time; the pool of the database has more connections than that
THREADS = 6
#: seconds from the first byte of a request to its last, whoever sends it; and seconds that a connection may be silent
SLOWEST, SILENT = 20.0, 20
#: seconds for which nobody may take a byte of an answer, and in which the whole of it is to be taken
UNREAD, LONGEST_ANSWER = 60.0, 900.0
#: bytes of a request's body and of its head
LONGEST_BODY, LONGEST_HEAD = 65_536, 16_384
#: connections at one time
MOST = 100


def make_wire(front: Any, sock: Any, scheme: str, headers: Mapping[str, str]) -> Any:
    """Return waitress' server, which answers with `front` on a bound socket; `headers` are in what it says itself."""
    # it names paths and says each time that all threads are busy, which a stranger could make it do without end
    for name in ("waitress", "waitress.queue"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    server = create_server(
        front,
        sockets=[sock],
        threads=THREADS,
        max_request_body_size=LONGEST_BODY,
        max_request_header_size=LONGEST_HEAD,
        channel_timeout=SILENT,
        cleanup_interval=5,
        connection_limit=MOST,
        ident=None,
        url_scheme=scheme,
        log_socket_errors=False,
        # `Front` does both: here only one proxy can be trusted, and its headers vanish with all others
        clear_untrusted_proxy_headers=False,
    )
    server.channel_class = type("_OurChannel", (_Channel,), {"own_headers": dict(headers)})
    return server


def cut_unread(server: Any) -> None:
    """End the connections whose clients leave an answer unread: each holds a thread, and waitress waits for ever.

    To be called by the thread of the server, between two looks at its connections.
    """
    now = time.monotonic()
    for channel in list(server.active_channels.values()):
        if channel.is_left_unread(now):
            channel.handle_close()


class _Parser(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """A request whose length and host are said once: two programs in a row may believe different ones of two."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head. Raises ParsingError."""
        super().parse_header(header_plus)
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            raise ParsingError("two lengths")  # the first: of HTTP/1.0, which has none
        # whoever asks to go on without anything to send, or with too much, would be asked to, and waited for
        self.expect_continue &= self.chunked or 0 < self.content_length < self.adj.max_request_body_size
        if self.proxy_netloc:
            self.headers["HOST"] = self.proxy_netloc  # RFC 9112, section 3.2.2: it counts, and is checked as such


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """What is said of a request that cannot be read: in our words, with our headers, and with nothing of it."""

    def execute(self) -> None:
        """Write the answer."""
        answer = _said(self.request.error.code)
        self.status = answer.status
        self.response_headers += [*answer.headers, *self.channel.own_headers.items()]
        self.set_close_on_finish()
        self.content_length = len(answer.data)
        self.write(answer.data)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection. What a client sends byte by byte to hold it ends it."""

    parser_class = _Parser
    error_task_class = _ErrorTask
    own_headers: Mapping[str, str]
    _began: float | None = None
    _answered_since: float | None = None
    _took: tuple[float, float] = (0.0, 0.0)

    def is_left_unread(self, now: float) -> bool:
        """Say whether an answer waits for a client that takes nothing of it, or not in the end; `now` is monotonic."""
        if not self.total_outbufs_len:
            self._answered_since = None
            return False
        if self._answered_since is None:
            self._answered_since, self._took = now, (self.last_activity, now)
        if self.last_activity != self._took[0]:
            self._took = self.last_activity, now
        return now - self._took[1] > UNREAD or now - self._answered_since > LONGEST_ANSWER

    def handle_read(self) -> None:
        """Read what came, and close the connection once a request has been under way for too long."""
        if self._began is None:
            self._began = time.monotonic()
        super().handle_read()
        if self.request is None:
            self._began = None
        elif time.monotonic() - self._began > SLOWEST:
            self.handle_close()


def _said(code: int) -> Response:
    if code == 500:  # what failed is in the log already
        return plain_page(code, _("Something went wrong here"), _("It was noted, and nothing of it is shown."))
    if code in (413, 431):
        return plain_page(code, _("This is too long"), _("Nothing was changed."))
    return plain_page(code, _("This request cannot be understood"), _("Go back and try it again; nothing was changed."))
