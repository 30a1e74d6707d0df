"""The propagation log as one HTML file: complete, harmless, the same in every browser, and true."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.audit.ledger import LogEntry
from syncer.domain.codes import meaning
from syncer.domain.controller import Controller
from syncer.domain.model import EventState, State
from syncer.domain.rights import Right
from syncer.reports.as_json import as_json
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.findings import find
from syncer.reports.html.charts import TO_CONFIRMED, histogram
from syncer.reports.html.page import report_html
from syncer.reports.html.report_view import ReportView
from syncer.reports.propagation import NoteKept, PropagationLog
from syncer.reports.views import Signed
from syncer.service.drain import prepare
from tests.conftest import Clock
from tests.support import eventful
from tests.support.browser import Tab, chromium, sound
from tests.support.documents import states
from tests.support.documents.reports import Listed, report_csv, report_text, whole
from tests.support.html import Parsed
from tests.support.processes import inside as run
from tests.support.servers import ENGINES
from tests.support.views import changed, from_json
from tests.support.walk import put


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, PropagationLog, list[str]]]:
    """An installation in which everything happened, its report, and its providers' keys."""
    with eventful.installation(tmp_path_factory.mktemp("rich")) as (app, _, keys):
        yield app, whole(app), keys


@pytest.fixture
def found(installation: tuple[App, PropagationLog, list[str]]) -> PropagationLog:
    """The report."""
    return installation[1]


@pytest.fixture
def source(found: PropagationLog) -> str:
    return "".join(report_html(found))


@pytest.mark.slow
def test_every_section_is_there_in_the_order_in_which_it_is_needed(source: str) -> None:
    page = Parsed(source)

    assert page.open == []
    assert [attributes["id"] for attributes in page.all("section")] == [
        "needs", "register", "propagation", "proofs", "figures", "exceptions", "recipients", "back", "actions",
        "integrity",
    ]  # fmt: skip
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert [picture["role"] for picture in page.all("svg")] == ["img", "img"]
    links = {str(attributes["href"]) for attributes in page.all("a")}
    assert links <= {f"#{name}" for name in ids}


@pytest.mark.slow
def test_the_summary_and_what_needs_a_person_come_in_plain_words(found: PropagationLog, source: str) -> None:
    text = " ".join(Parsed(source).text.split())
    counts = found.summary

    assert (counts.requests, counts.held, counts.open, counts.overdue) == (11, 3, 2, 2)
    assert (
        "11 requests were received: 5 carried out everywhere, 1 closed with an exception, 3 waiting for a person's"
        " decision, 2 under way. 2 are late and still open."
    ) in text
    assert "2 requests: A copy may remain at ActiveCampaign for up to 360 days." in text
    assert "use an API key of a user in the Admin group" in text
    assert "Mailchimp is paused: account review by the provider" in text
    assert 'syncer resume newsletter --reason "…"' in text
    assert text.index("What needs a person") < text.index("One row for each request")


def test_a_late_answer_is_told_in_the_headline_the_cards_the_row_and_beside_what_needs_a_person() -> None:
    done = states.delivery("crm", State.CONFIRMED, None)
    page = "".join(report_html(states.log([states.event(4711, (done,), late=True)])))
    text = " ".join(Parsed(page).text.split())

    assert "1 request was received: 1 carried out everywhere, 0 waiting" in text
    assert "1 was answered late. Nothing needs a person." in text
    assert '<dt>answered late</dt><dd class="late">1</dd>' in page
    assert "2026-11-18 ANSWERED LATE" in text
    assert "Answered late: 1" in text
    assert text.index("Answered late: 1") < text.index("case 4711 due 2026-11-18, closed 2026-11-27 17:32 +01:00")


def test_a_late_objection_names_the_target_where_that_is_what_it_missed() -> None:
    done = states.event(4711, (states.delivery("crm", State.CONFIRMED, None),), Right.OBJECTION)
    late = replace(done, late=True, target_at=datetime(2026, 11, 21, 23, tzinfo=UTC))
    text = " ".join(Parsed("".join(report_html(states.log([late])))).text.split())

    assert "case 4711 target 2026-11-22 00:00 +01:00, due 2027-01-18, closed" in text
    assert "2027-01-18 ANSWERED LATE: target 2026-11-22 00:00 +01:00" in text


