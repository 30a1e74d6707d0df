"""Mailchimp's own specification (OpenAPI 3.0.55), held against requests and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator, FormatChecker

from adapters.sandbox.messages import Reply, Request

#: where the vendor's specification is wrong or behind its own API: pattern of a finding, and how that is known
KNOWN_ERRORS = (
    ("unknown key errors$", "the vendor's page on errors documents it, and it was recorded"),
    (
        "unknown key sms_(phone_number|subscription_status|subscription_last_updated)$",
        "in the specification of 2026-08",
    ),
    ("request: unknown key sms_channel$", "sent by the vendor's plugin for WooCommerce, documented nowhere"),
)


@dataclass(frozen=True)
class Exchange:
    """One request and the answer it got."""

    request: Request
    reply: Reply

    @property
    def partial(self) -> bool:
        """Whether only some fields were asked for, so that required ones may be missing."""
        return bool({"fields", "exclude_fields"} & set(self.request.query))

    def __str__(self) -> str:
        path = re.sub(r"/(members|customers)/[^/]+", r"/\1/{id}", self.request.path)
        return f"{self.request.method} {path} -> {self.reply.status}"


_formats = FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    # "" where nothing happened yet: in all 1,244 members ever recorded, and in the figures of audiences
    return value == "" or not isinstance(value, str) or datetime.fromisoformat(value) is not None


class Specification:
    """The vendor's document, by path."""

    def __init__(self, document: Path) -> None:
        self._paths: dict[str, Any] = json.loads(document.read_text("utf-8"))["paths"]
        self._patterns = [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path) for path in self._paths]

    def of_request(self, exchange: Exchange) -> list[str]:
        """Return what a request has that the specification does not allow."""
        request, operation = exchange.request, self._operation(exchange.request)
        if operation is None:
            return [f"{exchange}: no such operation"]
        found = [*_query_findings(request, operation), *_body_findings(request, operation)]
        return _unexpected(f"{exchange}: request: {finding}" for finding in found)

    def of_answer(self, exchange: Exchange) -> list[str]:
        """Return what an answer has that the specification does not allow. 501 is the sandbox's own word."""
        reply, operation = exchange.reply, self._operation(exchange.request)
        if reply.status == 501:
            return []
        if operation is None:
            # what no path is, is refused or leads elsewhere
            return [] if reply.status in (301, 401, 404, 405) else [f"{exchange}: no such operation"]
        return _unexpected(f"{exchange}: answer: {finding}" for finding in _answer_findings(exchange, operation))

    def _operation(self, request: Request) -> Mapping[str, Any] | None:
        path = request.path.removeprefix("/3.0")
        # `/lists/{id}/members/…` before anything that would fit as well
        for pattern, name in sorted(self._patterns, key=lambda one: one[1].count("{")):
            if pattern.match(path) and request.method.lower() in self._paths[name]:
                operation: Mapping[str, Any] = self._paths[name][request.method.lower()]
                return operation
        return None


def _query_findings(request: Request, operation: Mapping[str, Any]) -> Iterator[str]:
    known = {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}
    for name, text in request.query.items():
        if name not in known:
            yield f"unknown parameter {name}"
        else:
            yield from (
                f"{name}: {word}" for word in _faults(_as_meant(text, known[name]["schema"]), known[name]["schema"])
            )
    yield from (
        f"{name} is missing" for name, one in known.items() if one.get("required") and name not in request.query
    )


def _as_meant(text: str, schema: Mapping[str, Any]) -> Any:
    kind = schema.get("type")
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text.split(",") if kind == "array" else text


def _body_findings(request: Request, operation: Mapping[str, Any]) -> Iterator[str]:
    documented = operation.get("requestBody")
    if documented is None:
        if request.body:
            yield "a body where none is documented"
        return
    content_type = request.headers.get("content-type", "").partition(";")[0]
    if content_type not in documented["content"]:
        yield f"content type {content_type or 'missing'}"
    elif not request.body:
        yield "no body"
    else:
        yield from _faults(request.json(), documented["content"][content_type]["schema"])


def _answer_findings(exchange: Exchange, operation: Mapping[str, Any]) -> Iterator[str]:
    reply, responses = exchange.reply, operation["responses"]
    documented = responses.get(str(reply.status)) or (responses.get("default") if reply.status >= 400 else None)
    if documented is None:
        yield f"status {reply.status}"
        return
    contents = documented.get("content", {})
    if not contents:
        if reply.body:
            yield "a body where none is documented"
        return
    content_type = (reply.content_type or "").partition(";")[0]
    if content_type not in contents:
        yield f"content type {content_type or 'missing'}"
    else:
        body = json.loads(reply.body)
        yield from _faults(body, contents[content_type]["schema"], partial=exchange.partial)


def _unexpected(findings: Iterable[str]) -> list[str]:
    return [one for one in findings if not any(re.search(pattern, one) for pattern, _ in KNOWN_ERRORS)]


def _faults(value: Any, schema: Mapping[str, Any], *, partial: bool = False) -> Iterator[str]:
    """Yield what is wrong with a value: its place and the rule, never the value."""
    for error in _validator(json.dumps(schema)).iter_errors(value):
        place = "".join(f"{part}." for part in error.absolute_path if isinstance(part, str))
        if error.validator == "additionalProperties":
            yield from (
                f"{place}unknown key {name}" for name in sorted(set(error.instance) - set(error.schema["properties"]))
            )
        elif not (partial and error.validator == "required"):
            yield f"{place}{error.validator} {error.validator_value}"


@cache
def _validator(schema: str) -> Draft4Validator:
    return Draft4Validator(_closed(json.loads(schema)), format_checker=_formats)


def _closed(schema: Any) -> Any:
    """Return a schema whose objects take no key that it does not name."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        closed.setdefault("additionalProperties", False)
    return closed
