"""The journal or syslog: each note as one line, over the local socket or to another machine."""

from __future__ import annotations

import base64
import socket

from syncer.audit.anchors.cutoff import SECONDS, Cutoff
from syncer.audit.anchors.place import AnchorError
from syncer.audit.offline.notes import Checkpoint
from syncer.settings.anchors import SyslogAnchor

#: facility daemon, severity notice: kept by every default configuration
PRIORITY = 3 << 3 | 5


class Syslog:
    """A syslog receiver. The line holds the whole note in base64, so any copy of the journal is an anchor."""

    def __init__(self, settings: SyslogAnchor) -> None:
        self._settings = settings

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        """Send one line. Over UDP nobody can say whether it arrived."""
        s = self._settings
        where = f"{s.host}:{s.port}, {s.protocol}" if s.host else str(s.socket)
        line = (
            f"<{PRIORITY}>syncer: checkpoint origin={checkpoint.origin} size={checkpoint.size}"
            f" root={checkpoint.root.hex()} note={base64.b64encode(note.encode()).decode('ascii')}"
        )
        try:
            with Cutoff() as cutoff, self._connect(cutoff) as sock:
                sock.sendall(line.encode() + (b"\n" if sock.type == socket.SOCK_STREAM else b""))
        except OSError as error:
            raise AnchorError(f"{where} did not accept the note ({error.strerror or type(error).__name__})") from None
        return where

    def _connect(self, cutoff: Cutoff) -> socket.socket:
        s = self._settings
        if s.host and s.protocol == "tcp":
            return cutoff.connect(s.host, s.port)
        if s.host:
            family, kind, protocol, _, address = socket.getaddrinfo(s.host, s.port, type=socket.SOCK_DGRAM)[0]
            sock = socket.socket(family, kind, protocol)
        else:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            sock.settimeout(SECONDS)
            sock.connect(address if s.host else str(s.socket))
        except OSError:
            sock.close()
            raise
        return sock
