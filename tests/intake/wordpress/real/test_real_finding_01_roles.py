"""Finding 1 on a real WordPress: no role below administrator makes, changes or completes an erasure request."""

from __future__ import annotations

import re
import xmlrpc.client
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from syncer.app import load_settings, open_app
from syncer.clock import now
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import CONFIRMED, PATIENCE, Site

pytestmark = pytest.mark.wordpress
PASSWORD = "a long pass phrase of an account"
ROLES = ("subscriber", "contributor", "author", "editor")
VICTIM = "victim@roles.test"
MADE = {"post_type": "user_request", "post_name": "remove_personal_data", "post_title": VICTIM}
STAMP = [{"key": "_wp_user_request_completed_timestamp", "value": "1793527200"}]


class Account:
    """One account. What an attempt answers does not matter, only what it leaves behind."""

    def __init__(self, site: Site, role: str, blog: str = "") -> None:
        self.site, self.role, self.blog = site, role, blog
        self.name = f"{role}{len(site.sql('SELECT ID FROM wp_users'))}"
        self.email = f"{self.name}@roles.test"
        made = (
            f"$id = wp_insert_user( array( 'user_login' => '{self.name}', 'user_pass' => '{PASSWORD}',"
            f" 'user_email' => '{self.email}', 'role' => '{role}' ) );"
            f"if ( is_multisite() ) {{ add_user_to_blog( get_current_blog_id(), $id, '{role}' ); }} echo $id;"
        )
        self.id = int(site.php(made, url=site.url + blog))
        self._session: requests.Session | None = None

    def call(self, method: str, *words: Any) -> None:
        """Call XML-RPC; its refusal is an answer like another."""
        server = xmlrpc.client.ServerProxy(f"{self.site.url}{self.blog}/xmlrpc.php")
        try:
            getattr(server.wp, method)(1, self.name, PASSWORD, *words)
        except xmlrpc.client.Fault as fault:
            assert fault.faultCode in (401, 404), fault  # 403 would be a wrong password

    def session(self) -> requests.Session:
        """Log in at the form."""
        if self._session is None:
            self._session = requests.Session()
            self._session.get(f"{self.site.url}/wp-login.php", timeout=PATIENCE)
            form = {"log": self.name, "pwd": PASSWORD, "testcookie": "1"}
            self._session.post(f"{self.site.url}/wp-login.php", data=form, timeout=PATIENCE, allow_redirects=False)
            assert any(cookie.name.startswith("wordpress_logged_in") for cookie in self._session.cookies)
        return self._session

    def rest(self, path: str, body: dict[str, Any]) -> int:
        """POST to the REST API; returns HTTP's status."""
        admin = f"{self.site.url}{self.blog}/wp-admin/admin-ajax.php?action=rest-nonce"
        nonce = self.session().get(admin, timeout=PATIENCE).text
        url = f"{self.site.url}{self.blog}/index.php?rest_route={path}"
        return self.session().post(url, json=body, headers={"X-WP-Nonce": nonce}, timeout=PATIENCE).status_code

    def quick_edit(self, request: int, **fields: str) -> bool:
        """Use Quick Edit of the list of posts on a request; False where the screen gives this role no nonce."""
        page = self.session().get(f"{self.site.url}{self.blog}/wp-admin/edit.php", timeout=PATIENCE).text
        nonce = re.findall(r'name="_inline_edit" value="(\w+)"', page)
        form = {"action": "inline-save", "_inline_edit": nonce[0] if nonce else "0123456789", "post_ID": request,
                "post_type": "user_request", "post_name": "remove_personal_data", "post_view": "list",
                "screen": "edit-post", **fields}  # fmt: skip
        self.session().post(f"{self.site.url}{self.blog}/wp-admin/admin-ajax.php", data=form, timeout=PATIENCE)
        return bool(nonce)

    def screen(self) -> int:
        """Open Tools > Erase Personal Data; returns HTTP's status."""
        url = f"{self.site.url}{self.blog}/wp-admin/erase-personal-data.php"
        return self.session().get(url, timeout=PATIENCE).status_code


@pytest.fixture(scope="module")
def accounts(site: Site, installation: Installation) -> dict[str, Account]:
    return {role: Account(site, role) for role in ROLES}


def requests_of(site: Site) -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for row in site.sql(
            "SELECT ID, post_author, post_title, post_status, post_modified_gmt FROM wp_posts"
            " WHERE post_type = 'user_request' AND post_status <> 'auto-draft' ORDER BY ID"
        )
    ]


