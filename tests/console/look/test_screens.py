"""Every screen that is looked at: for a reader, whatever stands in the tables, without an address, style or script."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support import eventful
from tests.support.html import Parsed
from tests.support.looking.requests import add_request, damage

SCREENS = ("/", "/requests/", "/recipients/", "/recipients/crm/", "/recipients/newsletter/", "/returned/", "/help")


def screens(app: App) -> list[str]:
    """Every address of these screens that this installation knows."""
    events = app.reader.events()
    people = {event.subject for event in events if event.subject}
    return [*SCREENS, *(f"/requests/{event.id}/" for event in events), *(f"/people/{ref}/" for ref in people)]


def links(page: Parsed) -> set[str]:
    """Where the links of a page lead."""
    return {str(each["href"]).partition("#")[0] for each in page.all("a")} - {""}


@pytest.mark.slow
def test_a_reader_sees_every_screen_and_each_is_sound(
    signed_in: Callable[..., FlaskClient], filled: tuple[App, Clock]
) -> None:
    reader, found = signed_in(Role.READER), {}
    for path in screens(filled[0]):
        answer = reader.get(path)
        assert answer.status_code == 200, path
        page = Parsed(answer.text)
        assert page.open == [], path
        assert len(page.all("h1")) == 1, path
        assert not page.all("style") and {each["src"] for each in page.all("script")} == {page.all("script")[0]["src"]}
        assert not [name for _, more in page.tags for name in more if name.startswith("on") or name == "style"], path
        assert all(each["scope"] in ("col", "row") for each in page.all("th")), path
        assert len(page.all("table")) == len(page.all("caption")), path
        ids = [more["id"] for _, more in page.tags if "id" in more]
        assert len(ids) == len(set(ids)), path
        labelled = {each["for"] for each in page.all("label")}
        for each in [*page.all("input"), *page.all("select")]:
            assert each.get("type") == "hidden" or each.get("id") in labelled or each.get("aria-label"), path
        found[path] = links(page)

    dead = {link for of in found.values() for link in of if reader.get(link).status_code not in (200, 403)}
    assert dead == set()


@pytest.mark.slow
def test_no_address_and_nothing_that_a_browser_obeys_comes_from_the_tables(
    signed_in: Callable[..., FlaskClient], filled: tuple[App, Clock]
) -> None:
    admin = signed_in(Role.ADMIN)
    for path in screens(filled[0]):
        text = admin.get(path).text
        assert not re.search(r"[a-z0-9]@[a-z0-9]", text), path
        assert "<b>form" not in text and "alert(1)</script" not in text, path
        assert "\u202e" not in text and "\x1b" not in text, path


def test_what_a_colleague_wrote_is_shown_as_what_it_is(
    signed_in: Callable[..., FlaskClient], filled: tuple[App, Clock]
) -> None:
    (event,) = [each for each in filled[0].reader.events() if each.ending == "with_exception"]

    page = Parsed(signed_in(Role.READER).get(f"/requests/{event.id}/").text)

    assert "</style><script>alert(1)</script>" in page.text
    assert eventful.HOSTILE_SOURCE in page.text


@pytest.mark.slow
@pytest.mark.parametrize("path", [*SCREENS, "/requests/?state=held", "/requests/?due=late&recipient=crm"])
def test_an_installation_in_which_nothing_happened_says_so(looking: Callable[..., FlaskClient], path: str) -> None:
    answer = looking().get(path)

    assert answer.status_code == 200
    assert len(Parsed(answer.text).all("h1")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("path", [*SCREENS, "/people/p1:zvJYz-jfPnooLuJ6gWC1QZH3rbhsVxJPXEwoovYGX9Y/"])
def test_an_unknown_filter_is_named_and_never_passed_over(looking: Callable[..., FlaskClient], path: str) -> None:
    answer = looking().get(f"{path}?stat=held")

    assert answer.status_code == 400
    assert "no such filter" in answer.text


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    ["/requests/0aaaaaaa/", "/requests/999999/", "/requests/%00/", "/recipients/nobody/",
     "/recipients/%F0%9F%98%80/", "/people/ada/", "/people/p1:short/",
     "/requests/\u202e/", "/requests/" + "a" * 5000 + "/"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(looking: Callable[..., FlaskClient], path: str) -> None:
    assert looking().get(path).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE syncer_event SET received_at = 'soon'",
        "UPDATE syncer_event SET received_at = 17",
        "UPDATE syncer_event SET received_at = x'ff00'",
        "UPDATE syncer_event SET received_at = '9999-12-31 23:59:59.999999'",
        "UPDATE syncer_event SET received_at = '0001-01-01 00:00:00.000000'",
        "UPDATE syncer_event SET due_on = 'never'",
        "UPDATE syncer_event SET due_on = 5",
        "UPDATE syncer_event SET state = 'gone'",
        "UPDATE syncer_event SET state = x'00'",
        "UPDATE syncer_event SET \"right\" = x'ff'",
        "UPDATE syncer_event SET subject = x'ff', source = x'ff', source_ref = 7, code = x'00'",
        "UPDATE syncer_event SET subject = 'a/../b?c#d', source = CAST(x'ffc3' AS TEXT)",
        "UPDATE syncer_event SET subject = ''",
        "UPDATE syncer_event SET code = 'no such code', state = 'held'",
        "UPDATE syncer_event SET fulfilled_at = 'x', state = 'fulfilled'",
        "UPDATE syncer_event SET extended_at = '2026-11-02 00:00:00.000000', informed_on = NULL",
        "UPDATE syncer_delivery SET state = 'gone'",
        "UPDATE syncer_delivery SET destination = x'ff40'",
        "UPDATE syncer_delivery SET destination = CAST(x'ffc3' AS TEXT)",
        "UPDATE syncer_delivery SET destination = 'a/b?c'",
        "UPDATE syncer_delivery SET destination = ''",
        "UPDATE syncer_delivery SET adapter = x'ff', attempts = 'many', code = x'ff'",
        "UPDATE syncer_delivery SET confirmed_at = 'x', state = 'confirmed'",
        "UPDATE syncer_delivery SET next_attempt_at = x'ff'",
        "UPDATE syncer_delivery SET action = 'explode', outcome = 'worse'",
    ],
)
def test_a_damaged_row_breaks_no_page(empty: App, looking: Callable[..., FlaskClient], statement: str) -> None:
    add_request(empty, 0, deliveries=[("crm", "confirmed", None)], state="fulfilled")
    event_id = add_request(empty, 1, deliveries=[("newsletter", "held", "forbidden")], state="held")
    damage(empty, f"{statement} WHERE {'event_id' if 'delivery' in statement else 'id'} = ?", event_id)

    reader = looking(Role.ADMIN)
    pages = {path: reader.get(path) for path in (*SCREENS, "/requests/?state=held", f"/requests/{event_id}/")}

    assert {path: answer.status_code for path, answer in pages.items()} == dict.fromkeys(pages, 200)
    assert reader.get(f"/requests/{event_id}/", headers={"Accept-Language": "de"}).status_code == 200
    assert event_id in pages["/requests/"].text
    assert all(reader.get(link).status_code == 200 for link in links(Parsed(pages["/requests/"].text)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE syncer_event SET received_at = 'soon'",
        "UPDATE syncer_event SET received_at = 17",
        "UPDATE syncer_event SET received_at = '9999-12-31 23:59:59.999999'",
        "UPDATE syncer_event SET due_on = 'never'",
        "UPDATE syncer_delivery SET next_attempt_at = x'ff'",
    ],
)
def test_a_request_with_a_damaged_row_is_there_and_what_is_asked_of_it_is_not_done(
    empty: App, looking: Callable[..., FlaskClient], statement: str
) -> None:
    event_id = add_request(empty, 1, deliveries=[("newsletter", "held", "forbidden")], state="held")
    damage(empty, statement)
    admin, before = looking(Role.ADMIN), empty.ledger.head()[0]
    form = {"form": "a" * 22, "reason": "nobody asked for it", "ref": f"p1:{1:043d}"}

    shown = [admin.get(f"/requests/{event_id}/{each}") for each in ("exempt", "extend", "withdraw")]
    done = [admin.post(f"/requests/{event_id}/{each}", data=form) for each in ("exempt", "extend", "withdraw")]
    taken = [admin.post("/dossier", data={"ref": form["ref"]}), admin.post("/dossier", data={"event_id": event_id})]
    taken += [admin.post("/proofs", data={"event_id": event_id}), admin.post("/reports/", data={"format": "csv"})]

    assert [each.status_code for each in (*shown, *done, *taken)] == [200] * 3 + [409] * 7
    assert all("holds what syncer never wrote" in each.text for each in (*shown, *done, *taken))
    assert empty.ledger.head()[0] == before


@pytest.mark.parametrize(
    ("statement", "path"),
    [
        ("UPDATE syncer_lane SET guard_since = 'soon'", "/guard/"),
        ("UPDATE syncer_lane SET guard_since = x'ff'", "/resync/plan?held=1"),
        ("UPDATE syncer_lane SET reason = x'ff'", "/recipients/"),
        ("UPDATE syncer_lane SET reason = x'ff'", "/recipients/crm/"),
        ("UPDATE syncer_audit_head SET seq = 'soon'", "/audit/"),
        ("UPDATE syncer_audit_head SET mac = 'soon'", "/audit/1"),
    ],
)
def test_what_nobody_can_read_is_called_so_on_every_page(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient], statement: str, path: str
) -> None:
    admin = signed_in(Role.ADMIN)
    damage(filled[0], statement)

    answer = admin.get(path)

    assert (answer.status_code, "holds what syncer never wrote" in answer.text) == (200, True)


def test_a_log_whose_end_nobody_can_read_is_not_called_healthy(filled: tuple[App, Clock], site: Flask) -> None:
    damage(filled[0], "UPDATE syncer_audit_head SET seq = 'soon'")

    assert site.test_client().get("/healthz").status_code == 503


def test_an_id_that_is_no_text_is_listed_without_a_link(empty: App, looking: Callable[..., FlaskClient]) -> None:
    add_request(empty, 1)
    damage(empty, "UPDATE syncer_event SET id = x'ff3c'")

    page = looking().get("/requests/")

    assert page.status_code == 200
    assert len(re.findall("<tr>", page.text)) == 2
