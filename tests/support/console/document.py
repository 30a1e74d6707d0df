"""A page as a tree, which has to be well formed: an element that is closed by another's end is a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "link", "hr", "img", "input", "wbr", "col"})


@dataclass(eq=False)
class Element:
    """An element with what is in it."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text and that of all within it, with single blanks."""
        return " ".join("".join(self._texts()).split())

    def all(self, *tags: str) -> Iterator[Element]:
        """Yield the elements of these kinds within it, in their order; of every kind where none is named."""
        for child in self.children:
            if not tags or child.tag in tags:
                yield child
            yield from child.all(*tags)

    def within(self, tag: str) -> Element | None:
        """Return the nearest element of a kind around it."""
        around = self.parent
        while around is not None and around.tag != tag:
            around = around.parent
        return around

    def _texts(self) -> Iterator[str]:
        yield from self.pieces
        for child in self.children:
            yield " "
            yield from child._texts()


class Document(HTMLParser):
    """A page; `root` holds everything."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.root = self._at = Element("", {})
        self.feed(source)
        self.close()
        assert self._at is self.root, f"<{self._at.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._at)
        assert len(element.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self._at.children.append(element)
        if tag not in VOID:
            self._at = element

    def handle_endtag(self, tag: str) -> None:
        assert self._at.tag == tag, f"</{tag}> ends <{self._at.tag}>"
        assert self._at.parent is not None
        self._at = self._at.parent

    def handle_data(self, data: str) -> None:
        self._at.pieces.append(data)
