"""No text of a provider's choice leaves an adapter, be it the person's address, its hash, markup or 20 kB."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.checks import shown_name
from adapters.contract import Action
from adapters.errors import AdapterError
from adapters.sandbox.messages import Reply, Request
from syncer.privacy.keyring import Keyring, subject
from tests.adapters.stage import Stage
from tests.support.attacks.tainting import CANARY, TEXTS, keys_of, taint, traces_in

NOW = datetime.now(UTC)
ASKED = NOW - timedelta(days=2)
KEYRING = Keyring(b"k" * 32)
PERSON = subject(KEYRING, CANARY)


def told(verb: Callable[[], Any]) -> str:
    """Return all that a verb tells, whether it comes back or fails."""
    try:
        found = verb()
    except AdapterError as error:
        return f"{error} {error.detail} {error.steps}"
    if isinstance(found, Iterator):
        parts = []
        with suppress(AdapterError):
            parts += [f"{getattr(one, 'scope', '')} {one!r}" for one in found]
        return " ".join(parts)
    return f"{found!r} {getattr(found, 'steps', '')} {getattr(found, 'notes', '')}"


def everything_told(stage: Stage) -> Iterator[str]:
    """Yield what every verb tells, of a person who is held everywhere and opted in anew."""
    adapter = stage.adapter
    for action in Action:
        if not stage.reaches(CANARY):
            stage.holds_in_every_place(CANARY)
        yield told(lambda action=action: adapter.apply(action, PERSON, ASKED))
        yield told(lambda action=action: adapter.confirm(action, PERSON))
    yield told(lambda: adapter.opted_in(PERSON))
    yield told(lambda: adapter.changed(None))
    # the names of audiences and lists are shown to the operator, in their own letters
    yield told(lambda: adapter.check(PERSON.label)).replace("<script", "")


def held_anew(stage: Stage) -> None:
    stage.knows(CANARY, since=NOW - timedelta(days=1))


def texts_of(stage: Stage) -> list[str]:
    """Return the keys of the texts that the provider answers in all those walks."""
    seen: set[str] = set()
    handle = stage.sandbox.handle

    def watched(request: Request) -> Reply:
        reply: Reply = handle(request)
        with suppress(ValueError):
            seen.update(keys_of(json.loads(reply.body)))
        return reply

    stage.sandbox.handle = watched
    for _ in everything_told(stage):
        pass
    stage.sandbox.handle = handle
    return sorted(seen)


@pytest.mark.slow  # a walk for each text of each answer
@pytest.mark.parametrize("text", ["address", "all of it"])
def test_finding_14_no_text_of_an_answer_is_told(stage: Stage, text: str) -> None:
    keys = texts_of(stage)
    assert len(keys) > 3
    for key in keys:
        end = taint(stage.sandbox, TEXTS[text], key.__eq__)
        found = {trace: key for one in everything_told(stage) for trace in traces_in(one)}
        end()
        assert found == {}, key


@pytest.mark.slow  # walks with each text
@pytest.mark.parametrize("text", TEXTS)
def test_finding_14_nor_are_all_of_them_at_one_time(stage: Stage, text: str) -> None:
    end = taint(stage.sandbox, TEXTS[text], lambda key: True)

    assert [traces_in(one) for one in everything_told(stage) if traces_in(one)] == []
    end()


@pytest.mark.parametrize("text", TEXTS)
def test_finding_14_newer_consent_quotes_nothing(stage: Stage, text: str) -> None:
    held_anew(stage)
    end = taint(stage.sandbox, TEXTS[text], lambda key: key in ("list", "name", "source", "language"))

    for action in Action:
        assert traces_in(told(lambda action=action: stage.adapter.apply(action, PERSON, ASKED))) == []
    end()


def test_finding_14_a_shop_is_named_by_a_keyed_label_wherever_its_id_stands(stage: Stage) -> None:
    if not hasattr(stage.sandbox, "connect_store"):
        pytest.skip("this provider's shops have numbers")
    stage.sandbox.add_customer(CANARY, store=CANARY)

    applied = stage.adapter.apply(Action.DELETE, PERSON, ASKED)
    confirmed = stage.adapter.confirm(Action.DELETE, PERSON, applied)
    stage.sandbox.disconnect_store(CANARY)
    with pytest.raises(AdapterError) as caught:
        stage.adapter.confirm(Action.DELETE, PERSON)

    label = KEYRING.label(CANARY)
    assert stage.sandbox.customers() == []
    for steps in (applied.steps, confirmed.steps, caught.value.steps):
        assert f"store {label}" in {step.scope for step in steps} and traces_in(repr(steps)) == []
    assert f"Store {label}" in caught.value.detail
    assert traces_in(repr(applied) + repr(confirmed) + caught.value.detail) == []
    shops = next(check for check in stage.adapter.check(PERSON.label) if check.name == "e-commerce")
    assert f"{label} is [withheld]" in shops.detail


def test_a_label_is_the_same_each_time_and_another_with_another_key() -> None:
    label = KEYRING.label("shop")

    assert label == KEYRING.label("shop") and len(label) == 12
    assert label not in (KEYRING.label("shop "), Keyring(b"o" * 32).label("shop"), KEYRING.ref("shop"))
    assert KEYRING.label("\ud800")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("News", "News"),
        ("News of  jane@x.test", "News of [withheld]"),
        ("0" * 32, "[withheld]"),
        ("a\x1b[2Jb\u202e", "a?[2Jb?"),
        ("n" * 99, "n" * 60 + "…"),
        (None, "?"),
        (["News"], "?"),
    ],
)
def test_a_name_is_shown_without_what_a_name_should_not_hold(name: object, shown: str) -> None:
    assert shown_name(name) == shown
