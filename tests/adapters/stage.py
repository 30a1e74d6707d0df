"""A stage puts a provider's sandbox into the situations that the contract speaks of; docs/adapters.md shows one."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

from adapters.contract import Action, Adapter
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.sandbox import Fault, Recorded
from adapters.sandbox.messages import Reply, Request

Kind = type[AdapterError]
#: the situations of contract_world.py that a provider may know findings of
SITUATIONS = ("unproven", "elsewhere", "harmless", "endless", "unknown_shape")


@runtime_checkable
class ProviderSandbox(Protocol):
    """What the contract asks of a provider's sandbox. `adapters.sandbox.server.Sandbox` has it all but the key.

    `api_key` is the one that it accepts, `requests` is what was asked, `request_count` how many of them.
    """

    api_key: str
    requests: list[Recorded]
    request_count: int

    def handle(self, request: Request) -> Reply:
        """Answer one request."""

    def fault(self, fault: Fault) -> None:
        """Let something go wrong from now on."""

    def clear_faults(self) -> None:
        """Let everything go right again."""

    def clear_requests(self) -> None:
        """Forget what was asked so far."""

    def close(self) -> None:
        """Stop serving."""


class Stage(ABC):
    """A provider and an adapter that points at it."""

    #: the adapter under the contract: which actions it has says which tests it is given
    adapter_class: ClassVar[type[Adapter]]
    #: what a status means when it answers every call, without and with a JSON body; None: see the adapter's tests
    meanings: ClassVar[dict[int, tuple[Kind, Kind]]] = {
        301: (Misconfigured, Misconfigured),
        307: (Misconfigured, Misconfigured),
        400: (Permanent, Permanent),
        401: (Misconfigured, Misconfigured),
        403: (Transient, Misconfigured),
        404: (Misconfigured, Misconfigured),
        405: (Permanent, Permanent),
        409: (Transient, Transient),
        410: (Permanent, Permanent),
        414: (Permanent, Permanent),
        422: (Permanent, Permanent),
        429: (Transient, Transient),
        500: (Transient, Transient),
        502: (Transient, Transient),
        503: (Transient, Transient),
        504: (Transient, Transient),
    }
    #: each of SITUATIONS -> the findings that this provider knows, () for none; `prepares` brings each about
    findings: ClassVar[dict[str, tuple[str, ...]]]
    #: where a trial puts its invented contact
    place: ClassVar[str | None] = None
    sandbox: ProviderSandbox
    adapter: Adapter

    @abstractmethod
    def __init__(self) -> None:
        """Start the sandbox and configure the adapter for it."""

    @abstractmethod
    def knows(self, address: str, *, since: datetime | None = None, changed: datetime | None = None) -> None:
        """Let the provider hold the person everywhere it can, reachable by mail; opted in at `since`."""

    @abstractmethod
    def holds(self, address: str) -> bool:
        """Say whether any trace of the person is left that an erasure must remove."""

    @abstractmethod
    def reaches(self, address: str) -> bool:
        """Say whether mail would still go to the person."""

    @abstractmethod
    def everybody(self) -> Any:
        """Return a comparable picture of all people held."""

    @abstractmethod
    def mixes_people_up(self, other: str) -> None:
        """Let the provider answer with this other person whoever is asked for."""

    @abstractmethod
    def shortens_its_listing(self) -> None:
        """Let a listing count more people than it shows, however often it is read."""

    def suppresses(self, address: str) -> None:  # noqa: B027 — most providers need nothing done
        """Prepare what an operator must do by hand before `suppress` can succeed, if anything."""

    @abstractmethod
    def prepares(self, finding: str, address: str) -> Action:
        """Bring the person and the provider into the situation of a finding; return the action to try there."""

    def did_the_rest(self, finding: str, address: str) -> bool:
        """Say whether what could be done beside a finding of `elsewhere` was done."""
        raise AssertionError(f"the stage does not say what the rest is: {finding}")

    @abstractmethod
    def subscribes_again(self, address: str) -> None:
        """Subscribe a person who is held, as another tool would, with as little trace as the provider allows."""

    @abstractmethod
    def collates(self) -> None:
        """Let every filter and search compare as MySQL's unicode collations do."""

    @abstractmethod
    def holds_in_every_place(self, address: str) -> None:
        """Let the provider hold somebody wherever a verb may write: lists, archive, shops, exclusions."""

    @abstractmethod
    def picture(self, address: str) -> Any:
        """Return all that is held under exactly this address, comparable."""

    @property
    @abstractmethod
    def error_body(self) -> dict[str, Any]:
        """The JSON of an error as this provider sends it, but for its status."""

    @property
    def any_action(self) -> Action:
        """The first of delete, unsubscribe and suppress that the adapter has, for what is the same with each."""
        return next(action for action in Action if action in self.adapter_class.actions)

    def answers(self, status: int, *, with_body: bool = False, headers: dict[str, str] | None = None) -> None:
        """Answer every call from now on with this status."""
        self.sandbox.fault(
            Fault(
                status=status,
                body=json.dumps({**self.error_body, "status": status}) if with_body else "",
                headers=headers or {},
                content_type=self.error_type if with_body else None,
                times=None,
            )
        )

    def tells(self, path: str, body: Any, status: int = 200) -> None:
        """Answer every call to the paths that this expression finds with this JSON."""
        self.sandbox.fault(
            Fault(status=status, body=json.dumps(body), content_type="application/json", path=path, times=None)
        )

    error_type: ClassVar[str] = "application/json"

    def breaks(self, fault: Fault) -> None:
        """Put this fault in the way."""
        self.sandbox.fault(fault)

    def works_again(self) -> None:
        """Take all faults out of the way."""
        self.sandbox.clear_faults()

    def is_unreachable(self) -> None:
        """Close the provider's door."""
        self.sandbox.close()

    def close(self) -> None:
        """End adapter and sandbox."""
        self.adapter.close()
        self.sandbox.close()