def test_the_report_names_whose_log_it_is_in_one_line_where_the_settings_do() -> None:
    nobody, named = states.log([]), Controller("Muster <GmbH>", (), "privacy@muster.test", "Dr. Beispiel")
    line = "controller: Muster <GmbH>; contact: privacy@muster.test; data protection officer: Dr. Beispiel"
    log = replace(nobody, controller=named)

    assert report_text(log).splitlines()[1] == line
    assert f"<p>{line.replace('<', '&lt;').replace('>', '&gt;')}</p>" in "".join(report_html(log))
    assert json.loads(as_json(log))["controller"]["contact"] == "privacy@muster.test"
    assert "controller: " not in report_text(nobody) + "".join(report_html(nobody))


def test_a_withdrawn_request_is_no_exception_and_never_will_be_tried() -> None:
    told = tuple(states.delivery(at, State.EXEMPT, "withdrawn", tried=False) for at in ("crm", "newsletter", "shop"))
    page = "".join(report_html(states.log([states.event(1, told)])))
    text = " ".join(Parsed(page).text.split())

    assert "never tried" in text
    assert "not tried yet" not in text
    assert "3 of 3 recipients closed, 3 withdrawn" in text
    assert "exempt" not in text[text.index("3 of 3") : text.index("Who was told, and what they did One row")]
    assert "No recipient was exempted." in text


def test_a_withdrawal_is_one_line_of_what_people_did_and_an_exception_before_it_another() -> None:
    withdrawn, excepted = (
        states.delivery("crm", State.EXEMPT, "withdrawn"),
        states.delivery("shop", State.EXEMPT, "other"),
    )
    asked = states.event(1, (withdrawn, replace(withdrawn, destination="newsletter"), excepted))

    def entry(seq: int, what: str, destination: str | None, facts: dict[str, str] | None) -> LogEntry:
        return LogEntry(seq, states.LOGGED, what, asked.id, destination, None, facts)

    did = (
        entry(3, "delivery:exempt", "shop", {"ground": "other", "reason": "a court case"}),
        entry(4, "event:withdrawn", None, {"reason": "a wrong address"}),
        entry(5, "delivery:exempt", "crm", {"ground": "withdrawn", "reason": "a wrong address"}),
        entry(6, "delivery:exempt", "newsletter", None),  # its details were purged
    )
    log = replace(states.log([asked]), decisions=did)

    assert [item.seq for item in find(log).people_did] == [3, 4]
    assert report_text(log).count("a wrong address") == 1
    assert [item.seq for item in find(replace(log, decisions=did[2:3])).people_did] == [5]  # nothing else says so


def test_what_a_person_typed_was_entered_by_hand_and_commands_in_the_register_are_marked_as_such() -> None:
    held = replace(states.event(1, (states.delivery("crm", State.HELD, "malformed"),)), source="cli", code="malformed")
    page = "".join(report_html(states.log([held])))

    assert "by cli" not in page
    assert page.count("<code>syncer show</code> say which") >= 3  # the card, the register, the matrix
    assert "`" not in Parsed(page).text


def test_an_exception_is_its_own_ending_and_says_what_was_done_before() -> None:
    excepted = states.delivery("crm", State.EXEMPT, "legal_claims", confirmed=True)
    done = states.delivery("newsletter", State.CONFIRMED, None)
    log = states.log([states.event(1, (excepted, done)), states.event(2, (done,))])
    page = "".join(report_html(log))
    text = " ".join(Parsed(page).text.split())

    assert "2 requests were received: 1 carried out everywhere, 1 closed with an exception" in text
    assert '<b class="exempt">closed with an exception</b>' in page
    assert text.count("before, it had been confirmed: 2026-11-20 10:00:00 +01:00") == 2  # in the matrix, and beside it
    assert ReportView(log).figures.to_everywhere() is None  # of one request alone, the other is none


def test_recipients_have_their_names_and_ours_behind_where_there_are_several() -> None:
    told = tuple(states.delivery(name, State.CONFIRMED, None) for name in ("newsletter", "crm", "shop"))
    page = "".join(report_html(states.log([states.event(1, told)])))

    for name in ("Mailchimp (newsletter)", "ActiveCampaign", "Mailchimp (shop)"):
        assert f'<th scope="col">{name}</th>' in page
        assert f'<td data-l="{name}">' in page


