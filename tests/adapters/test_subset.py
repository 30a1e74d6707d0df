"""An adapter with fewer actions passes the contract: it is asked for those that it has."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from adapters.contract import Action, Receipt, Subject
from adapters.errors import Permanent
from adapters.mailchimp.adapter import Mailchimp
from tests.adapters.contract import AdapterContract
from tests.adapters.contract_collation import CollationContract
from tests.adapters.contract_listing import ListingContract
from tests.adapters.contract_world import WorldContract
from tests.adapters.mailchimp.stage import MailchimpStage


class UnsubscribesOnly(Mailchimp):
    """An account whose key may unsubscribe and nothing else."""

    actions: ClassVar[frozenset[Action]] = frozenset({Action.UNSUBSCRIBE})
    remains: ClassVar = {Action.UNSUBSCRIBE: Mailchimp.remains[Action.UNSUBSCRIBE]}

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        _refuse(action)
        return super().apply(action, subject, received_at)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        _refuse(action)
        return super().confirm(action, subject, applied)


def _refuse(action: Action) -> None:
    if action is not Action.UNSUBSCRIBE:
        raise Permanent("unsupported_action", "this account can only unsubscribe")


class UnsubscribesOnlyStage(MailchimpStage):
    adapter_class = UnsubscribesOnly
    findings: ClassVar = {
        "unproven": ("A2 text messages",),
        "elsewhere": ("B5 one audience refuses",),
        "harmless": (),
        "endless": (),
        "unknown_shape": ("B6 an unknown shape",),
    }

    def __init__(self) -> None:
        super().__init__()
        self.adapter.close()
        self.adapter = UnsubscribesOnly.configured({"base_url": self.sandbox.url}, self.sandbox.api_key)


class TestUnsubscribesOnly(AdapterContract, ListingContract, WorldContract, CollationContract):
    stage_class = UnsubscribesOnlyStage
