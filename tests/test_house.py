"""Where code may live and who may import whom: read from the files, at any depth, imports for types included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

#: whatever lies under adapters/ in a folder of its own is a provider, but for these two
PROVIDERS = tuple(
    sorted(
        path.name
        for path in (ROOT / "adapters").iterdir()
        if path.name not in ("http", "sandbox") and any(path.glob("*.py"))
    )
)
#: from the ground up; a module imports only from lower lines. Wings on one line do not know each other.
LINES = {
    "syncer": (
        ("errors", "clock", "bell", "systemd", "language"),
        ("domain", "privacy"),
        ("settings", "database", "log"),
        ("oidc",),
        ("audit.offline",),
        ("audit.anchors", "audit.chain", "audit.actor"),
        ("audit.chain_keys", "audit.log_end"),
        ("audit.ledger",),
        ("audit.transaction", "audit.pins"),
        ("audit.access_log", "audit.proof"),
        ("events",),
        ("delivery", "intake"),
        ("decisions", "reports", "alerting"),
        ("app",),
        ("service", "setup", "console"),
        ("cli",),
        ("__main__",),
    ),
    "adapters": (
        ("contract",),
        ("errors",),
        ("options", "addresses", "handles", "checks", "paging", "values", "consent"),
        ("http",),
        ("trial", "preview"),
        (*PROVIDERS, "sandbox"),
        ("registry",),
    ),
}
#: what syncer may know of adapters
ADAPTERS_FACE = ("adapters.contract", "adapters.errors", "adapters.registry", "adapters.sandbox")
#: the two that hold code
FACES = {"syncer/__init__.py", "adapters/sandbox/__init__.py"}


def modules(package: str) -> list[Path]:
    """Every module of a package that stands in a wing: neither an `__init__.py` nor an Alembic revision."""
    found = (ROOT / package).rglob("*.py")
    return sorted(path for path in found if path.name != "__init__.py" and "migrations" not in path.parts)


def name_of(path: Path) -> str:
    """The dotted name of a module: `syncer.events.store`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, wherever the statement stands; `from a import b` names both a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}: write the whole name of what is imported"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


@cache
def arrows(package: str) -> frozenset[tuple[str, str]]:
    """Who imports whom within a package, without the package's name."""
    known = {name_of(path) for path in modules(package)}
    short = len(package) + 1
    return frozenset(
        (name_of(path)[short:], other[short:])
        for path in modules(package)
        for other in imports(path) & known - {name_of(path)}
    )


def line_of(package: str, module: str) -> tuple[int, str] | None:
    """The line of a module and the wing it stands in."""
    for number, wings in enumerate(LINES[package]):
        for wing in wings:
            if module == wing or module.startswith(f"{wing}."):
                return number, wing
    return None


