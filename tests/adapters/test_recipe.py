"""Whoever writes an adapter is told what to write next, by file and line, until nothing is left."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from tests.adapters.recipe import Recipe, begun, next_step

ADAPTER = """from adapters.contract import Action, Adapter, Evidence, Limits, Remaining, Stays


class Grown(Adapter):
    apply = preview = confirm = changed = opted_in = ping = check = configured = None
    limits = Limits(1)
    close = lambda self: None
"""
ATTRIBUTES = {
    "name": '    name = "{name}"\n',
    "actions": "    actions = frozenset({{Action.DELETE}})\n",
    "options": '    options = {{"base_url": "where it is"}}\n',
    "title": '    title = "Grown"\n',
    "remains": '    remains = {{Action.DELETE: (Remaining("Figures.", Stays.LEFT),)}}\n',
    "evidence": "    evidence = Evidence.READ_BACK\n",
}
STAGE = """from grown.adapter import Grown
from tests.adapters.stage import SITUATIONS, Stage


class GrownStage(Stage):
    knows = holds = reaches = everybody = mixes_people_up = shortens_its_listing = prepares = None
    did_the_rest = subscribes_again = collates = holds_in_every_place = picture = error_body = None
"""
INIT = "    def __init__(self):\n        self.adapter = Grown()\n"


class Growing:
    """A checkout in which an adapter grows; `next` asks what is missing now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "adapters").mkdir()
        (folder / "adapters" / "registry.py").write_text(
            'SHIPPED = {\n    "grown": "grown.adapter:Grown",\n}\n', encoding="utf-8"
        )

    def write(self, file: str, text: str) -> None:
        path = self._folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def next(self) -> str:
        for module in [name for name in sys.modules if name.partition(".")[0] in ("grown", "grown_tests")]:
            del sys.modules[module]
        importlib.invalidate_caches()
        return Recipe("grown", "grown.adapter:Grown", "grown_tests.stage", self._folder).next_step()


@pytest.fixture
def growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Growing:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # the same file is written twice within one second
    return Growing(tmp_path)


def test_the_line_in_the_registry_leads_to_the_file_and_the_class(growing: Growing) -> None:
    named = "adapters/registry.py:2 names grown.adapter:Grown"
    assert growing.next() == f"{named}: write grown/adapter.py with the class Grown(Adapter)"

    growing.write("grown/adapter.py", "")
    assert growing.next() == "grown/adapter.py: write the class Grown, derived from adapters.contract.Adapter"


def test_the_class_is_told_which_method_and_attribute_it_lacks(growing: Growing) -> None:
    growing.write("grown/adapter.py", ADAPTER.replace(" = ping", ""))
    assert growing.next().startswith("grown/adapter.py:4: Grown lacks ping; adapters/contract.py")

    text = ADAPTER
    for attribute, line in ATTRIBUTES.items():
        growing.write("grown/adapter.py", text)
        assert growing.next().startswith(f"grown/adapter.py:4: Grown lacks the class attribute {attribute};")
        text += line.format(name="grown")

    growing.write("grown/adapter.py", text.replace('"grown"', '"other"'))
    assert growing.next() == "grown/adapter.py:4: Grown.name must be 'grown', as the registry calls it"


def test_then_its_stage_is_asked_for_down_to_the_last_member_of_its_sandbox(growing: Growing) -> None:
    growing.write("grown/adapter.py", ADAPTER + "".join(ATTRIBUTES.values()).format(name="grown"))
    growing.write("grown_tests/__init__.py", "")
    assert growing.next().startswith("write grown_tests/stage.py with a class derived from tests.adapters.stage.Stage")

    growing.write("grown_tests/stage.py", "from tests.adapters.stage import Stage\n")
    assert growing.next() == "grown_tests/stage.py: write a class derived from tests.adapters.stage.Stage"

    at = "grown_tests/stage.py:5"
    growing.write("grown_tests/stage.py", STAGE.replace(" = holds =", " ="))
    assert growing.next() == f"{at}: GrownStage lacks __init__; tests/adapters/stage.py says what it must do"
    growing.write("grown_tests/stage.py", STAGE.replace(" = holds =", " =") + INIT)
    assert growing.next() == f"{at}: GrownStage lacks holds; tests/adapters/stage.py says what it must do"

    text = STAGE + INIT
    growing.write("grown_tests/stage.py", text)
    assert growing.next() == f"{at}: GrownStage lacks adapter_class = Grown"
    text += "    adapter_class = Grown\n"
    growing.write("grown_tests/stage.py", text)
    assert growing.next().startswith(f"{at}: GrownStage.findings lacks 'unproven'; () where")
    text += "    findings = dict.fromkeys(SITUATIONS, ())\n"
    growing.write("grown_tests/stage.py", text)
    assert growing.next() == f"{at}: GrownStage.__init__ must set self.sandbox"
    text = text.replace(INIT, INIT + "        self.sandbox = Box()\n")
    growing.write("grown_tests/stage.py", text + "\nclass Box:\n    close = requests = request_count = print\n")
    lacks = f"{at}: the sandbox, Box, lacks api_key; derive it from adapters.sandbox.server.Sandbox"
    assert growing.next() == lacks

    box = '\nfrom adapters.sandbox.server import Sandbox\nclass Box(Sandbox):\n    api_key = "k"\n'
    growing.write("grown_tests/stage.py", text + box)
    assert growing.next() == ""


def test_a_folder_without_a_line_in_the_registry_is_told_the_line() -> None:
    assert next_step("afar").endswith(
        'SHIPPED knows no afar; add the line "afar": "adapters.afar.adapter:CLASS"'
    ) and next_step("afar").startswith("adapters/registry.py:")
    assert set(begun()) == {"mailchimp", "activecampaign"}
