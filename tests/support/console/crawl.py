"""Goes wherever links lead, as somebody who is signed in; bounded, however many pages there are."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from syncer.app import App
from syncer.database.connections import reading
from tests.support.console.document import Document

#: pages of one view that are opened, and pages in all
EACH, MOST = 12, 400


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page answered, and from where it was reached; `view` is the name of its endpoint."""

    url: str
    view: str
    source: str
    status: int
    headers: dict[str, str]
    text: str

    @property
    def is_html(self) -> bool:
        """Say whether it is a page for people."""
        return self.headers.get("Content-Type", "").startswith("text/html")

    @property
    def title(self) -> str:
        """What the browser's tab says."""
        return next((each.text for each in Document(self.text).root.all("title")), "")


class Crawler:
    """Opens each page that links, forms that only ask, and the map of a site lead to."""

    def __init__(self, site: Flask, client: FlaskClient) -> None:
        self._map = site.url_map.bind("localhost")
        self._client = client
        self._starts = [
            rule.rule for rule in site.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments
        ]

    def crawl(self, *, linked_only: bool = False) -> list[Seen]:
        """Return every page; with `linked_only` those alone to which a link leads from the first."""
        waiting = deque([("/", "")] if linked_only else [("/", ""), *((start, "the map") for start in self._starts)])
        known, found, of_view = {url for url, _ in waiting}, [], Counter[tuple[str, bool]]()
        while waiting and len(found) < MOST:
            url, source = waiting.popleft()
            view = self.view_of(url)
            asked = (view, "?" in url)
            of_view[asked] += 1
            if of_view[asked] > EACH:
                continue
            seen = self._open(url, view, source)
            found.append(seen)
            for link in _links(seen):
                if link not in known and self.view_of(link) != "sign_in.sign_out":
                    known.add(link)
                    waiting.append((link, url))
        return found

    def view_of(self, url: str) -> str:
        """Return the endpoint that a URL leads to; nothing for a dead link."""
        try:
            return str(self._map.match(urlsplit(url).path, method="GET")[0])
        except HTTPException:
            return ""

    def _open(self, url: str, view: str, source: str) -> Seen:
        answer = self._client.get(url)
        headers = dict(answer.headers)
        text = answer.get_data(as_text=True) if answer.content_type.startswith("text/") else ""
        answer.close()
        return Seen(url, view, source, answer.status_code, headers, text)


def _links(seen: Seen) -> Iterator[str]:
    if "Location" in seen.headers:
        yield from _own(seen.url, seen.headers["Location"])
    if not seen.is_html or seen.status != 200:
        return
    root = Document(seen.text).root
    for each in root.all("a", "link", "script"):
        yield from _own(seen.url, each.attributes.get("href") or each.attributes.get("src") or "")
    for form in root.all("form"):
        if form.attributes.get("method", "get").lower() == "get":
            yield from _own(seen.url, form.attributes.get("action", ""))


def _own(base: str, link: str) -> Iterator[str]:
    """Yield a link to a page of ours without its fragment."""
    there = urlsplit(urljoin(f"http://localhost{base}", link))
    if link and not link.startswith("#") and there.hostname == "localhost" and there.scheme == "http":
        yield there.path + (f"?{there.query}" if there.query else "")


def is_followed(url: str) -> bool:
    """Say whether a page reads itself again."""
    return any(name == "follow" for name, _ in parse_qsl(urlsplit(url).query))


def contents(app: App, *, without: Iterable[str] = ()) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table; `without` are columns that may differ, as table.column."""
    left, kept = set(without), {}
    with reading(app.engine) as connection:
        for table in app.tables.metadata.sorted_tables:
            name = table.name.removeprefix(app.tables.prefix)
            columns = [column for column in table.c if f"{name}.{column.name}" not in left]
            rows = connection.execute(sa.select(*(sa.type_coerce(each, sa.LargeBinary) for each in columns)))
            kept[name] = sorted((tuple(row) for row in rows), key=repr)
    return kept


def address(rule: Rule, values: dict[str, object]) -> str:
    """Return a URL of a rule with these values."""
    built = rule.build({name: values[name] for name in rule.arguments}, append_unknown=False)
    assert built is not None
    return built[1]
