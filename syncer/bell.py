"""How one thread wakes another that waits for work."""

from __future__ import annotations

import threading


class Bell:
    """Wakes the one thread that waits for it; rung while that one is busy, it is heard at the next wait."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """Wake who waits; many rings that nobody heard yet are one."""
        self._rung.set()

    def heard(self) -> bool:
        """Say whether it rang since it was last heard, without waiting."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, at most so long; say whether there was one."""
        rung = self._rung.wait(seconds)
        # cleared before the work begins: what is rung meanwhile may be of work that is not seen any more
        if rung:
            self._rung.clear()
        return rung
