"""A lane's lease as this process holds it: taken, renewed in time, lost or given back."""

from __future__ import annotations

from collections.abc import Callable

from syncer.delivery.leases import Leases
from syncer.domain.model import Lease
from syncer.errors import StaleFence
from syncer.log import get_logger


class HeldLease:
    """Holds the lease of one lane.

    `monotonic` counts seconds; `extend` is told until when, by that clock, calls may be made. Only a lane in this mode
    is taken: in shadow, or live.
    """

    def __init__(
        self,
        name: str,
        leases: Leases,
        monotonic: Callable[[], float],
        extend: Callable[[float], None],
        *,
        shadow: bool = False,
    ) -> None:
        self._name = name
        self._shadow = shadow
        self._leases = leases
        self._monotonic = monotonic
        self._extend = extend
        self._lease: Lease | None = None
        self._renewed = 0.0
        self._log = get_logger("syncer.lane").bind(lane=name)

    @property
    def held(self) -> bool:
        """Say whether this process owned the lane when it last looked."""
        return self._lease is not None

    @property
    def lease(self) -> Lease:
        """The lease. Raises StaleFence when the lane was lost."""
        if self._lease is None:
            raise StaleFence(f"the lane {self._name} was lost")
        return self._lease

    def own(self) -> bool:
        """Take the lane if it is free, renew it if it is ours; say whether it is ours now."""
        if self._lease is None:
            began = self._monotonic()
            self._lease = self._leases.acquire(self._name, shadow=self._shadow)
            if self._lease is not None:
                self._runs_from(began)
                self._log.info("lane.taken", fence=self._lease.fence)
        else:
            self.renew()
        return self.held

    def renew(self) -> None:
        """Renew the lease when it is time to."""
        if self._lease is None or self._monotonic() - self._renewed < self._leases.renew_seconds:
            return
        began = self._monotonic()
        if self._leases.renew(self._lease):
            self._runs_from(began)
        else:
            self.lost()

    def lost(self) -> None:
        """Note that somebody else owns the lane by now."""
        self._lease = None
        self._log.warning("lane.lost")

    def give_back(self) -> None:
        """Let others take the lane."""
        try:
            if self._lease is not None:
                self._leases.release(self._lease)
                self._log.info("lane.given_back")
        finally:
            self._lease = None

    def _runs_from(self, moment: float) -> None:
        # counted from before the database was asked, so never longer than the database thinks
        self._renewed = moment
        self._extend(moment + self._leases.seconds)