def reached(arrows_from: dict[str, set[str]], start: str) -> set[str]:
    """Everything that a module imports, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        fresh = arrows_from.get(waiting.pop(), set()) - seen
        seen |= fresh
        waiting += fresh
    return seen


@pytest.mark.parametrize("package", LINES)
def test_every_module_stands_in_a_wing(package: str) -> None:
    names = [name_of(path).partition(".")[2] for path in modules(package)]
    homeless = [name for name in names if line_of(package, name) is None]

    assert homeless == []
    assert names


@pytest.mark.parametrize("package", LINES)
def test_every_import_runs_down(package: str) -> None:
    up = set()
    for module, other in arrows(package):
        own, its = line_of(package, module), line_of(package, other)
        assert own and its
        if own[1] != its[1] and its[0] >= own[0]:
            up.add((module, other))

    assert up == set()


@pytest.mark.parametrize("package", LINES)
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    arrows_from: dict[str, set[str]] = {}
    for module, other in arrows(package):
        arrows_from.setdefault(module, set()).add(other)
    circular = {module for module in arrows_from if module in reached(arrows_from, module)}

    assert circular == set()


@pytest.mark.parametrize(("top", "most"), [("syncer", 12), ("adapters", 12), ("tests", 20)])
def test_no_folder_is_crowded(top: str, most: int) -> None:
    crowded = {}
    for folder in [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())]:
        number = len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        if number > most and folder.name != "versions":
            crowded[str(folder.relative_to(ROOT))] = number

    assert crowded == {}


def test_no_test_module_imports_another() -> None:
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in imports(path)
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))
    ]

    assert wrong == []


def test_a_wings_init_says_one_sentence_and_imports_nothing() -> None:
    wrong = []
    for package in LINES:
        for path in sorted((ROOT / package).rglob("__init__.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            sentence = ast.get_docstring(tree) or ""
            alone = len(tree.body) == 1 or str(path.relative_to(ROOT)) in FACES
            if "migrations" not in path.parts and not (alone and sentence.endswith(".") and "\n" not in sentence):
                wrong.append(str(path.relative_to(ROOT)))

    assert wrong == []


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for package in LINES for path in (ROOT / package).rglob("*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").exists() and folder.name != "versions"] == []


def test_a_class_name_stands_once() -> None:
    places: dict[str, list[str]] = {}
    for package in LINES:
        for path in modules(package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    places.setdefault(node.name, []).append(name_of(path))

    assert {name: where for name, where in places.items() if len(where) > 1} == {}


# -- between the two packages ------------------------------------------------------------------------------------


def test_adapters_know_nothing_of_syncer() -> None:
    wrong = [
        f"{name_of(path)}: {name}"
        for path in modules("adapters")
        for name in imports(path)
        if name.partition(".")[0] == "syncer"
    ]

    assert wrong == []


def test_syncer_knows_only_the_face_of_adapters() -> None:
    wrong = {
        f"{name_of(path)} imports {name}"
        for path in modules("syncer")
        for name in imports(path)
        if name.partition(".")[0] == "adapters" and not known_of_adapters(name)
    }

    assert wrong == set()


def known_of_adapters(name: str) -> bool:
    """Say whether a name is a face of adapters or something that a face offers."""
    return name == "adapters" or any(name == face or name.startswith(f"{face}.") for face in ADAPTERS_FACE)


def test_no_provider_knows_another_and_the_sandbox_knows_no_client() -> None:
    wing_of = {name_of(path): name_of(path).split(".")[1] for path in modules("adapters")}
    providers = set(PROVIDERS)
    forbidden = {provider: providers - {provider} for provider in providers} | {"sandbox": providers | {"http"}}
    wrong = {
        f"{name_of(path)} imports {name}"
        for path in modules("adapters")
        for name in imports(path)
        if wing_of.get(name) in forbidden.get(wing_of[name_of(path)], set())
    }

    assert wrong == set()
    assert providers


def test_only_the_composition_root_names_the_registry() -> None:
    users = {name_of(path) for path in modules("syncer") if "adapters.registry" in imports(path)}

    assert users == {"syncer.app"}


# -- libraries ---------------------------------------------------------------------------------------------------


def users_of(library: str) -> Iterator[str]:
    """Yield the modules of both packages that import a library, or one of several as `a|b`."""
    for package in LINES:
        for path in modules(package):
            if {name.partition(".")[0] for name in imports(path)} & set(library.split("|")):
                yield name_of(path)


def outside(users: Iterator[str], *wings: str) -> set[str]:
    """Those that stand in none of the wings."""
    return {user for user in users if not any(user == wing or user.startswith(f"{wing}.") for wing in wings)}


@pytest.mark.parametrize(
    ("library", "wings"),
    [
        ("click", ["syncer.cli"]),
        ("rich", ["syncer.cli", "syncer.setup.demo"]),
        ("requests", ["adapters.http", "syncer.audit.anchors.web"]),
        ("urllib3", ["adapters.http"]),
        ("mailchimp_marketing", ["adapters.mailchimp.sdk"]),
    ],
)
def test_a_library_is_used_only_where_it_belongs(library: str, wings: list[str]) -> None:
    assert outside(users_of(library), *wings) == set()
    assert list(users_of(library))


def test_only_http_and_the_sandbox_open_connections_of_adapters() -> None:
    users = (name for name in users_of("socket|http|requests|urllib3") if name.startswith("adapters."))

    assert outside(users, "adapters.http", "adapters.sandbox") == set()


SQL_FREE = ("domain", "privacy", "audit.offline", "audit.anchors", "cli", "reports")


@pytest.mark.parametrize("wing", SQL_FREE)
def test_a_wing_speaks_no_sql(wing: str) -> None:
    readers = (
        {f"syncer.reports.{name}" for name in ("reader", "status", "register.paged")} if wing == "reports" else set()
    )
    users = {name for name in users_of("sqlalchemy") if name.startswith(f"syncer.{wing}.")}

    assert users - readers == set()
