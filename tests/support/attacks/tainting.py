"""A provider that writes into the texts of its answers what it should not: the person, their hash, markup, 20 kB."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.messages import Reply, Request

CANARY = "canary.seven@mailbox.test"
MD5 = hashlib.md5(CANARY.encode(), usedforsecurity=False).hexdigest()
MARKUP = "<script>alert(1)</script>\x1b]0;title\x07\x1b[2J\u202e"
#: what a text of an answer may be
TEXTS = {
    "address": CANARY,
    "hash": MD5,
    "markup": MARKUP,
    "all of it": f"{CANARY} {MD5} {MARKUP} " + "A" * 20_000,
}
#: what must be found nowhere
TRACES = (CANARY, "canary.seven", MD5, MD5.upper(), "<script", "\x1b", "\\u001b", "\u202e", "A" * 1200)


def traces_in(text: str) -> list[str]:
    """Return what of the canary stands in a text."""
    return [trace[:30] for trace in TRACES if trace in text]


def taint(
    sandbox: MailchimpSandbox | ActiveCampaignSandbox, text: str, chosen: Callable[[str], bool]
) -> Callable[[], None]:
    """Let the values of the keys that are chosen be this text in every answer; return what ends that.

    The id of every answer is the text too, in a header.
    """
    handle, wire = sandbox.handle, sandbox.wire

    def tainted(request: Request) -> Reply:
        reply = handle(request)
        try:
            body = json.loads(reply.body)
        except ValueError:
            return reply
        return replace(reply, body=json.dumps(_tainted(body, text, chosen, "")).encode())

    def signed(reply: Reply, length: int | None = None) -> bytes:
        head, _, body = wire(reply, length).partition(b"\r\n\r\n")
        plain = text[:2000].encode("ascii", "replace").replace(b"\x1b", b"?").replace(b"\x07", b"?")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"x-request-id", b"cf-ray"))]
        return b"\r\n".join([*lines, b"X-Request-Id: " + plain, b"CF-Ray: " + plain]) + b"\r\n\r\n" + body

    sandbox.handle, sandbox.wire = tainted, signed  # type: ignore[method-assign]

    def end() -> None:
        sandbox.handle, sandbox.wire = handle, wire  # type: ignore[method-assign]

    return end


def _tainted(value: Any, text: str, chosen: Callable[[str], bool], key: str) -> Any:
    if isinstance(value, dict):
        return {name: _tainted(part, text, chosen, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_tainted(part, text, chosen, key) for part in value]
    return text if isinstance(value, str) and chosen(key) else value


def keys_of(value: Any) -> Collection[str]:
    """Return the keys under which texts stand in an answer, at any depth."""
    if isinstance(value, dict):
        own = {name for name, part in value.items() if isinstance(part, str)}
        return own.union(*(keys_of(part) for part in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(keys_of(part) for part in value))
    return set()
