"""Sentences that were made in English long before they are shown, in the language of whoever reads them.

What an adapter noted, by which rule days were counted, and what the log does not prove are data: JSON and the audit
have them in English, with values inside. Each is told again by the pattern that it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncer.errors import ChainBroken, UserError
from syncer.language.texts import N_, Sentence, _, retold

#: what adapters note in a receipt
NOTES = (
    "Audience {audience}: erased for good before, cannot be added again.",
    "List rows of status {status} receive nothing; left as they are.",
    "The entry on list {list} was new to ActiveCampaign; it was made as unsubscribed.",
    "The archive did not show every contact just deleted; it is searched again until it does.",
)
#: by which rule due days are counted
RULES = (
    "the earlier of {days} days and the same date next month, {zone}; the legal date is moved past weekends",
    "the earlier of {days} days and the same date next month, {zone}; the legal date is moved past weekends and"
    " holidays of {country}",
    "extended: the same date three months after receipt, {zone}; the legal date is moved past weekends",
    "extended: the same date three months after receipt, {zone}; the legal date is moved past weekends and holidays of"
    " {country}",
)
NOT_PROVEN = (
    "that nobody who holds both the database and the key file rewrote the log",
    "anything after entry {entry}, the last that is signed",
    "the end of the log: no entry is signed yet",
    "more than a note proves that left this machine: compare with one that somebody else keeps",
    "what a provider keeps in backups and internal copies; the read-back is the provider's own word",
    "orders, carts, conversations, deals, notes and old exports at a provider",
    "what a recipient that lets nobody look made of an order, and that it answered what a person says",
)
#: what stands in the log and was not made with its key
BROKEN = N_(
    "{what}; nothing was signed or written: keep this database as evidence, put back one that is whole, run"
    " `syncer audit verify --full`, and record what is lost with `syncer audit fork --reason …`"
)
#: the name of the command, before what it refuses
_COMMAND = re.compile(r"^(--)?[a-z]+: ")
#: what a verification of the log finds
FINDINGS = (
    "the last full verification's result was not written by syncer; run `syncer audit verify --full`, and see that"
    " `syncer run` runs",
    "no full verification is on record; run `syncer audit verify --full`, and see that `syncer run` runs",
    "the last full verification is older than {hours} hours; run `syncer audit verify --full`, and see that"
    " `syncer run` runs",
    "the last full verification failed: {reason}; keep the database as evidence, put back one that is whole, then run"
    " `syncer audit verify --full`",
    "the log was cut to {entries} entries, {verified} were verified in full; keep the database as evidence, put back"
    " one that is whole, then run `syncer audit verify --full`",
    "entry {seq} was altered",
    "entry {seq} was altered: its columns differ from its body",
    "entry {seq} was altered: syncer did not write its body",
    "entry {seq} was altered: its time cannot be read",
    "entry {seq} was moved",
    "entry {seq} is missing or out of order",
    "entry {seq} lost its body, and no purge on record took it",
    "entry {seq} was verified before, and is not here: the log was cut or rolled back",
    "event {event} was received and is not in its table: somebody deleted it",
    "event {event} is in its table, but the log never received it",
    "event {event} at {destination} is in its table, but the log never named that destination",
    "event {event} at {destination} was planned and is not in its table: somebody deleted it",
    "event {event} at {destination} is {state} in its table, but not in the log, which says {said}",
    "{place}: its {column} is {value} in its table, but {said} in the log",
    "{place}: its {column} is {value} in its table, later than syncer ever writes",
    "a table holds a time that cannot be read",
    "entry {seq}, the last, was not made with this log's key, or the head was moved",
    "entry {seq} is missing",
    "the log ends at entry {end}, but entry {before} was there before: it was rolled back",
    "the log ends at entry {end}, but entry {before} was there: it was rolled back",
    "the head was altered: it holds no number and no mac",
    "a checkpoint covers {covered} entries, but there are {entries}",
    "the checkpoint of entry {seq} is gone, or another was put in its place",
    "the checkpoint of {entries} entries was replaced: its note says something else",
    "the newest checkpoint was altered: it cannot be read",
)
#: code of an AddressError -> what is wrong with the address
ADDRESSES: Mapping[str, str] = {
    "empty": N_("it is empty"),
    "too_long": N_("it is too long"),
    "control_character": N_("it holds a character that nobody can see"),
    "damaged": N_("a program before syncer damaged it"),
    "full_width_at": N_("its @ is another sign that looks like one"),
    "no_at": N_("it has no @ with something on both sides"),
    "local_part": N_("what stands before the @ cannot stand there"),
    "closing_dot": N_("it ends with a dot"),
    "domain": N_("what stands behind the @ is no domain"),
}
#: what the intake finds wrong with a row, by its column
ROWS = (
    "kind: neither erasure nor objection",
    "event_key: missing, or no clean text",
    "event_key: used before, for another request",
    "received_at: not a time",
    "received_at: before the year {year}",
    "received_at: more than a day in the future",
)
#: the same of an address
ROW_ADDRESS = "email: the address cannot be used ({why})"
#: why somebody was not let into the console, and what was changed of an account
WHYS = (
    "too many tries",
    "too many tries of everybody together",
    "name or password",
    "the account is disabled",
    "the account's row is damaged",
    "the account signs in at its identity provider",
    "the account has no second factor",
    "the account is disabled, or changed meanwhile",
    "the code of the app",
    "the present password",
    "the code of the app was used, or the account changed",
    "the code to begin with",
    "the passkey or the account changed meanwhile",
    "the session was ended meanwhile",
    "a passkey that nobody has here",
    "a passkey that is not theirs",
    "a passkey that was made for somebody else",
    "a passkey that was not made for us, or without asking for its owner",
    "a passkey that was not shown to us, or without asking for its owner",
    "a passkey that is kept already",
    "a passkey with too long an id",
    "one passkey more than anybody may have",
    "a first passkey without leave to make one",
    "the counter of a passkey went back: there may be two of it",
    "a challenge that is not ours, too old, or was used",
    "an answer that cannot be read",
    "a proxy without the secret",
    "a proxy that did not come by the unix socket",
    "a proxy that names nobody who has an account",
    "a ticket of WordPress: {why}",
    "the identity provider's word: {why}",
    "whom to bind the account to was not known, or was bound already",
    "a passkey was added",
    "a passkey was removed",
    "the password",
    "the authenticator app",
    "a password was added",
    "a password and an app were added",
    "roles from {before} to {now}",
)
#: why another site's word for somebody was not believed, behind what names that site
DOUBTS = (
    "nobody went on in time",
    "it was used before",
    "our secret cannot be read; `syncer check` says more",
    "our secret is too short; `syncer check` says more",
    "it was not made with our secret",
    "its fields are not those of a ticket",
    "another site wrote it",
    "it is for another console",
    "it is good for too long",
    "it is too old",
    "it is too old; compare the clocks",
    "it is from the future; compare the clocks",
    "it is too long",
    "it names nobody",
    "it names no moment",
    "this browser began no such sign-in, or too long ago",
    "it signed nobody in",
    "it does not know the code that came back",
    "another issuer sent somebody back",
    "another issuer wrote it",
    "it was made for another sign-in",
    "it is for another client",
    "it was given to another client",
    "it does not say how long it is good",
    "it is signed with a key that the provider does not name",
    "its signature is not the provider's",
)


def why(text: object) -> str:
    """Return why somebody was not let in, or what was changed of an account; what is in no catalogue, as it is."""
    said = str(text)
    site, _colon, doubt = said.partition(": ")
    pattern = f"{site}: {{why}}"
    return _(pattern).format(why=retold(doubt, *DOUBTS)) if pattern in WHYS else retold(said, *WHYS)


def finding(text: str | None) -> str:
    """Return what a verification of the log found; what is rare enough to be in no catalogue as it is, in English."""
    return retold(text, *FINDINGS) if text else ""


def refusal(error: UserError) -> str:
    """Return what was refused, and why, without the name of the command that it would have been."""
    if isinstance(error, ChainBroken):
        return _(BROKEN).format(what=finding(error.what))
    said = error.args[0] if error.args else ""
    return retold(said) if isinstance(said, Sentence) else _COMMAND.sub("", str(error))


def told_by_adapter(note: str) -> str:
    """Return what an adapter noted."""
    return retold(note, *NOTES)


def rule(text: str) -> str:
    """Return by which rule due days are counted."""
    return retold(text, *reversed(RULES))


def not_proven(text: str) -> str:
    """Return what the log does not prove."""
    return retold(text, *NOT_PROVEN)


def of_address(code: str) -> str:
    """Return what is wrong with an address, by the code of an AddressError or the sign of damage that it shows."""
    code, _colon, sign = code.partition(": ")
    if sign:
        return f"{of_address(code)}: {of_address(sign)}"
    return _(ADDRESSES.get(code, code))


def of_row(detail: str) -> str:
    """Return what is wrong with a row of the queue, as the audit has it, each fault told again."""
    return "; ".join(map(_told, detail.split("; ")))


def _told(fault: str) -> str:
    start, end = ROW_ADDRESS.split("{why}")
    if fault.startswith(start) and fault.endswith(end):
        return _(ROW_ADDRESS).format(why=of_address(fault.removeprefix(start).removesuffix(end)))
    return retold(fault, *ROWS)
