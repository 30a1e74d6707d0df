"""The jobs of an installation under its settings: what is done by the clock, and what is rung for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from syncer.bell import Bell
from syncer.intake.wordpress.bridge import STATUS_SECONDS
from syncer.service.far_waits import FarWaits
from syncer.service.jobs import Job, Round
from syncer.service.reminders import EVERY, Reminders
from syncer.service.soundness import DailyVerification

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.service.alerts.alarms import Alarms
    from syncer.service.lanes import Lanes
    from syncer.service.lookout import Lookout

#: seconds between two looks for due rechecks and far waits
RECHECK_SECONDS = 60
#: seconds between two questions whether the daily look for people who are back is due: a fresh daemon soon owns lanes
WATCH_SECONDS = 5
#: seconds between two looks whether the log is to be signed
SIGN_SECONDS = 10
#: seconds between two questions whether the whole log is to be verified
VERIFY_SECONDS = 60
#: seconds between two looks for addresses that an older syncer, or an older key, sealed
RESEAL_SECONDS = 3600
#: seconds between two looks for addresses that outlived their rechecks
SHRED_SECONDS = 3600
#: seconds between two looks for proposals that nobody decided in time
LAPSE_SECONDS = 3600


def timed(app: App, lanes: Lanes, alarms: Alarms) -> dict[Job, float]:
    """Return the jobs with the seconds between two of their starts."""
    daily, waits = DailyVerification(app), FarWaits(app)
    jobs: dict[Job, float] = {
        Job("recheck", app.store.start_rechecks): RECHECK_SECONDS,
        Job("far waits", waits.bring_back): RECHECK_SECONDS,
        Job("lost", waits.find_lost): SHRED_SECONDS,
        Job("balance", lanes.balance): app.leases.renew_seconds,
        Job("reminders", Reminders(app).remind): EVERY,
        Job("shred", app.shredding.shred): SHRED_SECONDS,
        Job("proposals", app.proposals.lapse): LAPSE_SECONDS,
        Job("reseal", app.resealing.run, app.resealing): RESEAL_SECONDS,
        Job("checkpoint", app.notary.tick, app.notary): SIGN_SECONDS,
        Job("verification", daily.run, daily): VERIFY_SECONDS,
        Job("alerts", alarms.work, alarms): alarms.every_seconds,
    }
    if (wordpress := app.wordpress) is not None:
        jobs[Job("wordpress sweep", wordpress.sweep)] = wordpress.sweep_seconds
        jobs[Job("wordpress status", wordpress.publish)] = STATUS_SECONDS
    if app.settings.schedule.watch_hours:
        for lane in lanes:
            look = partial(lanes.look_for_people, lane)
            jobs[Job(f"watch {lane.name}", look, app.watch)] = WATCH_SECONDS
    return jobs


def rung(app: App, lanes: Lanes, lookout: Lookout) -> list[Round]:
    """Return the jobs that are rung for."""
    intake, every = app.intake, app.settings.schedule.intake_seconds
    take = partial(intake.take_all, app.stop.is_set, lanes.ring)
    return [
        Round(Job("lookout", lookout.look), Bell(), lambda: lookout.seconds),
        Round(Job("intake", take, intake), intake.bell, lambda: every),
    ]
