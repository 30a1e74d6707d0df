"""Finding 11: an anchor that answers one line at a time, hangs, or never ends. It fails alone, within its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.app import App
from syncer.audit.anchors.email import Email
from syncer.audit.anchors.objects import Objects
from syncer.audit.anchors.place import AnchorError, Place
from syncer.audit.anchors.timestamp import Timestamp
from syncer.audit.offline.notes import Checkpoint, Signer
from syncer.audit.proof.carrier import Target, targets
from syncer.audit.proof.notary import Anchored, Notary
from syncer.settings.anchors import EmailAnchor, ObjectAnchor, TimestampAnchor
from tests.conftest import Clock
from tests.support.attacks.dripping import dripping
from tests.support.processes import until

CHECKPOINT = Checkpoint("example.org/syncer", 5, bytes(range(32)))
NOTE = Signer("example.org/syncer", b"\x02" * 32).sign(CHECKPOINT.text())
HOUR = timedelta(hours=1)
#: seconds that a place gets here, and within which it must have failed on a loaded machine
GIVEN, ENOUGH = 1.0, 15.0


def store(port: int, state: Path) -> Place:
    anchor = ObjectAnchor(kind="object", url=f"http://127.0.0.1:{port}")
    return Objects(anchor, "[anchors.s3]", GIVEN)


def secure_store(port: int, state: Path) -> Place:
    anchor = ObjectAnchor(kind="object", url=f"https://127.0.0.1:{port}")
    return Objects(anchor, "[anchors.s3]", GIVEN)


def authority(port: int, state: Path) -> Place:
    return Timestamp(TimestampAnchor(kind="timestamp", url=f"http://127.0.0.1:{port}"), state, GIVEN)


def mail(port: int, state: Path, tls: Any = "none") -> Place:
    anchor = EmailAnchor(kind="email", to="dpo@site.test", sender="log@site.test", host="127.0.0.1", port=port, tls=tls)
    return Email(anchor, "[anchors.dpo]", GIVEN)


def secure_mail(port: int, state: Path) -> Place:
    return mail(port, state, "tls")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("http header", store),
        ("http continue", store),
        ("http body", store),
        ("http body without length", store),
        ("tls handshake", secure_store),
        ("http header", authority),
        ("http body", authority),
        ("smtp greeting", mail),
        ("smtp reply", mail),
        ("tls handshake", secure_mail),
    ],
)
def test_finding_11_what_drips_has_failed_when_its_time_is_over(
    kind: str, make: Callable[[int, Path], Place], tmp_path: Path
) -> None:
    with dripping(kind) as server:
        place = make(server.server_address[1], tmp_path)
        began = time.monotonic()
        end = threading.Timer(ENOUGH, server.over.set)  # a place that waits for ever would be waited for here
        end.start()
        with pytest.raises(AnchorError):
            place.publish(CHECKPOINT, NOTE)
        end.cancel()

    assert time.monotonic() - began < ENOUGH
    assert server.visits == 1


def test_finding_11_a_mail_server_that_talks_without_end_fills_no_memory() -> None:
    with dripping("smtp greeting", every=0.0) as server:
        anchor = EmailAnchor(
            kind="email", to="dpo@site.test", sender="log@site.test", host="127.0.0.1", port=server.server_address[1]
        )
        began = time.monotonic()
        with pytest.raises(AnchorError, match="did not accept the mail"):
            Email(anchor, "[anchors.dpo]", 60.0).publish(CHECKPOINT, NOTE)  # cut by what it said, not by its time

    assert time.monotonic() - began < 30


# -- what the notary makes of it ------------------------------------------------------------------------------


class _Hanging:
    """A place that hangs, as a share does whose server is gone, until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.tries: list[int] = []

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        self.tries.append(checkpoint.size)
        self.go_on.wait()
        return "there after all"


class _Quick:
    def __init__(self) -> None:
        self.got: list[int] = []

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        self.got.append(checkpoint.size)
        return "there"


@pytest.fixture
def hanging() -> Iterator[_Hanging]:
    place = _Hanging()
    yield place
    place.go_on.set()


