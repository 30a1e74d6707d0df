"""Whatever stands where a number, an id or a time should be, a walk ends as a receipt or as a failure of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from adapters.contract import Action
from adapters.errors import AdapterError, Permanent
from adapters.http.answer import DEEPEST, parse_json
from adapters.sandbox.messages import Reply, Request
from adapters.values import numeric_id, utc, whole_number
from syncer.privacy.keyring import Keyring, subject
from tests.adapters.stage import Stage
from tests.adapters.stages import STAGES

ADDRESS = "ada@mailbox.test"
NOW = datetime.now(UTC)
PERSON = replace(subject(Keyring(b"k" * 32), ADDRESS), now=NOW)
ASKED = NOW - timedelta(days=3)


def nested(depth: int) -> Any:
    value: Any = "x"
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


ODD = [
    *(None, True, False, -1, 0, 1.5, 1e300, 10**18, 10**400, "", " ", "²", "٣", "１", "1e3", "-1", "0x1", "9" * 5000),
    *("\ud800", "\x00", "..", "a\nb", "0000-00-00", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"),
    *("2026-01-01T00:00:00+99:99", "2026-W01-1", "20260101", [], {}, [None], [[]], {"id": None}, {"": ""}, ADDRESS),
    *(nested(20), nested(DEEPEST - 10), nested(400), "x" * 20_000),
]
VALUES = (
    st.sampled_from(ODD)
    | st.integers()
    | st.text(max_size=20)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "email", "status"]), inner),
        max_leaves=5,
    )
)
#: which of the answers of a walk, which value in it, and what comes in its place
CHANGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 400), VALUES), min_size=1, max_size=4)
VERBS: dict[str, Callable[[Stage], Any]] = {
    **{f"apply {action}": lambda stage, action=action: stage.adapter.apply(action, PERSON, ASKED) for action in Action},
    **{f"confirm {action}": lambda stage, action=action: stage.adapter.confirm(action, PERSON) for action in Action},
    "opted_in": lambda stage: stage.adapter.opted_in(PERSON),
    "changed": lambda stage: list(stage.adapter.changed(None)),
    "changed since": lambda stage: list(stage.adapter.changed(ASKED)),
    "ping": lambda stage: stage.adapter.ping(),
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (object or list, key or index) of every value in a parsed answer."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(parts):
        yield value, key
        yield from places(part)


def changed(body: Any, changes: list[tuple[int, Any]]) -> Any:
    for number, odd in changes:
        found = list(places(body))
        if found:
            holder, key = found[number % len(found)]
            holder[key] = odd
    return body


@pytest.fixture(scope="module", params=sorted(STAGES))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = STAGES[request.param]()
    yield made
    made.close()


@pytest.mark.slow
@examples(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verb=st.sampled_from(sorted(VERBS)), changes=CHANGES)
@example(verb="opted_in", changes=[(0, 5, "9999-12-31T23:59:59-23:00")])
def test_finding_22_a_walk_over_odd_answers_ends_as_a_failure_of_ours(
    stage: Stage, verb: str, changes: list[tuple[int, int, Any]]
) -> None:
    if not stage.holds(ADDRESS):
        stage.holds_in_every_place(ADDRESS)
    handle, made = stage.sandbox.handle, [0]

    def odd(request: Request) -> Reply:
        reply: Reply = handle(request)
        mine = [(number, value) for answer, number, value in changes if answer == made[0]]
        made[0] += 1
        if not mine or not reply.body:
            return reply
        return replace(reply, body=json.dumps(changed(json.loads(reply.body), mine)).encode())

    stage.sandbox.handle = odd
    try:
        with suppress(AdapterError):
            VERBS[verb](stage)
    finally:
        stage.sandbox.handle = handle


@pytest.mark.slow  # a walk for each value of each answer
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_finding_22_every_value_of_an_answer_may_be_odd_at_one_time(stage: Stage, odd: object) -> None:
    if not stage.holds(ADDRESS):
        stage.holds_in_every_place(ADDRESS)
    handle = stage.sandbox.handle
    for spared in ((), ("email", "email_address", "list_id", "id", "contact")):

        def all_odd(request: Request, spared: tuple[str, ...] = spared) -> Reply:
            reply: Reply = handle(request)
            body = json.loads(reply.body) if reply.body else None
            for holder, key in list(places(body)):
                if not isinstance(holder[key], dict | list) and key not in spared:
                    holder[key] = odd
            return replace(reply, body=json.dumps(body).encode()) if reply.body else reply

        stage.sandbox.handle = all_odd
        try:
            for verb in VERBS.values():
                with suppress(AdapterError):
                    assert not isinstance(verb(stage), Exception)
            found = [*stage.adapter.check()]
            assert all(check.name for check in found)
        finally:
            stage.sandbox.handle = handle


# -- the readers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "number"), [(0, 0), ("7", 7), ("007", 7), (10**18 - 1, 10**18 - 1)])
def test_a_number_is_read_as_one_or_as_its_digits(told: object, number: int) -> None:
    assert whole_number(told) == number and numeric_id(told) == str(told)


@pytest.mark.parametrize("told", [one for one in ODD if one != 0 or one is False], ids=lambda odd: repr(odd)[:20])
def test_finding_22_whatever_is_no_number_is_none(told: object) -> None:
    if told != "20260101":
        assert whole_number(told) is None and numeric_id(told) == ""


@given(st.text() | st.integers() | st.none() | st.booleans() | st.floats())
def test_finding_22_no_value_makes_a_reader_fail_otherwise_than_by_our_own_failure(told: object) -> None:
    number = whole_number(told)
    assert number is None or 0 <= number < 10**18
    with suppress(Permanent):
        assert utc(told).tzinfo is UTC


def test_finding_22_an_answer_nested_deeper_than_any_is_refused_as_a_whole() -> None:
    assert parse_json(json.dumps(nested(DEEPEST)).encode()) == nested(DEEPEST)
    for depth in (DEEPEST + 1, 500):
        with pytest.raises(ValueError, match="not acceptable"):
            parse_json(json.dumps(nested(depth)).encode())
    wide = [[] for _ in range(1000)]
    assert parse_json(json.dumps(wide).encode()) == wide
