"""Somebody who uses the console without a browser: opens its pages, fills in the forms there and sends them."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.console.document import Document, Element
from tests.support.console.signing_in import browser


class Visitor:
    """A browser's place; `used` are the endpoints that took what was sent, as it was expected."""

    def __init__(self, site: Flask) -> None:
        self.client = browser(site)
        self.used: set[str] = set()
        self._map = site.url_map.bind("localhost")

    def post(self, path: str, expected: int = 303, **typed: object) -> TestResponse:
        """Send something and see to it that the answer has this status."""
        answer = self.client.post(path, data=typed)
        text = answer.get_data(as_text=True)
        answer.close()  # a download that was read to its end makes room for the next one
        assert answer.status_code == expected, f"{path}: {answer.status_code}\n{text}"
        assert "next=" not in answer.headers.get("Location", ""), f"{path}: sent to {answer.headers['Location']}"
        self.used.add(str(self._map.match(urlsplit(path).path, method="POST")[0]))
        return answer

    def fill(self, page: str, form: str = "", expected: int = 303, **typed: object) -> TestResponse:
        """Fill in the first form of a page that goes to a path which ends so, and send it."""
        shown = self.client.get(page)
        assert shown.status_code == 200, f"{page}: {shown.status_code}\n{shown.text}"
        for each in Document(shown.text).root.all("form"):
            action = each.attributes.get("action") or page
            is_meant = urlsplit(action).path.endswith(form or urlsplit(page).path)
            if each.attributes.get("method") == "post" and is_meant:
                return self.post(action, expected, **(_hidden(each) | typed))
        raise AssertionError(f"{page} has no form that goes to {form}\n{shown.text}")


def _hidden(form: Element) -> dict[str, object]:
    hidden = (each.attributes for each in form.all("input") if each.attributes.get("type") == "hidden")
    return {each["name"]: each["value"] for each in hidden}
