"""Three months of an installation, told by the real code: what people ask for, what goes wrong, what is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from adapters.sandbox import Fault
from syncer.app import make_adapter
from syncer.decisions.extension import Extension
from syncer.decisions.four_eyes.wanted import WantedExemption, WantedWithdrawal
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync_plan import Selection
from syncer.domain.model import State
from syncer.domain.permissions import Role, permissions
from syncer.domain.rights import Ground, Right
from syncer.reports.as_csv import report_csv
from syncer.setup.filled.accounts import AUDIENCES
from syncer.setup.filled.people import Crowd, InventedRequest

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.setup.filled.clock import StoryClock
    from syncer.setup.filled.place import Providers

#: how long the story is, and how many requests come on a busy day
DAYS, BUSY = 90, 12
#: the day from which another destination is on trial
TRIAL = 85
#: days between two at which requests come; each has its price in seconds
PACE = 4
SEED = 16
#: requests that come at once when a list of somebody else's is put into the form; more than the guard lets begin
FLOOD = 24
EVERYWHERE = ("newsletter", "crm", "shop")
#: who decides and looks, by role
PEOPLE = {Role.OPS: ("otto", "passkey"), Role.COMPLIANCE: ("clara", "password")}
#: what somebody could write into a form, to see whether pages show it as text
ODD_SOURCE = '"><b>form</b>'


class Months:
    """Tells the story in one installation; `work` carries out what is due, as `syncer drain` does."""

    def __init__(self, app: App, clock: StoryClock, played: Providers, work: Callable[[App], object]) -> None:
        self._app = app
        self._clock = clock
        self._accounts, self._journal = played.accounts, played.journal
        self._work = work
        self._crowd = Crowd(SEED)
        self._addresses: list[str] = []

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of everybody who asked, as they were written."""
        return tuple(self._addresses)

    def tell(self, end: datetime) -> None:
        """Let three months pass, up to the day before the trial; the story ends at `end` (UTC)."""
        self._pass(end, range(TRIAL))

    def go_on(self, app: App, end: datetime) -> None:
        """Let the rest pass, up to `end`, in the installation as it is opened with the trial among its settings."""
        self._app = app
        self._pass(end, range(TRIAL, DAYS))
        self._today(end)

    def _pass(self, end: datetime, days: Iterable[int]) -> None:
        # after this many days happens
        events: dict[int, Callable[[], None]] = {
            12: self._outage, 20: self._archive_closed, 24: self._archive_open, 32: self._back_again,
            44: self._flood, 45: self._released, 52: self._archive_closed, 56: self._archive_open,
            60: self._read_by_people, 64: self._forbidden, 68: self._exempt, 72: self._withdrawn,
            80: self._bad_address, 84: self._paused, 88: self._back_by_choice,
        }  # fmt: skip
        for day in days:
            self._clock.set(_working_hour(end - timedelta(days=DAYS - day), self._crowd.dice.randint(7, 17)))
            if day % PACE == 0 or day in events:
                self._queue(self._crowd.today(self._clock(), BUSY))
                events.get(day, lambda: None)()
                self._work(self._app)
            if day % 7 == 0:
                self._app.notary.tick()

    # -- what comes -----------------------------------------------------------------------------------------

    def _queue(
        self, asking: Iterable[InventedRequest], *, held_at: Iterable[str] = EVERYWHERE
    ) -> list[InventedRequest]:
        """Let people ask who are known at these destinations, most of them."""
        asked = list(asking)
        for each in asked:
            self._addresses.append(each.address)
            self._introduce(each.address, [name for name in held_at if self._crowd.dice.random() < 0.8])
        if asked:
            self._app.queue.insert([each.row for each in asked])
        return asked

    def _introduce(self, address: str, places: Iterable[str]) -> None:
        for place in places:
            if place == "newsletter":
                self._accounts.newsletter.add(address, self._crowd.dice.choice(AUDIENCES))
            else:
                getattr(self._accounts, place).add(address)

    def _today(self, end: datetime) -> None:
        """Let today's requests come, of people whom the destination on trial knows; the last two are taken and wait."""
        self._clock.set(end - timedelta(hours=3))
        for each in self._queue(self._crowd.ask(self._clock(), "erasure", "shop import") for _ in range(FLOOD)):
            self._journal.add(each.address, AUDIENCES[0])
        self._work(self._app)
        self._clock.set(end - timedelta(hours=1))
        self._read_by_people()
        self._app.notary.make()
        self._clock.set(end)
        self._queue(self._crowd.ask(end, right, "wordpress") for right in ("erasure", "objection"))
        self._proposed()

    # -- what goes wrong ------------------------------------------------------------------------------------

    def _outage(self) -> None:
        self._accounts.newsletter.fault(Fault(status=503, body="<html>", content_type="text/html", times=30))
        self._work(self._app)
        self._accounts.newsletter.clear_faults()
        self._clock.advance(timedelta(hours=5))

    def _archive_closed(self) -> None:
        """Let the key lose the right to the archive of deleted contacts, for a few days."""
        self._accounts.crm.admin = False
        self._queue((self._crowd.ask(self._clock(), "erasure", ODD_SOURCE) for _ in range(3)), held_at=("crm",) * 9)

    def _archive_open(self) -> None:
        """Let somebody mend it and start all but three of the held ones over; one of these gets two more months."""
        self._accounts.crm.admin = True
        left = self._started_over("archived_not_purged", "the key is that of an administrator again")
        today = self._clock().astimezone(self._app.rule.zone).date()
        wanted = Extension(left[-1], "many systems have to be searched by hand", today)
        self._acting(Role.OPS).extensions.extend(wanted)
        self._work(self._app)
        self._let_through(StoppedChoice(), "they are those that were started over")

    def _started_over(self, code: str, reason: str) -> list[str]:
        """Start what is held for a cause over, but for the three requests that came last; return their ids."""
        held = [event for event, _ in self._held(code)]
        resync = self._acting(Role.OPS).resync
        plan = resync.plan(Selection(events=tuple(held[:-3]), held=True))
        if plan.deliveries:
            resync.apply(plan, reason)
        return held[-3:]

    def _flood(self) -> None:
        self._queue(self._crowd.ask(self._clock(), "erasure", "shop import") for _ in range(FLOOD))

    def _released(self) -> None:
        self._let_through(StoppedChoice(source="shop import"), "the old shop was closed; its owner confirmed it")
        self._work(self._app)
        self._let_through(StoppedChoice(), "looked at each; they asked")

    def _let_through(self, choice: StoppedChoice, reason: str) -> None:
        decisions = self._acting(Role.OPS).guard_decisions
        plan = decisions.plan(choice)
        if plan.requests:
            decisions.release(choice, reason, plan.digest, plan.deletions)

    def _forbidden(self) -> None:
        """Let one audience be closed to the key."""
        body, path = '{"title":"Forbidden","status":403}', f"lists/{AUDIENCES[2]}/"
        self._accounts.newsletter.fault(
            Fault(status=403, body=body, content_type="application/json", path=path, times=None)
        )
        self._queue((self._crowd.ask(self._clock(), "erasure", "form") for _ in range(2)), held_at=("newsletter",) * 9)
        self._work(self._app)
        self._accounts.newsletter.clear_faults()
        self._started_over("forbidden", "the user may work in that audience now")

    def _bad_address(self) -> None:
        asked = {"event_key": "form not an address", "kind": "erasure", "email": "\u202enot an address"}
        self._app.queue.insert([{**asked, "source": "form", "created_at": self._clock()}])

    def _back_again(self) -> None:
        """Let a colleague import a list that still has two people who were erased."""
        self._come_back(added_by_hand=True)

    def _back_by_choice(self) -> None:
        self._come_back(added_by_hand=False)

    def _come_back(self, *, added_by_hand: bool) -> None:
        """Let people be there again whom the newsletter forgot; by choice when they opted in after they had asked."""
        (gone,) = self._queue([self._crowd.ask(self._clock(), "erasure", "form")], held_at=("newsletter",) * 9)
        self._work(self._app)
        self._clock.advance(timedelta(hours=9))
        now = self._clock().isoformat()
        opted_in = "2020-01-01T00:00:00+00:00" if added_by_hand else now
        self._accounts.newsletter.add(gone.address, AUDIENCES[0], timestamp_opt=opted_in, last_changed=now)
        self._clock.advance(timedelta(hours=1))
        self._app.watch.look("newsletter", make_adapter(self._app.settings, "newsletter"), whole=True)

    # -- what people do -------------------------------------------------------------------------------------

    def _acting(self, role: Role) -> App:
        """Return the installation as somebody of a role works with it at a console."""
        user, via = PEOPLE[role]
        who = {"kind": "console", "user": user, "via": via, "from": "192.0.2.0/24"}
        return self._app.acting_as(who, permissions([role]))

    def _exempt(self) -> None:
        """Let ops propose two exemptions; an officer approves one, and nobody decides the other one in time."""
        for (held, at), reason in zip(self._held("forbidden"), ("court case of March", "invoices"), strict=False):
            wanted = WantedExemption(held, at, Ground.LEGAL_CLAIMS)
            proposal = self._acting(Role.OPS).proposals.propose(wanted, reason)
            if reason.startswith("court"):
                self._acting(Role.COMPLIANCE).proposals.approve(proposal.id, "read the file of the case")

    def _proposed(self) -> None:
        """Let ops propose an exemption that waits for an officer."""
        held, at = self._held("archived_not_purged")[-1]
        wanted = WantedExemption(held, at, Ground.LEGAL_OBLIGATION)
        self._acting(Role.OPS).proposals.propose(wanted, "invoices of this customer are kept for ten years")

    def _held(self, code: str) -> list[tuple[str, str]]:
        """Return what is held of erasures never answered, for a cause: event id and destination, the oldest first."""
        events = self._app.reader.events(state="held")
        asked = [event for event in events if event.fulfilled_at is None and event.right is Right.ERASURE]
        return [
            (event.id, each.destination)
            for event in sorted(asked, key=lambda event: event.received_at)
            for each in event.deliveries
            if (each.state, each.code) == (State.HELD, code)
        ]

    def _withdrawn(self) -> None:
        """Let ops propose that a request is withdrawn; an officer approves it."""
        held, _ = self._held("forbidden")[-1]
        proposal = self._acting(Role.OPS).proposals.propose(WantedWithdrawal(held), "entered twice by mistake")
        self._acting(Role.COMPLIANCE).proposals.approve(proposal.id, "saw the letter that came twice")

    def _paused(self) -> None:
        self._acting(Role.OPS).interventions.pause("shop", "the provider moves the account; ends on Friday")

    def _read_by_people(self) -> None:
        """Let an officer look a person up and take a report out; the log is verified before."""
        self._app.verified.record(self._app.verify())
        app = self._acting(Role.COMPLIANCE)
        known = self._app.reader.events(state="fulfilled")[-1]
        app.access_log.looked_up(known.subject, 1)
        with app.propagation.report(self._clock() - timedelta(days=30), None) as report:
            digest = sha256("".join(report_csv(report.log)).encode()).hexdigest()
            app.access_log.exported("report", "csv", report.deliveries, digest)


def _working_hour(day: datetime, hour: int) -> datetime:
    return day.astimezone(UTC).replace(hour=hour, minute=hour * 7 % 60, second=0, microsecond=0)
