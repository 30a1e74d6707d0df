"""Faults on demand: what can go wrong between a provider and us, each as a value that a test pushes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Log in</title></head><body><form></form></body></html>"
EDGE_PAGE = "<html><head><title>Request Blocked</title></head><body>Reference Number: 18.2f</body></html>"


@dataclass
class Fault:
    """One thing that goes wrong, `times` times (None: until cleared), where path and method fit.

    `kind` says how: answer (with status, body, headers), reset, close, cut, drip, drip_headers, delay, stale,
    redirect, login_page, endless, overlong, gzip, empty_200. `after_effect` lets the call be obeyed first. `delay`
    is in seconds. `above` lets it strike only where a parameter of the query is a number above a bound.
    """

    status: int | None = None
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str | None = None
    kind: str = "answer"
    after_effect: bool = False
    delay: float = 0.0
    path: str | None = None
    method: str | None = None
    times: int | None = 1
    above: Mapping[str, int] = field(default_factory=dict)

    def fits(self, method: str, path: str, query: Mapping[str, str]) -> bool:
        """Say whether the fault strikes this request."""
        if self.times == 0 or (self.method is not None and self.method != method):
            return False
        if self.above and not any(_number(query.get(name)) > bound for name, bound in self.above.items()):
            return False
        return self.path is None or re.search(self.path, path) is not None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _answer(status: int, **more: Any) -> Callable[[], Fault]:
    return lambda: Fault(status=status, **more)


def _kind(kind: str, **more: Any) -> Callable[[], Fault]:
    return lambda: Fault(kind=kind, **more)


_HTML = {"content_type": "text/html; charset=utf-8"}

#: every fault by name, for tests that switch each on in turn
FAULTS: dict[str, Callable[[], Fault]] = {
    "status_429_bodiless": _answer(429, body=""),
    "status_429_retry_after": _answer(429, body="", headers={"Retry-After": "2"}),
    "status_429_garbage_retry_after": _answer(429, body="", headers={"Retry-After": "soon"}),
    "status_503_bodiless": _answer(503, body=""),
    "status_503_html": _answer(503, body=EDGE_PAGE, **_HTML),
    "status_500_html": _answer(500, body="<html>error</html>", **_HTML),
    "status_500_bodiless": _answer(500, body=""),
    "status_502_html": _answer(502, body="<html>bad gateway</html>", **_HTML),
    "status_504_after_effect": _answer(504, body="<html>time-out</html>", after_effect=True, **_HTML),
    "status_403_html": _answer(403, body=EDGE_PAGE, **_HTML),
    "status_403_bodiless": _answer(403, body=""),
    "status_401": _answer(401, body='{"title":"API Key Invalid","status":401}', content_type="application/json"),
    "status_404_html": _answer(404, body="<html>not found</html>", **_HTML),
    "status_404_bodiless": _answer(404, body=""),
    "status_202": _answer(202, body=""),
    "status_204_bodiless": _answer(204, body=""),
    "ok_but_nothing": _answer(200, body="{}", content_type="application/json"),
    "ok_with_error_inside": _answer(200, body='{"error":"failed"}', content_type="application/json"),
    "broken_json": _answer(200, body='{"contacts":[', content_type="application/json"),
    "reset_before": _kind("reset"),
    "reset_after": _kind("reset", after_effect=True),
    "close": _kind("close"),
    "close_after": _kind("close", after_effect=True),
    "cut": _kind("cut"),
    "cut_after": _kind("cut", after_effect=True),
    "redirect_302": _kind("redirect"),
    "login_page": _kind("login_page"),
    "empty_200": _kind("empty_200"),
    "gzip": _kind("gzip"),
    "endless": _kind("endless"),
    "delay": _kind("delay", delay=0.3),
    "stale_read": _kind("stale"),
}


def _page(**how: Any) -> Callable[[int], Fault]:
    return lambda bound: Fault(above={"count": bound, "limit": bound}, times=None, **how)


#: how pages of more than so many rows fail while smaller ones work, by name (python-mailchimp#208: 504;
#: MailChimp.Net#110: 500), for as long as the fault is not cleared
PAGE_FAULTS: dict[str, Callable[[int], Fault]] = {
    "page_504_html": _page(status=504, body="<html><h1>504 Gateway Time-out</h1></html>", **_HTML),
    "page_500_html": _page(status=500, body="<html>error</html>", **_HTML),
    "page_500_bodiless": _page(status=500, body=""),
    "page_overlong": _page(kind="overlong", after_effect=True),
    "page_close": _page(kind="close"),
    "page_reset": _page(kind="reset"),
    "page_late": _page(kind="delay", delay=5.0),
}
