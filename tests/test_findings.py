"""Every finding of the security review has a test that performs its attack, named after its number."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from tests.support.paths import ROOT

FINDINGS = range(1, 24)


@cache
def names() -> list[str]:
    """The names of all tests."""
    return [
        node.name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def attacks(number: int) -> list[str]:
    """The names of the tests that perform the attack of a finding."""
    return [name for name in names() if name.startswith(f"test_finding_{number:02d}_")]


@pytest.mark.slow
@pytest.mark.parametrize("number", FINDINGS)
def test_every_finding_of_the_security_review_has_a_test_of_its_number(number: int) -> None:
    assert attacks(number), f"no test is named test_finding_{number:02d}_…"
