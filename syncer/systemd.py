"""What systemd is told: ready, alive, stopping (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import time


def feed() -> None:
    """Feed systemd's watchdog."""
    notify("WATCHDOG=1")


def ready() -> None:
    """Say that the daemon is up, or done with a reload."""
    notify("READY=1")


def reloading() -> None:
    """Say that a reload begins; `ready` ends it. Type=notify-reload counts by the kernel's monotonic clock."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def notify(state: str) -> None:
    """Tell systemd a state, if it started us with a notification socket (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(address)
            sock.sendall(state.encode("ascii"))
        except OSError:
            return
