"""What needs a person: each cause once, and commands that can be copied."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date, timedelta

import click
import pytest

from syncer.cli.main import cli
from syncer.domain.codes import CODES
from syncer.domain.effects import Remedy
from syncer.domain.model import EventState, State
from syncer.domain.rights import Right
from syncer.reports.evidence import ReportedEvent
from syncer.reports.findings import find
from syncer.reports.html.page import report_html
from syncer.reports.wording.commands import commands
from tests.support.documents.reports import report_text
from tests.support.documents.states import NOW, delivery, event, log


def parsed(line: str) -> dict[str, object]:
    """What the real command makes of a line, without running it."""
    program, *words = shlex.split(line)
    assert program == "syncer"
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found)
    with command.make_context("syncer", words) as made:
        return dict(made.params)


@pytest.mark.parametrize("code", [*CODES, "of_a_later_version"])
def test_every_command_can_be_copied_as_it_stands(code: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    open("FILE", "w", encoding="utf-8").close()  # noqa: SIM115, PTH123 — the name that a person replaces by a file's
    held = event(4711, (delivery("crm", State.HELD, code),))
    (need,) = find(log([held])).needs

    assert need.commands
    for line in need.commands + need.instead:
        params = parsed(line)
        if line in need.instead:
            assert params["event"] == "4711"
            assert params.get("destination", "crm") == "crm"
        if "events_" in params and params["events_"]:
            assert (params["events_"], params.get("destination", "crm")) == (("4711",), "crm")


@pytest.mark.parametrize("number", [2, 20, 21])
def test_many_requests_are_one_line_and_too_many_are_chosen_by_their_state(number: int) -> None:
    events = [event(n, (delivery("crm", State.HELD, "forbidden"),)) for n in range(1, number + 1)]
    (line,) = commands(Remedy.RESYNC, events, "crm")
    params = parsed(line)

    assert params["events_"] == (tuple(str(n) for n in range(1, number + 1)) if number <= 20 else ())
    assert params["held"] == (number > 20)
    assert params["destination"] == "crm"


def test_what_a_person_refused_is_never_started_over_in_one_go() -> None:
    events = [event(n, (delivery("crm", State.HELD, "guard_refused"),)) for n in range(1, 30)]
    (need,) = find(log(events)).needs

    assert need.commands == ('syncer resync --event EVENT --destination crm --reason "…"',)


def test_a_request_without_a_case_number_goes_by_its_id() -> None:
    nameless = replace(event(1, (delivery("crm", State.HELD, "forbidden"),)), case=None)

    assert f"--event {nameless.id} " in commands(Remedy.RESYNC, [nameless], "crm")[0]


def test_what_is_about_the_request_is_told_once_for_all_its_recipients() -> None:
    held = tuple(delivery(name, State.HELD, "malformed") for name in ("crm", "newsletter"))
    (need,) = find(log([event(7, held)])).needs

    assert need.result == (
        "The request could not be read, so nothing more is done at ActiveCampaign and Mailchimp (newsletter)."
    )
    assert need.commands == ('syncer resync --file FILE --reason "…"',)
    assert need.instead == ('syncer withdraw 7 --reason "…"',)


def test_what_is_done_instead_stands_behind_an_or_in_every_text() -> None:
    made = log([event(7, (delivery("crm", State.HELD, "malformed"), delivery("shop", State.HELD, "rejected")))])
    text, page = report_text(made), "".join(report_html(made))

    assert '--file FILE --reason "…"\n        or:\n          syncer withdraw 7 --reason "…"\n' in text
    assert '--destination shop --reason "…"\n        or:\n          syncer exempt 7 --destination shop' in text
    assert page.count("<p>or</p>") == 2


def test_a_request_that_is_held_without_a_recipient_is_told() -> None:
    held = replace(event(7, ()), state=EventState.HELD, ending=None, code="damaged")
    (need,) = find(log([held])).needs

    assert [(item.id, item.case) for item in need.events] == [(held.id, 7)]
    assert need.commands == ("syncer audit verify --full",)


def test_a_paused_recipient_says_its_effect_and_the_command_names_our_account() -> None:
    (need,) = find(log([], paused=True)).needs

    assert need.result.startswith("Nothing gets through to ActiveCampaign as long as it is paused")
    assert need.commands == ("syncer check", 'syncer resume crm --reason "…"')


def late_objection(destination: str) -> ReportedEvent:
    """An open objection that missed its target two days ago; its due day is to come."""
    made = event(7, (delivery(destination, State.RETRYING, "unavailable"),), Right.OBJECTION)
    return replace(made, overdue=True, late=True, target_at=NOW - timedelta(days=2), due_on=date(2026, 12, 20))


@pytest.mark.parametrize(
    ("destination", "state", "code", "remedy"),
    [
        ("crm", State.RETRYING, "unavailable", "see the paused recipient below"),
        ("newsletter", State.RETRYING, "unavailable", "syncer goes on trying"),
        ("newsletter", State.HELD, "forbidden", "see below what is held"),
    ],
)
def test_syncer_goes_on_trying_what_is_late_only_where_it_does(
    destination: str, state: State, code: str, remedy: str
) -> None:
    asked = event(7, (delivery(destination, state, code), delivery("shop", State.CONFIRMED, None)), late=True)
    late = find(log([asked], paused=True)).needs[0]

    assert (late.late, late.remedy) == (True, remedy)


def test_one_late_request_at_a_paused_recipient_does_not_hide_that_another_is_tried() -> None:
    both = [event(n, (delivery(at, State.RETRYING, None),), late=True) for n, at in enumerate(("crm", "shop"), 1)]
    found = [(need.remedy, len(need.events)) for need in find(log(both, paused=True)).needs if need.late]

    assert found == [("syncer goes on trying", 1), ("see the paused recipient below", 1)]


def test_an_objection_that_missed_only_the_target_of_the_house_is_no_late_answer_to_the_person() -> None:
    (need,) = find(log([late_objection("newsletter")])).needs

    assert need.result.startswith("An objection missed the target of this house")
    assert need.why.startswith("it is not carried out everywhere within 48 hours")
    assert "12(4)" not in need.decision
    assert "by the due day" in need.decision


def test_an_objection_whose_due_day_is_over_is_one() -> None:
    (need,) = find(log([replace(late_objection("newsletter"), due_on=date(2026, 11, 27))])).needs

    assert need.result == "The time to answer is over, and it is still open."
    assert "12(4)" in need.decision
