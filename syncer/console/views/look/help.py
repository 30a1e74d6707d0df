"""`/help`: what the words mean."""

from __future__ import annotations

from flask import Blueprint
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.pages import page
from syncer.console.views.look import asked as asking
from syncer.console.views.look.words import MARKS
from syncer.domain.codes import ANSWERS, CODES, GROUNDS, INAPPLICABLE
from syncer.domain.endings import Ending
from syncer.domain.model import EventState, State
from syncer.domain.permissions import ROLES, Permission
from syncer.language.texts import N_
from syncer.reports.wording.words import ENDINGS, STATES, WORDS, in_brief

views = Blueprint("help", __name__)

PERMITS = {
    Permission.VIEW: N_("see all pages, people by pseudonym only"),
    Permission.FIND: N_("look a person up by address; that is kept in the audit"),
    Permission.EXPORT: N_("take out reports, dossiers, the audit and proofs; that is kept in the audit"),
    Permission.SUBMIT: N_("enter a request that came by letter or phone"),
    Permission.WORK: N_("start deliveries over, pause and resume recipients"),
    Permission.DECIDE: N_("exempt, and extend the time to answer"),
    Permission.RELEASE: N_("release or refuse stopped deletions"),
    Permission.APPROVE: N_("approve or reject what another person proposed"),
    Permission.PEOPLE: N_("disable accounts, end sessions, change roles"),
}

#: state or ending -> what it says about a person's data, and what it does not
MEANINGS = {
    State.PENDING: N_("The recipient was not asked yet, or is asked again soon. It may still hold the person."),
    State.RETRYING: N_("It did not get through. syncer tries again by itself."),
    State.APPLIED: N_("The recipient said yes. syncer looks whether it is true, and calls nothing done before."),
    State.CONFIRMED: N_("syncer looked at the recipient afterwards, and found it done or found nobody there."),
    State.HELD: N_("syncer does not go on by itself. The cause says why, and what can be decided."),
    State.EXEMPT: N_("A person decided, with a ground and a reason, that this recipient is not asked any further."),
    State.ACCEPTED: N_("The recipient took the order, and shows nobody what becomes of it: that cannot be checked."),
    State.ATTESTED: N_("A person says what the recipient answered, and when. syncer has not looked there itself."),
    State.NOT_APPLICABLE: N_("The recipient could not be asked about this person: the cause says why."),
    EventState.OPEN: N_("Some recipient has not finished. syncer goes on by itself."),
    EventState.FULFILLED: N_("Nothing is open at any recipient. How it ended, one of the words below says."),
    Ending.EVERYWHERE: N_("Every recipient was read back: it carried it out, or held nobody."),
    Ending.ANSWERED: N_(
        "Nothing is open, and some recipient was not read back. The numbers say how sure each kind is."
    ),
    Ending.WITH_EXCEPTION: N_("At least one recipient was not asked any further, because a person decided so."),
    Ending.WITHDRAWN: N_("It had been entered by mistake. What had been carried out before was not called back."),
    Ending.NOBODY: N_("No recipient was configured, so nobody was told."),
}
GLOSSARY = {
    N_("Recipient"): N_("A service, such as Mailchimp, that holds the person and is told of the request."),
    N_("Read back"): N_("After a recipient said yes, syncer asks it again whether that is so."),
    N_("Due"): N_("The day by which the person has to be answered, counted as the law counts it."),
    N_("Pseudonym"): N_("A code that stands for a person's address. It is the same for the same address."),
    N_("Dossier"): N_("All that syncer knows about one person's requests, in a page for that person or the file."),
    N_("Proof"): N_("A file with which somebody else can check that an entry stands in the audit, without syncer."),
    N_("Signed note"): N_("A short signed text that fixes the audit as it was. Kept elsewhere, it shows a rewrite."),
    N_("Digest, SHA-256"): N_("A fingerprint of a file or a plan: whatever is changed has another one."),
    N_("Guard"): N_("It stops deletions before the first of them, when unusually many come within a day."),
    N_("Paused"): N_("Nothing is sent to a recipient. Its requests wait, and the time to answer runs on."),
    N_("On trial (shadow mode)"): N_("A recipient is looked at and nothing is changed there."),
    N_("Start over"): N_(
        "What is held is tried again, what was confirmed is read back again, and what nobody can read back is sent once"
        " more. A plan comes first."
    ),
    N_("Daemon"): N_("The program that does the work. Without it nothing is carried out, and these pages only show."),
}


@views.get("/help")
@needs(Permission.VIEW)
def help_page() -> Response:
    """Show what the words of these pages mean."""
    asking.read()
    return page(
        "look/help.html",
        states=[(state, STATES[state]) for state in State],
        of_requests=[(state, STATES[state]) for state in EventState],
        endings=ENDINGS,
        marks=MARKS,
        meanings=MEANINGS,
        glossary=GLOSSARY,
        causes=CODES,
        grounds=GROUNDS,
        inapplicable=INAPPLICABLE,
        answers=ANSWERS,
        audit_words={what: in_brief(what) for what in WORDS},
        roles=ROLES,
        permits=PERMITS,
    )
