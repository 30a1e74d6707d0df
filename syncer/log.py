"""Logs: dotted events with allow-listed fields, JSON lines without a terminal; no personal data by design."""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

LONGEST = 300
ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "lane", "destination", "delivery", "event_id", "state", "code",
        "attempt", "count", "seconds", "ms", "status", "owner", "fence", "port", "path", "reason", "version", "job",
        "error", "phase", "exception", "dropped",
    }
)  # fmt: skip
_ADDRESS = re.compile(r"[^\s\"'<>]+@[^\s\"'<>]+")
_HASH = re.compile(r"(?<![0-9a-fA-F-])[0-9a-fA-F]{32}(?![0-9a-fA-F-])")
Event = MutableMapping[str, Any]


def get_logger(name: str) -> Any:
    """Return a logger; its events are dotted names, its fields stand in ALLOWED."""
    return structlog.get_logger(name).bind(logger=name)


def configure(level: str, stream: TextIO | None = None, json: bool | None = None) -> None:
    """Send structlog's and the standard library's records through one pipe to `stream` (default stderr)."""
    out = stream or sys.stderr
    as_json = not out.isatty() if json is None else json
    number = getattr(logging, level.upper())
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _frames_only,
        scrub,
    ]
    renderer: Any = structlog.processors.JSONRenderer(sort_keys=False)
    if not as_json:
        renderer = structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"), sort_keys=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(number)


def _route_standard_library(number: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(max(number, logging.INFO))
    # its debug records print the path: Mailchimp's MD5 of the address, ActiveCampaign's ?email=
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    # "executed successfully" every second and "setup plugin" at each migration are no news
    for name in ("apscheduler", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Forward(logging.Handler):
    """Hands a record of the standard library over, without its message's arguments."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = structlog.get_logger(record.name).bind(logger=record.name)
        fields: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        logger.log(record.levelno, "library.message", reason=str(record.msg), **fields)


def _frames_only(_logger: Any, _name: str, event: Event) -> Event:
    """Replace an exception by its type and frames: messages and locals may hold an address."""
    found = event.pop("exc_info", None)
    if not found:
        return event
    error = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        frames = [
            f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        code = getattr(error, "code", None)
        suffix = f" ({code})" if isinstance(code, str) else ""
        event["exception"] = f"{type(error).__name__}{suffix} at {' > '.join(frames[-8:])}"
    return event


def scrub(_logger: Any, _name: str, event: Event) -> Event:
    """Drop every field that is not allowed, and mask what looks like an address or its hash in the others."""
    dropped = sorted(key for key in event if key not in ALLOWED)
    for key in dropped:
        del event[key]
    if dropped:
        event["dropped"] = ",".join(dropped)
    for key, value in event.items():
        if isinstance(value, str) and key != "timestamp":
            event[key] = clean(value)
    return event


def clean(text: str) -> str:
    """Return text that is harmless on a terminal and in a file: masked, escaped, at most LONGEST characters."""
    masked = _HASH.sub("[hash]", _ADDRESS.sub("[address]", text))
    return masked.encode("unicode_escape").decode("ascii")[:LONGEST]
