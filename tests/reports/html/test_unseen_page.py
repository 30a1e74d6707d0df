"""The report as a page where nobody could read back: signs, cells, how sure one can be, and whose word it is."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from adapters.contract import Evidence
from syncer.audit.ledger import LogEntry
from syncer.domain.endings import Ending
from syncer.domain.model import EventState, State
from syncer.reports.evidence import Acceptance, Attestation, DeliveryEvidence, ReportedDelivery
from syncer.reports.findings import find
from syncer.reports.html.page import BRIEF, report_html
from syncer.reports.html.report_view import ReportView
from syncer.reports.propagation import DECISIONS, PropagationLog
from syncer.reports.wording.sureness import shows
from tests.support.documents import states
from tests.support.documents.states import SHOWS, delivery
from tests.support.documents.truth import sure_of, told
from tests.support.html import Parsed

ACCEPTED = delivery("crm", State.ACCEPTED, None)
ATTESTED = delivery("shop", State.ATTESTED, "refused")
LOST = delivery("newsletter", State.NOT_APPLICABLE, "no_identifier")
SENSELESS = delivery("newsletter", State.NOT_APPLICABLE, "right_not_offered")


def page_of(*deliveries: ReportedDelivery) -> str:
    return "".join(report_html(states.log([states.event(1, deliveries)])))


def cells(page: str) -> list[str]:
    (row,) = re.findall(r'<tr id="p1">.*?</tr>', page, re.DOTALL)
    return [told(cell) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]


def section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return told(found[0]) if found else ""


# -- signs --------------------------------------------------------------------------------------------------


def rules(sheet: str) -> dict[str, str]:
    """Each class with the sign that the sheet puts before it."""
    signs = re.findall(r'([^{}]+)\{content:"(\S) " / ""\}', sheet)
    return {name: sign for names, sign in signs for name in re.findall(r"\.(\w+)::before", names)}


def test_every_state_and_ending_has_a_sign_so_that_no_colour_need_be_seen() -> None:
    signs = rules((files("syncer.reports.html") / "templates" / "states.css").read_text(encoding="utf-8"))

    assert {str(state) for state in (*State, *EventState)} <= set(signs)
    closed = {signs[name] for name in ("confirmed", "accepted", "attested", "not_applicable", "exempt", "answered")}
    assert closed == {"✓", "→", "✎", "∅", "§", "◐"}
    assert [name for name, sign in signs.items() if sign == "✓"] == ["confirmed", "fulfilled"]


def test_what_nobody_read_back_is_not_coloured_as_what_was_seen() -> None:
    sheet = (files("syncer.reports.html") / "templates" / "states.css").read_text(encoding="utf-8")
    (good,) = re.findall(r"([^{}]+)\{color:var\(--good\)\}", sheet)

    assert re.findall(r"\.(\w+)", good.rpartition("*/")[2]) == ["confirmed", "fulfilled"]


@pytest.mark.parametrize("state", State)
def test_every_state_has_words_for_a_cell(state: State) -> None:
    code = states.codes(state)[0]
    (cell,) = cells(page_of(delivery("crm", state, code)))

    assert cell.startswith("withdrawn" if code == "withdrawn" else BRIEF[state])


# -- a request ----------------------------------------------------------------------------------------------


def test_a_request_that_was_only_answered_is_marked_and_counted_as_that() -> None:
    page = page_of(ACCEPTED, ATTESTED, LOST)

    assert '<b class="answered">closed, not everywhere read back: 1 passed on, 1 settled by a person' in page
    assert "<dt>closed, not everywhere read back</dt><dd>1</dd>" in page
    assert "<dt>carried out everywhere</dt><dd>0</dd>" in page
    assert "not everywhere read back</dt>" not in page_of(delivery("crm", State.CONFIRMED, None))


@pytest.mark.parametrize("ending", Ending)
def test_only_what_was_carried_out_everywhere_is_marked_as_done(ending: Ending) -> None:
    view = ReportView(states.log([]))
    event = replace(states.event(1, (ACCEPTED,)), ending=ending)

    mark = view.standing(event)[0]
    assert (mark == "fulfilled") is (ending is Ending.EVERYWHERE)
    assert (mark == "answered") is (ending is Ending.ANSWERED)


def test_a_cell_says_what_is_known_and_by_whom() -> None:
    assert cells(page_of(ACCEPTED, ATTESTED, LOST)) == [
        "cannot be found there delete: nothing is known by which this recipient could find the person, Art. 11(2) |"
        " its data ends by itself by 2027-12-28 | |",
        "passed on 2026-11-20 10:00 +01:00 , delete, P1 , #12 | cannot be checked; by its own word through by"
        " 2027-01-20 | its request req-4711 | |",
        "settled by a person delete: it refused | answered 2026-11-19; dpo said so 2026-11-20 10:00:00 +01:00 | |",
    ]
    assert cells(page_of(SENSELESS))[0].startswith("does not apply delete: this right has no meaning there")


def test_a_recipient_that_names_no_day_is_given_none() -> None:
    (cell,) = cells(page_of(replace(ACCEPTED, settles_on=None)))
    (lost,) = cells(page_of(replace(LOST, lapses_on=None)))

    assert "cannot be checked | its request" in cell
    assert "through by" not in cell
    assert "by itself" not in lost


def test_a_cell_of_which_the_log_tells_nothing_any_more_still_says_where_it_stands() -> None:
    silent = DeliveryEvidence()
    page = page_of(*(replace(each, evidence=silent) for each in (ACCEPTED, ATTESTED, LOST)))

    assert [cell.partition(" delete")[0] for cell in cells(page)] == [
        "cannot be found there", "passed on", "settled by a person",
    ]  # fmt: skip
    assert section(page, "orders") == ""


def test_the_legend_explains_a_sign_only_where_it_stands() -> None:
    def legend(page: str) -> str:
        return page[page.index('<ul class="legend">') : page.index("</ul>", page.index('<ul class="legend">'))]

    plain, whole = legend(page_of(delivery("crm", State.CONFIRMED, None))), legend(page_of(ACCEPTED, ATTESTED, LOST))

    assert 'class="accepted"' not in plain
    assert [name in whole for name in ('class="accepted"', 'class="attested"', 'class="not_applicable"')] == [True] * 3
    assert "it shows nobody what it then does" in whole
    assert "does not apply" not in whole


# -- how it was passed on -----------------------------------------------------------------------------------


def test_how_it_was_passed_on_stands_under_a_heading_of_its_own() -> None:
    page = page_of(ACCEPTED, ATTESTED)

    assert "P1 | ActiveCampaign | delete | audience: POST /users → 200 | 1 |" in section(page, "orders")
    assert section(page, "proofs").endswith("Nothing was read back yet. |")
    assert "POST /users" not in section(page, "proofs")
    assert '<a href="#orders">How it was passed on</a>' in page
    assert '<a href="#order-1">P1</a>' in page
    assert '<tr id="order-1">' in page


def test_where_nothing_was_passed_on_no_section_speaks_of_it() -> None:
    page = page_of(delivery("crm", State.CONFIRMED, None), ATTESTED)

    assert "orders" not in {attributes["id"] for attributes in Parsed(page).all("section")}
    assert "How it was passed on" not in page


def test_orders_that_were_alike_stand_once_and_every_request_keeps_its_number() -> None:
    first, second = (
        states.StepView("POST /users", ms, request, "audience", "", 200) for ms, request in ((3, "a"), (9, "b"))
    )
    other = states.StepView("PUT /users", 3, None, "audience", "", 200)
    told_at = [
        replace(ACCEPTED, evidence=DeliveryEvidence((7,), (Acceptance(states.LOGGED, (step,), seq),)))
        for seq, step in enumerate((first, second, other), 12)
    ]
    page = "".join(report_html(states.log([states.event(n, (each,)) for n, each in enumerate(told_at, 1)])))

    assert re.findall(r"(P\d) \| \S+ \| delete \| (.*?) \| (\d)", section(page, "orders")) == [
        ("P1", "audience: POST /users → 200", "2"), ("P2", "audience: PUT /users → 200", "1"),
    ]  # fmt: skip
    assert re.findall(r"its request (\w+)", told(page)) == ["a", "b"]


def test_what_had_been_passed_on_before_is_no_order_that_stands() -> None:
    log = states.log([states.event(1, (delivery("crm", State.HELD, "forbidden", passed_on=True),))])

    assert ReportView(log).unseen.orders() == []


# -- how sure we are ----------------------------------------------------------------------------------------


def test_the_report_says_of_each_recipient_what_it_can_show_and_how_its_deliveries_were_closed() -> None:
    sure = section(page_of(ACCEPTED, ATTESTED, LOST), "sure")

    assert (
        "our account newsletter | | Its own interface shows afterwards whether it is so. | 5 read back, 1 could" in sure
    )
    assert (
        "our account crm | | It takes an order, and shows nobody what it then does. | 5 read back, 1 passed on |"
        in sure
    )
    assert (
        "our account shop | | A person asks it, and says here what it answered. | 5 read back, 1 settled by a" in sure
    )


@pytest.mark.parametrize("evidence", [*Evidence, None])
def test_each_kind_of_evidence_has_a_sentence(evidence: Evidence | None) -> None:
    log = states.log([])
    named = {name: replace(item, evidence=evidence) for name, item in log.recipients.items()}

    sure = section("".join(report_html(replace(log, recipients=named))), "sure")
    assert sure.count(shows(evidence)) == len(SHOWS)
    assert sure_of(shows(evidence)) == []
    assert [kind for kind in (*Evidence, None) if shows(kind) == shows(evidence)] == [evidence]


def test_who_says_so_is_listed_with_the_answer_the_day_and_the_reason() -> None:
    digest = "ab" * 32
    said = Attestation(states.LOGGED, "dpo", "2026-11-19", "a letter of its counsel", digest)
    page = page_of(replace(ATTESTED, evidence=DeliveryEvidence((7,), (said,))))

    assert (
        "Settled by a person: 1 | | | | | | | case 1 01930001-0000-7000-8000-000000000000 | | Mailchimp (shop) |"
        f" delete: it refused on 2026-11-19 | | a letter of its counsel SHA-256 of the answer {digest} | |"
        " 2026-11-20 10:00 +01:00 by dpo |"
    ) in section(page, "sure")


def test_an_attestation_is_a_decision_of_a_person() -> None:
    assert "delivery:attested" in DECISIONS
    facts = {"answer": "refused", "on": "2026-11-19", "reason": "a letter"}
    asked = states.event(1, (ATTESTED,))
    entry = LogEntry(9, states.LOGGED, "delivery:attested", asked.id, "shop", {"user": "dpo"}, facts)
    log = replace(states.log([asked]), decisions=(entry,))

    assert find(log).people_did == (entry,)
    assert "settled by a person: it refused, a letter" in section("".join(report_html(log)), "actions")


# -- whether a recipient works ------------------------------------------------------------------------------


def works(log: PropagationLog, name: str) -> tuple[str, str]:
    (found,) = [item.works for item in ReportView(log).health() if item.destination == name]
    return found.kind, found.word


def test_a_recipient_that_confirms_nothing_works_where_it_takes_orders() -> None:
    def at(name: str, *deliveries: ReportedDelivery) -> tuple[str, str]:
        return works(states.log([states.event(n, (each,)) for n, each in enumerate(deliveries, 1)], others=0), name)

    assert at("crm", ACCEPTED) == ("accepted", "takes orders")
    assert at("shop", ATTESTED) == ("attested", "by hand")
    assert at("newsletter", LOST) == ("not_applicable", "not known")
    assert at("crm", ACCEPTED, delivery("crm", State.RETRYING, "unavailable")) == ("retrying", "with trouble")
    assert at("crm", delivery("crm", State.CONFIRMED, None)) == ("confirmed", "yes")


def test_a_recipient_at_which_nothing_was_closed_yet_says_what_is_missing() -> None:
    why = {item.destination: item.works.why for item in ReportView(states.log([], others=0)).health()}

    assert why == {
        "newsletter": "nothing confirmed yet", "crm": "it took no order yet",
        "shop": "nothing settled by a person yet",
    }  # fmt: skip
