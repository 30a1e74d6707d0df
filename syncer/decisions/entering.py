"""A request that did not come by itself: a person enters what came by letter or by phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from syncer.audit.transaction import Transactions
from syncer.clock import stamp
from syncer.database.failures import retry_on_conflict
from syncer.decisions.four_eyes.authority import Authority
from syncer.domain.permissions import Permission
from syncer.intake.queue import Queue
from syncer.intake.submit import Submission, require_usable, submit
from syncer.privacy.damage import usable
from syncer.privacy.keyring import Keyring


class Entering:
    """Queues what people enter in one installation; `withdrawn` is as for `submit`."""

    def __init__(
        self,
        transactions: Transactions,
        queue: Queue,
        keyring: Keyring,
        withdrawn: Callable[[Sequence[str]], Sequence[str]],
        authority: Authority,
    ) -> None:
        self._transactions = transactions
        self._queue = queue
        self._keyring = keyring
        self._withdrawn = withdrawn
        self._authority = authority

    def enter(self, submission: Submission, address: str) -> str:
        """Queue one request as `syncer submit` does, and return the person's pseudonym; who did it is in the audit.

        The form of the submission sent again is the same request. Raises UserError as `submit` does, and AddressError
        for an address that cannot be used, or shows damage that nobody vouched for: nothing is queued then.
        """
        self._authority.require(Permission.SUBMIT)
        self._transactions.require_writable()
        require_usable(submission)
        ref = self._keyring.ref(usable(address, as_written=submission.as_written))
        keys, _ = submit(self._queue, self._keyring, submission, ((1, address),), self._withdrawn)
        self._note(submission, ref, keys[0])
        return ref

    @retry_on_conflict
    def _note(self, submission: Submission, ref: str, key: str) -> None:
        facts = {"right": submission.right, "way": submission.source, "event_key": key}
        facts |= {"received_at": stamp(submission.received_at)}
        with self._transactions.write() as tx:
            tx.audit.add("operator:submitted", subject=ref, facts=facts)
