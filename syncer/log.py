"""Log events: dotted names, allow-listed fields, JSON lines unless on a terminal; no personal data by design."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import MutableMapping
from functools import cached_property
from typing import Any, TextIO
from weakref import WeakSet

from adapters.errors import AdapterError
from syncer.errors import SyncerError
from syncer.privacy.masking import clean

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "lane", "destination", "delivery", "event_id", "state", "code",
        "attempt", "count", "seconds", "ms", "status", "owner", "fence", "port", "path", "reason", "version", "job",
        "error", "phase", "exception", "dropped", "channel",
    }
)  # fmt: skip
_OURS = (SyncerError, AdapterError)
Event = MutableMapping[str, Any]


#: the loggers that loaded structlog, which go on as it was then until they are told to load it anew
_in_use: WeakSet[Logger] = WeakSet()
_loading = threading.Lock()
#: what `configure` asked for until a logger needs it: structlog is slow to load, and most commands log nothing
_asked: list[tuple[int, TextIO, bool]] = []


class Logger:
    """A logger that loads structlog with its first event."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def bind(self, **more: Any) -> Logger:
        """Return a logger that adds these fields to every event."""
        return Logger(self._fields | more)

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self._loaded, verb)
        setattr(self, verb, method)  # so that __getattr__ is not asked again
        return method

    def load_anew(self) -> None:
        """Ask structlog again with the next event."""
        for name in [name for name in self.__dict__ if name != "_fields"]:
            del self.__dict__[name]

    @cached_property
    def _loaded(self) -> Any:
        with _loading:
            structlog = _structlog()
            if _asked:
                _set_up(*_asked.pop())
            _in_use.add(self)
        return structlog.get_logger().bind(**self._fields)


def get_logger(name: str) -> Logger:
    """Return a logger; its events have dotted names, its fields are those in ALLOWED."""
    return Logger({"logger": name})


def configure(level: str, stream: TextIO | None = None, json: bool | None = None) -> None:
    """Send structlog's and the standard library's records through one pipe to `stream` (default stderr).

    `level` is debug, info, warning or error. `json` None means JSON lines unless `stream` is a terminal.
    """
    out = stream or sys.stderr
    number = getattr(logging, level.upper())
    with _loading:
        _asked[:] = [(number, out, not out.isatty() if json is None else json)]
        for logger in _in_use:
            logger.load_anew()
        _in_use.clear()
    _route_standard_library(number)


def _structlog() -> Any:
    """Load structlog, without rich where that is not loaded yet.

    It takes rich along for tracebacks, of which only the frames are ever logged here: 60 ms, and 8 MiB for good.
    """
    hidden = "rich" not in sys.modules and "structlog" not in sys.modules
    if hidden:
        sys.modules["rich"] = None  # type: ignore[assignment] # how Python is told that there is no such module
    try:
        import structlog
    finally:
        if hidden:
            del sys.modules["rich"]
    return structlog


def _set_up(number: int, out: TextIO, as_json: bool) -> None:
    import structlog

    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _frames_only,
        _scrub,
    ]
    renderer: Any = structlog.processors.JSONRenderer(sort_keys=False)
    if not as_json:
        colours = out.isatty() and not os.environ.get("NO_COLOR")
        renderer = structlog.dev.ConsoleRenderer(colors=colours, sort_keys=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )


def _route_standard_library(number: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Forward()]
    root.setLevel(max(number, logging.INFO))
    # its debug records show the path: Mailchimp's MD5 of the address, ActiveCampaign's ?email=
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    # it says "setup plugin" at each migration
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # it says "executed successfully" every second, and warns when a lane's long turn is not started a second time
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


class _Forward(logging.Handler):
    """Passes on a record of the standard library without its arguments, which may hold an address."""

    def emit(self, record: logging.LogRecord) -> None:
        logger = get_logger(record.name)
        fields: dict[str, Any] = {"exc_info": record.exc_info} if record.exc_info else {}
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)  # structlog knows no others
        logger.log(level, "library.message", reason=str(record.msg), **fields)


def _frames_only(_logger: Any, _name: str, event: Event) -> Event:
    """Replace an exception with its type and frames: messages and locals may hold an address."""
    error = event.pop("exc_info", None)
    if not error:
        return event
    if isinstance(error, tuple):
        error = error[1]
    elif not isinstance(error, BaseException):  # True: the one being handled
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        frames = [
            f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        event["exception"] = f"{_named(error)} at {' > '.join(frames[-8:])}"
    return event


def _scrub(_logger: Any, _name: str, event: Event) -> Event:
    """Drop every field that is not in ALLOWED; mask what looks like an address or its hash in the others."""
    dropped = sorted(key for key in event if key not in ALLOWED)
    for key in dropped:
        del event[key]
    if dropped:
        event["dropped"] = ",".join(dropped)
    for key, value in event.items():
        if key != "timestamp" and not isinstance(value, (bool, int, float, type(None))):
            event[key] = clean(_named(value) if isinstance(value, BaseException) else str(value))
    return event


def _named(error: BaseException) -> str:
    code = getattr(error, "code", None) if isinstance(error, _OURS) else None
    return f"{type(error).__name__} ({code})" if isinstance(code, str) else type(error).__name__