def test_a_recipient_works_only_where_nothing_waits_for_the_account_there() -> None:
    def works(*deliveries: ReportedDelivery, **more: bool) -> list[str]:
        log = states.log([states.event(n, (each,)) for n, each in enumerate(deliveries, 1)], **more)
        return [item.works.word for item in ReportView(log).health() if item.destination == "crm"]

    assert works(states.delivery("crm", State.CONFIRMED, None)) == ["yes"]
    assert works(states.delivery("crm", State.HELD, "newer_consent")) == ["yes"]  # that person's alone
    assert works(states.delivery("crm", State.HELD, "archived_not_purged")) == ["not for all"]
    assert works(states.delivery("crm", State.RETRYING, "unavailable")) == ["with trouble"]
    assert works(states.delivery("crm", State.CONFIRMED, None), paused=True) == ["paused"]


def test_each_cause_at_a_recipient_is_told_with_its_own_number() -> None:
    waiting = [states.delivery("crm", State.RETRYING, code) for code in ("unreadable", "unavailable", "unavailable")]
    held = [states.delivery("shop", State.HELD, code) for code in ("forbidden", "archived_not_purged", "forbidden")]
    log = states.log([states.event(number, pair) for number, pair in enumerate(zip(waiting, held, strict=True), 1)])
    why = {item.destination: item.works.why for item in ReportView(log).health()}

    assert why["crm"] == f"2 wait: {meaning('unavailable')}; 1 wait: {meaning('unreadable')}"
    assert why["shop"] == f"2 held: {meaning('forbidden')}; 1 held: {meaning('archived_not_purged')}"


def test_all_times_are_on_one_clock_that_is_named_at_the_top(found: PropagationLog, source: str) -> None:
    page, text = Parsed(source), report_text(found)

    assert "All days and times here are those of Europe/Berlin (UTC+01:00)" in " ".join(page.text.split())
    assert "days and times are those of Europe/Berlin (UTC+01:00)" in text
    for told in (page.text, text):
        assert not re.search(r"\d\d:\d\d(:\d\d)?Z", told)
        assert not re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?(?! [+-]\d\d:\d\d|:)", told)
        assert {"+01:00", "+02:00"} <= set(re.findall(r"[+-]\d\d:\d\d", told))


def test_what_is_told_of_a_clock_that_jumped_is_on_the_documents_clock(found: PropagationLog) -> None:
    facts = {"seconds": 60, "found": "2026-11-24T09:00:00.000000Z", "expected": "2026-11-24T08:59:00.000000Z"}
    jumped = LogEntry(7, "2026-11-24T09:00:00.000000Z", "clock:anomaly", None, None, {"user": "daemon"}, facts)
    log = replace(found, decisions=(jumped,))

    for told in (report_text(log), " ".join(Parsed("".join(report_html(log))).text.split())):
        assert "it showed 2026-11-24 10:00:00 +01:00 when 2026-11-24 09:59:00 +01:00 was due" in told


def test_every_event_has_its_row_in_the_register_and_in_the_matrix(found: PropagationLog, source: str) -> None:
    rows = {str(attributes.get("id")) for attributes in Parsed(source).all("tr")}

    assert {f"{kind}{n}" for kind in "rp" for n in range(1, len(found.events) + 1)} <= rows
    for event in found.events:
        assert source.count(f">case {event.case}</span></a>") >= 2
        assert source.count(f'<small class="id">{event.id}</small>') >= 2


def test_exceptions_extensions_and_people_who_came_back_are_told(found: PropagationLog, source: str) -> None:
    text = " ".join(Parsed(source).text.split())

    assert "kept for legal claims, Art. 17(3)(e)" in text
    assert "many systems to search by hand" in text
    assert len(found.reappeared) == 1
    assert re.search(r"at Mailchimp: case \d+, now confirmed", text)
    assert "somebody looked a person up" in text


def proof_of(view: ReportView, event: ReportedEvent, delivery: ReportedDelivery) -> int | None:
    return dict(zip(event.deliveries, view.rows[event.id].cells, strict=True))[delivery].proof


def test_a_confirmation_says_how_it_was_read_back(found: PropagationLog, source: str) -> None:
    overview = ReportView(found)
    confirmed = [
        (event, delivery)
        for event in found.events
        for delivery in event.deliveries
        if delivery.state is State.CONFIRMED or delivery.confirmed_at
    ]
    numbers = {proof.number for proof, _ in overview.proofs()}

    assert confirmed
    assert all(proof_of(overview, event, delivery) in numbers for event, delivery in confirmed)
    assert sum(count for _, count in overview.proofs()) == len(confirmed)
    assert "GET /lists/{list}/members/{id} → 404, absent" in source
    for _, delivery in confirmed:
        assert delivery.evidence.confirmation
        assert f"#{delivery.evidence.confirmation.confirmed_seq}<" in source


