"""What a dossier says in fixed words: plain, without jargon, and nothing that only a person could keep."""

from __future__ import annotations

from syncer.language.texts import N_, _, digits

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
#: action -> what it did, once that was read back: where the moment is known, and where it is not
DID = {
    "delete": ("Your data was erased on {when}.", "Your data was erased."),
    "unsubscribe": ("You were unsubscribed on {when}.", "You were unsubscribed."),
    "suppress": (
        "You were unsubscribed, and this was recorded on {when}.",
        "You were unsubscribed, and this was recorded.",
    ),
    None: ("This is closed.", "This is closed."),
}
#: the same of somebody who had been found there once more
DID_AGAIN = {
    "delete": ("Your data was erased again on {when}.", "Your data was erased again."),
    "unsubscribe": ("You were unsubscribed again on {when}.", "You were unsubscribed again."),
    "suppress": (
        "You were unsubscribed again, and this was recorded on {when}.",
        "You were unsubscribed again, and this was recorded.",
    ),
    None: ("This is closed.", "This is closed."),
}
#: action -> what the look afterwards showed
SAW = {
    "delete": "On {when} we looked again: we no longer found your data.",
    "unsubscribe": "On {when} we looked again: no mail goes to you any more.",
    "suppress": "On {when} we looked again: no mail goes to you any more.",
    None: "On {when} we looked again: nothing was open any more.",
}
#: the same where the look was in several places
SAW_IN_PLACES = {
    "delete": "On {when} we looked again in {places} places: we no longer found your data.",
    "unsubscribe": "On {when} we looked again in {places} places: no mail goes to you any more.",
    "suppress": "On {when} we looked again in {places} places: no mail goes to you any more.",
    None: "On {when} we looked again in {places} places: nothing was open any more.",
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
    "guarded": "Unusually many requests came at once, so a person looks at each before anything is erased.",
    "guard_refused": "We could not see that this request came from you, so we stopped there.",
    "address_shredded": "We need your address for this, and have destroyed it already.",
    "shadowed": "Our connection to this recipient is on trial: it is only looked at, and nothing is carried out there.",
    "unproven": "Our system could not tell whether it did what was asked.",
    "shadow_write": "Our connection to this recipient is on trial, and a mistake in it was stopped.",
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
FAULT = N_("Something technical is in the way.")
#: who does what is left, by what is known: a person, or a program that runs
BY_HAND = N_("This still has to be done, and a person has to see to it.")
TRIED_AGAIN = N_("Our system tries again by itself.")
AT_REST = N_("Our work at this recipient is stopped at the moment.")
NOT_SEEN = N_("It answered that this is done; we have not seen that for ourselves yet.")
NOT_ASKED = N_("It has not been asked yet.")
#: action -> what would have been done, where nothing was
WOULD = {
    "delete": "your data would have been erased",
    "unsubscribe": "mail to you would have been stopped",
    "suppress": "mail to you would have been stopped, and you would have been kept from being added again",
    None: "nothing would have been done",
}
#: what would have happened, by what a look there showed
WOULD_HAVE = N_("What would have happened, as a look there showed on {when}: {what}.")
WOULD_FIND_NOBODY = N_("nothing about you was found, and nothing would have been changed")
WOULD_BE_HELD = N_("a person would have had to decide")
#: code -> what may be left where a recipient was excepted after it had been asked
LEFT_OPEN = {
    "archived_not_purged": f"A copy may remain in {ARCHIVE}.",
    "archive_not_seen": f"A copy may remain in {ARCHIVE}.",
    "sms_reachable": "Text messages from there may still reach you.",
    "exclusion_needed": "Nothing there keeps you from being added again.",
}

#: what became of a request where nobody could look, by what is known: what it did, and how that was checked
PASSED_ON = N_("We passed the request on to it on {when}. It shows nobody what it then does.")
PASSED_ON_BY = N_(
    "We passed the request on to it on {when}. It shows nobody what it then does; by its own word it is through by"
    " {day}."
)
NOT_SHOWN = N_("This cannot be checked: it lets nobody look.")
#: what a recipient answered -> the same by the word of a person, where the day is known, and where it is not
ANSWERED = {
    "done": (
        N_("On {day} it answered that it did what was asked."),
        N_("It answered that it did what was asked."),
    ),
    "no_data": (
        N_("On {day} it answered that it holds nothing about you."),
        N_("It answered that it holds nothing about you."),
    ),
    "refused": (N_("On {day} it refused what was asked."), N_("It refused what was asked.")),
    None: (N_("On {day} it answered."), N_("It answered.")),
}
#: who says so; a person does, and our system saw nothing of it
BY_WORD = N_("We could not look there: a person who works for us noted its answer on {day}.")
NOT_FOUND = N_(
    "It cannot find you: we know nothing by which it could (Art. 11(2) GDPR). That does not mean that it holds nothing"
    " about you."
)
NOT_OFFERED = N_("What was asked for does not exist there, so there was nothing to ask of it.")
LAPSES = N_("It keeps such data until {day} at most.")
NOTHING_TO_CHECK = N_("There was nothing to check.")
BRING_IDENTIFIER = N_(
    "You can tell us by what it could find you, for example a customer number, or the number that it keeps on your"
    " device. Then we can ask it."
)
#: why it is closed so -> how the small print says it
CLOSED_FOR = {
    "done": N_("it answered that it did what was asked"),
    "no_data": N_("it answered that it holds nothing"),
    "refused": N_("it refused"),
    "no_identifier": N_("nothing is known by which it could find you"),
    "right_not_offered": N_("what was asked for does not exist there"),
}

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def number(count: int) -> str:
    """Return a small number as a word, a larger one in digits."""
    return _(NUMBERS[count]) if count < len(NUMBERS) else digits(count)


def why(code: str | None) -> str:
    """Return the fact that keeps a recipient from being through, for the person."""
    return _(WHY.get(code or "", FAULT))


def capital(text: str) -> str:
    """Return a sentence with its first letter raised."""
    return text[:1].upper() + text[1:]
