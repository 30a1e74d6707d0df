"""Legal grounds in words that fit the right: of exceptions, and of what remains at a recipient. Pure.

What remains so that nobody writes to the person again: an objection ends the use for marketing (Art. 21(3)), and must
last. The authorities want a list for that, of the least that is needed and for nothing else, also after an erasure:

- CNIL, "Comment utiliser une liste repoussoir pour respecter l'opposition à la prospection commerciale ?" (27 January
  2022): the list makes the objection last, and serves no other purpose
- ICO, direct marketing guidance, "Respect people's preferences": put details onto a suppression list instead of
  deleting them

After an erasure that is Art. 17(3)(b): it is needed to comply with a duty, that of Art. 21(3).
"""

from __future__ import annotations

from adapters.contract import Stays
from syncer.domain.rights import Ground, Right
from syncer.language.texts import N_, _, retold

#: ground -> the sentence for an erasure, and for a request whose right could not be read
_ERASURE = {
    "legal_claims": "The ground given: the data is needed for legal claims (Art. 17(3)(e) GDPR).",
    "legal_obligation": "The ground given: a law obliges us to keep the data (Art. 17(3)(b) GDPR).",
    "impossible": "The ground given: telling this recipient is impossible (Art. 19 GDPR).",
    "disproportionate": "The ground given: telling this recipient would take disproportionate effort (Art. 19 GDPR).",
}
#: Art. 17(3) and Art. 19 do not speak of objections
_OBJECTION = {"impossible": "The ground given: telling this recipient is impossible."}
_ERASURES_ONLY = N_(
    "The decision names a ground that the law knows for erasures only. An objection to marketing has no such exception"
    " (Art. 21(3) GDPR)."
)
_OTHER = N_("No article of the law was named as the ground.")
_MISTAKE = N_("The request was withdrawn: it had been entered by mistake.")
_STAYS = {
    Stays.SUPPRESSION: "The ground is Art. 17(3)(b) with Art. 21(3) GDPR: it is needed so that you are not written to"
    " again.",
    Stays.NOT_ASKED: "You asked for erasure, and this recipient was asked for less. No ground for that is on record:"
    " you can ask us for one, or to have it erased.",
    Stays.OUT_OF_REACH: "No ground is claimed for this: it is out of our reach. You can ask {name} about it.",
    Stays.LEFT: "No ground for keeping this is on record: you can ask us for one, or to have it removed.",
}
_STAYS_AFTER_OBJECTION = {
    Stays.SUPPRESSION: "The ground is Art. 6(1)(c) with Art. 21(3) GDPR: it is needed so that your objection lasts.",
    Stays.NOT_ASKED: "You asked us to stop using your data for marketing (Art. 21(3) GDPR), which does not erase it."
    " You can ask for that as well (Art. 17 GDPR).",
}

_STAYS_BY_MISTAKE = N_(
    "It was done on a request that had been entered by mistake. No ground for this is on record: you can ask us to have"
    " it undone, or erased."
)


def exception(ground: str | None, right: str | None) -> str:
    """Return on which ground a recipient was excepted, as a sentence for the person."""
    if ground == Ground.WITHDRAWN:
        return _(_MISTAKE)
    if right == Right.OBJECTION:
        if ground in _ERASURE and ground not in _OBJECTION:
            return _(_ERASURES_ONLY)  # recorded before such a decision was refused
        return _(_OBJECTION.get(ground or "", _OTHER))
    return _(_ERASURE.get(ground or "", _OTHER))


def staying(why: Stays, right: str | None, name: str, *, withdrawn: bool = False) -> str:
    """Return on which ground something stays at a recipient, called `name`, as a sentence for the person.

    Of a request that was withdrawn as a mistake nobody may say that the person asked for it.
    """
    if withdrawn and why in _STAYS_AFTER_OBJECTION:
        return _(_STAYS_BY_MISTAKE)
    words = _STAYS | (_STAYS_AFTER_OBJECTION if right == Right.OBJECTION else {})
    return _(words[why]).format(name=name)


def staying_again(said: str) -> str:
    """Return such a sentence, kept in English, in the language that is spoken."""
    return retold(said, _STAYS_BY_MISTAKE, *_STAYS_AFTER_OBJECTION.values(), *_STAYS.values())


def has_ground(why: Stays, right: str | None) -> bool:
    """Say whether what stays for this reason stays on a legal ground."""
    return why is Stays.SUPPRESSION or (why is Stays.NOT_ASKED and right == Right.OBJECTION)


def of_our_address(right: str | None) -> str:
    """Return on which ground the controller keeps the address while a request is carried out."""
    if right == Right.OBJECTION:
        return _("The ground is Art. 6(1)(c) GDPR: without it we could neither carry out the request nor check it.")
    return _("The ground is Art. 17(3)(b) GDPR: without it we could neither carry out the request nor check it.")


def of_our_record(right: str | None) -> str:
    """Return on which ground the controller keeps a record of what was done."""
    if right == Right.OBJECTION:
        return _(
            "The ground is Art. 6(1)(c) with Art. 5(2) GDPR: we must be able to show what we did about the request."
        )
    return _(
        "The ground is Art. 17(3)(b) and (e) with Art. 5(2) GDPR: we must be able to show what we did about the"
        " request."
    )