def test_what_is_read_back_again_counts_as_confirmed_meanwhile(found: PropagationLog, source: str) -> None:
    at = next(
        number
        for number, event in enumerate(found.events)
        if event.state is EventState.FULFILLED and event.deliveries[0].state is State.CONFIRMED
    )

    again = "".join(report_html(changed(found, "events", at, "deliveries", 0, state=State.APPLIED)))

    assert again.count("being read back again") == source.count("being read back again") + 1
    assert again.count("2 of 2 recipients closed") == source.count("2 of 2 recipients closed")


def test_the_policy_allows_the_style_sheet_by_its_hash_and_nothing_else(source: str) -> None:
    page = Parsed(source)
    (policy,) = [str(m["content"]) for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()

    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "src")]


def test_what_others_wrote_is_text_and_cannot_act(source: str) -> None:
    assert "<script" not in source
    assert "&lt;/script&gt;&lt;b&gt;form" in source
    for harmful in ("\x1b", "\u202e", "\x00", "\r"):
        assert harmful not in source
    assert "court\\u000a\\u001b[31mcase" in source
    assert "\\u202egnp.exe" in source


def test_what_others_wrote_is_harmless_in_text_and_csv_too(found: PropagationLog) -> None:
    text, table = report_text(found), report_csv(found)

    for harmful in ("\x1b", "\u202e"):
        assert harmful not in text
        assert harmful not in table
    assert "LATE: The time to answer is over" in text
    assert ", due 2026-11-23, target 2026-10-26 15:37:00 +01:00\n" in text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert {row["source_ref"] for row in rows if row["source"].startswith("</")} == {f"'{eventful.HOSTILE_REF}"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@", "\t"))]


def test_no_address_and_no_key_is_in_any_form(
    found: PropagationLog, source: str, installation: tuple[App, PropagationLog, list[str]]
) -> None:
    everything = [source, report_csv(found), report_text(found), as_json(found)]
    md5 = hashlib.md5(eventful.PLAIN.encode()).hexdigest()

    for text in everything:
        assert "@" not in re.sub("@(media|page|bottom-right)", "", text)
        for secret in ("lovelace", md5, *installation[2]):
            assert secret not in text


def test_an_address_that_a_person_wrote_into_a_reason_is_masked(found: PropagationLog) -> None:
    paused = {"paused": True, "paused_by": "operator", "pause_reason": "ask ada@lovelace.test"}

    source = "".join(report_html(changed(found, "destinations", "crm", **paused)))

    assert "lovelace" not in source
    assert "ask [address]" in source


def test_the_csv_has_the_columns_of_the_ccpa_beside_the_others(found: PropagationLog) -> None:
    rows = list(csv.DictReader(io.StringIO(report_csv(found))))
    (exempt,) = [row for row in rows if row["state"] == "exempt"]
    done = next(row for row in rows if row["state"] == "confirmed")

    assert exempt["basis_of_denial"].startswith("kept for legal claims, Art. 17(3)(e): court")
    assert exempt["date_of_response"] > exempt["date_of_request"] == exempt["received_at"]
    assert (done["date_of_response"], done["basis_of_denial"]) == (done["confirmed_at"], "")
    assert (done["nature_of_request"], done["manner_of_request"]) == ("erase me (Art. 17)", "wordpress")
    assert done["nature_of_response"].startswith("confirmed: ")


def test_the_json_holds_everything_that_the_page_is_made_from(found: PropagationLog, source: str) -> None:
    assert "".join(report_html(from_json(PropagationLog, json.loads(as_json(found))))) == source


def test_the_integrity_block_names_the_signed_state_and_where_its_note_lies(found: PropagationLog) -> None:
    assert "nowhere yet" in "".join(report_html(found))
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    anchors = (NoteKept(40, "the mail to the DPO", at),)
    signed = changed(found, "integrity", signed=Signed(41, at), root="RDeNlzL8ZY1V", anchors=anchors)

    text = " ".join(Parsed("".join(report_html(signed))).text.split())

    assert "the first 41 entries, 2026-11-24 10:00 +01:00, root RDeNlzL8ZY1V" in text
    assert "up to entry 40 at the mail to the DPO, 2026-11-24 10:00 +01:00" in text
    assert "nowhere yet" not in text


def test_an_altered_log_is_said_in_the_report(found: PropagationLog) -> None:
    altered = changed(found, "integrity", verified=False, reason="entry 7 was altered")

    assert "NOT INTACT: entry 7 was altered" in "".join(report_html(altered))


def test_a_log_that_is_not_whole_needs_a_person(found: PropagationLog) -> None:
    broken = changed(found, "integrity", verified=False, reason="entry 7 was altered")
    (first, *_) = find(broken).needs

    assert first.result == "The log that proves what is said here is not whole."
    assert first.commands == ("syncer audit verify --full",)


def test_what_is_held_outside_the_span_of_a_report_is_not_left_out(
    installation: tuple[App, PropagationLog, list[str]],
) -> None:
    early = whole(installation[0], None, datetime(2026, 10, 1, tzinfo=UTC))
    said = [need.result for need in find(early).needs]

    assert early.summary.held == 0
    assert "More is held at ActiveCampaign than this report shows." in said


def test_an_empty_installation_says_so(app: App) -> None:
    text = " ".join(Parsed("".join(report_html(whole(app)))).text.split())

    assert "No request that was received in this period has been taken from the queue." in text
    assert "Nothing is open past its time, held or paused." in text


def test_a_report_of_a_span_holds_the_evidence_of_that_span_only(
    installation: tuple[App, PropagationLog, list[str]], found: PropagationLog
) -> None:
    app = installation[0]
    border = datetime(2026, 10, 1, tzinfo=UTC)
    before, after = whole(app, None, border), whole(app, border, None)

    assert [e.id for e in before.events + after.events] == [e.id for e in found.events]
    by_id = {event.id: event.deliveries for event in found.events}
    for event in before.events + after.events:
        assert event.deliveries == by_id[event.id]
    assert (len(before.reappeared), len(after.reappeared)) == (1, 0)
    assert whole(app, None, datetime(2026, 9, 1, tzinfo=UTC)).reappeared == ()
    assert {item.what for item in before.decisions} == set()
    assert "operator:looked_up" in {item.what for item in after.decisions}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_every_engine_gives_the_same_evidence(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, found: PropagationLog
) -> None:
    clock.now = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    eventful.fill(app, clock, mailchimp, activecampaign)

    here = whole(app, datetime(2020, 1, 1, tzinfo=UTC), None)

    assert here.integrity.verified is True
    assert here.summary == found.summary
    for event, known in zip(here.events, found.events, strict=True):
        for delivery, other in zip(event.deliveries, known.deliveries, strict=True):
            assert json.loads(as_json(delivery)).keys() == json.loads(as_json(other)).keys()
            assert len(delivery.evidence.audit_seq) == len(other.evidence.audit_seq)


@pytest.mark.slow  # a thousand events
def test_many_events_are_paged_by_month_and_nothing_is_open_at_first(found: PropagationLog) -> None:
    template = next(event for event in found.events if event.state is EventState.FULFILLED)
    events = tuple(
        changed(template, id=f"{n:08x}-0000-7000", received_at=datetime(2026, 5 + n % 2, 2, 10, tzinfo=UTC))
        for n in range(1300)
    )
    many = changed(found, events=Listed(events))
    pages = [(page.name, page.title, len(page.places)) for page in ReportView(many).pages()]

    assert pages == [
        ("2026-06-1", "June 2026, 1 to 500 of 650", 500),
        ("2026-06-2", "June 2026, 501 to 650 of 650", 150),
        ("2026-05-1", "May 2026, 1 to 500 of 650", 500),
        ("2026-05-2", "May 2026, 501 to 650 of 650", 150),
    ]
    source = "".join(report_html(many))
    assert len(Parsed(source).all("details")) == 8
    assert " open>" not in source
    assert len(source) < 2000 * len(events)


def test_the_due_soon_are_told_once_in_the_nearest_class(app: App, clock: Clock) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for number, days_ago in enumerate((25, 18, 3)):
        put(app, "erasure", f"p{number}@x.test", f"k{number}", received_at=start - timedelta(days=days_ago))
    clock.now = start
    prepare(app)

    log = whole(app)
    soon, keys = ReportView(log).due_soon(), {event.id: event.event_key for event in log.events}

    assert [(days, [keys[event.id] for event in events]) for days, events in soon] == [(7, ["k0"]), (14, ["k1"])]


def test_the_bars_are_as_long_as_their_counts_and_say_them_in_words() -> None:
    chart = histogram("x", "Waits", [1, 59, 60, 3 * 86400, 40 * 86400], TO_CONFIRMED)

    assert [bar.count for bar in chart.bars] == [2, 1, 0, 0, 0, 1, 0, 1]
    assert [bar.width for bar in chart.bars] == [290, 145, 0, 0, 0, 145, 0, 145]
    assert chart.text.startswith("under 1 minute: 2; under 15 minutes: 1;")


def test_a_recheck_does_not_make_the_first_confirmation_late(found: PropagationLog) -> None:
    overview = ReportView(found)
    rechecked = [
        delivery
        for event in found.events
        for delivery in event.deliveries
        if (said := delivery.evidence.confirmation)
        and delivery.confirmed_at
        and datetime.fromisoformat(said.first_confirmed_at) < delivery.confirmed_at
    ]

    assert rechecked
    assert [bar.count for bar in overview.figures.charts()[0].bars[3:]] == [0, 0, 0, 0, 0]
    assert {item.name: item.median for item in overview.health()} == {
        "Mailchimp": "7.0 minutes",
        "ActiveCampaign": "7.0 minutes",
    }


@pytest.mark.slow
def test_the_command_writes_the_file_audits_its_fingerprint_and_exits_by_what_is_in_it(
    settings_file: Callable[..., Path], tmp_path: Path, activecampaign: ActiveCampaignSandbox
) -> None:
    path, out = settings_file(), tmp_path / "report.html"
    run(path, "init")
    assert run(path, "report", "--format", "html", "--out", str(out)).returncode == 0
    activecampaign.admin = False
    activecampaign.add(eventful.PLAIN)
    run(path, "submit", "erasure", stdin=eventful.PLAIN)
    run(path, "drain")

    done = run(path, "report", "--format", "html", "--out", str(out))

    assert done.returncode == 1
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    assert digest in done.stderr
    exported = [
        json.loads(json.loads(line)["body"])["facts"]
        for line in run(path, "audit", "export").stdout.splitlines()
        if json.loads(line)["what"] == "report:exported"
    ]
    assert exported[-1] == {"kind": "report", "format": "html", "rows": 2, "sha256": digest}


# -- colours ------------------------------------------------------------------------------------------------


def _schemes(source: str) -> list[dict[str, str]]:
    blocks = re.findall(r":root\{([^}]*)\}", Parsed(source).style)
    return [dict(re.findall(r"--(\w+):(#[0-9a-f]{3,6})", block)) for block in blocks]


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_every_colour_of_text_stands_out_from_its_ground_in_light_dark_and_print(source: str) -> None:
    schemes = _schemes(source)

    assert len(schemes) == 3
    for scheme in schemes:
        for ground in ("page", "panel"):
            for ink in ("ink", "soft", "link", "good", "bad", "wait", "mark"):
                light, dark = sorted((_luminance(scheme[ground]), _luminance(scheme[ink])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (ground, ink)


# -- a real browser -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_axe_finds_nothing_and_nothing_overflows(tab: Tab, source: str, tmp_path: Path, width: int, dark: bool) -> None:
    file = tmp_path / "report.html"
    file.write_text(source, encoding="utf-8")
    sound(tab, file, width, dark=dark)


def test_a_link_opens_the_month_it_leads_into_and_print_shows_what_is_closed(
    tab: Tab, source: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(source.replace(" open>", ">"), encoding="utf-8")
    tab.look(width=1280)
    tab.open(file)
    shown = "document.getElementById('r1').checkVisibility()"
    assert tab.value(shown) is False

    tab.look(width=800, medium="print")
    assert tab.value(shown) is True
    tab.look(width=1280)
    tab.value("location.hash = '#r1'; 0")

    assert tab.value("document.getElementById('r1').closest('details').open") is True


def test_printed_pages_are_numbered_and_the_first_holds_the_register(tab: Tab, tmp_path: Path) -> None:
    file, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    told = tuple(states.delivery(name, State.CONFIRMED, None) for name in ("newsletter", "crm"))
    events = [states.event(number, told) for number in range(1, 40)]
    file.write_text("".join(report_html(states.log(events))), encoding="utf-8")
    tab.look(width=800, medium="print")
    tab.open(file)
    tab.pdf(printed)

    rules = "[...document.styleSheets[0].cssRules].filter(r => r.type === 6).map(r => r.cssText).join()"
    assert "counter(page)" in tab.value(rules)
    assert len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes())) > 3
    # A4 is 297 mm: what stands above the first row leaves room for it on the first page
    assert tab.value("document.getElementById('r1').getBoundingClientRect().bottom") < 297 / 25.4 * 96 * 0.75
