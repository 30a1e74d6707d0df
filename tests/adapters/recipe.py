"""What is still to be written for an adapter: the next thing, by file and line. docs/adapters.md shows a whole one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from adapters import registry
from adapters.contract import Adapter
from tests.adapters.stage import SITUATIONS, ProviderSandbox, Stage
from tests.adapters.stages import stage_in
from tests.support.paths import ROOT

REGISTRY = "adapters/registry.py"
#: folders beside those of the providers
_SHARED = {"http", "sandbox"}
_SANDBOX_MEMBERS = sorted(
    {
        *ProviderSandbox.__annotations__,
        *(name for name, one in vars(ProviderSandbox).items() if inspect.isfunction(one)),
    }
    - {name for name in vars(ProviderSandbox) if name.startswith("_")}
)


@dataclass(frozen=True)
class Recipe:
    """Where the parts of one adapter stand: `target` as in the registry, the module of its stage, the folder of all."""

    name: str
    target: str
    stage: str
    root: Path = ROOT

    def next_step(self) -> str:
        """Return what is to be written next, "" once nothing is left."""
        return next(iter(self._steps()), "")

    def _steps(self) -> Iterator[str]:
        """Yield what is missing; what follows from something missing is not looked at."""
        module, _, name = self.target.partition(":")
        file = self._file(module)
        if not (self.root / file).exists():
            named = f"{_line_in(self.root / REGISTRY, self.name)} names {self.target}"
            yield f"{named}: write {file} with the class {name}(Adapter)"
            return
        adapter = getattr(import_module(module), name, None)
        if not (inspect.isclass(adapter) and issubclass(adapter, Adapter)):
            yield f"{file}: write the class {name}, derived from adapters.contract.Adapter"
            return
        at = self._at(file, adapter)
        for method in sorted(adapter.__abstractmethods__):
            yield f"{at}: {name} lacks {method}; adapters/contract.py says what it must do"
        for attribute in ("name", "actions", "options", "title", "remains", "evidence"):
            if not getattr(adapter, attribute, None) or not _declares(adapter, attribute):
                yield f"{at}: {name} lacks the class attribute {attribute}; adapters/contract.py says what it is"
        if adapter.name != self.name:
            yield f"{at}: {name}.name must be {self.name!r}, as the registry calls it"
        yield from self._stage_steps(adapter)

    def _stage_steps(self, adapter: type[Adapter]) -> Iterator[str]:
        file = self._file(self.stage)
        if not (self.root / file).exists():
            yield f"write {file} with a class derived from tests.adapters.stage.Stage: it plays {adapter.title}"
            return
        stage = stage_in(import_module(self.stage))
        if stage is None:
            yield f"{file}: write a class derived from tests.adapters.stage.Stage"
            return
        at = self._at(file, stage)
        for method in sorted(stage.__abstractmethods__):
            yield f"{at}: {stage.__name__} lacks {method}; tests/adapters/stage.py says what it must do"
        if getattr(stage, "adapter_class", None) is not adapter:
            yield f"{at}: {stage.__name__} lacks adapter_class = {adapter.__name__}"
        for situation in SITUATIONS:
            if situation not in getattr(stage, "findings", {}):
                yield f"{at}: {stage.__name__}.findings lacks {situation!r}; () where the provider knows no such thing"
        yield from self._sandbox_steps(at, stage)

    def _sandbox_steps(self, at: str, stage: type[Stage]) -> Iterator[str]:
        made = stage()
        try:
            for attribute in ("adapter", "sandbox"):
                if not hasattr(made, attribute):
                    yield f"{at}: {stage.__name__}.__init__ must set self.{attribute}"
                    return
            for member in _SANDBOX_MEMBERS:
                if not hasattr(made.sandbox, member):
                    derive = "derive it from adapters.sandbox.server.Sandbox"
                    yield f"{at}: the sandbox, {type(made.sandbox).__name__}, lacks {member}; {derive}"
        finally:
            for attribute in ("adapter", "sandbox"):
                if hasattr(made, attribute):
                    getattr(made, attribute).close()

    def _file(self, module: str) -> str:
        return f"{module.replace('.', '/')}.py"

    def _at(self, file: str, made: type) -> str:
        return f"{file}:{inspect.getsourcelines(made)[1]}"


def _declares(adapter: type[Adapter], attribute: str) -> bool:
    """Say whether an adapter says this of itself, and does not leave it to what is usual."""
    return any(attribute in vars(each) for each in adapter.__mro__[: adapter.__mro__.index(Adapter)])


def begun() -> list[str]:
    """Return the names of the adapters of which anything is there: a registry line, a folder, a sandbox, a stage."""
    places = [ROOT / "adapters", ROOT / "adapters" / "sandbox"]
    folders = {path.name for place in places for path in place.iterdir() if any(path.glob("*.py"))}
    stages = {path.parent.name for path in (ROOT / "tests" / "adapters").glob("*/stage.py")}
    return sorted({*registry.SHIPPED, *folders, *stages} - _SHARED)


def next_step(name: str) -> str:
    """Return what is to be written next for an adapter of this checkout, "" once nothing is left."""
    if name not in registry.SHIPPED:
        line = f'"{name}": "adapters.{name}.adapter:CLASS"'
        return f"{_line_in(ROOT / REGISTRY, 'mailchimp')}: SHIPPED knows no {name}; add the line {line}"
    return Recipe(name, registry.SHIPPED[name], f"tests.adapters.{name}.stage").next_step()


def _line_in(path: Path, name: str) -> str:
    """Return file and line where the registry names an adapter."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    number = next((number for number, line in enumerate(lines, 1) if line.strip().startswith(f'"{name}":')), 1)
    return f"{REGISTRY}:{number}"
