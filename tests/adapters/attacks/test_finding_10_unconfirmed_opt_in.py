"""Who can only type somebody's address into a public form cannot hold up their erasure."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from adapters.consent import AHEAD
from adapters.contract import Action, Outcome
from adapters.errors import AdapterError, Permanent
from syncer.privacy.keyring import Keyring, subject
from tests.adapters.activecampaign.stage import ActiveCampaignStage
from tests.adapters.mailchimp.stage import AUDIENCES, MailchimpStage
from tests.adapters.stage import Stage

ADDRESS = "ada@mailbox.test"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ASKED = NOW - timedelta(days=3)
NEWER = NOW - timedelta(days=1)
PERSON = replace(subject(Keyring(b"k" * 32), ADDRESS), now=NOW)
#: statuses at each provider -> whether a newer opt-in under it is a consent that a person must decide about
MAILCHIMP = {
    "subscribed": True,
    "paused": True,  # unknown: nobody can make one by typing
    "pending": False,
    "transactional": False,
    "unsubscribed": False,
    "cleaned": False,
    "archived": False,
}
ACTIVECAMPAIGN = {"1": True, "7": True, "0": False, "2": False, "3": False, "91": False}
#: times of a provider that are no evidence: it is not yet then
STILL_TO_COME = ["2999-01-01T00:00:00+00:00", (NOW + AHEAD + timedelta(minutes=1)).isoformat()]


def written(when: datetime | str) -> str:
    return when if isinstance(when, str) else when.isoformat(timespec="seconds")


def newsletter(status: str, *, opt: datetime | str = "", signup: datetime | str = "", sms: str | None = None) -> Stage:
    stage = MailchimpStage()
    stage.sandbox.add(
        ADDRESS, AUDIENCES[0], status=status, timestamp_opt=written(opt), timestamp_signup=written(signup), sms=sms
    )
    return stage


def crm(status: str, since: datetime | str) -> Stage:
    stage = ActiveCampaignStage()
    stage.sandbox.add(ADDRESS, lists={"1": int(status)}, sdate=written(since))
    return stage


def carried_out(stage: Stage, action: Action = Action.DELETE) -> str | None:
    """Return the code under which it is not carried out, None where it is."""
    with closing(stage):
        try:
            applied = stage.adapter.apply(action, PERSON, ASKED)
            assert stage.adapter.confirm(action, PERSON, applied).outcome is Outcome.DONE
        except AdapterError as error:
            return error.code
        assert stage.holds(ADDRESS) is (action is not Action.DELETE) and not stage.reaches(ADDRESS)
        return None


@pytest.mark.parametrize("field", ["opt", "signup"])
@pytest.mark.parametrize("status", MAILCHIMP)
def test_finding_10_at_mailchimp_only_a_confirmed_opt_in_is_newer_consent(status: str, field: str) -> None:
    code = carried_out(newsletter(status, **{field: NEWER}))  # type: ignore[arg-type]

    assert code == ("newer_consent" if MAILCHIMP[status] else None)


@pytest.mark.parametrize("status", ACTIVECAMPAIGN)
def test_finding_10_at_activecampaign_only_a_confirmed_subscription_is_newer_consent(status: str) -> None:
    assert carried_out(crm(status, NEWER)) == ("newer_consent" if ACTIVECAMPAIGN[status] else None)


@pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
def test_finding_10_an_address_typed_into_a_form_holds_up_nothing(action: Action) -> None:
    assert carried_out(newsletter("pending", opt=NEWER, signup=NEWER), action) is None
    assert carried_out(crm("0", NEWER), action) is None


@pytest.mark.parametrize(
    ("status", "sms", "held"),
    [
        ("unsubscribed", "subscribed", True),
        ("unsubscribed", "pending", False),
        ("pending", "subscribed", False),
        ("transactional", "subscribed", False),
    ],
)
def test_finding_10_a_subscription_to_text_messages_lends_no_consent_to_an_address_typed_in(
    status: str, sms: str, held: bool
) -> None:
    assert carried_out(newsletter(status, signup=NEWER, sms=sms)) == ("newer_consent" if held else None)


@pytest.mark.parametrize("odd", ["soon", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "+02026-01-01"])
def test_finding_10_an_odd_time_beside_an_unconfirmed_opt_in_holds_up_nothing(odd: str) -> None:
    assert carried_out(newsletter("pending", signup=odd)) is None
    assert carried_out(crm("0", odd)) is None


@pytest.mark.parametrize("odd", ["soon", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"])
def test_finding_22_an_opt_in_time_that_no_clock_shows_is_held_for_a_person(odd: str) -> None:
    assert carried_out(newsletter("subscribed", opt=odd)) == "unknown_state"
    assert carried_out(crm("1", odd)) == "unknown_state"


@pytest.mark.parametrize("when", STILL_TO_COME)
def test_finding_10_a_time_still_to_come_shows_no_newer_consent(when: str) -> None:
    assert carried_out(newsletter("subscribed", opt=when)) is None
    assert carried_out(crm("1", when)) is None


def test_finding_10_a_clock_ahead_or_a_zone_left_out_hides_no_consent() -> None:
    for when in (NOW + timedelta(minutes=5), NOW.astimezone(timezone(timedelta(hours=14))).replace(tzinfo=None)):
        assert carried_out(newsletter("subscribed", opt=when)) == "newer_consent"
        assert carried_out(crm("1", when)) == "newer_consent"


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (lambda: newsletter("subscribed", opt=NEWER), NEWER),
        (lambda: newsletter("pending", signup=NEWER), None),
        (lambda: newsletter("subscribed", opt=NOW + timedelta(hours=2)), NOW),
        (lambda: newsletter("subscribed", opt=STILL_TO_COME[0]), None),
        (lambda: crm("1", NEWER), NEWER),
        (lambda: crm("0", NEWER), None),
        (lambda: crm("1", NOW + timedelta(hours=2)), NOW),
        (lambda: crm("1", STILL_TO_COME[0]), None),
    ],
)
def test_finding_10_the_opt_in_that_a_look_is_told_of_is_confirmed_and_not_later_than_now(
    stage: object, expected: datetime | None
) -> None:
    made: Stage = stage()  # type: ignore[operator]
    with closing(made):
        assert made.adapter.opted_in(PERSON) == expected


def test_a_confirmed_opt_in_is_named_with_its_field_and_its_day() -> None:
    stage = newsletter("subscribed", opt=ASKED - timedelta(days=9), signup=NEWER)

    with closing(stage), pytest.raises(Permanent) as caught:
        stage.adapter.apply(Action.DELETE, PERSON, ASKED)

    assert f"timestamp_signup in audience {AUDIENCES[0]} is of {NEWER:%Y-%m-%d}" in caught.value.detail
