"""Role by page by method: whoever may not, is told so before anything else, whether the page is there or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from syncer.domain.permissions import Role, permissions
from tests.support.console.crawl import address
from tests.support.console.served import ServedConsole

pytestmark = pytest.mark.slow

NOWHERE: dict[str, object] = {
    "event_id": "00000000-0000-7000-8000-000000000000",
    "ref": "p1:0000000000000000000000000000000000000000000",
    "name": "nothing",
    "seq": 999_999_999,
}
#: stands for a value of any other kind
ANY = 999_999
METHODS = ("GET", "POST")
#: permission -> every page that asks for it, written down a second time: a mark that changed by mistake is seen.
#: What is not here asks for `view`; what is open to everybody, or to everybody who is signed in, is named below.
ASKED = {
    "approve": "decisions.approve decisions.reject",
    "decide": "exempt.decide exempt.exempt extend.decide extend.extend refused.withdraw withdraw.decide"
    " withdraw.withdraw",
    "export": "audit.export audit.prove audit.verify dossier.dossier proofs.proofs reports.make",
    "find": "people.find people.look_up",
    "people": "users.disable users.enable users.reset users.set_roles users.sign_out users.users",
    "release": "guard.refuse guard.release",
    "submit": "submit.enter submit.submit",
    "work": "alerts.acknowledge alerts.test lanes.pause lanes.resume resync.apply resync.plan",
}
OPEN = ("enrol", "sign_in", "me", "static_files", "wordpress", "passkeys", "oidc", "proxy")


def pages(here: ServedConsole) -> Iterator[tuple[Rule, str, Any]]:
    """Yield every page that asks for a permission, with each of its methods."""
    for rule in here.site.url_map.iter_rules():
        view = here.site.view_functions[rule.endpoint]
        for method in METHODS:
            if method in (rule.methods or ()) and hasattr(view, "permission"):
                yield rule, method, view


def status(asking: FlaskClient, method: str, url: str) -> int:
    """Return what is answered; a download is not waited for."""
    answer = asking.open(url, method=method)
    answer.close()
    return answer.status_code


def real(here: ServedConsole, rule: Rule) -> dict[str, object]:
    """Values that name something that is there."""
    event = here.app.reader.events(state="held")[0]
    there = {"event_id": event.id, "ref": event.subject, "name": "crm", "seq": 1}
    return {name: there.get(name, NOWHERE.get(name, ANY)) for name in rule.arguments}


def nothing(rule: Rule) -> dict[str, object]:
    """Values that name nothing."""
    return {name: NOWHERE.get(name, ANY) for name in rule.arguments}


def test_every_page_asks_for_what_is_written_down_here(here: ServedConsole) -> None:
    wanted = {name: permission for permission, names in ASKED.items() for name in names.split()}
    found = {name: str(getattr(view, "permission", "")) for name, view in here.site.view_functions.items()}

    assert {name: asked for name, asked in found.items() if asked not in ("", "view")} == wanted
    assert [name for name, asked in found.items() if not asked and name.partition(".")[0] not in OPEN] == []


@pytest.mark.parametrize("role", Role)
def test_who_lacks_the_permission_is_refused_before_it_is_looked_whether_the_page_is_there(
    role: Role, here: ServedConsole, client: Callable[..., FlaskClient]
) -> None:
    asking, wrong = client(role), []
    for rule, method, view in pages(here):
        if view.permission in permissions([role]):
            continue
        for values in (real(here, rule), nothing(rule)):
            if (code := status(asking, method, address(rule, values))) != 403:
                wrong.append((rule.rule, method, code))

    assert wrong == []


@pytest.mark.parametrize("role", Role)
def test_who_has_the_permission_is_not_refused_and_no_page_fails(
    role: Role, here: ServedConsole, client: Callable[..., FlaskClient]
) -> None:
    asking, wrong = client(role), []
    for rule, method, view in pages(here):
        if view.permission not in permissions([role]):
            continue
        for values in (nothing(rule), *([real(here, rule)] if method == "GET" else [])):
            code = status(asking, method, address(rule, values))
            if code == 403 or code >= 500:
                wrong.append((rule.rule, method, code))

    assert wrong == []


def test_who_is_not_signed_in_is_sent_to_the_sign_in(here: ServedConsole, client: Callable[..., FlaskClient]) -> None:
    asking, wrong = client(), []
    for rule, method, _ in pages(here):
        answer = asking.open(address(rule, real(here, rule)), method=method)
        if answer.status_code != 303 or not answer.headers["Location"].startswith("/sign-in?"):
            wrong.append((rule.rule, method, answer.status_code))

    assert wrong == []


def test_a_page_of_another_site_can_post_nothing(here: ServedConsole, client: Callable[..., FlaskClient]) -> None:
    asking, wrong = client(Role.ADMIN), []
    for rule in here.site.url_map.iter_rules():
        view = here.site.view_functions[rule.endpoint]
        if "POST" not in (rule.methods or ()) or getattr(view, "cross_site", False):
            continue
        for site in ("cross-site", "same-site", "none"):
            answer = asking.post(address(rule, real(here, rule)), headers={"Sec-Fetch-Site": site})
            if answer.status_code != 403:
                wrong.append((rule.rule, site, answer.status_code))

    assert wrong == []


def test_what_asks_for_a_second_factor_is_not_had_without_one(
    here: ServedConsole, client: Callable[..., FlaskClient]
) -> None:
    asking, wrong = client(Role.ADMIN, stepped_up=False), []
    for rule, method, view in pages(here):
        if getattr(view, "step_up", False):
            answer = asking.open(address(rule, real(here, rule)), method=method)
            if not answer.headers.get("Location", "").startswith("/step-up"):
                wrong.append((rule.rule, method, answer.status_code))

    assert wrong == []


def test_options_and_trace_are_no_ways_in(here: ServedConsole, client: Callable[..., FlaskClient]) -> None:
    asking = client(Role.ADMIN)

    assert {asking.open("/", method=method).status_code for method in ("OPTIONS", "TRACE", "PUT", "DELETE")} == {405}
