"""Requests and replies of the sandbox as values, and what answers them."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived, with the status it was answered with (None: the connection was broken)."""

    method: str
    path: str
    query: dict[str, str]
    status: int | None
    headers: dict[str, str]


@dataclass(frozen=True)
class Request:
    """One parsed request; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON, or None where it is not JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            return None

    def fields(self, name: str | None = None) -> dict[str, Any]:
        """Return the object that the body is, or that it holds under this name; {} where there is none."""
        found = self.json()
        if name is not None:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Reply:
    """One answer; `content_type` None sends no such header."""

    status: int
    body: bytes = b""
    content_type: str | None = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def as_json(status: int, content: Any, content_type: str = "application/json; charset=utf-8") -> Reply:
    """Return a JSON answer."""
    return Reply(status, json.dumps(content, separators=(",", ":")).encode(), content_type)


class Responder(Protocol):
    """What a fault needs of the server that it strikes."""

    def record(self, request: Request, status: int | None) -> None:
        """Keep what was asked and how it was answered (None: the connection was broken)."""

    def send(self, request: Request, reply: Reply, connection: socket.socket) -> bool:
        """Answer as it should be and say whether the connection lives on."""

    def wire(self, reply: Reply, length: int | None = None) -> bytes:
        """Return the bytes of an answer; `length` may lie about its body."""
