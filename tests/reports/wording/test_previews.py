"""A preview in words: every part of it, and each as what would have happened."""

from __future__ import annotations

import pytest

from syncer.domain.codes import CODES, meaning
from syncer.reports.wording.previews import would_have

CALL = "PATCH /lists/{list}/members/{id}, audience a1b2"


@pytest.mark.parametrize(
    ("found", "would", "code", "said"),
    [
        ((), (), None, "found nowhere; nothing would have been changed"),
        (("contact: found",), (), None, "found (contact: found); nothing would have been changed"),
        ((), (CALL,), None, f"found nowhere; these calls would have been made: {CALL}"),
        (
            ("contact: found", "list: 1"),
            (CALL, CALL),
            "exclusion_needed",
            f"found (contact: found; list: 1); these calls would have been made: {CALL}; {CALL};"
            f" it would have been held: {meaning('exclusion_needed')}",
        ),
    ],
)
def test_what_would_have_happened_is_told_whole(
    found: tuple[str, ...], would: tuple[str, ...], code: str | None, said: str
) -> None:
    assert would_have(found, would, code) == said


@pytest.mark.parametrize("code", CODES)
def test_what_would_have_been_held_is_not_told_as_something_that_was_done(code: str) -> None:
    assert would_have((), (), code).startswith("found nowhere; it would have been held: ")
