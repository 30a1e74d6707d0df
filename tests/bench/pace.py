"""How near the lanes come to the providers' limits, and what one confirmed event costs in calls."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figures import Figure, Run
from tests.bench.installation import fill, installed, work, work_for
from tests.bench.provider import Provider

#: calls a second that 8 connections allow at 200 ms
IDEAL = 40.0
MAILCHIMP_WHY = "read before write, write and read back are 3 where the person is found; 1 where not"
OBJECTION_WHY = "find, 2 lists, automations, 1 automation, read back of both: no number was asked for"


def limits(run: Run) -> Iterator[Figure]:
    """Yield the shares of the providers' limits."""
    yield from _activecampaign(run.seconds)
    yield from _mailchimp(max(run.seconds / 3, 1.0))
    yield from _late_slots(max(run.seconds / 3, 1.0))


def _activecampaign(seconds: float) -> Iterator[Figure]:
    with Provider("activecampaign", rate=5.0, latency=0.25, jitter=0.01) as provider, installed(provider) as app:
        provider.add(0, int(seconds) + 20)
        fill(app, 0, int(seconds) + 20)
        provider.clear()
        lane = app.lanes()[0]
        work_for(app, lane, seconds)
        lane.release()
        counts = provider.counts()
    share = (counts["requests"] - 1) / counts["seconds"] / 5.0
    yield Figure("ActiveCampaign: share of 5 requests/s at 250 ms", round(share, 3), ">= 0.95")
    yield Figure("ActiveCampaign: 429 answers", counts["throttled"], "<= 0")


def _mailchimp(seconds: float) -> Iterator[Figure]:
    with Provider("mailchimp", latency=0.2) as provider, installed(provider) as app:
        count = int(seconds * IDEAL / 3) + 40
        provider.add(0, count)
        fill(app, 0, count)
        provider.clear()
        lane = app.lanes()[0]
        work_for(app, lane, seconds)
        lane.release()
        counts = provider.counts()
    share = counts["requests"] / (counts["seconds"] + 0.2) / IDEAL
    yield Figure("Mailchimp: share of the ideal 40 calls/s at 200 ms", round(share, 3), ">= 0.95")
    yield Figure("Mailchimp: most connections at one time", counts["peak"], "<= 10")


def _late_slots(seconds: float) -> Iterator[Figure]:
    with Provider("mailchimp", latency=0.2, slot_free_delay=0.005) as provider, installed(provider) as app:
        count = int(2 * seconds * IDEAL / 3) + 80
        provider.add(0, count)
        fill(app, 0, count)
        provider.clear()
        lane = app.lanes()[0]
        work_for(app, lane, seconds)
        learned = provider.counts()["throttled"]
        provider.clear()
        work_for(app, lane, seconds)
        lane.release()
        counts = provider.counts()
    share = counts["requests"] / (counts["seconds"] + 0.2) / IDEAL
    yield Figure("Mailchimp, slots freed 5 ms late: 429 until the gap is learned", learned, "<= 5")
    yield Figure("Mailchimp, slots freed 5 ms late: share of the ideal after that", round(share, 3), ">= 0.9")


def calls(_run: Run) -> Iterator[Figure]:
    """Yield the calls of one confirmed event: one match, no leftovers, one audience."""
    for kind, name in (("mailchimp", "Mailchimp"), ("activecampaign", "ActiveCampaign")):
        options = {} if kind == "mailchimp" else {"rate": None}
        with Provider(kind, **options) as provider, installed(provider) as app:
            provider.add(0, 4)
            fill(app, 0, 1)
            work(app)  # the proof that the audience exists is made once a minute, not once an event
            for right, number in (("erasure", 1), ("objection", 2)):
                provider.clear()
                fill(app, number, 1, right)
                lane = app.lanes()[0]
                while lane.turn():
                    pass
                lane.release()
                made = provider.counts()["requests"] - (kind == "mailchimp")  # the proof again: a new adapter
                if kind == "mailchimp":
                    figure = f"{name}: calls per confirmed {right}, per audience"
                    yield Figure(figure, made, "<= 2", excuse=MAILCHIMP_WHY, bound="<= 3")
                else:
                    target, note = ("<= 7", "") if right == "erasure" else ("<= 8", OBJECTION_WHY)
                    yield Figure(f"{name}: calls per confirmed {right}", made, target, note)
