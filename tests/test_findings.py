"""Every finding of the security review has a test that performs its attack, named after its number."""

from __future__ import annotations

import ast

import pytest

from tests.support.paths import ROOT

FINDINGS = range(1, 24)


def attacks(number: int) -> list[str]:
    """The names of the tests that perform the attack of a finding."""
    start = f"test_finding_{number:02d}_"
    return [
        node.name
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith(start)
    ]


@pytest.mark.parametrize("number", FINDINGS)
def test_every_finding_of_the_security_review_has_a_test_of_its_number(number: int) -> None:
    assert attacks(number), f"no test is named test_finding_{number:02d}_…"
