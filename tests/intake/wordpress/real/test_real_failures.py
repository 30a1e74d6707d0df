"""Whatever is killed at whatever step, nothing is lost and nothing doubled; what the plugin misses the sweep finds."""

from __future__ import annotations

import functools
import subprocess
import threading
from datetime import timedelta

import pytest

from syncer.app import load_settings, open_app
from syncer.clock import now
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import CONFIRMED, Site
from tests.support.processes import as_json, run, started, until

pytestmark = pytest.mark.wordpress


def sweep(installation: Installation, **later: float) -> int:
    """Sweep under a clock that is ahead; returns how many were missed."""
    app = open_app(load_settings(installation.settings), clock=lambda: now() + timedelta(**later))
    try:
        assert app.wordpress is not None
        return app.wordpress.sweep().missed
    finally:
        app.close()


def test_php_killed_after_the_eraser_and_before_the_completion_is_one_event_however_late_the_retry(
    site: Site, installation: Installation
) -> None:
    installation.knows("php@killed.test")
    request = site.create("php@killed.test", mail=False)
    stop = site.content / "stop-before-completing"
    stop.touch()
    caller = threading.Thread(target=_erase_in_vain, args=(site, request))
    caller.start()
    try:
        until(lambda: site.queued(request), 30)
    finally:
        site.kill()
        caller.join()
        stop.unlink()
        site.start()
    assert site.status(request) == "request-confirmed"
    sweep(installation)
    installation.drain()

    # the administrator clicks again; as far as the rows can tell, a day later
    site.sql(f"UPDATE syncer_queue SET created_at = created_at - INTERVAL 1 DAY WHERE source_ref = '1:{request}'")
    assert site.erase(request)[-1]["success"]

    assert site.status(request) == "request-completed"
    assert [sweep(installation, minutes=later) for later in (5, 10, 15)] == [0, 0, 0]
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]


def _erase_in_vain(site: Site, request: int) -> None:
    with pytest.raises(Exception, match=r".*"):
        site.erase(request)


def test_mariadb_killed_while_syncer_runs_and_while_wordpress_completes_loses_nothing(
    site: Site, installation: Installation
) -> None:
    installation.knows("database@killed.test")
    request = site.create("database@killed.test", mail=False)
    log = installation.folder / "daemon.log"
    with started(installation.settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 30)
        site.server.kill()
        assert site.browser.get(f"{site.url}/wp-admin/erase-personal-data.php", timeout=60).status_code == 500
        until(lambda: "database.away" in log.read_text(encoding="utf-8"), 30)
        site.server.start()
        assert site.status(request) == "request-confirmed"
        site.act("complete", request)
        until(lambda: installation.confirmed(f"1:{request}") == [CONFIRMED], 60)
        until(lambda: "Mailchimp: confirmed" in site.screen(), 30)
        daemon.terminate()
        assert daemon.wait(timeout=60) == 0

    assert installation.gone("database@killed.test")
    assert len(site.queued(request)) == 1


def test_syncer_killed_at_its_work_loses_nothing_and_doubles_nothing(site: Site, installation: Installation) -> None:
    people = [f"person{number}@killed.test" for number in range(3)]
    requests = []
    for person in people:
        installation.knows(person)
        requests.append(site.create(person, mail=False))
        site.act("complete", requests[-1])
    installation.mailchimp.latency = 0.3
    for attempt in range(3):
        seen = installation.mailchimp.request_count
        with started(installation.settings, "drain", log=installation.folder / f"log{attempt}") as worker:
            until(functools.partial(_is_at_work, installation, seen, worker), 60)
            worker.kill()
    installation.mailchimp.latency = 0.0

    installation.drain()

    assert [installation.confirmed(f"1:{request}") for request in requests] == [[CONFIRMED]] * 3
    assert all(installation.gone(person) for person in people)
    assert as_json(installation.settings, "audit", "verify")["ok"]


def _is_at_work(installation: Installation, calls: int, worker: subprocess.Popen[bytes]) -> bool:
    return installation.mailchimp.request_count > calls or worker.poll() is not None


def test_a_completion_that_no_plugin_saw_is_found_by_the_sweep_once(site: Site, installation: Installation) -> None:
    installation.knows("unseen@site.test")
    away = site.plugin.rename(site.plugin.with_suffix(".off"))
    try:
        unseen = site.create("unseen@site.test", mail=False)
        sweep(installation)
        site.act("complete", unseen)
        late = site.create("late@site.test", mail=False)
        site.act("complete", late)
    finally:
        away.rename(site.plugin)

    assert sweep(installation) == 0  # too young to be called missed
    assert sweep(installation, minutes=5) == 2
    assert sweep(installation, minutes=10) == 0

    # the first under the key that the plugin would have used, the second was never seen open
    assert site.queued(unseen)[0][0].startswith(f"erasure:1:{unseen}:request-confirmed:")
    assert site.queued(late)[0][0].startswith(f"erasure:1:{late}:completed:")
    installation.drain()
    assert installation.confirmed(f"1:{unseen}") == installation.confirmed(f"1:{late}") == [CONFIRMED]
    assert installation.gone("unseen@site.test")
    assert {event["source"] for event in installation.events(f"1:{unseen}")} == {"sweep"}


def test_an_address_that_cannot_be_used_is_held_and_shown(site: Site, installation: Installation) -> None:
    request = site.create("held@site.test", mail=False)
    site.sql(f"UPDATE wp_posts SET post_title = 'no address at all' WHERE ID = {request}")
    site.act("complete", request)
    assert site.queued(request) == []

    assert sweep(installation, minutes=5) == 1

    installation.drain()
    assert [event["state"] for event in installation.events(f"1:{request}")] == ["held"]
    assert "Mailchimp: needs a decision in syncer" in site.screen()
    event = installation.events(f"1:{request}")[0]["id"]
    for name in ("newsletter", "crm"):
        words = ("exempt", event, "--destination", name, "--ground", "impossible", "--reason", "no address")
        assert run(installation.settings, *words).returncode == 0


def test_a_confirmed_request_that_vanishes_is_an_alarm_until_a_person_dismisses_it(
    site: Site, installation: Installation
) -> None:
    installation.drain()
    request = site.create("vanished@site.test", mail=False)
    sweep(installation)
    site.act("delete", request)

    done = run(installation.settings, "wordpress", "sweep")

    assert done.returncode == 1
    assert f"ALARM request_vanished (1:{request})" in done.stdout
    status = run(installation.settings, "status")
    assert status.returncode == 1
    assert "request_vanished" in status.stdout
    words = ("wordpress", "dismiss", f"1:{request}", "--reason", "withdrawn by the person")
    assert run(installation.settings, *words).returncode == 0
    alarms = as_json(installation.settings, "status")["wordpress"]["alarms"]
    assert f"1:{request}" not in {alarm["about"] for alarm in alarms}


@pytest.mark.parametrize(
    "older",
    [
        "DELETE FROM syncer_wp_status WHERE request = 'plugin'",  # version 1 wrote no version
        "UPDATE syncer_wp_status SET state = '1' WHERE request = 'plugin'",
    ],
)
def test_a_plugin_older_than_syncer_is_an_alarm_until_the_new_one_is_there_and_its_screen_was_opened(
    site: Site, installation: Installation, older: str
) -> None:
    site.act("complete", site.create(f"{len(older)}@version.test", mail=False))
    installation.drain()
    site.sql(older)

    assert "ALARM plugin_outdated (plugin)" in run(installation.settings, "wordpress", "sweep").stdout

    site.screen()
    assert "plugin_outdated" not in run(installation.settings, "wordpress", "sweep").stdout
