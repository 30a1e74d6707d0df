"""Who may import whom: only what lies on a floor below, and only syncer imports adapters."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FLOORS = {
    "adapters": [
        {"errors"},
        {"contract"},
        {"answer", "hosts", "pacer", "watchdog"},
        {"wire", "mailchimp_answers", "activecampaign_answers"},
        {"transport", "mailchimp_sdk", "activecampaign_calls"},
        {"mailchimp_walk", "activecampaign_walk"},
        {"mailchimp", "activecampaign"},
        {"registry"},
    ],
    "syncer": [
        {"errors", "codes", "outages"},
        {"model", "deadlines", "identity", "log", "destinations", "settings_tables"},
        {"settings_words"},
        {"audit", "policy", "schema", "settings", "triggers"},
        {"database", "jobs"},
        {"changes", "grants", "ledger", "queue", "safeguards"},
        {"rows"},
        {"claims", "settlement"},
        {"store"},
        {"leases", "senders", "clockwatch"},
        {"lane", "intake", "operations", "sharing"},
        {"app"},
        {"drain", "daemon", "report", "check", "submit"},
        {"render", "demo"},
        {"propagation", "cli_common"},
        {"cli_work", "cli_read", "cli_decide"},
        {"cli"},
    ],
}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).glob("*.py"))


def floor_of(package: str, module: str) -> int | None:
    for number, names in enumerate(FLOORS[package]):
        if module in names:
            return number
    return None


def imports(path: Path) -> set[str]:
    """Every module a file imports at its top level; imports for types only and inside functions do not count."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("package", FLOORS)
def test_every_module_has_its_floor(package: str) -> None:
    unknown = [path.stem for path in modules(package) if floor_of(package, path.stem) is None]

    assert set(unknown) <= {"__init__", "__main__"}


@pytest.mark.parametrize("package", FLOORS)
def test_a_module_imports_only_from_floors_below_its_own(package: str) -> None:
    wrong = []
    for path in modules(package):
        own = floor_of(package, path.stem)
        if own is None:
            continue
        for name in imports(path):
            head, _, rest = name.partition(".")
            other = floor_of(package, rest) if head == package and rest else None
            if other is not None and other >= own and rest != path.stem:
                wrong.append(f"{path.stem} imports {rest}")

    assert wrong == []


def test_adapters_import_nothing_of_syncer() -> None:
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "adapters").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(("import syncer", "from syncer"))
    ]

    assert wrong == []


def test_only_the_composition_root_imports_the_registry() -> None:
    users = [
        path.name
        for path in modules("syncer")
        if any("adapters.registry" in name for name in imports(path)) or "import registry" in path.read_text("utf-8")
    ]

    assert users == ["app.py"]


def test_only_the_transport_opens_connections() -> None:
    for path in modules("adapters"):
        if path.stem not in ("transport", "wire", "watchdog"):
            heads = {name.split(".")[0] for name in imports(path)}

            assert not heads & {"requests", "urllib3", "socket", "http"}, path.name


def test_sql_is_spoken_only_where_it_belongs() -> None:
    allowed = {
        "app", "changes", "check", "claims", "clockwatch", "database", "drain", "ledger", "leases", "operations",
        "outages", "queue", "report", "rows", "safeguards", "schema", "settings", "settings_tables", "settlement",
        "sharing", "store", "triggers",
    }  # fmt: skip
    users = {path.stem for path in modules("syncer") if any(n.startswith("sqlalchemy") for n in imports(path))}

    assert users <= allowed
