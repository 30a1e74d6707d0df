"""What a hold or a pause means for the person and for the controller, and what somebody has to decide. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncer.domain.codes import DAMAGED, GUARD_REFUSED, GUARDED, NO_DESTINATION
from syncer.language.texts import _


class Remedy(StrEnum):
    """What an administrator does about a code, as a command of syncer."""

    RESYNC = "resync"  # start it over
    RESYNC_SOME = "resync_some"  # start only those over that a person chooses, never all at once
    BRING_ADDRESS = "bring_address"  # start it over with the address, from a file
    EXEMPT = "exempt"  # close it by decision
    WITHDRAW = "withdraw"  # close the request everywhere: it was a mistake
    CHECK = "check"  # ask the account what is wrong
    RESUME = "resume"  # let the lane go on
    VERIFY = "verify"  # verify the log
    LOOK = "look"  # see what the guard stopped


@dataclass(frozen=True, slots=True)
class Effect:
    """What a code means to somebody who answers for the requests; `{recipient}` stands for the recipient's name.

    `result` is what is so as long as nothing is done, empty where it follows from what was asked (see `result`).
    `decision` is what is to be decided, and whom to tell. `steps` are the administrator's about a delivery that is
    held, in their order. `account` says that it concerns our account there, and so whoever comes next as well;
    `request` that it concerns the request, whichever recipient is asked.
    """

    result: str
    decision: str
    steps: tuple[Remedy, ...]
    account: bool = False
    request: bool = False


#: action -> what may be so as long as a recipient is not through; no more is known of it
MAY_BE: Mapping[str | None, str] = {
    "delete": "{recipient} may still hold data of the person.",
    "unsubscribe": "The person may still get mail through {recipient}.",
    "suppress": "The person may still get mail through {recipient}.",
    None: "What {recipient} was to do could not be read, so it was asked for nothing.",
}
_ARCHIVE = "A copy may remain at {recipient} for up to 360 days."
_NOT_OURS = "What the database says here is not what syncer wrote."
_TELL = "as long as it cannot be carried out, the answer to the person has to say so and why (Art. 12(4))"
_BY_HAND = f"Have somebody look the person up at {{recipient}} by hand; {_TELL}."
_MEND = "Have the account, the key or the network mended; the time to answer runs on meanwhile."
_BREACH = "Find out who wrote there, and decide whether it is a breach to be notified (Art. 33)."
#: what closes something is done instead of what starts it over, and not after it
CLOSING = frozenset({Remedy.EXEMPT, Remedy.WITHDRAW})
_AGAIN = (Remedy.RESYNC, Remedy.EXEMPT)
_CHECKED = (Remedy.CHECK, Remedy.RESYNC)

#: code -> its effect, for every code that a delivery can be held by or a lane can be paused by
EFFECTS: Mapping[str, Effect] = {
    "newer_consent": Effect(
        "",
        "The records show a sign-up that is newer than the request. Ask the person which of the two counts: if the"
        " sign-up does, close the request with that as the reason; if not, have the sign-up removed and the request"
        " started over.",
        _AGAIN,
    ),
    "archived_not_purged": Effect(
        _ARCHIVE,
        "Decide whether the key gets the right to the archive, so that the copy can be removed. Where the copy stays,"
        " the answer to the person has to say so and why (Art. 12(4)).",
        (Remedy.RESYNC,),
        account=True,
    ),
    "archive_not_seen": Effect(
        _ARCHIVE,
        f"Have somebody look for the copy in the archive by hand; {_TELL}.",
        _AGAIN,
    ),
    "sms_reachable": Effect(
        "Text messages (SMS) may still reach the person through {recipient}.",
        "Have the text messages ended by hand; where that is not possible, tell the person.",
        (Remedy.RESYNC,),
    ),
    "exclusion_needed": Effect(
        "Nothing at {recipient} keeps the person from being added again.",
        "Have the exclusion added by hand.",
        (Remedy.RESYNC,),
    ),
    "destination_removed": Effect(
        "",
        "{recipient} is no longer in the settings. Decide whether it still has to be told (Art. 19): put it back, or"
        " close the request there with a ground.",
        _AGAIN,
    ),
    "unsupported_action": Effect(
        "",
        "The way in which syncer is connected to {recipient} now cannot do this. Have the connection put back that was"
        " there before, or have it seen to by hand.",
        _AGAIN,
        account=True,
    ),
    "malformed": Effect(
        "The request could not be read, so nothing more is done at {recipient}.",
        "Find out who asked and for what, with the source that is named below; the time to answer runs since the"
        " receipt.",
        (Remedy.BRING_ADDRESS, Remedy.WITHDRAW),
        request=True,
    ),
    NO_DESTINATION: Effect(
        "Nobody was told of the request.",
        "Find out which recipients hold the person, and have the request entered again once they are set up; the time"
        " to answer runs since the receipt.",
        (Remedy.CHECK, Remedy.WITHDRAW),
        request=True,
    ),
    DAMAGED: Effect(_NOT_OURS, _BREACH, (Remedy.VERIFY,), request=True),
    "unsealable": Effect(_NOT_OURS, _BREACH, (Remedy.VERIFY, Remedy.BRING_ADDRESS), request=True),
    GUARDED: Effect(
        "None of it has begun. {recipient} may still hold data of these people.",
        "Far more erasures came at once than usual. Find out whether real people asked for them. If so, let them"
        " begin; if not, refuse them, and find out what sent them. The time to answer runs on meanwhile; the"
        " number of requests can be a ground to extend it (Art. 12(3)).",
        (Remedy.LOOK,),
        request=True,
    ),
    GUARD_REFUSED: Effect(
        "{recipient} is asked for nothing more, and may still hold data of this person.",
        "Somebody judged that nobody asked for this. If a real person did, have it started over: the time to answer"
        " runs since the receipt. If not, withdraw the request, with that as the reason.",
        (Remedy.RESYNC_SOME, Remedy.WITHDRAW, Remedy.EXEMPT),
        request=True,
    ),
    "filter_ignored": Effect("", _BY_HAND, _AGAIN, account=True),
    "unknown_state": Effect("", _BY_HAND, _AGAIN),
    "rejected": Effect("", _BY_HAND, _AGAIN),
    "forbidden": Effect(
        "",
        f"Decide whether the key gets the right; {_TELL}.",
        (Remedy.CHECK, *_AGAIN),
        account=True,
    ),
    "address_shredded": Effect(
        "",
        "The address was destroyed already: take it from the person's request once more.",
        (Remedy.BRING_ADDRESS,),
    ),
    "unreadable": Effect("", _BY_HAND, _AGAIN),
    "too_big": Effect("", _BY_HAND, _AGAIN),
    "conflict": Effect("", _BY_HAND, _AGAIN),
    "incomplete": Effect("", _BY_HAND, _AGAIN),
    "suppression_missing": Effect("", _BY_HAND, _AGAIN),
    "delete_blocked": Effect("", "Have the provider's support lift what blocks deletions.", _AGAIN, account=True),
    "unproven": Effect("", "Report the mistake; nobody knows whether {recipient} did what was asked.", _AGAIN),
    "crashed": Effect("", _BY_HAND, _AGAIN),
    "shadow_write": Effect("", "Report the mistake; nothing was changed at {recipient}.", _AGAIN),
    "unauthorized": Effect("", _MEND, _CHECKED, account=True),
    "unpaid": Effect("", "Have the bill settled, or the account given up.", _CHECKED, account=True),
    "redirected": Effect("", _MEND, _CHECKED, account=True),
    "login_page": Effect("", _MEND, _CHECKED, account=True),
    "tls": Effect("", _MEND, _CHECKED, account=True),
    "clock": Effect("", _MEND, _CHECKED, account=True),
    "wrong_address": Effect("", _MEND, _CHECKED, account=True),
    "unreachable": Effect("", _MEND, _CHECKED, account=True),
}
#: of a code that this version does not know
UNKNOWN = Effect("", _BY_HAND, _AGAIN)
#: what is so as long as a lane is paused, and what to do about it where syncer paused it, and where a person did
PAUSED = "Nothing gets through to {recipient} as long as it is paused; the time to answer runs on."
BY_SYNCER = (Remedy.CHECK, Remedy.RESUME)
BY_A_PERSON = (Remedy.RESUME,)
GO_ON = "Decide when it goes on."


def effect(code: str | None) -> Effect:
    """Return the effect of a code; that of an unknown one for what has none."""
    return EFFECTS.get(code or "", UNKNOWN)


def result(code: str | None, action: str | None, recipient: str) -> str:
    """Return what is so at a recipient as long as a delivery is held for a code, in a sentence."""
    return _(effect(code).result or MAY_BE[action]).format(recipient=recipient)


def decision(code: str | None, recipient: str) -> str:
    """Return what somebody has to decide about a code, and whom to tell."""
    return _(effect(code).decision).format(recipient=recipient)
