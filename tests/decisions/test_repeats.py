"""A database that gives a transaction up for the sake of another is asked again: no decision fails for that."""

from __future__ import annotations

import ast

from tests.support.paths import ROOT


def test_every_decision_that_opens_a_transaction_repeats_it_after_a_conflict() -> None:
    wrong, found = [], 0
    for path in sorted((ROOT / "syncer" / "decisions").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and "_transactions.write()" in ast.unparse(node):
                found += 1
                if "retry_on_conflict" not in map(ast.unparse, node.decorator_list):
                    wrong.append(f"{path.name}: {node.name}")

    assert wrong == []
    assert found > 10
