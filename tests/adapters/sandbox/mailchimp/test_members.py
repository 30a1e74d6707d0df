"""One member of the Mailchimp sandbox through every call, each as it was documented, recorded or reported."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sandbox import MailchimpSandbox
from tests.adapters.sandbox.mailchimp.calls import AUDIENCE, KEY, PERSON, add, call, key_of, member

RENAMED = "ada@king.test"
STATUSES = ["subscribed", "unsubscribed", "cleaned", "pending", "archived", "transactional"]


def test_delete_archives_and_a_second_time_is_405(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)

    first, second = member("DELETE", mc), member("DELETE", mc)

    assert (first.status_code, first.headers["X-Request-Id"] != "") == (204, True)
    assert (second.status_code, second.headers["Allow"]) == (405, "GET, PUT")
    assert member("GET", mc).json()["status"] == "archived"


@pytest.mark.parametrize("status", STATUSES)
def test_delete_permanent_forgets_whatever_the_status_and_bars_the_way_back(mc: MailchimpSandbox, status: str) -> None:
    mc.add(PERSON, AUDIENCE, status=status)

    assert member("POST", mc, "/actions/delete-permanent").status_code == 204

    assert member("GET", mc).status_code == 404
    assert member("POST", mc, "/actions/delete-permanent").status_code == 404
    for method, path in (("PUT", f"members/{KEY}"), ("POST", "members")):
        again = call(mc, method, f"lists/{AUDIENCE}/{path}", json={"email_address": PERSON, "status": "subscribed"})
        assert (again.status_code, again.json()["title"]) == (400, "Forgotten Email Not Subscribed")


@pytest.mark.parametrize("body", ["null", "[]", "{}"])
def test_delete_permanent_takes_the_bodies_that_official_clients_send(mc: MailchimpSandbox, body: str) -> None:
    mc.add(PERSON, AUDIENCE)

    erased = member("POST", mc, "/actions/delete-permanent", data=body, headers={"Content-Type": "application/json"})

    assert (erased.status_code, erased.content) == (204, b"")
    assert mc.forgotten(PERSON, AUDIENCE)


def test_put_creates_under_the_address_in_the_body_and_patch_never_creates(mc: MailchimpSandbox) -> None:
    other = "grace@hopper.test"

    assert member("PATCH", mc, json={"status": "unsubscribed"}).status_code == 404
    assert member("PUT", mc, json={"email_address": other, "status_if_new": "unsubscribed"}).status_code == 200

    assert mc.member(PERSON, AUDIENCE) is None
    assert mc.member(other, AUDIENCE) is not None
    taken = member("PUT", mc, json={"email_address": other, "status": "subscribed"})
    assert (taken.status_code, taken.json()["title"]) == (400, "Member Exists")


def test_an_api_unsubscribe_can_be_undone_by_api_but_not_one_by_the_person(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, status="unsubscribed")
    assert member("PUT", mc, json={"email_address": PERSON, "status": "subscribed"}).status_code == 200
    mc.add(PERSON, AUDIENCE, status="unsubscribed", by_person=True)

    refused = member("PUT", mc, json={"email_address": PERSON, "status": "subscribed"})

    assert refused.json()["title"] == "Member In Compliance State"


def test_who_came_alone_and_was_unsubscribed_by_api_can_be_subscribed_again(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, by_person=True, timestamp_signup="2020-01-01T00:00:00+00:00")

    assert member("PATCH", mc, json={"status": "subscribed"}).status_code == 200
    left = member("PATCH", mc, json={"status": "unsubscribed"}).json()

    assert left["unsubscribe_reason"] == "N/A (Unsubscribed by admin)"
    assert member("PATCH", mc, json={"status": "subscribed"}).status_code == 200
    assert member("DELETE", mc).status_code == 204
    assert add(mc).status_code == 200


def test_who_left_alone_stays_in_compliance_state_whatever_the_api_sets_next(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, status="unsubscribed", by_person=True)

    for status in ("cleaned", "unsubscribed"):
        assert member("PATCH", mc, json={"status": status}).status_code == 200

    assert member("PATCH", mc, json={"status": "subscribed"}).json()["title"] == "Member In Compliance State"


@pytest.mark.parametrize("key", [KEY, key_of("nobody@list.test")])
def test_adding_an_archived_contact_revives_it_and_moves_its_opt_in_but_a_put_on_it_does_not(
    mc: MailchimpSandbox, key: str
) -> None:
    mc.add(PERSON, AUDIENCE, status="archived")
    body = {"email_address": PERSON, "status": "subscribed"}

    assert call(mc, "PUT", f"lists/{AUDIENCE}/members/{key}", json=body).json()["status"] == "subscribed"
    put = member("GET", mc).json()["timestamp_opt"]
    mc.add(PERSON, AUDIENCE, status="archived")
    assert add(mc).json()["status"] == "subscribed"

    assert put.startswith("2020") == (key == KEY)
    assert not member("GET", mc).json()["timestamp_opt"].startswith("2020")


def test_who_left_alone_and_was_archived_is_in_compliance_state_still(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, status="unsubscribed", by_person=True)
    assert member("GET", mc).json()["unsubscribe_reason"] == "None given"
    member("DELETE", mc)

    archived = member("GET", mc).json()

    assert archived["status"] == "archived"
    assert "unsubscribe_reason" not in archived  # archiving hides that they left
    assert add(mc).json()["title"] == "Member In Compliance State"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email_address": PERSON, "status": "bogus"}, "status"),
        ({"email_address": PERSON, "status": "archived"}, "status"),
        ({"email_address": PERSON}, "status"),
        ({"status": "subscribed"}, "email_address"),
        ([], "email_address"),
    ],
)
@pytest.mark.parametrize(("method", "tail"), [("POST", ""), ("PUT", f"/{KEY}")])
def test_an_add_that_the_specification_does_not_allow_is_refused(
    mc: MailchimpSandbox, method: str, tail: str, body: Any, field: str
) -> None:
    answer = call(mc, method, f"lists/{AUDIENCE}/members{tail}", json=body)

    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")
    assert answer.json()["errors"][0]["field"] == field
    assert mc.members() == []


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("email_address", 7, "string, integer"),
        ("email_address", None, "string, NULL"),
        ("status", ["subscribed"], "string, array"),
        ("merge_fields", [], "object, array"),
        ("vip", "yes", "boolean, string"),
        ("tags", "early", "array, string"),
    ],
)
@pytest.mark.parametrize(("method", "tail"), [("POST", ""), ("PUT", f"/{KEY}"), ("PATCH", f"/{KEY}")])
def test_a_value_of_another_type_is_refused_by_name(
    mc: MailchimpSandbox, method: str, tail: str, name: str, value: Any, found: str
) -> None:
    mc.add(PERSON, AUDIENCE)
    body = {"email_address": RENAMED, "status": "subscribed", name: value}

    answer = call(mc, method, f"lists/{AUDIENCE}/members{tail}", json=body)

    assert answer.json()["errors"] == [{"field": name, "message": f"Schema describes {found} found instead"}]
    assert mc.members() == [(AUDIENCE, PERSON, "subscribed")]


@pytest.mark.parametrize(("method", "tail"), [("PUT", ""), ("PATCH", ""), ("POST", "/tags"), ("POST", "/notes")])
@pytest.mark.parametrize("body", [b"{", b"status=unsubscribed", b"\xff"])
def test_text_that_is_no_json_is_refused(mc: MailchimpSandbox, method: str, tail: str, body: bytes) -> None:
    mc.add(PERSON, AUDIENCE)

    answer = member(method, mc, tail, data=body)

    assert (answer.status_code, answer.json()["title"]) == (400, "JSON Parse Error")


@pytest.mark.parametrize("tags", [None, ["early"], [{"status": "active"}], "early"])
def test_tags_without_names_are_refused(mc: MailchimpSandbox, tags: Any) -> None:
    mc.add(PERSON, AUDIENCE)

    assert member("POST", mc, "/tags", json={"tags": tags}).status_code == 400


@pytest.mark.parametrize("status", ["bogus", "archived", "transactional"])
def test_a_patch_to_a_status_that_is_not_in_the_specification_is_refused(mc: MailchimpSandbox, status: str) -> None:
    mc.add(PERSON, AUDIENCE)

    assert member("PATCH", mc, json={"status": status}).status_code == 400
    assert member("GET", mc).json()["status"] == "subscribed"


@pytest.mark.parametrize(("email", "words"), [("a@example.org", "looks fake"), ("AAAAA", "valid email address")])
def test_addresses_that_look_fake_are_refused(mc: MailchimpSandbox, email: str, words: str) -> None:
    answer = add(mc, email)

    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")
    assert words in answer.json()["detail"]


# -- renaming ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_renamed_contact_moves_to_its_new_hash_and_the_old_one_is_404_at_once(
    mc: MailchimpSandbox, method: str
) -> None:
    mc.add(PERSON, AUDIENCE)
    contact_id = member("GET", mc).json()["contact_id"]

    renamed = member(method, mc, json={"email_address": RENAMED})

    assert (renamed.status_code, renamed.json()["id"]) == (200, key_of(RENAMED))
    assert member("GET", mc).status_code == 404
    assert call(mc, "GET", f"lists/{AUDIENCE}/members/{key_of(RENAMED)}").json()["email_address"] == RENAMED
    assert call(mc, "GET", f"lists/{AUDIENCE}/members/{contact_id}").json()["email_address"] == RENAMED
    assert mc.members() == [(AUDIENCE, RENAMED, "subscribed")]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("there", ["Deleted", *STATUSES])
def test_nobody_is_renamed_onto_an_address_that_is_taken_or_forgotten(
    mc: MailchimpSandbox, method: str, there: str
) -> None:
    mc.add(PERSON, AUDIENCE)
    mc.add(RENAMED, AUDIENCE, status="subscribed" if there == "Deleted" else there)
    if there == "Deleted":
        call(mc, "POST", f"lists/{AUDIENCE}/members/{key_of(RENAMED)}/actions/delete-permanent")

    refused = member(method, mc, json={"email_address": RENAMED, "status": "unsubscribed"})

    assert (refused.status_code, refused.json()["title"]) == (400, "Invalid Resource")
    assert f'already in this list with a status of "{there}"' in refused.json()["errors"][0]["message"]
    assert member("GET", mc).json()["status"] == "subscribed"


@pytest.mark.parametrize("status", STATUSES[1:])
def test_only_subscribed_contacts_are_renamed(mc: MailchimpSandbox, status: str) -> None:
    mc.add(PERSON, AUDIENCE, status=status)

    refused = member("PATCH", mc, json={"email_address": RENAMED})

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["message"].startswith(f'This member\'s status is "{status}."')
    assert mc.members() == [(AUDIENCE, PERSON, status)]


def test_another_spelling_of_the_same_address_is_no_renaming(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE, status="cleaned")

    assert member("PATCH", mc, json={"email_address": PERSON.upper()}).json()["email_address"] == PERSON.upper()
    assert member("GET", mc).status_code == 200


# -- keys of a member ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hash", "upper-case hash", "address", "contact id"])
def test_a_member_is_known_by_hash_address_and_contact_id(mc: MailchimpSandbox, kind: str) -> None:
    mc.add(PERSON, AUDIENCE)
    contact_id = member("GET", mc).json()["contact_id"]
    key = {"hash": KEY, "upper-case hash": KEY.upper(), "address": PERSON, "contact id": contact_id}[kind]
    path = f"lists/{AUDIENCE}/members/{key}"

    assert call(mc, "GET", path).json()["email_address"] == PERSON
    assert call(mc, "PATCH", path, json={"vip": True}).json()["vip"] is True
    assert call(mc, "PUT", path, json={"status": "unsubscribed"}).json()["status"] == "unsubscribed"
    assert call(mc, "DELETE", path).status_code == 204
    assert mc.members() == [(AUDIENCE, PERSON, "archived")]


def test_a_contact_id_belongs_to_one_audience_and_does_not_erase_for_good() -> None:
    with MailchimpSandbox() as mc:
        for audience in ("a1b2c3d4e5", "b2c3d4e5f6"):
            mc.add(PERSON, audience)
        contact_id = member("GET", mc).json()["contact_id"]

        elsewhere = call(mc, "GET", f"lists/b2c3d4e5f6/members/{contact_id}")
        erased = call(mc, "POST", f"lists/{AUDIENCE}/members/{contact_id}/actions/delete-permanent")

    assert (elsewhere.status_code, erased.status_code) == (404, 404)  # only the MD5 is documented there


def test_a_contact_id_of_somebody_erased_finds_nobody(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)
    contact_id = member("GET", mc).json()["contact_id"]
    member("POST", mc, "/actions/delete-permanent")

    assert call(mc, "GET", f"lists/{AUDIENCE}/members/{contact_id}").status_code == 404


def test_a_contact_id_does_not_pass_to_the_next_holder_of_the_address(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)
    contact_id = member("PATCH", mc, json={"email_address": RENAMED}).json()["contact_id"]
    call(mc, "POST", f"lists/{AUDIENCE}/members/{key_of(RENAMED)}/actions/delete-permanent")
    mc.add(RENAMED, AUDIENCE)

    assert call(mc, "GET", f"lists/{AUDIENCE}/members/{contact_id}").status_code == 404


# -- what a member carries -----------------------------------------------------------------------------------


def test_what_was_sent_is_kept_and_unknown_merge_tags_are_dropped(mc: MailchimpSandbox) -> None:
    fields = {"FNAME": "Ada", "LNAME": "King", "SHOESIZE": "38"}

    add(mc, merge_fields=fields, tags=["early"], language="fr", vip=True, interests={"ab12": True})

    read = member("GET", mc).json()
    assert read["merge_fields"] == {"FNAME": "Ada", "LNAME": "King", "ADDRESS": "", "PHONE": ""}
    assert (read["full_name"], read["language"], read["vip"]) == ("Ada King", "fr", True)
    assert (read["interests"], read["tags_count"]) == ({"ab12": True}, 1)
    assert isinstance(read["web_id"], int)


def test_a_change_moves_the_time_of_the_last_one_and_an_empty_change_does_not(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)

    same = member("PATCH", mc, json={"status": "subscribed", "merge_fields": {"FNAME": "Test"}}).json()
    other = member("PATCH", mc, json={"merge_fields": {"FNAME": "Ada"}}).json()

    assert same["last_changed"].startswith("2020")
    assert not other["last_changed"].startswith("2020")


@pytest.mark.parametrize("status", ["subscribed", "archived"])
def test_tags_are_switched_on_and_off(mc: MailchimpSandbox, status: str) -> None:
    mc.add(PERSON, AUDIENCE, status=status, tags=["early", "late"])

    changes = [{"name": "late", "status": "inactive"}, {"name": "new", "status": "active"}]
    changed = member("POST", mc, "/tags", json={"tags": changes})

    assert (changed.status_code, changed.content) == (204, b"")
    assert [tag["name"] for tag in member("GET", mc, "/tags").json()["tags"]] == ["early", "new"]
    assert [tag["name"] for tag in member("GET", mc).json()["tags"]] == ["early", "new"]
    assert call(mc, "POST", f"lists/{AUDIENCE}/members/{'0' * 32}/tags", json={"tags": []}).status_code == 404


def test_the_last_note_stands_on_the_member(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)
    assert "last_note" not in member("GET", mc).json()

    for text in ("called", "wrote"):
        assert member("POST", mc, "/notes", json={"note": text}).json()["note"] == text

    assert member("GET", mc).json()["last_note"]["note"] == "wrote"
    assert [note["note"] for note in member("GET", mc, "/notes").json()["notes"]] == ["called", "wrote"]
