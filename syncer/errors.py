"""What can go wrong in syncer, named for the situation; no message holds an address or a key.

SyncerError
 ├── UserError          one readable line that names the file, key or row, and the remedy; exit code 2
 │    ├── SettingsProblem   several such lines
 │    ├── KeyFileError
 │    ├── KeyTooSmall       the web console's key, where one that signs is needed
 │    └── UntrustedLog      the log is not the one that was signed: nothing is written or called any more
 │         ├── ChainBroken  entries or checkpoints that were not made with the key
 │         └── Behind       a database that does not hold what was anchored (audit.proof.rollback)
 ├── AddressError       an address that cannot be normalised
 ├── SealError          a sealed address that does not belong to its event
 └── StaleFence         a write to a lane that has another owner by now
"""

from __future__ import annotations

from collections.abc import Sequence


class SyncerError(Exception):
    """Base of everything below."""


class UserError(SyncerError):
    """Raised for what the user can mend; the text is shown as it is."""

    exit_code = 2


class SettingsProblem(UserError):
    """Raised when the settings cannot be used; `problems` holds one line for each mistake."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class KeyFileError(UserError):
    """Raised when the key file is missing, unreadable, open to others or not a key."""


class KeyTooSmall(UserError):
    """Raised by a process with the web console's key for what that key cannot do."""


class UntrustedLog(UserError):
    """Raised when the log is not the one that was signed: nothing must be signed, written or called after it."""


class ChainBroken(UntrustedLog):
    """Raised for what stands in the log and was not made with its key; `what` names the first such entry."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            f"audit: {what}; nothing was signed or written: keep this database as evidence, put back one that is whole,"
            " run `syncer audit verify --full`, and record what is lost with `syncer audit fork --reason …`"
        )


class KeyReplaced(UntrustedLog):
    """Raised by a process that began with a key which was replaced since, or with a key file that was not copied."""


class AddressError(SyncerError):
    """Raised when an address cannot be normalised; `code` says why in one word, never with the address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SealError(SyncerError):
    """Raised when a sealed address does not open under this key and event."""


class StaleFence(SyncerError):
    """Raised when a process writes to a lane that has another owner by now."""
