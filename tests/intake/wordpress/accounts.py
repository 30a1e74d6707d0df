"""Accounts of a real WordPress, by role, and what each may try at a request: XML-RPC, REST, the administration."""

from __future__ import annotations

import re
import xmlrpc.client
from typing import Any

import requests

from tests.intake.wordpress.site import PATIENCE, Site

PASSWORD = "a long pass phrase of an account"
ROLES = ("subscriber", "contributor", "author", "editor")


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
