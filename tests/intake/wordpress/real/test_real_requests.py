"""Every way an erasure request moves in a real WordPress ends confirmed at the providers, once for each run."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from json import dumps, loads

import pytest

from syncer.app import load_settings, open_app
from syncer.clock import now
from syncer.intake.wordpress.titles import decoded
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import CONFIRMED, Site
from tests.support.processes import as_json, until

pytestmark = pytest.mark.wordpress


def test_a_request_confirmed_by_mail_and_erased_in_the_screen_ends_confirmed_once(
    site: Site, installation: Installation
) -> None:
    installation.knows("ada@lovelace.test")
    request = site.create("ada@lovelace.test")
    site.confirm(request)
    assert site.status(request) == "request-confirmed"

    answers = site.erase(request)

    assert [answer["success"] for answer in answers] == [True] * len(answers)
    assert "Queued, not done yet: Mailchimp, ActiveCampaign" in answers[0]["data"]["messages"][0]
    assert site.status(request) == "request-completed"
    assert [row[1] for row in site.queued(request)] == ["eraser"]
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]
    assert installation.gone("ada@lovelace.test")
    shown = site.screen()
    assert "Mailchimp: confirmed" in shown
    assert "ActiveCampaign: confirmed" in shown


def test_complete_request_which_runs_no_eraser_is_caught(site: Site, installation: Installation) -> None:
    installation.knows("grace@hopper.test")
    request = site.create("grace@hopper.test", mail=False)

    site.act("complete", request)

    assert [row[1] for row in site.queued(request)] == ["completed"]
    assert "No report from syncer yet" in site.screen()
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]
    assert installation.gone("grace@hopper.test")


def test_a_request_resent_and_completed_again_is_a_second_event_and_only_one_more(
    site: Site, installation: Installation
) -> None:
    request = site.create("twice@site.test", mail=False)
    site.act("complete", request)
    installation.drain()
    installation.knows("twice@site.test")
    reported = int(time.time())
    until(lambda: int(time.time()) > reported, 5)  # WordPress counts completions in whole seconds

    site.act("resend", request)
    site.act("complete", request)

    assert len({row[0] for row in site.queued(request)}) == 2
    shown = site.screen()
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED, CONFIRMED]
    assert installation.gone("twice@site.test")
    assert "Completed after the last report, which said:" in shown


def test_a_request_forced_after_completion_is_another_run(site: Site, installation: Installation) -> None:
    request = site.create("forced@site.test", mail=False)
    assert site.erase(request)[-1]["success"]

    assert site.erase(request)[-1]["success"]

    assert len({row[0] for row in site.queued(request)}) == 2


def test_a_request_removed_right_after_completing_is_still_carried_out(site: Site, installation: Installation) -> None:
    installation.knows("removed@site.test")
    request = site.create("removed@site.test", mail=False)

    site.act("complete", request)
    site.act("delete", request)

    assert site.status(request) is None
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]
    assert installation.gone("removed@site.test")
    assert not [alarm for alarm in _alarms(installation) if alarm["about"] == f"1:{request}"]


def test_unusual_addresses_arrive_as_they_were_typed(site: Site, installation: Installation) -> None:
    addresses = ["plus+tag@site.test", "MiXeD.Case@Site.TEST", "o'brien@site.test", "tag%tag@site.test"]
    refs = []
    for address in addresses:
        installation.knows(address.lower())
        request = site.create(address)
        site.confirm(request)
        site.erase(request)
        refs.append(f"1:{request}")

    installation.drain()

    assert [installation.confirmed(ref) for ref in refs] == [[CONFIRMED]] * len(addresses)
    assert all(installation.gone(address.lower()) for address in addresses)


def test_an_ampersand_that_wordpress_turned_into_an_entity_is_turned_back(
    site: Site, installation: Installation
) -> None:
    installation.knows("a&b@site.test")
    request = site.create("a&b@site.test")
    site.confirm(request)
    assert site.sql(f"SELECT post_title FROM wp_posts WHERE ID = {request}")[0][0] == "a&amp;b@site.test"

    site.act("complete", request)

    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]
    assert installation.gone("a&b@site.test")


def test_without_the_queue_table_the_request_stays_open_and_the_log_names_nobody(
    site: Site, installation: Installation
) -> None:
    installation.knows("missing@site.test")
    request = site.create("missing@site.test", mail=False)
    site.sql("RENAME TABLE syncer_queue TO syncer_queue_away")
    site.sql("CREATE VIEW syncer_queue AS SELECT 1 AS nothing")  # and the plugin cannot make it again
    try:
        answers = site.erase(request)
        site.act("complete", site.create("bystander@site.test", mail=False))
    finally:
        site.sql("DROP VIEW syncer_queue")
        site.sql("RENAME TABLE syncer_queue_away TO syncer_queue")

    assert answers[-1]["success"] is False
    assert site.status(request) == "request-confirmed"
    assert "syncer: not queued (syncer_queue): erasure from eraser" in site.log()
    assert "missing@site.test" not in site.log()
    assert "bystander@site.test" not in site.log()
    assert site.erase(request)[-1]["success"]
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]


def test_a_dropped_queue_table_is_made_again_and_a_second_look_changes_nothing(site: Site) -> None:
    site.sql("RENAME TABLE syncer_queue TO syncer_queue_away")
    try:
        site.php("delete_site_option( 'syncer_queue' ); syncer_create_queue();")
        made = site.sql("SHOW CREATE TABLE syncer_queue")[0][1]
        again = "print_r( dbDelta( syncer_queue_schema() ) );"
        said = site.php(again, "", "require ABSPATH . 'wp-admin/includes/upgrade.php';")
    finally:
        site.sql("DROP TABLE IF EXISTS syncer_queue")
        site.sql("RENAME TABLE syncer_queue_away TO syncer_queue")

    assert "COLLATE=utf8mb4_nopad_bin" in made
    assert said.split() == ["Array", "(", ")"]


def test_forms_and_other_plugins_queue_objections_and_erasures_once_a_key(
    site: Site, installation: Installation
) -> None:
    installation.knows("objects@site.test")
    call = "do_action( 'syncer_object', 'objects@site.test', 'form 7', 'newsletter-form' );"
    site.php(call + call + "do_action( 'syncer_erase', 'erase@site.test', 'form 8', 'newsletter-form' );")
    site.php(
        "do_action( 'fluentcrm_subscriber_status_to_unsubscribed', (object) array( 'email' => 'crm@site.test' ) );"
    )

    rows = site.sql("SELECT kind, source, event_key FROM syncer_queue WHERE source IN ('newsletter-form', 'fluentcrm')")
    assert sorted(row[:2] for row in map(tuple, rows)) == [
        ("erasure", "newsletter-form"), ("objection", "fluentcrm"), ("objection", "newsletter-form")
    ]  # fmt: skip
    assert not any("@" in row[2] for row in rows)
    installation.drain()
    found = [event for event in as_json(installation.settings, "events") if event["source"] == "newsletter-form"]
    assert {event["state"] for event in found} == {"fulfilled"}


def test_a_deleted_account_is_an_erasure_only_where_the_site_says_so(site: Site) -> None:
    make = "$id = wp_create_user( 'u%d', 'p', 'u%d@site.test' ); require_once ABSPATH . 'wp-admin/includes/user.php';"
    site.php(make % (1, 1) + "wp_delete_user( $id );")
    site.php(make % (2, 2) + "add_filter( 'syncer_erase_deleted_users', '__return_true' ); wp_delete_user( $id );")

    assert site.sql("SELECT email FROM syncer_queue WHERE source = 'deleted_user'") == [("u2@site.test",)]


@pytest.mark.parametrize("address", ["", "nobody", "x" * 250 + "@site.test", "\\xff@site.test"])
def test_what_is_no_address_is_refused_and_said(site: Site, address: str) -> None:
    code = "add_action( 'syncer_enqueue_failed', function ( ...$a ) { echo implode( '|', $a ); }, 10, 4 );"
    code += f"do_action( 'syncer_object', \"{address}\", 'bad', 'a-form' );"

    assert site.php(code) == "objection|a-form||syncer_address"


PIECES = ("&", "&amp", "&amp;", "&#38;", "&#038;", "&#0000038;", "&#x26;", "&#X26;", "&#39;", "&#x27;", "&#34;",
          "&quot;", "&quot", "&lt;", "&gt;", "&LT;", "&#60;", "&#062;", "&#x3c;", "&reg", "&copy;", "&apos;",
          "&commat;", "&#64;", "amp;", "#038;", ";", "x", "é", "0", "@x.test")  # fmt: skip


def test_finding_08_the_sweep_decodes_hostile_titles_as_wordpress_own_function_does(site: Site) -> None:
    draw = random.Random(8)
    titles = ["".join(draw.choices(PIECES, k=draw.randint(1, 12))) for _ in range(5000)]
    titles += ["&#" + "0" * 60_000 + "38;", "&" * 60_000, "&amp;" * 10_000]
    code = (
        f"echo json_encode( array_map( fn( $t ) => wp_specialchars_decode( $t, ENT_QUOTES ),"
        f" json_decode( file_get_contents( '{site.folder}/titles.json' ) ) ) );"
    )
    (site.folder / "titles.json").write_text(dumps(titles), encoding="utf-8")

    assert loads(site.php(code)) == [decoded(title) for title in titles]


@pytest.mark.parametrize("title", ["jane&reg@x.test", "a&amp@x.test", "b&amp;c@x.test", "d&amp;amp;e@x.test"])
def test_finding_08_plugin_and_sweep_read_the_same_address(site: Site, installation: Installation, title: str) -> None:
    request = site.create("title@titles.test", mail=False)
    site.sql(f"UPDATE wp_posts SET post_title = '{title}' WHERE ID = {request}")
    site.act("complete", request)
    (by_plugin,) = site.sql(f"SELECT email FROM syncer_queue WHERE source_ref = '1:{request}'")
    site.sql(f"DELETE FROM syncer_queue WHERE source_ref = '1:{request}'")

    with open_app(load_settings(installation.settings), clock=lambda: now() + timedelta(minutes=5)) as app:
        assert app.wordpress is not None
        app.wordpress.sweep()

    (by_sweep,) = site.sql(f"SELECT email FROM syncer_queue WHERE source_ref = '1:{request}'")
    assert by_sweep == by_plugin
    site.act("delete", request)


def _alarms(installation: Installation) -> list[dict[str, str]]:
    found: list[dict[str, str]] = as_json(installation.settings, "status")["wordpress"]["alarms"]
    return found
