"""What each reason code and each ground means in plain words, and what to do about it."""

from __future__ import annotations

from syncer.language.texts import _

#: of a row that holds what syncer never writes
DAMAGED = "damaged"
#: of a request that came while no destination was configured
NO_DESTINATION = "no_destination"
#: of a delivery that was read and judged at a destination in shadow mode, and not carried out
SHADOWED = "shadowed"
#: of a deletion that waits for a person, since unusually many were to begin
GUARDED = "guarded"
#: of a request that a person judged not to be genuine
GUARD_REFUSED = "guard_refused"
#: of open deliveries that rightly have no time for a next attempt: something else makes them due
PARKED = frozenset({SHADOWED, GUARDED})

#: code -> (what happened, what to do)
CODES: dict[str, tuple[str, str]] = {
    "newer_consent": (
        "the contact opted in again after this request, or was re-added in a way that looks like an opt-in",
        "ask whether the person wants that; then remove the opt-in and `resync`, or `exempt`",
    ),
    "archived_not_purged": (
        "the key may not look into or purge the archive of deleted contacts (kept 360 days), or the account offers"
        " none",
        "use an API key of a user in the Admin group, then `resync`",
    ),
    "archive_not_seen": (
        "the contact was deleted, but the provider's archive of deleted contacts (kept 360 days) did not show it for"
        " hours, so it could not be purged",
        "look for it under Contacts > Archive, in the provider's own pages; `resync` once a search there finds it, or"
        " delete it there for good and `exempt` with the reason",
    ),
    "sms_reachable": (
        "the provider still shows a subscription to text messages (SMS), which no mail status ends",
        "end it at the contact's profile in the provider's own pages, then `resync`",
    ),
    "exclusion_needed": (
        "no exclusion covers the person; one must be added by hand, since the provider's API cannot create it",
        'import the address at ActiveCampaign: Contacts > Import > "Import as excluded email address", a CSV with'
        " the one column `email`; then `resync`",
    ),
    "destination_removed": (
        "the destination is no longer in settings.toml",
        "put it back and `resync`, or `exempt` with a ground",
    ),
    "unsupported_action": (
        "the adapter that the settings name for this destination now does not have this action",
        "name the adapter that was there when the request came in and `resync`, or `exempt` with a ground",
    ),
    "malformed": (
        "a field of the queue row could not be understood, or its address shows damage; its page and `syncer show` say"
        " which",
        "`resync --file` with a line `EVENT ADDRESS` and the right address (`--as-written` where it truly looks like"
        " that), or submit it again and `withdraw` this one",
    ),
    NO_DESTINATION: (
        "no destination was configured when the request came, so nobody was told of it",
        "configure the destinations, submit the request again, and `withdraw` this one",
    ),
    DAMAGED: (
        "its row in the database holds a word that syncer never writes: somebody wrote it with other means",
        "run `syncer audit verify --full`, and compare the row with a backup; find out who did it",
    ),
    GUARDED: (
        "unusually many deletions were to begin within a day, so the guard stopped all of them before the first",
        "see who asked, with `syncer guard plan`; then `syncer guard release` or `syncer guard refuse`",
    ),
    GUARD_REFUSED: (
        "a person judged these requests not to be genuine",
        "`guard withdraw` closes all that nobody asked for; `resync` starts one over that was genuine after all",
    ),
    "filter_ignored": (
        "the provider answered with people who were not asked for, so nothing was changed there",
        "look the person up by hand; report it to the provider; then `resync`",
    ),
    "unknown_state": (
        "the provider shows a status that syncer does not know, and syncer does not guess",
        "look the person up by hand; upgrade syncer; then `resync`",
    ),
    "rejected": ("the provider refuses this address or this call", "look the person up by hand, then `resync`"),
    SHADOWED: (
        "its destination is in shadow mode, on trial: it is read there, and nothing is carried out",
        'nothing as long as the trial is meant to last; to go live, set mode = "live" and reload or restart syncer',
    ),
    "shadow_write": (
        "something was to be changed at a destination in shadow mode, and its lock let nothing out",
        "report it as a mistake of the adapter; nothing was changed there",
    ),
    "forbidden": (
        "the key's user lacks the right for this step, or for one audience or shop",
        "give the user the right, then `resync`",
    ),
    "unsealable": (
        "the stored address does not belong to this event, or the request was changed since it was received:"
        " somebody wrote to the database",
        "find out who did it; put right, action and time back to what `syncer show` says was received;"
        " then `resync --file`",
    ),
    "address_shredded": ("the address is gone", "bring it again with `resync --file`"),
    "delete_blocked": (
        "the provider refuses to delete now (the monthly allowance may be used up); the detail says whether mail is"
        " stopped",
        "it is tried again daily; the provider's support can lift the allowance",
    ),
    "not_yet": ("read back, and the change did not show yet", "nothing: it is applied and read back again"),
    "suppression_missing": (
        "the entry that shows the objection is gone, or was erased for good; nobody there could be reached",
        "nothing: the entry is made again, or the provider's refusal is taken as proof",
    ),
    "reappeared": (
        "the person was found again at a recheck",
        "nothing: syncer carries it out again; find out what keeps adding the person",
    ),
    "incomplete": ("a listing was incomplete", "nothing: it is read again; until then nobody counts as gone"),
    "lane_is_at_rest": (
        "its lane is paused by an operator or told to wait, so the destination was not called",
        "`resume` it, or wait",
    ),
    "interrupted": ("reading was broken off because another daemon took over the lane", "nothing: it is repeated"),
    "rate_limited": ("the provider asks to slow down", "nothing: the whole lane waits, then goes on"),
    "unavailable": ("the provider has an outage", "nothing: it is repeated"),
    "timed_out": ("no answer in time; reading back shows whether it was obeyed", "nothing: it is repeated"),
    "unreachable": (
        "the provider could not be reached",
        "check the network and base_url if it lasts; after five in a row the lane pauses and probes",
    ),
    "cut_off": ("the connection broke; reading back shows whether it was obeyed", "nothing: it is repeated"),
    "unreadable": (
        "the answer could not be understood",
        "nothing for a day; a held one: show the detail to the provider, then `resync`",
    ),
    "too_big": (
        "the answer was too big to be true",
        "nothing for a day; a held one: show the detail to the provider, then `resync`",
    ),
    "conflict": (
        "the provider was busy with this contact",
        "nothing for a day; a held one: show the detail to the provider, then `resync`",
    ),
    "unproven": (
        "the adapter says of this recipient what it cannot know, so it is not believed",
        "report it as a mistake of the adapter; `resync` once it is mended, or `exempt` with the reason",
    ),
    "crashed": ("syncer itself failed at this delivery", "report the log line; it is repeated for a day, then held"),
    "not_called": ("the lane stopped before the call was made", "nothing: it goes on with the lane"),
    "unauthorized": ("the provider does not accept the key", "put a valid key in place, then `resume` or wait"),
    "unpaid": ("the provider says that the account is not paid for", "settle it with the provider; the lane probes"),
    "redirected": ("the provider's address sends us elsewhere", "correct base_url"),
    "login_page": ("the provider shows a login page", "check key, account and base_url"),
    "tls": ("the provider's certificate is not valid", "check base_url and the network; it is never bypassed"),
    "clock": ("the provider's certificate is not valid yet by this machine's clock", "set the clock"),
    "wrong_address": ("audience, data centre or base_url is wrong", "`syncer check` names it"),
}
#: why a recipient could not be asked
INAPPLICABLE = {
    "no_identifier": "nothing is known by which this recipient could find the person, Art. 11(2)",
    "right_not_offered": "this right has no meaning there",
}
#: what a recipient answered, as a person says
ANSWERS = {
    "done": "it answered that it did what was asked",
    "no_data": "it answered that it holds nothing",
    "refused": "it refused",
}
GROUNDS = {
    "legal_claims": "kept for legal claims, Art. 17(3)(e)",
    "legal_obligation": "kept for a legal obligation, Art. 17(3)(b)",
    "impossible": "telling the recipient is impossible, Art. 19",
    "disproportionate": "telling the recipient takes disproportionate effort, Art. 19",
    "other": "another ground, see the reason",
    "withdrawn": "the request was withdrawn: it was submitted by mistake",
}


#: why a delivery is closed that was not read back
_CLOSED_FOR = GROUNDS | INAPPLICABLE | ANSWERS


def meaning(code: str | None) -> str:
    """Return the meaning of a code, a ground or an answer in plain words; empty for None, an unknown one as it is."""
    if not code:
        return ""
    return _(CODES[code][0] if code in CODES else _CLOSED_FOR.get(code, code))


def remedy(code: str | None) -> str:
    """Return what a person can do about a code."""
    return _(CODES[code][1]) if code in CODES else _("look at `syncer show`, then `resync` or `exempt`")
