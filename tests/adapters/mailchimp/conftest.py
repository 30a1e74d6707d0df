"""The account of these tests and adapters that point at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.mailchimp.adapter import Mailchimp
from tests.adapters.mailchimp.account import AUDIENCES, Account


@pytest.fixture
def mc() -> Iterator[Account]:
    with Account(audiences=AUDIENCES) as server:
        yield server


@pytest.fixture
def configure(mc: Account) -> Iterator[Callable[..., Mailchimp]]:
    made: list[Mailchimp] = []

    def make(**options: Any) -> Mailchimp:
        made.append(Mailchimp.configured({"base_url": mc.url, **options}, mc.api_key))
        return made[-1]

    yield make
    for adapter in made:
        adapter.close()


@pytest.fixture
def adapter(configure: Callable[..., Mailchimp]) -> Mailchimp:
    return configure()
