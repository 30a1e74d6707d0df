"""The catalogues: all texts gathered from the code, templates and tables, and what translators made of them.

`make texts` gathers them anew, carries what is translated over into syncer/language/catalogues, and compiles it. Run
it after a change of a text; what is new stands there with an empty translation, and the tests name it.
"""

from __future__ import annotations

import dataclasses
import importlib
import io
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from adapters import registry
from syncer.language.texts import DOMAIN, ENGLISH, LANGUAGES
from tests.support.paths import ROOT

CATALOGUES = ROOT / "syncer" / "language" / "catalogues"
TEMPLATE = CATALOGUES / f"{DOMAIN}.pot"
TRANSLATED = tuple(language for language in LANGUAGES if language != ENGLISH)
#: language -> which numbers are more than one, to gettext
FORMS = {"de": "(n != 1)", "fr": "(n > 1)"}
#: how calls are called whose first arguments are texts
KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "Sentence": None,
    "gettext": None,
    "ngettext": (1, 2),
    "plural": (1, 2),
    "counted": (1, 2),
}
JINJA = {"extensions": "jinja2.ext.i18n", "trimmed": "false", "silent": "false"}
#: tables whose words are looked up where they are shown: each text in them is gathered, whatever it was put together of
TABLES: Mapping[str, tuple[str, ...]] = {
    "syncer.domain.codes": ("CODES", "GROUNDS", "INAPPLICABLE", "ANSWERS"),
    "syncer.domain.effects": ("MAY_BE", "EFFECTS", "UNKNOWN", "PAUSED", "GO_ON"),
    "syncer.alerting.catalog": ("KINDS", "FACTS"),
    "syncer.reports.wording.words": (
        "RIGHTS", "STATES", "ENDINGS", "WORDS", "SHORT", "OUTCOMES", "ACTIONS", "ACTORS", "WAYS",
    ),
    "syncer.reports.wording.grounds": ("_ERASURE", "_OBJECTION", "_STAYS", "_STAYS_AFTER_OBJECTION"),
    "syncer.reports.wording.kept": (
        "NOTES", "RULES", "NOT_PROVEN", "FINDINGS", "WHYS", "DOUBTS", "ADDRESSES", "ROWS", "ROW_ADDRESS",
    ),
    "syncer.privacy.damage": ("_SIGNS",),
    "syncer.reports.html.charts": ("TO_CONFIRMED", "OPEN_BY_AGE"),
    "syncer.reports.html.dossier_texts": (
        "ASKED", "ASK", "DID", "DID_AGAIN", "SAW", "SAW_IN_PLACES", "WHY", "WOULD", "LEFT_OPEN", "NUMBERS",
    ),
    "syncer.reports.html.recipient": ("FIGURES",),
    "syncer.reports.html.page": ("BRIEF",),
}  # fmt: skip


def gathered() -> Catalog:
    """Return every text that there is, with where it stands."""
    found = Catalog(project="syncer", fuzzy=False, charset="utf-8")
    for path in sorted((ROOT / "syncer").rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        method, options = {".py": ("python", {}), ".html": ("jinja2", JINJA)}.get(path.suffix, ("", {}))
        if not method:
            continue
        for _line, text, comments, _context in extract_from_file(method, path, KEYWORDS, options=options):
            # without lines: a catalogue would change with every line of code
            found.add(text, locations=[(name, None)], auto_comments=comments)
    for name, text in _of_tables():
        found.add(text, locations=[(name, None)])
    return found


def _of_tables() -> Iterator[tuple[str, str]]:
    for module, names in TABLES.items():
        for name in names:
            for text in _texts(getattr(importlib.import_module(module), name)):
                yield f"{module.replace('.', '/')}.py", text
    for name in registry.names():
        for items in registry.load(name).remains.values():
            for item in items:
                yield f"adapters/{name}/adapter.py", item.text


def _texts(value: object) -> Iterator[str]:
    """Yield the texts in a table; its keys and the members of enumerations in it are no texts."""
    if type(value) is str:
        if value:
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))


def source(language: str) -> Path:
    """Return where a language's translations are written."""
    return CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(path: Path, language: str | None = None) -> Catalog:
    """Return a catalogue as it stands in its file."""
    with path.open("rb") as file:
        return read_po(file, locale=language)


def written(catalogue: Catalog) -> bytes:
    """Return a catalogue as its file has it: without a moment, so that the same texts make the same file."""
    out = io.BytesIO()
    write_po(out, catalogue, width=110, sort_output=True, omit_header=catalogue.locale is None)
    return b"".join(line for line in out.getvalue().splitlines(keepends=True) if not line.startswith(_OF_THE_MOMENT))


#: lines of a head that say when and by what it was made
_OF_THE_MOMENT = (
    b'"POT-Creation-Date',
    b'"PO-Revision-Date',
    b'"Generated-By',
    b'"Last-Translator',
    b'"Language-Team',
    b'"Report-Msgid',
)


def carried_over(language: str, template: Catalog) -> Catalog:
    """Return a language's catalogue with the texts that there are now; one that changed has to be translated anew.

    What was translated once stays behind the rest, marked `#~`, and is there again where its text comes back.
    """
    path = source(language)
    catalogue = read(path, language) if path.exists() else Catalog(locale=language, fuzzy=False, charset="utf-8")
    catalogue.project, catalogue.version = DOMAIN, "0"
    # two forms, as in every catalogue of old: newer tables give French a third, for whole millions
    catalogue.mime_headers = [("Plural-Forms", f"nplurals=2; plural={FORMS[language]}")]
    catalogue.header_comment = (
        f"# What syncer says in {language}. `make texts` keeps the list of texts; people translate them."
    )
    once = {_key(message): message.string for message in catalogue.obsolete.values()}
    # a copy: Babel puts the template's own messages in, and the next language would find them translated
    catalogue.update(deepcopy(template), no_fuzzy_matching=True, update_header_comment=False)
    for message in catalogue:
        if message.id and not _is_translated(message.string) and _key(message) in once:
            message.string = once[_key(message)]
    live = {_key(message) for message in catalogue}
    for name, message in list(catalogue.obsolete.items()):
        if _key(message) in live or not _is_translated(message.string):
            del catalogue.obsolete[name]
    return catalogue


def _key(message: Message) -> str:
    """Return by what a text is known: itself, or the first of its two forms."""
    return message.id if isinstance(message.id, str) else message.id[0]


def compiled(catalogue: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    out = io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)  # of no interest to anybody
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> int:
    """Gather, carry over and compile; say what is not translated yet."""
    template, missing = gathered(), 0
    CATALOGUES.mkdir(exist_ok=True)
    TEMPLATE.write_bytes(written(template))
    for language in TRANSLATED:
        catalogue, path = carried_over(language, template), source(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(catalogue))
        path.with_suffix(".mo").write_bytes(compiled(read(path, language)))
        empty = sum(1 for message in catalogue if message.id and not _is_translated(message.string))
        print(f"{language}: {len(catalogue)} texts, {empty} of them not translated")
        missing += empty
    return 1 if missing else 0


def _is_translated(said: str | tuple[str, ...]) -> bool:
    return all(said) if isinstance(said, tuple) else bool(said)


if __name__ == "__main__":
    sys.exit(main())
