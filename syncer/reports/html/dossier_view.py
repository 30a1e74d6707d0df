"""What a dossier says to the person it is about: plain words, days and hours of the controller's zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncer.domain.codes import meaning
from syncer.reports.html.report_view import rechecking

#: right -> what the person asked, as a heading and in a sentence
ASKED = {
    "erasure": ("Erase my data", "to erase your personal data (Art. 17 GDPR)"),
    "objection": ("Stop your marketing", "to stop using your data for marketing (Art. 21 GDPR)"),
    None: ("A request that could not be read", "something that we could not read"),
}
#: action -> what a recipient was asked, what it says when it is through, and what the look afterwards showed
ASK = {
    "delete": "to erase your data for good",
    "unsubscribe": "to send you no more mail",
    "suppress": "to send you no more mail, and to remember that",
    None: "nothing yet",
}
DID = {
    "delete": "Your data was erased",
    "unsubscribe": "You were unsubscribed",
    "suppress": "You were unsubscribed, and that is remembered",
}
SAW = {
    "delete": "you were not there any more",
    "unsubscribe": "no mail goes to you any more",
    "suppress": "no mail goes to you any more",
}
#: code -> why it is not through, for the person; what is not here is a technical fault
WHY = {
    "newer_consent": "According to its records you signed up again after your request. We want to be sure that this"
    " was you before we go on.",
    "archived_not_purged": "Your entry was deleted, but a copy may still lie in the provider's archive of deleted"
    " entries, which it keeps for 360 days. Somebody here is seeing to it that the copy is removed.",
    "exclusion_needed": "You are unsubscribed. The entry that keeps you from being added again has to be made by hand.",
    "destination_removed": "We no longer use this recipient in the usual way; somebody here settles it by hand.",
    "malformed": "We could not read the request as it reached us; somebody here is clearing that up.",
    "rejected": "The recipient refused your address; somebody here is looking you up by hand.",
    "delete_blocked": "The recipient does not allow deletions at the moment. No more mail is sent to you; we ask again"
    " every day.",
    "address_shredded": "We have destroyed your address already and need it again for this; somebody here is seeing to"
    " it.",
    "reappeared": "You were found there again, so we are carrying your request out once more.",
    "suppression_missing": "The entry that keeps you from being added again was gone; we are putting it back.",
}
HELD = "Something technical is in the way; somebody here has to settle it."
TRYING = "It could not be reached, or did not answer as it should. We go on trying until it is done."


class DossierView:
    """A dossier, ready to be shown. Keeps the dossier's own dictionaries and adds nothing to them."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        self.events: list[dict[str, Any]] = found["events"]
        self._zone = ZoneInfo(found["timezone"])
        self._today = self._local(found["generated_at"]).date()

    # -- days and hours -------------------------------------------------------------------------------------

    def when(self, moment: str) -> str:
        """Return a UTC time as the person's clock showed it."""
        local = self._local(moment)
        return f"{local.day} {local:%B %Y, %H:%M}"

    def day(self, day: str) -> str:
        """Return a day, given as one or as a UTC time, in words."""
        found = date.fromisoformat(day) if len(day) == 10 else self._local(day).date()
        return f"{found.day} {found:%B %Y}"

    def _local(self, moment: str) -> datetime:
        return datetime.fromisoformat(moment).astimezone(self._zone)

    # -- the whole ------------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return where things stand, in plain sentences."""
        counts = self.found["summary"]
        total, done = counts["requests"], counts["fulfilled"]
        exempt = any(self.exceptions(event) for event in self.events)
        if done == total:
            what = "Your request has" if total == 1 else f"All {total} of your requests have"
            end = "answered, with an exception that is explained below" if exempt else "carried out"
            return f"{what} been {end}. Below you find who was told, what they did, and how we checked it."
        if total == 1:
            said = "Your request has not been fully carried out yet."
        else:
            said = f"{done} of your {total} requests have been carried out; the others have not yet."
        return f"{said} Below you find what is done, what is still open, and why."

    def stand(self, event: dict[str, Any]) -> str:
        """Return where one request stands."""
        if event["state"] == "fulfilled":
            end = "closed with an exception" if self.exceptions(event) else "carried out everywhere"
            said = f"{end}, on {self.when(event['fulfilled_at'])}"
            late = self._local(event["fulfilled_at"]).date() > date.fromisoformat(event["due_on"])
            return said + (", which was later than it was due" if late else "")
        number = len(event["deliveries"])
        done = sum(d["state"] in ("confirmed", "exempt") or rechecking(d) for d in event["deliveries"])
        verb = "recipient is" if done == number == 1 else "recipients is" if done == 1 else "recipients are"
        who = "; somebody here has to settle the rest" if event["state"] == "held" else ""
        return f"{done or 'none'} of {number} {verb} through{who}"

    def late(self, event: dict[str, Any]) -> str:
        """Return in what way an open request is late, or nothing."""
        if event["state"] == "fulfilled" or not event["overdue"]:
            return ""
        if self._today > date.fromisoformat(event["due_on"]):
            return "This is late: the time for an answer is over. We go on until it is done."
        return f"This takes longer than the {self.found['objection_target_hours']} hours that we aim for."

    def extension(self, event: dict[str, Any]) -> str:
        """Return when and why the time to answer was extended, or nothing."""
        if not event["extended_at"]:
            return ""
        facts = next((e["facts"] or {} for e in event["audit"] if e["what"] == "event:extended"), {})
        reason = f" The reason: {facts['reason']}" if facts.get("reason") else ""
        told = self.day(event["informed_on"])
        return f"The time to answer was extended (Art. 12(3) GDPR); you were told on {told}.{reason}"

    def purged(self, event: dict[str, Any]) -> bool:
        """Say whether details of a request are no longer kept."""
        return any(entry["facts"] is None for entry in event["audit"])

    # -- one recipient --------------------------------------------------------------------------------------

    def name(self, delivery: dict[str, Any]) -> str:
        """Return the recipient's name as people know it."""
        return str(self.found["recipients"][delivery["destination"]]["title"])

    def _unique_name(self, delivery: dict[str, Any]) -> str:
        name = self.name(delivery)
        several = sum(recipient["title"] == name for recipient in self.found["recipients"].values()) > 1
        return f"{name} (our account “{delivery['destination']}”)" if several else name

    def asked(self, event: dict[str, Any], delivery: dict[str, Any]) -> str:
        """Return what the recipient was asked, and when first."""
        if not delivery.get("first_attempt_at"):
            return "Not asked yet." if event["right"] else "Nothing yet."
        return f"On {self.when(delivery['first_attempt_at'])}: {ASK[delivery['action']]}."

    def did(self, event: dict[str, Any], delivery: dict[str, Any]) -> list[str]:
        """Return what the recipient did, and that a person was found again, in sentences."""
        back = list(self._entries(event, delivery, "delivery:reappeared"))
        again = [
            f"It was carried out, but you were found there again on {self.when(entry['at'])}: something had added you"
            " once more."
            for entry in back
        ]
        if delivery["state"] == "exempt":
            return [*again, "It was not asked any further: see the exception below."]
        if delivery["state"] != "confirmed" and not rechecking(delivery):
            return [*again, "Not finished: see below."]
        if delivery["outcome"] == "absent":
            return [*again, "It held nothing about you. There was nothing to change."]
        once_more = " again" if back else ""
        applied = self.when(delivery["applied_at"]) if delivery["applied_at"] else ""
        return [*again, f"{DID[delivery['action']]}{once_more}{applied and f' on {applied}'}."]

    def checked(self, event: dict[str, Any], delivery: dict[str, Any]) -> list[str]:
        """Return how that was checked, and when again, in sentences."""
        back = max((e["seq"] for e in self._entries(event, delivery, "delivery:reappeared")), default=0)
        looks = [e for e in self._entries(event, delivery, "delivery:confirmed") if e["seq"] > back]
        if delivery["state"] == "exempt" or not looks:
            return ["Not yet." if delivery["state"] != "exempt" else "-"]
        if delivery["state"] != "confirmed" and not rechecking(delivery):
            return [f"Last found to be so on {self.when(looks[-1]['at'])}; it is checked anew."]
        places = _places(looks[0])
        if delivery["outcome"] == "absent":
            said = [f"On {self.when(looks[0]['at'])} we searched{places}, and you were not there."]
        else:
            said = [f"On {self.when(looks[0]['at'])} we looked again{places}: {SAW[delivery['action']]}."]
        if len(looks) > 1:
            said.append(f"Still so on {_listed([self.day(look['at']) for look in looks[1:]])}.")
        return said

    def _entries(self, event: dict[str, Any], delivery: dict[str, Any], what: str) -> Iterator[dict[str, Any]]:
        for entry in event["audit"]:
            if entry["what"] == what and entry["destination"] == delivery["destination"]:
                yield entry

    # -- what is open, excepted, or remains -----------------------------------------------------------------

    def open(self, event: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
        """Return the recipients that are not through, each with the reason."""
        return [
            (delivery, _why(delivery))
            for delivery in event["deliveries"]
            if delivery["state"] not in ("confirmed", "exempt") and not rechecking(delivery)
        ]

    def exceptions(self, event: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
        """Return the recipients that were excepted by a decision, each with its ground in words."""
        return [(d, meaning(d["code"])) for d in event["deliveries"] if d["state"] == "exempt"]

    def remains(self) -> dict[str, list[str]]:
        """Return what stays by design, by the recipient's name; each sentence once."""
        found: dict[str, dict[str, None]] = {}
        for event in self.events:
            for delivery in event["deliveries"]:
                for sentence in delivery["remains"]:
                    found.setdefault(self._unique_name(delivery), {})[sentence] = None
        return {name: list(sentences) for name, sentences in found.items()}

    def address(self) -> str:
        """Return what becomes, or became, of the address that was kept for the work; nothing where none could be."""
        if self.found["subject"] is None:
            return ""
        shredded = [event["shredded_at"] for event in self.events]
        if shredded and all(shredded):
            return f"We destroyed the address that we had kept for this work on {self.day(max(shredded))}."
        days = self.found["recheck_days"]
        until = f"the last check, {max(days)} days after everything is done" if days else "everything is done"
        return f"Until {until}, we keep your address encrypted, for this work only; then it is destroyed."

    def proven(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the entries of a request that the dossier proves."""
        seqs = {proof["seq"] for proof in self.found["proofs"]}
        return [entry for entry in event["audit"] if entry["seq"] in seqs]


def _why(delivery: dict[str, Any]) -> str:
    if delivery["state"] == "applied":
        return "It says that this is done; we have not been able to see that for ourselves yet."
    if delivery["state"] == "pending" and not delivery["code"]:
        return "It is about to be asked."
    return WHY.get(delivery["code"] or "", HELD if delivery["state"] == "held" else TRYING)


def _places(look: dict[str, Any]) -> str:
    # a step without a state looked for something else, such as which mailing lists there are
    found = {step["scope"] for step in (look["facts"] or {}).get("steps", []) if step.get("state")}
    return f" in {len(found)} places" if len(found) > 1 else ""


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
