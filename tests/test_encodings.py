"""Every text that comes in or goes out names its encoding: no machine's locale chooses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PROCESSES = {"run", "Popen", "check_output", "check_call"}
#: how many positional arguments come before the encoding
BEFORE = {"read_text": 0, "write_text": 1}


def leaves_it_open(call: ast.Call) -> bool:
    """Say whether a call reads or writes text without naming an encoding."""
    words = {keyword.arg for keyword in call.keywords}
    if words & {"encoding", None}:
        return False
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in PROCESSES:
        return bool(words & {"text", "universal_newlines"})
    if name in BEFORE:
        return len(call.args) <= BEFORE[name]
    if name == "open":
        return _opens_text(call)
    return name in {"TextIOWrapper", "NamedTemporaryFile", "fdopen"} and not _is_binary(call)


def _opens_text(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):  # the built-in function
        return not _is_binary(call)
    # a method is a file's where it names a mode, or nothing; `os.open` and our own name something else
    modes = [argument for argument in _literals(call) if set(argument) <= set("rwxabt+")]
    return not _is_binary(call) and (bool(modes) or not (call.args or call.keywords))


def _is_binary(call: ast.Call) -> bool:
    return any("b" in text and set(text) <= set("rwxabt+") for text in _literals(call))


def _literals(call: ast.Call) -> list[str]:
    values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


@pytest.mark.slow
@pytest.mark.parametrize("top", ["syncer", "adapters", "docs", "tests"])
def test_whoever_reads_or_writes_text_names_its_encoding(top: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / top).rglob("*.py"))
        for call in calls(path)
        if leaves_it_open(call)
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "call",
    [
        "open('x')", "open('x', 'w')", "path.open()", "path.open('a')", "path.read_text()", "path.write_text('b')",
        "subprocess.run(words, text=True)", "subprocess.Popen(words, universal_newlines=True)", "TextIOWrapper(raw)",
    ],
)  # fmt: skip
def test_each_way_to_forget_it_is_seen(call: str) -> None:
    assert leaves_it_open(ast.parse(call, mode="eval").body)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        "open('x', 'rb')", "open('x', encoding='utf-8')", "path.open('wb')", "os.open(path, os.O_RDONLY)",
        "path.read_text('utf-8')", "path.write_text('b', encoding='utf-8')", "subprocess.run(words)",
        "subprocess.run(words, encoding='utf-8')", "tab.open(file)", "open(*words, **named)",
    ],
)  # fmt: skip
def test_what_names_it_or_is_no_text_is_left_alone(call: str) -> None:
    assert not leaves_it_open(ast.parse(call, mode="eval").body)  # type: ignore[arg-type]
