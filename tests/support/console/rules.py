"""What every page of the console keeps, said as the faults that a page has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.support.console.document import Document, Element

#: what a person puts something into
CONTROLS = ("input", "select", "textarea")
#: attributes that lead somewhere
LEADING = ("href", "src", "action", "formaction")
#: what text must not hold as it is: it turns what follows around, or cannot be seen
UNSEEN = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200b\x00\x1b"


def faults(source: str) -> list[str]:
    """Return what is wrong with a page; nothing for a sound one."""
    try:
        root = Document(source).root
    except AssertionError as wrong:
        return [str(wrong)]
    checks = (_frame, _inline, _ids, _headings, _controls, _buttons, _tables, _links)
    found = [fault for check in checks for fault in check(root)]
    return found + [f"shows {hex(ord(sign))} as it is" for sign in UNSEEN if sign in source]


def _frame(root: Element) -> Iterator[str]:
    html = next(root.all("html"), None)
    if html is None or not html.attributes.get("lang"):
        yield "says no language"
    if not any(each.text for each in root.all("title")):
        yield "has no title"
    if len(list(root.all("main"))) != 1:
        yield "has not one main part"


def _inline(root: Element) -> Iterator[str]:
    for each in root.all():
        if each.tag == "style" or (each.tag == "script" and each.text):
            yield f"<{each.tag}> within the page"
        for name, value in each.attributes.items():
            if name == "style" or name.startswith("on"):
                yield f"<{each.tag} {name}=…>"
            if name in LEADING and value.strip().lower().startswith(("javascript:", "data:")):
                yield f"<{each.tag} {name}={value[:20]}…>"


def _ids(root: Element) -> Iterator[str]:
    ids = Counter(each.attributes["id"] for each in root.all() if "id" in each.attributes)
    yield from (f"the id {name} stands {number} times" for name, number in ids.items() if number > 1)
    for each in root.all():
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls", "headers"):
            for wanted in each.attributes.get(name, "").split():
                if wanted not in ids:
                    yield f"<{each.tag} {name}={wanted}> names nothing"


def _headings(root: Element) -> Iterator[str]:
    levels = [int(each.tag[1]) for each in root.all("h1", "h2", "h3", "h4", "h5", "h6")]
    if levels.count(1) != 1:
        yield f"has {levels.count(1)} h1"
    yield from (f"h{two} after h{one}" for one, two in zip(levels, levels[1:], strict=False) if two > one + 1)


def _controls(root: Element) -> Iterator[str]:
    labelled = {each.attributes.get("for") for each in root.all("label") if each.text}
    for each in root.all(*CONTROLS):
        kind = each.attributes.get("type", "text")
        if kind in ("hidden", "submit", "button"):
            continue
        around = each.within("label")
        named = each.attributes.get("aria-label") or each.attributes.get("aria-labelledby")
        if not (named or each.attributes.get("id") in labelled or (around and around.text)):
            yield f"<{each.tag} name={each.attributes.get('name')}> has no label"
        if each.within("form") is None and not each.attributes.get("form"):
            yield f"<{each.tag} name={each.attributes.get('name')}> is in no form"
    for group in root.all("fieldset"):
        if not any(child.tag == "legend" and child.text for child in group.children):
            yield "a fieldset without a legend"


def _buttons(root: Element) -> Iterator[str]:
    for each in root.all("button", "summary"):
        if not (each.text or each.attributes.get("aria-label")):
            yield f"<{each.tag}> says nothing"


def _tables(root: Element) -> Iterator[str]:
    for table in root.all("table"):
        if not any(each.text for each in table.all("caption")) and not table.attributes.get("aria-label"):
            yield "a table without a caption"
        for each in table.all("th"):
            if each.attributes.get("scope") not in ("col", "row", "colgroup", "rowgroup"):
                yield f"<th>{each.text[:30]}</th> has no scope"
        headed = any(True for _ in table.all("thead"))
        for each in table.all("td"):
            if headed and not each.attributes.get("data-l") and each.within("tbody"):
                yield f"<td>{each.text[:30]}</td> says no label on a narrow screen"


def _links(root: Element) -> Iterator[str]:
    for each in root.all("a"):
        if "href" in each.attributes and not (each.text or each.attributes.get("aria-label")):
            yield f"<a href={each.attributes['href']}> says nothing"