def rows(site: Site) -> int:
    return int(site.sql("SELECT COUNT(*) FROM syncer_queue")[0][0])


def sweep(installation: Installation, **later: float) -> tuple[int, list[str]]:
    """Sweep under a clock that is ahead; returns how many were missed, and which requests were refused."""
    app = open_app(load_settings(installation.settings), clock=lambda: now() + timedelta(**later))
    try:
        assert app.wordpress is not None
        missed = app.wordpress.sweep().missed
        return missed, [a.about for a in app.wordpress.state().alarms if a.code == "request_refused"]
    finally:
        app.close()


def attack(who: Account, request: int) -> None:
    """Try every way to make a completed request, and to complete or turn the one that is there."""
    for status in ("request-completed", "request-confirmed"):
        who.call("newPost", {**MADE, "post_status": status, "custom_fields": STAMP})
        who.call("editPost", request, {"post_title": VICTIM, "post_status": status})
    who.call("newPost", {**MADE, "post_status": "request-completed", "post_author": 1})
    who.call("deletePost", request)
    who.call("getPost", request)
    for path in ("/wp/v2/user_request", f"/wp/v2/posts/{request}", f"/wp/v2/pages/{request}"):
        assert who.rest(path, {"title": VICTIM, "status": "request-completed"}) in (400, 401, 403, 404)
    who.quick_edit(request, post_title=VICTIM, _status="request-completed", post_author="-5")
    assert who.screen() == 403


@pytest.mark.parametrize("role", ROLES)
def test_finding_01_no_role_makes_changes_or_completes_a_request_by_xmlrpc_rest_or_the_administration(
    site: Site, installation: Installation, accounts: dict[str, Account], role: str
) -> None:
    own = site.create(accounts[role].email, mail=False)  # whose author is the attacker
    before, queued = requests_of(site), rows(site)

    attack(accounts[role], own)

    assert requests_of(site) == before
    assert rows(site) == queued
    site.act("delete", own)


@pytest.mark.parametrize("role", ROLES[1:])
def test_finding_01_what_was_forged_without_the_plugin_is_refused_by_the_sweep(
    site: Site, installation: Installation, accounts: dict[str, Account], role: str
) -> None:
    who = accounts[role]
    person = site.create(f"person-of-{role}@roles.test", mail=False)
    away = site.plugin.rename(site.plugin.with_suffix(".off"))
    try:
        # everybody may change the address of their own account by REST, unasked
        assert who.rest("/wp/v2/users/me", {"email": f"taken-by-{role}@roles.test"}) == 200
        who.call("newPost", {**MADE, "post_status": "request-completed", "custom_fields": STAMP})
        who.call("newPost", {**MADE, "post_status": "request-completed", "post_title": f"taken-by-{role}@roles.test"})
        who.quick_edit(person, post_title=VICTIM, _status="request-completed", post_author="-5")
    finally:
        away.rename(site.plugin)
    where = f"post_type = 'user_request' AND post_status = 'request-completed' AND post_title IN ('{VICTIM}',"
    forged = [f"1:{row[0]}" for row in site.sql(
        f"SELECT ID FROM wp_posts WHERE {where} 'taken-by-{role}@roles.test')"
    )]  # fmt: skip
    assert len(forged) == (3 if role == "editor" else 2)  # or the attack itself does not work any more

    missed, refused = sweep(installation, minutes=5)

    assert missed == 0
    assert set(forged) <= set(refused)
    site.sql(f"DELETE FROM wp_posts WHERE {where} 'taken-by-{role}@roles.test')")
    assert sweep(installation, minutes=10)[1] == []
    if role != "editor":
        site.act("delete", person)
        sweep(installation)
        installation.ok("wordpress", "dismiss", f"1:{person}", "--reason", "removed by the test")


def test_finding_01_an_old_request_that_an_administrator_completed_for_the_person_is_still_swept(
    site: Site, installation: Installation, accounts: dict[str, Account]
) -> None:
    subscriber = accounts["subscriber"]
    installation.knows(subscriber.email)
    away = site.plugin.rename(site.plugin.with_suffix(".off"))
    try:
        request = site.create(subscriber.email)
        site.confirm(request)
        assert site.erase(request)[-1]["success"]
    finally:
        away.rename(site.plugin)
    assert site.sql(f"SELECT post_author FROM wp_posts WHERE ID = {request}") == [(subscriber.id,)]

    assert sweep(installation, minutes=5) == (1, [])

    installation.drain()
    assert installation.gone(subscriber.email)


