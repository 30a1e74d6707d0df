"""One sandbox in a process of its own, so that its work does not count as the worker's; spoken to by lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.messages import Reply, Request, as_json
from tests.support.paths import ROOT

AUDIENCE = "a1b2c3d4e5"
DELETE = "/actions/delete-permanent"


def person(number: int) -> str:
    """Return the address of a made-up person."""
    return f"person{number}@bench.test"


class Provider:
    """The bench's side: starts the process, seeds people, asks for what was counted."""

    def __init__(self, kind: str, **options: Any) -> None:
        env = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
        self.kind = kind
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.provider", kind, json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=env,
            cwd=ROOT,
        )
        found = self._answer()
        self.url, self.api_key = found["url"], found["api_key"]

    def __enter__(self) -> Provider:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(timeout=30)
        self._process.stdout.close()  # type: ignore[union-attr]

    def add(self, first: int, count: int) -> None:
        """Let the provider hold these people, and forget what it counted."""
        self._ask({"do": "add", "first": first, "count": count})

    def clear(self) -> None:
        """Forget what was counted."""
        self._ask({"do": "clear"})

    def counts(self) -> dict[str, Any]:
        """Return what was counted since the last clear.

        requests, repeated (a call about the same person once more), throttled, peak, seconds in all; erased people, and
        begun_again: people about whom more calls were made than reading, deleting and reading back takes.
        """
        return self._ask({"do": "counts"})

    def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        self._process.stdin.write(json.dumps(what) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._process.stdout.readline())  # type: ignore[union-attr]
        return found


class Crowd(MailchimpSandbox):
    """An account whose one audience has so many members that nobody keeps them: each page is made when it is asked."""

    def __init__(self, members: int) -> None:
        super().__init__(audiences=(AUDIENCE,))
        self._members = members

    def handle(self, request: Request) -> Reply:
        """Answer the listing of members, all else as the sandbox does."""
        if request.method != "GET" or request.path != f"/3.0/lists/{AUDIENCE}/members":
            return super().handle(request)
        total = 0 if request.query.get("status") == "archived" else self._members
        first = int(request.query.get("offset", "0"))
        numbers = range(first, min(first + int(request.query.get("count", "10")), total))
        return as_json(200, {"members": [_member(number) for number in numbers], "total_items": total})


def _member(number: int) -> dict[str, Any]:
    member = {"id": f"{number:032x}", "email_address": person(number), "status": "subscribed"}
    return member | {"sms_subscription_status": ""}


def main(kind: str, options: dict[str, Any]) -> int:
    """Be the provider until standard input ends."""
    server: Any
    if "crowd" in options:
        server = Crowd(options["crowd"])
    elif kind == "mailchimp":
        server = MailchimpSandbox(audiences=(AUDIENCE,), **options)
    else:
        server = ActiveCampaignSandbox(**options)
    with server:
        print(json.dumps({"url": server.url, "api_key": server.api_key}), flush=True)
        for line in sys.stdin:
            print(json.dumps(_obey(server, kind, json.loads(line))), flush=True)
    return 0


def _obey(server: Any, kind: str, asked: dict[str, Any]) -> dict[str, Any]:
    if asked["do"] == "counts":
        with server.lock:
            calls = Counter((one.method, one.path) for one in server.requests if "/members/" in one.path)
            arrivals = sorted(server.arrivals)
        people = Counter[str]()
        for (_, path), times in calls.items():
            people[path.removesuffix(DELETE)] += times
        return {
            "erased": sum(path.endswith(DELETE) for _, path in calls),
            "begun_again": sum(times > 3 for times in people.values()),
            "requests": server.request_count,
            "repeated": sum(calls.values()) - len(calls),
            "throttled": server.throttled,
            "peak": server.peak_connections,
            "seconds": arrivals[-1] - arrivals[0] if arrivals else 0.0,
        }
    server.clear_requests()
    server.peak_connections = 0
    if asked["do"] == "add":
        for number in range(asked["first"], asked["first"] + asked["count"]):
            server.add(person(number), *([AUDIENCE] if kind == "mailchimp" else []))
    return {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
