"""Let every test fail in which the product or the sandbox left Mailchimp's specification: `pytest -p` this module.

What the product sends is known by its User-Agent. Tests that call the sandbox themselves may send what they like, the
answers still have to fit.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any, Self

import pytest

from adapters.sandbox import MailchimpSandbox
from adapters.sandbox.messages import Reply, Request
from tests.vendors.installed import specification_or_skip
from tests.vendors.specification import Exchange, Specification

PRODUCT = "list-syncer"
#: only a test can seed a member of an unknown status or an odd time, and means it: no call of the API makes one
_SEEDED = re.compile(r"answer: (members\.)?(status\.enum|timestamp_(signup|opt)\.format)")


class Watch:
    """Everything that the sandboxes of this process were asked and answered, faults aside."""

    def __init__(self, watched: type[MailchimpSandbox]) -> None:
        self._watched: Any = watched
        self._answer = watched.handle
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []

    def __enter__(self) -> Self:
        answer, note, watched = self._answer, self._note, self._watched

        def handle(sandbox: MailchimpSandbox, request: Request) -> Reply:
            reply = answer(sandbox, request)
            if type(sandbox) is watched:  # one that a test made odd on purpose is not held against the sandbox
                note(Exchange(request, reply))
            return reply

        self._watched.handle = handle
        return self

    def __exit__(self, *_: object) -> None:
        self._watched.handle = self._answer

    def _note(self, exchange: Exchange) -> None:
        with self._lock:
            self._exchanges.append(exchange)

    def take(self) -> list[Exchange]:
        """Return what was noted since the last time."""
        with self._lock:
            taken, self._exchanges = self._exchanges, []
        return taken


def findings(exchanges: list[Exchange], specification: Specification) -> list[str]:
    """Return each violation once: of the product's requests, and of every answer."""
    found = [finding for one in exchanges for finding in specification.of_answer(one)]
    ours = [one for one in exchanges if one.request.headers.get("user-agent") == PRODUCT]
    found += [finding for one in ours for finding in specification.of_request(one)]
    return [finding for finding in dict.fromkeys(found) if not _SEEDED.search(finding)]


@pytest.fixture(scope="session")
def vendors_specification() -> Specification:
    return Specification(specification_or_skip())


@pytest.fixture(autouse=True)
def within_the_specification(vendors_specification: Specification) -> Iterator[None]:
    with Watch(MailchimpSandbox) as watch:
        yield
    found = findings(watch.take(), vendors_specification)
    assert not found, "\n".join(found)
