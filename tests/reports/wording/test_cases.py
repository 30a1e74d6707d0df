"""Case numbers, as people type and read them."""

from __future__ import annotations

import pytest

from syncer.reports.wording.cases import case, case_number


@pytest.mark.parametrize(("typed", "number"), [("4711", 4711), ("#4711", 4711), ("7", 7)])
def test_digits_are_a_case_number_with_or_without_a_sharp(typed: str, number: int) -> None:
    assert case_number(typed) == number


@pytest.mark.parametrize("typed", ["", "#", "0", "019301", "019a7c", "4711a", "-4", "4 711", "४७", "²", "9" * 5000])
def test_the_beginning_of_an_id_and_everything_else_is_no_case_number(typed: str) -> None:
    assert case_number(typed) is None


def test_a_request_that_the_log_never_received_goes_by_its_id() -> None:
    assert case(4711, "019a") == "case 4711"
    assert case(None, "019a") == "event 019a"
