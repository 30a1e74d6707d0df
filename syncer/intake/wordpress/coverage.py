"""What a sweep makes of what it sees: which completions were missed, what to remember, what to raise an alarm for.

Pure: the clock is an argument.

Is a completion covered? The plugin's key is erasure:<blog>:<request>:<status before>:<modified before>, and both
are overwritten by the completion itself; only the last `completed_at` survives in WordPress. So:

1. A row of that request (`source_ref`) that is not older than the completion covers it. The click writes
   *before* `completed_at`, by as long as all the erasers take; the net just after it; and the times come from two
   clocks. SLACK allows for erasers that take two minutes. In meaning: an erasure asked for at that time or later
   erases whatever the completion was about. Two completions within SLACK count as one.
2. The click may have written long before the completion: the erasers are slow, or one failed, or PHP died, and the
   administrator clicked again the next day; the plugin then makes the same key and nothing new. When the last sweep,
   at most FRESH before the completion, saw the request in the state before, that very key is known and looked for.
   An older look proves nothing: the request may have been completed, resent and completed again since. What was
   found so is remembered (`covered_at`), since the next sweep cannot find it again.
3. Otherwise it was missed, and becomes a row: under the plugin's key where rule 2 knows it, so that a plugin that
   is only slow inserts the same row; else under erasure:<blog>:<request>:completed:<seconds>, which is the same on
   every sweep. The second may double an event; that is harmless, a missing one is not.

A completion younger than GRACE is left to the next sweep: WordPress writes the time before the status, and the
plugin writes after both.

A missed completion becomes a row only where it is genuine. What stands in `wp_posts` is not enough: by XML-RPC a
contributor makes a completed request and an editor changes another's; by Quick Edit an editor makes its author nobody;
by the REST API everybody changes the address of their own account unasked. But no role writes a protected meta key, so
that WordPress' own time of a completion says that somebody completed it who may. (Tried on WordPress 6.1.) The rest is
refused: a person must look at it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.intake.wordpress.erasure_requests import ErasureRequest

GRACE = timedelta(seconds=60)
SLACK = timedelta(seconds=120)
FRESH = timedelta(minutes=15)
#: after the click, the erasers of a big shop may take this long
STALLED = timedelta(minutes=15)
#: a row cannot say that it was made after it was taken; but clocks differ
CLOCKS = timedelta(hours=1)
#: states that can still become a completion, and so are worth remembering
OPEN = frozenset({"request-pending", "request-confirmed", "request-failed"})
CONFIRMED = "request-confirmed"
#: what is remembered in place of WordPress' own state: this completion was refused; then a person dismissed it
#: and so counts as covered
REFUSED, DISMISSED = "refused", "dismissed"
#: stand for the plugin and the grants among the sites: their problems are kept and shown like theirs
PLUGIN, GRANTS = -1, -2
ABOUT = {PLUGIN: "plugin", GRANTS: "grants"}
#: refused requests that are named one by one
NAMED = 20


@dataclass(frozen=True, slots=True)
class Known:
    """One queue row or event of a request: its key and when it was made (UTC; None if the producer gave no time)."""

    key: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """What the last sweep saw of a request. Times UTC.

    `since` is when it was confirmed, `gone_at` when it was found to have vanished, `covered_at` the completion that
    only its key shows to be covered. Where `status` is REFUSED or DISMISSED, `covered_at` is the completion that was
    refused and `since` when.
    """

    ref: str
    status: str
    modified_at: datetime | None
    since: datetime | None
    gone_at: datetime | None = None
    covered_at: datetime | None = None

    @property
    def site(self) -> int:
        """The site that the request belongs to."""
        return int(self.ref.partition(":")[0])


@dataclass(frozen=True, slots=True)
class Site:
    """How the last sweep of a site went; `swept_at` (UTC) is when it was last read, `problem` an alarm's code."""

    site: int
    swept_at: datetime
    requests: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """A completion that nobody queued, with the key to queue it under."""

    request: ErasureRequest
    key: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person must look at: `code`, the request or site it is about, since when (UTC)."""

    code: str
    about: str
    since: datetime | None


def run_key(ref: str, status: str, modified_at: datetime) -> str:
    """Return the plugin's key for a run that began in that state."""
    return f"erasure:{ref}:{status}:{modified_at:%Y%m%d%H%M%S}"


def plausible(claimed: datetime | None, taken: datetime | None, now: datetime) -> datetime | None:
    """Return when a row was made, by its producer; None where that cannot be: it lies ahead, or behind its taking.

    A row of the year 9999 would cover every later completion.
    """
    if claimed is None or claimed > now + SLACK:
        return None
    return None if taken is not None and claimed > taken + CLOCKS else claimed


def missed(
    requests: Iterable[ErasureRequest],
    known: Mapping[str, Sequence[Known]],
    seen: Mapping[str, SeenRequest],
    swept: Mapping[int, Site],
    now: datetime,
) -> list[Missed]:
    """Return the genuine completions that no row covers; `seen` and `swept` are what the last sweep left."""
    return [item for item in _uncovered(requests, known, seen, swept, now) if item.request.genuine]


def refused(
    requests: Iterable[ErasureRequest],
    known: Mapping[str, Sequence[Known]],
    seen: Mapping[str, SeenRequest],
    swept: Mapping[int, Site],
    now: datetime,
) -> dict[str, SeenRequest]:
    """Return what to remember of completions that no row covers and that are not genuine, by `blog:request`."""
    found = {}
    for item in _uncovered(requests, known, seen, swept, now):
        request, before = item.request, seen.get(item.request.ref)
        if request.genuine or request.status == "trash":
            continue
        again = before is not None and before.status == REFUSED and before.covered_at == request.completed_at
        since = before.since if again and before is not None else now
        found[request.ref] = SeenRequest(request.ref, REFUSED, None, since, None, request.completed_at)
    return found


