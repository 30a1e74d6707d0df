"""Carries messages to their channels: each channel in a thread of its own that nobody has to wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from syncer.alerting.texts import DIGEST, TEST
from syncer.audit.transaction import Transactions
from syncer.database.alerting import outbox
from syncer.database.alerting.outbox import MessageRow
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.errors import SyncerError
from syncer.log import get_logger
from syncer.service.alerts.channels.build import build
from syncer.service.alerts.channels.sender import Attachment, PartlyDelivered, Sender, SwitchedOff, Undelivered
from syncer.service.alerts.digest import Digests

if TYPE_CHECKING:
    from syncer.app import App

#: the wait after the first failure, which doubles up to the longest; after so long a message is given up
FIRST_WAIT = timedelta(minutes=1)
GIVEN_UP_AFTER = timedelta(days=3)
#: seconds for one try, with a report to make first; longer than what cuts it off inside
DEADLINE = 30.0
DEADLINE_WITH_REPORT = 900.0
#: messages looked at in one round
MOST = 100

#: makes a sender, reading its secrets; makes what a digest brings along
Make = Callable[[], Sender]
Attach = Callable[[MessageRow], Attachment | None]


@dataclass(slots=True)
class Try:
    """One try to send, under way or over."""

    message: MessageRow
    until: float
    result: Future[None] = field(default_factory=Future)
    #: whether its time was over before it was, and that is on record
    late: bool = False


class Post:
    """The messages of one installation on their way; `names` are its channels."""

    def __init__(
        self,
        transactions: Transactions,
        senders: Mapping[str, Make],
        attach: Attach,
        deadline: float = DEADLINE,
    ) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._senders = senders
        self._attach = attach
        self._deadline = deadline
        self._tries: dict[str, Try] = {}
        self._log = get_logger("syncer.alerts")

    def work(self) -> None:
        """Note what became of tries, and begin others; never wait for one."""
        self.collect()
        now = self._transactions.clock()
        with reading(self._transactions.engine) as connection:
            free = [name for name in self._senders if name not in self._tries]
            hung = [name for name, each in self._tries.items() if each.late]
            due = outbox.due(connection, self._tables, now, [*free, *hung], MOST)
        for message in due:
            if message.channel in hung:
                if (claimed := self._claim(message)) is not None:
                    self._failed(claimed, "an earlier try hangs still")
            elif message.channel not in self._tries and (claimed := self._claim(message)) is not None:
                self._tries[message.channel] = self._begin(claimed)

    def collect(self, seconds: float = 0.0) -> None:
        """Note what became of the tries; those under way may take so many seconds more."""
        if seconds:
            wait([each.result for each in self._tries.values()], timeout=seconds)
        for name, each in list(self._tries.items()):
            if each.result.done():
                del self._tries[name]
                self._note(each)
            elif time.monotonic() > each.until and not each.late:
                each.late = True
                self._failed(each.message, "no end in time")

    def send(self, message: MessageRow) -> str | None:
        """Send a message that was written for this moment alone; return why it was not accepted, None where it was."""
        each = self._begin(message)
        wait([each.result], timeout=self._deadline)
        if not each.result.done():
            self._failed(message, reason := "no end in time", give_up=True)
            return reason
        error = each.result.exception()
        if error is None:
            self._sent(message)
            return None
        self._failed(message, reason := _reason(error), give_up=True)
        return reason

    # -- one try --------------------------------------------------------------------------------------------

    def _begin(self, message: MessageRow) -> Try:
        longest = DEADLINE_WITH_REPORT if message.kind == DIGEST else self._deadline
        each = Try(message, time.monotonic() + longest)
        try:
            threading.Thread(target=self._carry_out, args=(each,), name=f"alert {message.channel}", daemon=True).start()
        except RuntimeError:  # TasksMax, or no memory for a stack
            each.result.set_exception(Undelivered("no further thread could be started"))
        return each

    def _carry_out(self, each: Try) -> None:
        try:
            attachment = self._attach(each.message)
            each.until = time.monotonic() + self._deadline
            self._senders[each.message.channel]().send(each.message, attachment)
        except BaseException as error:  # noqa: BLE001 — whatever a way out does, the others go on
            each.result.set_exception(error)
        else:
            each.result.set_result(None)

    def _note(self, each: Try) -> None:
        error = each.result.exception()
        if error is None:
            self._sent(each.message)
        elif isinstance(error, SwitchedOff):
            self._switched_off(each.message, _reason(error))
        elif isinstance(error, PartlyDelivered):  # once more, and who has it would have it twice
            self._failed(each.message, _reason(error), give_up=True)
        elif not each.late:
            self._failed(each.message, _reason(error))

    # -- on record ------------------------------------------------------------------------------------------

    @retry_on_conflict
    def _claim(self, message: MessageRow) -> MessageRow | None:
        with self._transactions.write() as tx:
            again_at = tx.now + wait_after(message.attempts + 1)
            return message if outbox.claim(tx.connection, self._tables, message, again_at) else None

    @retry_on_conflict
    def _sent(self, message: MessageRow) -> None:
        with self._transactions.write() as tx:
            outbox.sent(tx.connection, self._tables, message, tx.now)
            tx.audit.add("alert:sent", facts=_facts(message))

    @retry_on_conflict
    def _failed(self, message: MessageRow, reason: str, *, give_up: bool = False) -> None:
        self._log.warning("alert.not_sent", channel=message.channel, attempt=message.attempts + 1, reason=reason)
        with self._transactions.write() as tx:
            tried = message.kind == TEST  # whoever asked for it waits for an answer, and asks again
            too_old = tx.now - message.created_at >= GIVEN_UP_AFTER
            outbox.failed(tx.connection, self._tables, message, tx.now, reason, give_up=give_up or too_old or tried)
            if too_old or (give_up and not tried):
                tx.audit.add("alert:undeliverable", facts={**_facts(message), "reason": reason})

    @retry_on_conflict
    def _switched_off(self, message: MessageRow, reason: str) -> None:
        self._log.error("alert.channel_off", channel=message.channel, reason=reason)
        with self._transactions.write() as tx:
            outbox.failed(tx.connection, self._tables, message, tx.now, reason, give_up=False)
            for each in outbox.switched_off(tx.connection, self._tables, message.channel, tx.now):
                tx.audit.add("alert:undeliverable", facts={**_facts(each), "reason": reason})


def post_of(app: App, deadline: float = DEADLINE) -> Post:
    """Return what carries the messages of an installation."""
    senders = {name: partial(build, name, channel, app.clock) for name, channel in app.settings.channels.items()}
    return Post(app.transactions, senders, Digests(app).attachment, deadline)


def wait_after(attempts: int) -> timedelta:
    """Return how long a message waits after so many attempts."""
    return min(FIRST_WAIT * (1 << min(max(attempts - 1, 0), 20)), outbox.LONGEST_WAIT)


def _facts(message: MessageRow) -> dict[str, str | int]:
    return {"channel": message.channel, "kind": message.kind, "message": message.message_id}


def _reason(error: BaseException) -> str:
    """Return why a try failed; the text of what is not ours may hold a target."""
    return str(error) if isinstance(error, (Undelivered, SyncerError)) else type(error).__name__
