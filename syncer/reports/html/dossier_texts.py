"""What a dossier says in fixed words: plain, without jargon, and nothing that only a person could keep."""

from __future__ import annotations

from collections.abc import Sequence

#: right -> what the person asked, as a heading and in a sentence
ASKED = {
    "erasure": ("Erase my data", "to erase your personal data (Art. 17 GDPR)"),
    "objection": ("Stop your marketing", "to stop using your data for marketing (Art. 21 GDPR)"),
    None: ("A request that could not be read", "something that we could not read"),
}
#: action -> what a recipient was asked
ASK = {
    "delete": "to erase your data for good",
    "unsubscribe": "to send you no more mail",
    "suppress": "to send you no more mail, and to keep you from being added again",
    None: "nothing",
}
#: action -> what it did, once that was read back; `again` and `when` are empty or begin with a blank
DID = {
    "delete": "Your data was erased{again}{when}.",
    "unsubscribe": "You were unsubscribed{again}{when}.",
    "suppress": "You were unsubscribed{again}, and this was recorded{when}.",
    None: "This is closed.",
}
#: action -> what the look afterwards showed
SAW = {
    "delete": "we no longer found your data",
    "unsubscribe": "no mail goes to you any more",
    "suppress": "no mail goes to you any more",
    None: "nothing was open any more",
}
#: a provider's archive, of which nobody knows what it holds
ARCHIVE = "its archive of deleted entries, which it keeps for 360 days"
_ACCESS = "Our access to this recipient does not work at the moment."
_NO_ANSWER = "It could not be reached, or did not answer as it should."
#: code -> the fact that keeps it from being through, for the person; what is not here is a technical fault
WHY = {
    "newer_consent": "Its records show that you signed up again after your request, or were added in a way that looks"
    " like it. We cannot tell whether this was you.",
    "archived_not_purged": f"A copy may lie in {ARCHIVE}. We could not look into it, or could not remove you from it.",
    "archive_not_seen": f"A copy may lie in {ARCHIVE}. It did not show us the entry that we had deleted, so we could"
    " not remove you from it.",
    "sms_reachable": "Text messages from there may still reach you.",
    "exclusion_needed": "Nothing there keeps you from being added again: the entry for that has to be made by hand.",
    "destination_removed": "This recipient is no longer connected to our system.",
    "unsupported_action": "The way in which our system is connected to this recipient now cannot do what you asked.",
    "malformed": "We could not read the request as it reached us.",
    "no_destination": "No recipient was set up when your request came, so nobody was told of it.",
    "damaged": "Our own record of this was changed from outside our system.",
    "unsealable": "The address that we kept for this work does not belong to the request, or the request was changed"
    " since it reached us.",
    "rejected": "The recipient refused your address, or what we asked.",
    "filter_ignored": "It answered with other people than we had asked for, so we stopped there.",
    "unknown_state": "It shows your entry in a way that our system does not understand, and we do not guess.",
    "forbidden": "We lack the permission for a step there.",
    "delete_blocked": "The recipient does not allow deletions at the moment.",
    "address_shredded": "We need your address for this, and have destroyed it already.",
    "not_yet": "It took what we asked, and does not show the change yet.",
    "reappeared": "You were found there again.",
    "suppression_missing": "The entry that keeps you from being added again was not there.",
    "lane_is_at_rest": "Our work at this recipient was stopped when we wanted to ask.",
    "interrupted": "Our system stopped before the work was finished.",
    "not_called": "Our system stopped before it asked.",
    "rate_limited": "It asked us to slow down.",
    **dict.fromkeys(("unavailable", "timed_out", "unreachable", "cut_off", "incomplete"), _NO_ANSWER),
    **dict.fromkeys(("unreadable", "too_big", "conflict"), _NO_ANSWER),
    **dict.fromkeys(("unauthorized", "unpaid", "redirected", "login_page", "tls", "clock", "wrong_address"), _ACCESS),
}
#: where no code says why
FAULT = "Something technical is in the way."
#: who does what is left, by what is known: a person, or a program that runs
BY_HAND = "This still has to be done, and a person has to see to it."
TRIED_AGAIN = "Our system tries again by itself."
AT_REST = "Our work at this recipient is stopped at the moment."
NOT_SEEN = "It answered that this is done; we have not seen that for ourselves yet."
NOT_ASKED = "It has not been asked yet."
#: code -> what may be left where a recipient was excepted after it had been asked
LEFT_OPEN = {
    "archived_not_purged": f"A copy may remain in {ARCHIVE}.",
    "archive_not_seen": f"A copy may remain in {ARCHIVE}.",
    "sms_reachable": "Text messages from there may still reach you.",
    "exclusion_needed": "Nothing there keeps you from being added again.",
}

_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number(count: int) -> str:
    """Return a small number as a word, a larger one in digits."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def all_of(count: int, noun: str) -> str:
    """Return `your request`, `both your requests`, `all three of your requests`."""
    if count == 1:
        return f"your {noun}"
    return f"both your {noun}s" if count == 2 else f"all {number(count)} of your {noun}s"


def has(count: int) -> str:
    """Return the verb that fits a count: `has` or `have`."""
    return "has" if count == 1 else "have"


def listed(items: Sequence[str]) -> str:
    """Return items as a list in a sentence: `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def capital(text: str) -> str:
    """Return a sentence with its first letter raised."""
    return text[:1].upper() + text[1:]
