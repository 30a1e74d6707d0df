"""What needs a person: each cause once, and commands that can be copied."""

from __future__ import annotations

import shlex
from dataclasses import replace

import click
import pytest

from syncer.cli.main import cli
from syncer.domain.codes import CODES
from syncer.domain.effects import Remedy
from syncer.domain.model import EventState, State
from syncer.reports.wording.commands import commands
from syncer.reports.wording.needs import needs
from tests.support.documents.states import delivery, event, log


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
    (need,) = needs(log([held]))

    assert need.commands
    for line in need.commands:
        params = parsed(line)
        if "events_" in params and params["events_"]:
            assert (params["events_"], params["destination"]) == (("4711",), "crm")


@pytest.mark.parametrize("number", [2, 20, 21])
def test_many_requests_are_one_line_and_too_many_are_chosen_by_their_state(number: int) -> None:
    events = [event(n, (delivery("crm", State.HELD, "forbidden"),)) for n in range(1, number + 1)]
    (line,) = commands(Remedy.RESYNC, events, "crm")
    params = parsed(line)

    assert params["events_"] == (tuple(str(n) for n in range(1, number + 1)) if number <= 20 else ())
    assert params["held"] == (number > 20)
    assert params["destination"] == "crm"


def test_a_request_without_a_case_number_goes_by_its_id() -> None:
    nameless = replace(event(1, (delivery("crm", State.HELD, "forbidden"),)), case=None)

    assert f"--event {nameless.id} " in commands(Remedy.RESYNC, [nameless], "crm")[0]


def test_what_is_about_the_request_is_told_once_for_all_its_recipients() -> None:
    held = tuple(delivery(name, State.HELD, "malformed") for name in ("crm", "newsletter"))
    (need,) = needs(log([event(7, held)]))

    assert need.result == (
        "The request could not be read, so nothing more is done at ActiveCampaign and Mailchimp (newsletter)."
    )
    assert need.commands == (
        'syncer resync --file FILE --reason "…"',
        'syncer exempt 7 --destination crm --ground other --reason "…"',
        'syncer exempt 7 --destination newsletter --ground other --reason "…"',
    )


def test_a_request_that_is_held_without_a_recipient_is_told() -> None:
    held = replace(event(7, ()), state=EventState.HELD, ending=None, code="damaged")
    (need,) = needs(log([held]))

    assert need.events == (held,)
    assert need.commands == ("syncer audit verify",)


def test_a_paused_recipient_says_its_effect_and_the_command_names_our_account() -> None:
    (need,) = needs(log([], paused=True))

    assert need.result.startswith("Nothing gets through to ActiveCampaign as long as it is paused")
    assert need.commands == ("syncer check", 'syncer resume crm --reason "…"')
