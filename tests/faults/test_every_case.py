"""Every numbered case of the fault list is a test that carries its number, or stands in FAULTS.md with a reason."""

from __future__ import annotations

import ast
import re

from tests.support.paths import TESTS

CASES = range(1, 107)
_NAME = re.compile(r"test_fault_(\d{3})_\w+")
_LINE = re.compile(r"^\|\s*(\d{1,3})\s*\|(.*)\|\s*$", re.MULTILINE)


def numbered() -> set[int]:
    """Return the numbers that functions in the test files carry, methods of classes included."""
    numbers = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (match := _NAME.fullmatch(node.name)):
                numbers.add(int(match[1]))
    return numbers


def excused() -> dict[int, str]:
    """Return number and reason of the lines of FAULTS.md."""
    text = (TESTS / "FAULTS.md").read_text(encoding="utf-8")
    return {int(match[1]): match[2].strip(" |") for match in _LINE.finditer(text)}


def test_every_case_is_a_test_or_has_a_reason() -> None:
    numbers, reasons = numbered(), {number for number, reason in excused().items() if len(reason.split()) > 5}

    assert [number for number in CASES if number not in numbers | reasons] == []


def test_no_test_carries_a_number_that_the_list_does_not_have() -> None:
    assert numbered() <= set(CASES)
