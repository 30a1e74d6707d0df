"""What an opt-in at Mailchimp is worth: which statuses show that somebody confirmed it, and since when."""

from __future__ import annotations

from datetime import datetime

from adapters.consent import credible
from adapters.contract import Subject
from adapters.errors import Permanent
from adapters.mailchimp.answers import LEFT
from adapters.mailchimp.members import Member
from adapters.values import in_utc


def confirmed(member: Member) -> bool:
    """Say whether the opt-in times of a contact can be those of a consent.

    `subscribed` only: a `pending` contact has not confirmed, so anybody may have typed the address into a form; a
    `transactional` one is a customer who never opted in (mailchimp.com/help/about-your-contacts). Whoever left or
    bounced has no consent left, unless text messages still reach them by a confirmed subscription; the tombstone of
    our own `suppress` is such an unsubscribed contact, whose opt-in time is that of our call. What an unknown status
    means, a person must decide. Where an audience asks for no confirmation (single opt-in), Mailchimp calls
    `subscribed` whoever was typed in, and nothing in the answer tells.
    """
    if not member.known:
        return True
    return member.status == "subscribed" or (member.status in LEFT and member.sms == "subscribed")


def opted_in(member: Member, subject: Subject) -> tuple[str, datetime] | None:
    """Return the newest confirmed opt-in (UTC) with the field that shows it, None where there is none.

    `timestamp_signup` counts beside `timestamp_opt`: a machine that subscribes anew moves one, or the other, or none.
    """
    if not confirmed(member):
        return None
    fields = (("timestamp_opt", member.opt_in), ("timestamp_signup", member.sign_up))
    times = [(name, when) for name, told in fields if (when := credible(told, subject))]
    return max(times, key=lambda one: one[1], default=None)


def newer_consent(member: Member, subject: Subject, received_at: datetime) -> Permanent | None:
    """Return the reason to hold: a confirmed opt-in after the person asked. A missing time is no evidence of consent.

    The time of the SMS subscription is not asked: any sync of a shop moves it, and so may our own call.
    """
    consent = opted_in(member, subject)
    if consent is None or consent[1] <= in_utc(received_at):
        return None
    detail = f"{consent[0]} in audience {member.audience} is of {consent[1]:%Y-%m-%d}"
    return Permanent("newer_consent", f"{detail}, after the request: decide which of the two holds")