def _uncovered(
    requests: Iterable[ErasureRequest],
    known: Mapping[str, Sequence[Known]],
    seen: Mapping[str, SeenRequest],
    swept: Mapping[int, Site],
    now: datetime,
) -> list[Missed]:
    uncovered = []
    for request in requests:
        if request.completed_at is None or request.completed_at > now - GRACE:
            continue
        rows, last, site = known.get(request.ref, ()), seen.get(request.ref), swept.get(request.site)
        if _made_since(rows, request.completed_at) or _covered_by_key(request, rows, last, site):
            continue
        before = _key_before(request, last, site)
        key = before or f"erasure:{request.ref}:completed:{int(request.completed_at.timestamp())}"
        if all(row.key != key for row in rows):
            uncovered.append(Missed(request, key))
    return uncovered


def _key_before(request: ErasureRequest, seen: SeenRequest | None, site: Site | None) -> str | None:
    if seen is None or seen.modified_at is None or site is None or request.completed_at is None:
        return None
    if request.completed_at - site.swept_at > FRESH or request.completed_at < seen.modified_at:
        return None
    return run_key(request.ref, seen.status, seen.modified_at)


def _covered_by_key(
    request: ErasureRequest, rows: Sequence[Known], seen: SeenRequest | None, site: Site | None
) -> bool:
    if seen is not None and request.completed_at is not None and seen.covered_at == request.completed_at:
        return seen.status != REFUSED
    before = _key_before(request, seen, site)
    return any(row.key == before for row in rows)


def _made_since(rows: Sequence[Known], moment: datetime) -> bool:
    return any(row.created_at is not None and row.created_at >= moment - SLACK for row in rows)


def remember(
    requests: Sequence[ErasureRequest],
    known: Mapping[str, Sequence[Known]],
    seen: Mapping[str, SeenRequest],
    swept: Mapping[int, Site],
    readable: frozenset[int],
    now: datetime,
) -> dict[str, SeenRequest]:
    """Return what to keep for the next sweep: open requests, those just completed, vanished ones, refused ones."""
    present = {request.ref: request for request in requests if request.status != "trash"}
    after = {ref: last for ref, last in seen.items() if last.site not in readable}
    after |= refused(requests, known, seen, swept, now)
    for ref, request in present.items():
        done, before = request.completed_at, seen.get(ref)
        if ref in after:
            continue  # refused
        if before is not None and done is not None and done > now - GRACE:
            after[ref] = before  # not judged yet
            continue
        by_key = _covered_by_key(request, known.get(ref, ()), before, swept.get(request.site))
        covered = done if done is not None and by_key and not _made_since(known.get(ref, ()), done) else None
        if request.status in OPEN or covered is not None:
            after[ref] = SeenRequest(ref, request.status, request.modified_at, request.confirmed_at, None, covered)
    for ref, last in seen.items():
        vanished = last.status == CONFIRMED and ref not in present and last.site in readable
        if vanished and not _made_since(known.get(ref, ()), last.since or last.modified_at or now):
            after[ref] = SeenRequest(ref, last.status, last.modified_at, last.since, last.gone_at or now)
    return after


def begun_key(seen: SeenRequest) -> str | None:
    """Return the key of the run that began from the state in which the last sweep saw an open request."""
    if seen.status not in OPEN or seen.modified_at is None or seen.gone_at is not None:
        return None
    return run_key(seen.ref, seen.status, seen.modified_at)


def alarms(
    seen: Collection[SeenRequest],
    begun: Mapping[str, datetime],
    sites: Sequence[Site],
    now: datetime,
    *,
    alert_after: timedelta,
    swept_every: timedelta,
) -> list[Alarm]:
    """Return what a person must look at, judged from what the last sweep left.

    `begun` says by `blog:request` when the erasing of a request began (UTC) that the last sweep still saw open.
    """
    raised = _refusals(seen)
    swept = {site.site: site.swept_at for site in sites}
    for request in seen:
        started = begun.get(request.ref)
        if request.status in (REFUSED, DISMISSED):
            continue
        if request.gone_at is not None:
            raised.append(Alarm("request_vanished", request.ref, request.gone_at))
        elif started is not None:
            # not measured by the clock: it may have ended since the last sweep
            if swept.get(request.site, started) - started > STALLED:
                raised.append(Alarm("erasure_unfinished", request.ref, started))
        elif request.status == CONFIRMED and request.since is not None and now - request.since > alert_after:
            raised.append(Alarm("confirmed_waiting", request.ref, request.since))
    raised += [
        Alarm(site.problem, ABOUT.get(site.site, f"site {site.site}"), site.swept_at) for site in sites if site.problem
    ]
    last = max((site.swept_at for site in sites), default=None)
    if last is None or now - last > 3 * swept_every:
        raised.append(Alarm("sweep_overdue", "sweep", last))
    return raised


def _refusals(seen: Iterable[SeenRequest]) -> list[Alarm]:
    """Return an alarm for each refused request, and one for those beyond NAMED: whoever forges one forges many."""
    found = [Alarm("request_refused", last.ref, last.since) for last in seen if last.status == REFUSED]
    more = found[NAMED:]
    if len(more) < 2:
        return found
    return [*found[:NAMED], Alarm("request_refused", f"{len(more)} more", more[0].since)]
