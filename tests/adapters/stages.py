"""The stages of all adapters, found by where they stand; a test that names what is missing is in test_contract.py.

That of an adapter shipped here is the class derived from Stage in `tests/adapters/NAME/stage.py`, that of another
package is named by its entry point of the group `syncer.stages`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

from adapters import registry
from tests.adapters.stage import Stage
from tests.support.paths import TESTS

GROUP = "syncer.stages"


def stage_in(module: ModuleType) -> type[Stage] | None:
    """Return the stage that a module defines, None where there is none."""
    made = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Stage)]
    return next((one for one in made if one.__module__ == module.__name__), None)


def _shipped() -> dict[str, type[Stage]]:
    found = {}
    for name in registry.SHIPPED:
        if (TESTS / "adapters" / name / "stage.py").exists():
            stage = stage_in(import_module(f"tests.adapters.{name}.stage"))
            if stage is not None and not stage.__abstractmethods__:
                found[name] = stage
    return found


STAGES: dict[str, type[Stage]] = {entry.name: entry.load() for entry in entry_points(group=GROUP)} | _shipped()
