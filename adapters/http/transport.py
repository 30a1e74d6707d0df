"""The one way out to HTTP: a pool of connections per destination, a real deadline, a size cap, no redirects.

Every failure leaves as an AdapterError without a cause: the texts of requests and urllib3 print the URL, and the
URL holds the person.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from adapters.contract import Step
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http.answer import Answer, common_failure, read_answer
from adapters.http.deadline import CallDeadlines, current
from adapters.http.evidence import Trail
from adapters.http.lock import OVERRIDES, READS, is_locked
from adapters.http.pacer import Pacer, Slots

if TYPE_CHECKING:
    import requests

    from adapters.http.connections import Received

Params = Iterable[tuple[str, str]]
#: (method, path, template for the evidence, scope, params, body) -> answer
Send = Callable[[str, str, str, str, Params, Any], Answer]


class Transport:
    """One destination's connections. Thread-safe.

    `base_url` comes from `check_base_url`; `headers` hold the credentials; at most `connections` calls are
    under way at one time. Times are in seconds, by the monotonic clock; `max_body` is in bytes. `ca_bundle` names a
    file of trusted certificates other than the usual ones. One that is made within `adapters.http.lock.reads_only` lets
    nothing out but reads.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        connections: int,
        pacer: Pacer | None = None,
        learn_gap: bool = False,
        connect_timeout: float = 10.0,
        total_timeout: float = 60.0,
        max_body: int = 1 << 20,
        ca_bundle: str | None = None,
    ) -> None:
        from adapters.http.connections import Wire  # slow to load, and most commands never call

        # urllib3 logs the path of every call at DEBUG, and that of an answer with odd headers at WARNING: the path
        # holds Mailchimp's MD5 of the address, the query string ActiveCampaign's plain one
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        self._base = base_url
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "list-syncer",
            **headers,
        }
        self._reads_only = is_locked()
        self._slots = Slots(connections, learns=learn_gap)
        self._pacer = pacer
        self._max_body = max_body
        self._authorities: bool | str = ca_bundle or True
        self._deadlines = CallDeadlines(total_timeout)
        self._wire = Wire(connections)
        self._timeout = (connect_timeout, total_timeout)

    @property
    def host(self) -> str:
        """The host that is called, as written in the settings."""
        return urlsplit(self._base).hostname or ""

    @property
    def slots(self) -> Slots:
        """The slots of this destination, with the gap learned."""
        return self._slots

    def call(
        self,
        trail: Trail,
        method: str,
        path: str,
        *,
        scope: str,
        template: str,
        params: Params = (),
        body: Any = None,
    ) -> Answer:
        """Make one call and leave its step on the trail, whatever comes of it.

        `path` comes encoded, `params` do not. Raises Transient `unreachable`, `timed_out`, `cut_off`, `unreadable`,
        `too_big`; Misconfigured `tls`, `clock`, `wrong_address`, `redirected`. Any other status is an Answer.
        Raises Permanent `shadow_write`, and leaves no step, for what is no read where only reads may go out.
        """
        self._require_read(method, body)
        trail.require_time()
        began = time.monotonic()
        answer: Answer | None = None
        try:
            with self._slots:
                answer = self._make(method, self._url(path, params), body)
                self._learn(answer)
        finally:
            ms = answer.ms if answer else round((time.monotonic() - began) * 1000)
            status, request_id = (answer.status, answer.request_id) if answer else (None, None)
            trail.add(Step(scope=scope, call=f"{method} {template}", status=status, request_id=request_id, ms=ms))
        if 300 <= answer.status < 400:
            raise common_failure(answer)
        if answer.status == 202 and method == "GET":
            # `not_yet` is kept for a person who was read and is still there
            raise Transient("unreadable", "HTTP 202 to a read, which answers nothing")
        return answer

    def sender(self, trail: Trail) -> Send:
        """Return `call` for the calls of one walk: each leaves its step on this trail."""

        def send(method: str, path: str, template: str, scope: str, params: Params, body: Any) -> Answer:
            return self.call(trail, method, path, scope=scope, template=template, params=params, body=body)

        return send

    def close(self) -> None:
        """Close the connections and end the thread of the deadlines. A later call opens both again."""
        self._wire.close()
        self._deadlines.close()

    def _require_read(self, method: str, body: Any) -> None:
        # before a slot is taken, a name looked up or a connection opened: there is nothing that could leave
        if not self._reads_only:
            return
        if method not in READS or body is not None or any(name.lower() in OVERRIDES for name in self._headers):
            raise Permanent("shadow_write", "the destination is in shadow mode, in which nothing but reads goes out")

    def _url(self, path: str, params: Params) -> str:
        query = "&".join(f"{quote(key, safe='')}={quote(value, safe='@')}" for key, value in params)
        return f"{self._base}{path}?{query}" if query else f"{self._base}{path}"

    def _learn(self, answer: Answer) -> None:
        if answer.status == 429:
            self._slots.refused()
            if self._pacer:
                self._pacer.refused()
        elif self._pacer:
            self._pacer.passed()

    def _make(self, method: str, url: str, body: Any) -> Answer:
        """Send the request; once more if it was a read on a kept-alive socket that the peer had closed."""
        from http.client import HTTPException

        from urllib3.exceptions import HTTPError

        from adapters.http.connections import StaleError, wire_failure

        failure: AdapterError = Transient("cut_off", "the connection was closed before an answer came")
        for repeats_left in (1, 0) if method == "GET" else (0,):
            if self._pacer:
                self._pacer.wait()
            deadline = self._deadlines.start()
            token = current.set(deadline)
            try:
                return self._exchange(method, url, body)
            except StaleError:
                if repeats_left:
                    continue
            except (AdapterError, HTTPError, OSError, HTTPException, ValueError) as error:
                failure = wire_failure(error, deadline)
            finally:
                current.reset(token)
                deadline.finish()
            break
        failure.__context__ = None  # not even a debugger's traceback shows the URL
        raise failure.with_traceback(None)

    def _exchange(self, method: str, url: str, body: Any) -> Answer:
        from requests import PreparedRequest

        # A PreparedRequest made by hand: requests would parse, encode and guess again what is fixed here.
        request = PreparedRequest()
        request.method, request.url = method, url
        headers = self._headers.copy()
        if body is not None:
            request.body = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
            headers["Content-Length"] = str(len(request.body))
        elif method != "GET":
            headers["Content-Length"] = "0"
        request.headers = cast(Any, headers)  # written in one case each, so a plain dict does
        began = time.monotonic()
        # Without a Session: it would take proxies and ~/.netrc for our credentials, keep cookies, and read the whole
        # body of a redirect, without a cap, before it asks whether to follow.
        response = self._wire.send(request, stream=True, timeout=self._timeout, verify=self._authorities, proxies={})
        payload = self._read(response)
        return read_answer(response.status_code, response.headers, payload, round((time.monotonic() - began) * 1000))

    def _read(self, response: requests.Response | Received) -> bytes:
        """Read the body, never more than the cap; the connection goes back only if it was read to its end."""
        raw, payload, whole = response.raw, bytearray(), False
        try:
            if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
                raise Transient("unreadable", "an encoded body, though identity was asked for")
            if response.status_code == 204:
                # a 204 has no body; if one is announced the next answer on this socket would begin with it
                whole = response.headers.get("Content-Length", "0") == "0" and (
                    "Transfer-Encoding" not in response.headers
                )
                return b""
            for part in raw.stream(65536, decode_content=False):
                payload += part
                if len(payload) > self._max_body:
                    raise Transient("too_big", f"more than {self._max_body} bytes")
            deadline = current.get()
            if deadline is not None and deadline.cut:  # without a Content-Length a cut looks like the end
                raise Transient("timed_out", "no whole answer within the deadline")
            whole = True
            return bytes(payload)
        finally:
            if not whole:
                raw.close()
            raw.release_conn()
