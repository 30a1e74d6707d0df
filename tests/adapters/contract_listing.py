"""What every adapter's listing of changed people must do: show them all, or refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from adapters.contract import Subject
from adapters.errors import AdapterError, Transient
from tests.adapters.stage import Stage

NOW = datetime.now(UTC)
LAST_LOOK = NOW - timedelta(days=1)
PERSON = "back.again@mailbox.test"
OTHER = "somebody.else@mailbox.test"


class ListingContract:
    stage_class: ClassVar[type[Stage]]

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        stage = self.stage_class()
        yield stage
        stage.close()

    def listed(self, stage: Stage) -> set[str]:
        return {seen.address for seen in stage.adapter.changed(LAST_LOOK)}

    def test_it_shows_who_changed_since_and_nobody_in_clear(self, stage: Stage) -> None:
        stage.knows(PERSON, changed=NOW)
        stage.knows(OTHER, changed=LAST_LOOK - timedelta(days=1))

        seen = list(stage.adapter.changed(LAST_LOOK))

        assert {one.address for one in seen} == {PERSON}
        assert PERSON not in repr(seen)
        assert all(one.scope for one in seen)

    def test_it_shows_everybody_of_many_pages(self, stage: Stage) -> None:
        people = {f"person{number}@many.test" for number in range(730)}
        for person in people:
            stage.knows(person, changed=NOW)

        assert self.listed(stage) == people

    @pytest.mark.parametrize("since", [LAST_LOOK, None])
    def test_it_goes_on_from_every_place_that_it_names(self, stage: Stage, since: datetime | None) -> None:
        for number in range(330):
            stage.knows(f"person{number}@many.test", changed=NOW)
        everybody = [(seen.address, seen.after) for seen in stage.adapter.changed(since)]

        for number, (_, after) in enumerate(everybody):
            if after is not None:
                rest = {seen.address for seen in stage.adapter.changed(since, after)}
                assert {address for address, _ in everybody[number + 1 :]} <= rest
        assert list(stage.adapter.changed(since, "not a place"))

    def test_it_shows_nobody_where_nobody_changed(self, stage: Stage) -> None:
        stage.knows(OTHER, changed=LAST_LOOK - timedelta(days=1))

        assert self.listed(stage) == set()

    def test_a_listing_that_lacks_people_is_refused(self, stage: Stage) -> None:
        stage.shortens_its_listing()

        with pytest.raises(Transient) as caught:
            list(stage.adapter.changed(LAST_LOOK))

        assert caught.value.code == "incomplete"

    @pytest.mark.parametrize("status", [401, 429, 500, 503])
    def test_a_listing_that_fails_is_not_an_empty_one(self, stage: Stage, status: int) -> None:
        stage.answers(status)

        with pytest.raises(AdapterError):
            list(stage.adapter.changed(LAST_LOOK))

    def test_it_says_how_many_contacts_there_are_by_one_call_or_not_at_all(self, stage: Stage) -> None:
        for number in range(3):
            stage.knows(f"person{number}@mailbox.test")
        stage.sandbox.clear_requests()

        size = stage.adapter.size()

        assert size is None or size >= 3
        assert stage.sandbox.request_count <= 1

    def test_a_size_that_cannot_be_read_is_not_a_size(self, stage: Stage) -> None:
        if stage.adapter.size() is None:
            pytest.skip("its provider does not say")
        stage.answers(500)

        with pytest.raises(AdapterError):
            stage.adapter.size()

    def test_it_gives_the_newest_opt_in_of_whom_mail_reaches(self, stage: Stage) -> None:
        stage.knows(PERSON, since=LAST_LOOK.replace(microsecond=0))

        assert stage.adapter.opted_in(Subject("ref", (PERSON,))) == LAST_LOOK.replace(microsecond=0)
        assert stage.adapter.opted_in(Subject("ref", (OTHER,))) is None
