"""The catalogues are current, complete, compiled, and each translation keeps what stands in its text."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message

from syncer.audit.chain import WHATS
from syncer.reports.wording.words import WORDS
from tests.support.language import catalogue
from tests.support.paths import ROOT

PLACES = re.compile(r"%\((\w+)\)[sd]|\{(\w*)\}")
TAGS = re.compile(r"</?[a-z][^>]*>")
COMMANDS = re.compile(r"`[^`]*`")
#: what ends a sentence, and a half of one
ENDS = (".", ":", "…")
#: the count of a text that says it in a word, as `one request`
COUNTS = {"num", "number"}
#: where decisions are refused, by what, and what only a command of the shell can do there
DECIDING = ("syncer/decisions/**/*.py", "syncer/intake/submit.py", "syncer/reports/reader.py")
REFUSALS = {
    *("UserError", "NotAllowed", "PlanChanged", "ResyncPlanChanged", "StoppedPlanChanged"),
    *("NoSuchProposal", "ProposalChanged", "SamePerson"),
}
OF_THE_COMMAND_LINE = {"replay.py", "brought.py"}


@pytest.fixture(scope="module")
def gathered() -> Catalog:
    return catalogue.gathered()


@pytest.fixture(scope="module", params=catalogue.TRANSLATED)
def translated(request: pytest.FixtureRequest) -> Catalog:
    return catalogue.read(catalogue.source(request.param), request.param)


def pairs(translated: Catalog) -> Iterator[tuple[str, str, bool]]:
    """Each text with what became of it, and whether it is that of a single thing."""
    for message in translated:
        if not message.id:
            continue
        if isinstance(message.id, tuple):
            one, many = message.id
            yield one, message.string[0], True
            yield many, message.string[1], False
        else:
            yield message.id, str(message.string), False


def places(text: str) -> set[str]:
    return {name or other for name, other in PLACES.findall(text)}


def ids(found: Catalog) -> set[str | tuple[str, ...]]:
    return {_key(message) for message in found if message.id}


def _key(message: Message) -> str | tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, (tuple, list)) else message.id


def test_every_text_of_the_code_is_in_the_template(gathered: Catalog) -> None:
    assert catalogue.written(gathered) == catalogue.TEMPLATE.read_bytes(), "run `make texts`"


def test_no_text_is_looked_up_within_an_f_string() -> None:
    """Babel reads what stands in one from Python 3.12 on: before that the text would be missing without a word."""
    hidden = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "syncer").rglob("*.py"))
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in catalogue.KEYWORDS
        if any(isinstance(argument, ast.Constant) for argument in call.args)
    ]

    assert hidden == []


def test_every_text_is_translated_and_none_is_left_over(gathered: Catalog, translated: Catalog) -> None:
    assert ids(translated) == ids(gathered)
    assert [text for text, said, _one in pairs(translated) if not said] == []


def test_what_is_compiled_is_what_was_written(translated: Catalog) -> None:
    path = catalogue.source(str(translated.locale))

    assert path.with_suffix(".mo").read_bytes() == catalogue.compiled(translated), "run `make texts`"


def test_no_translation_loses_or_invents_a_value(translated: Catalog) -> None:
    def wrong(text: str, said: str, one: bool) -> bool:
        given, kept = places(text), places(said)
        return bool(kept - given - (COUNTS if one else set())) or bool(given - kept - (COUNTS if one else set()))

    assert [(text, said) for text, said, one in pairs(translated) if wrong(text, said, one)] == []


def test_every_translation_can_be_filled(translated: Catalog) -> None:
    for text, said, _one in pairs(translated):
        names = places(text)
        if "%(" in text:
            assert said % dict.fromkeys(names, 7)
        elif "{" in text:
            assert said.format(**dict.fromkeys(names, "7"))


def test_marks_and_commands_stay_as_they_are(translated: Catalog) -> None:
    for text, said, _one in pairs(translated):
        assert Counter(TAGS.findall(said)) == Counter(TAGS.findall(text)), text
        assert Counter(COMMANDS.findall(said)) == Counter(COMMANDS.findall(text)), text


def test_a_sentence_ends_as_it_does_in_english(translated: Catalog) -> None:
    for text, said, _one in pairs(translated):
        ending = next((end for end in ENDS if text.endswith(end)), "")
        assert said.endswith(ending), (text, said)
        assert said.endswith(ENDS) == bool(ending), (text, said)
        assert (said[0] == " ", said[-1] == " ") == (text[0] == " ", text[-1] == " "), (text, said)


def test_a_table_that_holds_texts_is_gathered(gathered: Catalog) -> None:
    assert "ask whether the person wants that; then remove the opt-in and `resync`, or `exempt`" in gathered
    assert "What such an entry held of you besides the address stays in it." in gathered
    assert "newer_consent" not in gathered
    assert "bring_address" not in gathered


def test_every_kind_of_entry_has_words(gathered: Catalog) -> None:
    assert WHATS - WORDS.keys() == set()
    assert [what for what in WHATS if WORDS[what] not in gathered] == []


def test_every_refusal_of_a_decision_is_in_the_catalogues() -> None:
    """A text that was put together where it is raised is English to everybody."""
    refusals = [
        (path.relative_to(ROOT).as_posix(), call)
        for files in DECIDING
        for path in sorted(ROOT.glob(files))
        if path.name not in OF_THE_COMMAND_LINE
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise)
        for call in (node.exc,)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in REFUSALS
    ]
    plain = [
        f"{path}:{call.lineno}"
        for path, call in refusals
        if any(map(_is_text, ast.walk(call.args[0]))) and not _is_told(call)
    ]

    assert len(refusals) > 30
    assert plain == []


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_told(call: ast.Call) -> bool:
    (first,) = call.args
    return isinstance(first, ast.Call) and isinstance(first.func, ast.Name) and first.func.id == "Sentence"


def test_no_language_gets_the_words_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "source", lambda language: tmp_path / f"{language}.po")
    for language, said in (("de", "Hilfe"), ("fr", "Aide")):
        (tmp_path / f"{language}.po").write_text(f'#~ msgid "Help"\n#~ msgstr "{said}"\n', encoding="utf-8")
    template = Catalog()
    template.add("Help")

    back = [catalogue.carried_over(language, template).get("Help") for language in ("de", "fr")]

    assert [message and message.string for message in back] == ["Hilfe", "Aide"]