def notary_with(app: App, folder: Path, *places: Target) -> Notary:
    everywhere = [*targets({}, folder, app.checkpoints.schedule.every, "here"), *places]
    return Notary(app.engine, app.tables, app.checkpoints, app.origins, app.rollback, everywhere, app.clock)


def write(app: App) -> None:
    with app.transactions.write() as tx:
        tx.audit.add("operator:looked_up", facts={"events": 0})


def stands(notary: Notary, name: str) -> Anchored:
    return next(item for item in notary.standing().anchors if item.name == name)


def test_finding_11_what_hangs_holds_up_neither_the_signing_nor_the_others_and_is_not_begun_again(
    app: App, clock: Clock, tmp_path: Path, hanging: _Hanging
) -> None:
    quick = _Quick()
    share = Target("share", "folder", "", HOUR, lambda: hanging, deadline=0.2)
    notary = notary_with(app, tmp_path / "state", share, Target("s3", "object", "", HOUR, lambda: quick))
    for _ in range(5):
        write(app)
        notary.tick()
        clock.advance(hours=1)

    sizes = [sealed.size for sealed in app.checkpoints.all()]
    assert len(sizes) == 5
    assert quick.got == sizes
    assert hanging.tries == sizes[:1]
    assert [thread.name for thread in threading.enumerate()].count("anchor share") == 1
    stuck = stands(notary, "share")
    assert (stuck.size, stuck.level) == (0, "late")
    assert stuck.error
    assert stuck.error.startswith("stuck: no answer within")
    assert stands(notary, "s3").error is None


def test_finding_11_a_late_success_counts_for_the_note_it_carried_and_the_newest_follows(
    app: App, clock: Clock, tmp_path: Path, hanging: _Hanging
) -> None:
    share = Target("share", "folder", "", HOUR, lambda: hanging, deadline=0.2)
    notary = notary_with(app, tmp_path / "state", share)
    for _ in range(2):
        write(app)
        notary.tick()
        clock.advance(hours=1)
    assert stands(notary, "share").error

    hanging.go_on.set()

    def caught_up() -> bool:
        notary.tick()
        return stands(notary, "share").size == app.checkpoints.size()

    until(caught_up, 30)

    sizes = [sealed.size for sealed in app.checkpoints.all()]
    assert (hanging.tries[0], hanging.tries[-1]) == (sizes[0], sizes[-1])
    late = stands(notary, "share")
    assert (late.error, late.failing_since, late.place) == (None, None, "there after all")


def test_finding_11_who_does_not_stay_notes_what_hangs_as_failed_within_the_given_time(
    app: App, tmp_path: Path, hanging: _Hanging
) -> None:
    notary = notary_with(app, tmp_path / "state", Target("share", "folder", "", HOUR, lambda: hanging))
    write(app)
    app.checkpoints.make("stop")
    began = time.monotonic()

    notary.publish(seconds=0.5)

    assert time.monotonic() - began < 10
    assert stands(notary, "share").error == "no answer within 0.5 s"
    assert stands(notary, "folder").error is None


@pytest.mark.slow
def test_finding_11_a_try_that_was_killed_is_repeated_soon_though_mail_goes_once_a_day(
    app: App, clock: Clock, tmp_path: Path, hanging: _Hanging
) -> None:
    write(app)
    daily = timedelta(hours=24)
    killed = notary_with(app, tmp_path / "state", Target("dpo", "email", "", daily, lambda: hanging))
    killed.tick()
    quick = _Quick()
    after = notary_with(app, tmp_path / "state", Target("dpo", "email", "", daily, lambda: quick))

    after.tick()
    assert quick.got == []  # it may still be under way in the other process
    clock.advance(minutes=6)
    after.tick()

    assert len(quick.got) == 1


def test_finding_11_a_size_beyond_the_log_does_not_keep_the_notes_here(app: App, clock: Clock, tmp_path: Path) -> None:
    quick = _Quick()
    notary = notary_with(app, tmp_path / "state", Target("s3", "object", "", HOUR, lambda: quick))
    write(app)
    notary.tick()
    with app.engine.begin() as connection:
        connection.execute(app.tables.anchor.update().values(size=10**9))
    clock.advance(hours=1)

    for _ in range(3):
        notary.tick()

    assert len(quick.got) == 2
    assert stands(notary, "s3").size == quick.got[-1]
