"""Where the console listens: a port, or a unix socket that its group may open."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from syncer.errors import UserError
from syncer.settings.console.table import ConsoleSettings

#: what a socket's own file denies: everything to others, execution to all
_DENIED = 0o117
#: connections that may wait to be accepted
_WAITING = 128


@contextmanager
def listening(settings: ConsoleSettings, where: str) -> Iterator[socket.socket]:
    """Listen for as long as the block lasts. `where` is how a mistake names the settings. Raises UserError."""
    place = settings.place
    with closing(_on_path(place, where) if isinstance(place, Path) else _on_port(*place, where)) as sock:
        made = _of(place) if isinstance(place, Path) else None
        try:
            yield sock
        finally:
            if isinstance(place, Path) and made is not None and _of(place) == made:
                place.unlink(missing_ok=True)


def require_free(settings: ConsoleSettings, where: str) -> None:
    """Raise UserError where nothing can listen, or something does already."""
    with listening(settings, where):
        pass


def _on_port(host: str, port: int, where: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # a console that ended a moment ago leaves connections behind, and its successor may begin
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(_WAITING)
    except OSError as error:
        sock.close()
        raise _unusable(where, f"{host}:{port}", error) from None
    return sock


def _on_path(path: Path, where: str) -> socket.socket:
    _clear(path, where)
    sock = socket.socket(socket.AF_UNIX)
    before = os.umask(_DENIED)  # from its first moment on nobody else may open it
    try:
        sock.bind(str(path))
        sock.listen(_WAITING)
    except OSError as error:
        sock.close()
        raise _unusable(where, str(path), error) from None
    finally:
        os.umask(before)
    return sock


def _clear(path: Path, where: str) -> None:
    """Remove the file of a socket that nobody listens at any more. Raises UserError for anything else there."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise UserError(f"{where} {path} is there already, and is no socket; move it away or choose another place")
    if _is_answered(path):
        raise _unusable(where, str(path), OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)))
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(where, str(path), error) from None


def _is_answered(path: Path) -> bool:
    """Say whether somebody listens there, or may: only a refused connection says that nobody does."""
    with closing(socket.socket(socket.AF_UNIX)) as sock:
        sock.settimeout(2)
        try:
            sock.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def _of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _unusable(where: str, place: str, error: OSError) -> UserError:
    if error.errno == errno.EADDRINUSE:
        return UserError(f"{where} {place} is in use; end what listens there, a console perhaps, or choose another")
    if error.errno in (errno.ENOENT, errno.EACCES, errno.EROFS) and place.startswith("/"):
        return UserError(f"{where} {place} cannot be made ({error.strerror}); make its folder, and let this account in")
    return UserError(f"{where} {place} cannot be used ({error.strerror}); choose another")