@pytest.mark.parametrize("mail", [True, False])
def test_finding_01_the_normal_flow_erases_by_the_persons_confirmation_and_by_an_administrator(
    site: Site, installation: Installation, accounts: dict[str, Account], *, mail: bool
) -> None:
    author = accounts["author"]
    address = str(site.sql(f"SELECT user_email FROM wp_users WHERE ID = {author.id}")[0][0])
    installation.knows(address)
    request = site.create(address, mail=mail)
    if mail:
        site.confirm(request)

    assert site.erase(request)[-1]["success"]

    assert site.status(request) == "request-completed"
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]
    assert installation.gone(address)


@pytest.mark.parametrize(
    ("whence", "queued"),
    [
        ("define( 'WP_CLI', true );", 1),
        ("define( 'DOING_CRON', true );", 1),
        ("wp_set_current_user( 1 );", 1),
        ("wp_set_current_user( get_user_by( 'login', '{editor}' )->ID );", 0),
        ("", 0),
    ],
)
def test_finding_01_code_completes_a_request_only_as_somebody_who_may_or_from_the_command_line_or_cron(
    site: Site, installation: Installation, accounts: dict[str, Account], whence: str, queued: int
) -> None:
    code = (
        f"{whence.replace('{editor}', accounts['editor'].name)} $id = wp_create_user_request("
        f" 'code{len(whence)}@roles.test', 'remove_personal_data' );"
        "wp_update_post( array( 'ID' => $id, 'post_status' => 'request-completed' ) ); echo $id;"
    )

    request = int(site.php(code))

    assert len(site.queued(request)) == queued
    missed, refused = sweep(installation, minutes=5)
    assert (missed, refused) == (0, [] if queued else [f"1:{request}"])
    if not queued:
        assert f"syncer: not queued (syncer_right): request {request} was completed" in site.log()
        site.act("delete", request)
        sweep(installation, minutes=10)


def test_finding_01_erasers_called_elsewhere_believe_no_request_of_a_visitor(
    site: Site, installation: Installation
) -> None:
    request = site.create("asked@roles.test", mail=False)

    site.php(
        f"$_POST['id'] = {request}; syncer_erase_request( 'one@roles.test' ); syncer_erase_request( 'two@roles.test' );"
    )

    assert site.queued(request) == []
    people = site.sql("SELECT email FROM syncer_queue WHERE email IN ('one@roles.test', 'two@roles.test')")
    assert sorted(people) == [("one@roles.test",), ("two@roles.test",)]
    assert site.erase(request)[-1]["success"]
    assert [row[1] for row in site.queued(request)] == ["eraser"]


def test_a_key_that_waits_for_somebody_else_swallows_nobody(site: Site, installation: Installation) -> None:
    call = "syncer_enqueue( 'erasure', '%s@keys.test', 'erasure:1:99:request-confirmed:1', 'eraser', 99 );"
    site.php((call % "first") + (call % "second") + (call % "first") + (call % "second"))
    once = "do_action( 'syncer_object', '%s', '%s', 'form' );"
    site.php(once % ("c@keys.test", "a|b") + once % ("b|c@keys.test", "a"))

    found = site.sql("SELECT email FROM syncer_queue WHERE email LIKE '%@keys.test' ORDER BY id")
    assert [row[0] for row in found] == ["first@keys.test", "second@keys.test", "c@keys.test", "b|c@keys.test"]


@pytest.fixture(scope="module")
def network(wordpress_server: object, site: Site) -> Iterator[Site]:
    found = Site(site.server, network=True)
    found.add_blog("two")
    found.plugin.write_text((site.plugin).read_text(encoding="utf-8"), encoding="utf-8")
    yield found
    found.close()


def test_finding_01_on_a_network_the_administrator_of_a_site_may_no_more_than_its_editor(network: Site) -> None:
    network.screen()
    who = Account(network, "administrator", "/two")
    request = network.create("person@network.test", mail=False, blog="/two")
    posts = "SELECT ID, post_title, post_status FROM wp_2_posts WHERE post_type = 'user_request'"
    before = network.sql(f"{posts} AND post_status <> 'auto-draft'")

    attack(who, request)

    assert network.sql(f"{posts} AND post_status <> 'auto-draft'") == before
    assert network.queued(request, 2) == []
    assert network.erase(request, blog="/two")[-1]["success"]  # by the network's own administrator
    assert [row[1] for row in network.queued(request, 2)] == ["eraser"]
