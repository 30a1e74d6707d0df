"""Holds what commands print as JSON against docs/schemas; every command that a test runs with --json passes here."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from tests.support.paths import SCHEMAS

FORMATS = FormatChecker(formats=())
GROUPS = ("audit", "wordpress", "db", "key", "guard", "user")


@FORMATS.checks("date-time")
def is_moment(value: Any) -> bool:
    """As `clock.stamp` writes it: UTC with microseconds and Z."""
    return not isinstance(value, str) or bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", value))


@FORMATS.checks("date", raises=ValueError)
def is_day(value: Any) -> bool:
    """YYYY-MM-DD."""
    return not isinstance(value, str) or date.fromisoformat(value).isoformat() == value


@cache
def validator(command: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{command.replace(' ', '-')}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FORMATS)


def valid(command: str, data: Any) -> None:
    """Raise ValidationError unless the data keeps to the schema of a command."""
    validator(command).validate(data)


def printed(words: Sequence[str], output: str) -> None:
    """Raise ValidationError when a command was asked for JSON and printed something that its schema does not allow."""
    wants_json = "--json" in words or any(pair == ("--format", "json") for pair in zip(words, words[1:], strict=False))
    if wants_json and output and "--out" not in words:
        grouped = words[0] in GROUPS and not words[1].startswith("-")  # `guard` is a command by itself too
        valid(" ".join(words[: 2 if grouped else 1]), json.loads(output))
