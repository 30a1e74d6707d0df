"""One sweep: read every erasure request of every site, queue what was missed, remember what is open.

Never a cursor: rows change twice in a second, commit late and change again long after; each sweep reads all.
The order matters: WordPress first, then the queue and the events, so that a row seen as missing was missing; and
the missed are queued before anything is remembered, so that a sweep that dies is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from syncer.intake.queue import Queue
from syncer.intake.wordpress import coverage
from syncer.intake.wordpress.coverage import Known, Missed, Site
from syncer.intake.wordpress.erasure_requests import ErasureRequest, Sites, Unreadable, Way
from syncer.intake.wordpress.sweep_state import LastSweep, SweepState
from syncer.log import get_logger

#: characters the queue's column holds; an address has at most 254, so what is cut is refused and held either way
LONGEST = 320


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found: sites and requests that it read, completions that nobody had queued.

    `missed` were queued (or would be), `refused` were not: nothing shows that anybody completed them who may.
    """

    sites: int
    requests: int
    missed: int
    refused: int


class Sweep:
    """Sweeps one WordPress."""

    def __init__(
        self,
        sites: Sites,
        state: SweepState,
        queue: Queue,
        clock: Callable[[], datetime],
        outdated: Callable[[], bool],
    ) -> None:
        self._outdated = outdated  # says whether the plugin is older than this syncer
        self._sites = sites
        self._state = state
        self._queue = queue
        self._clock = clock
        self._log = get_logger("syncer.wordpress")

    def run(self, *, dry: bool = False) -> Swept:
        """Sweep once; `dry` only counts what would be queued.

        Raises what the databases raise; the next sweep mends whatever is half done then.
        """
        before = self._state.read()
        now = self._clock()
        listed = self._sites.ids()
        requests, sites = self._read(listed or [1], before, now)
        known = self._state.known(now)
        if listed is None and any(not ref.startswith("1:") for ref in known):
            sites.append(Site(0, now, 0, "network_unreadable"))
        if self._outdated():
            sites.append(Site(coverage.PLUGIN, now, 0, "plugin_outdated"))
        missed = coverage.missed(requests, known, before.seen, before.sites, now)
        refused = coverage.refused(requests, known, before.seen, before.sites, now)
        swept = Swept(len([site for site in sites if not site.problem]), len(requests), len(missed), len(refused))
        if dry:
            return swept
        if missed:
            new = self._queue.insert([_row(completion, now) for completion in missed])
            self._log.warning("wordpress.missed", count=new)
        new = sum(before.seen.get(ref) != last for ref, last in refused.items())
        if new:
            self._log.error("wordpress.refused", count=new)
        self._remember(before, requests, known, sites, listed, now)
        return swept

    def _read(self, ids: list[int], before: LastSweep, now: datetime) -> tuple[list[ErasureRequest], list[Site]]:
        requests: list[ErasureRequest] = []
        sites: list[Site] = []
        outdated = False
        for number in ids:
            try:
                own, way = self._sites.requests(number)
            except Unreadable:
                last = before.sites.get(number)
                sites.append(Site(number, last.swept_at if last else now, 0, "site_unreadable"))
                self._log.error("wordpress.site_unreadable", reason=f"site {number}")
                continue
            requests += own
            outdated |= way == Way.OLD_GRANTS
            sites.append(Site(number, now, len(own)))
        if outdated:
            sites.append(Site(coverage.GRANTS, now, 0, "grants_outdated"))
        return requests, sites

    def _remember(
        self,
        before: LastSweep,
        requests: list[ErasureRequest],
        known: Mapping[str, list[Known]],
        sites: list[Site],
        listed: list[int] | None,
        now: datetime,
    ) -> None:
        readable = {site.site for site in sites if not site.problem}
        if listed is not None:  # a site that is no longer in the network has no requests any more
            readable |= {request.site for request in before.seen.values()} - set(listed)
        after = coverage.remember(requests, known, before.seen, before.sites, frozenset(readable), now)
        self._state.write(before, after, sites)


def _row(missed: Missed, now: datetime) -> dict[str, object]:
    return {
        "event_key": missed.key,
        "kind": "erasure",
        "email": missed.request.address[:LONGEST],
        "received_at": missed.request.received_at,
        "source": "sweep",
        "source_ref": missed.request.ref,
        "created_at": now,
    }
