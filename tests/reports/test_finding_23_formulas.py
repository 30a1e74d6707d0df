"""No cell of a CSV is a formula, whatever a spreadsheet takes for the end of a cell."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncer.app import App
from syncer.reports.as_csv import audit_csv, csv_safe
from syncer.service.drain import prepare
from tests.support.documents.reports import report_csv, whole
from tests.support.walk import PERSON, put

SIGNS = "=+-@＝＋－＠"
PASSED_OVER = " \u00a0\u200b\u3000\ufeff"
SEPARATORS = [",", ";", "\t", "|"]
#: what makes cells, quotes and formulas, closer together than people write it
DENSE = st.text(st.sampled_from([*SIGNS, *SEPARATORS, *PASSED_OVER, '"', "'", "\r", "\n", "x", "1", "\0"]), max_size=12)


def begins_formula(cell: str) -> bool:
    return cell.lstrip(PASSED_OVER).startswith(tuple(SIGNS))


def cells(text: str, separator: str, *, quotes: bool) -> list[str]:
    """Return the cells as a spreadsheet has them; without `quotes` every separator ends a cell."""
    if quotes:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        return [cell for row in reader for cell in row]
    return [cell.lstrip('"') for line in text.splitlines() for cell in line.split(separator)]


@pytest.mark.slow
@pytest.mark.parametrize("separator", SEPARATORS)
@settings(max_examples=400)
@given(st.lists(DENSE, min_size=1, max_size=4))
@example(["x;=1+1"])
@example(['x;"=1+1', "y"])
@example(["a", 'x";=1'])
@example(["\t=1"])
@example([";\u200b=1"])
@example(["a\r;\n=1"])
def test_finding_23_no_cell_is_a_formula_under_any_separator(separator: str, values: list[str]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow([csv_safe(value) for value in values])

    assert not [cell for cell in cells(out.getvalue(), separator, quotes=True) if begins_formula(cell)]
    if separator != ",":  # our own commas stand between quotes where a cell holds one
        assert not [cell for cell in cells(out.getvalue(), separator, quotes=False) if begins_formula(cell)]


@given(st.text(st.characters(exclude_characters=";|\t\r\n"), min_size=1, max_size=20))
def test_what_begins_no_formula_stays_as_it_is(value: str) -> None:
    assert csv_safe(f"x{value}") == f"x{value}"


def test_finding_23_a_source_that_is_a_formula_behind_a_semicolon_is_none_in_the_exports(app: App) -> None:
    put(app, "erasure", PERSON, 'k;=HYPERLINK("https://evil.test")', source='x;=cmd|"/c calc"!A1', source_ref="1;-2")
    prepare(app)

    for text in (report_csv(whole(app)), "".join(audit_csv(app.ledger.rows()))):
        for separator in SEPARATORS[1:]:
            assert not [cell for cell in cells(text, separator, quotes=True) if begins_formula(cell)]
