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
        {"mailchimp_listing"},
        {"mailchimp_walk", "activecampaign_walk"},
        {"mailchimp", "activecampaign"},
        {"registry"},
    ],
    "syncer": [
        {"errors", "codes", "outages", "deadlines", "elapsed", "workdays", "tree"},
        {"settings_anchors", "notes"},
        {"model", "identity", "log", "destinations", "settings_tables", "wordpress.install"},
        {"settings_words"},
        {"audit", "policy", "schema", "settings", "triggers"},
        {"database", "jobs", "lists", "wordpress.tables", "meaning", "proofs"},
        {"verifier"},
        {"changes", "ledger", "queue", "grants", "safeguards", "wordpress.requests"},
        {"rows", "wordpress.judge", "wordpress.grants"},
        {"claims", "settlement"},
        {"store"},
        {
            "leases",
            "senders",
            "under_way",
            "clockwatch",
            "checkpoints",
            "evidence",
            "incidents",
            "reconcile",
            "wordpress.memory",
            "wordpress.status",
        },
        {"notary", "retention", "tenure"},
        {"lane", "intake", "operations", "sharing", "extensions", "watch", "wordpress.sweep"},
        {"wordpress.bridge", "forks"},
        {"app"},
        {"verification"},
        {"drain", "report", "check", "submit"},
        {"dossier", "metrics", "reminders"},
        {"daemon"},
        {"render", "demo"},
        {"propagation", "cli_common", "charts"},
        {"overview"},
        {"letter"},
        {"page"},
        {"cli_work", "cli_read", "cli_decide", "cli_dossier", "cli_watch", "cli_wordpress", "cli_audit"},
        {"cli"},
    ],
}


def modules(package: str) -> list[Path]:
    inner = [] if package == "adapters" else (ROOT / package / "wordpress").glob("*.py")
    return sorted([*(ROOT / package).glob("*.py"), *inner])


def name_of(package: str, path: Path) -> str:
    """The module's name inside its package: `store`, `wordpress.sweep`."""
    return ".".join(path.relative_to(ROOT / package).with_suffix("").parts)


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
    names = [name_of(package, path) for path in modules(package)]
    unknown = [name for name in names if floor_of(package, name) is None]

    assert set(unknown) <= {"__init__", "__main__", "wordpress.__init__"}


@pytest.mark.parametrize("package", FLOORS)
def test_a_module_imports_only_from_floors_below_its_own(package: str) -> None:
    wrong = []
    for path in modules(package):
        stem = name_of(package, path)
        own = floor_of(package, stem)
        if own is None:
            continue
        for name in imports(path):
            head, _, rest = name.partition(".")
            other = floor_of(package, rest) if head == package and rest else None
            if other is not None and other >= own and rest != stem:
                wrong.append(f"{stem} imports {rest}")

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
        "app", "changes", "check", "checkpoints", "claims", "clockwatch", "database", "drain", "extensions", "leases",
        "ledger", "lists", "metrics", "operations", "outages", "queue", "reconcile", "report", "retention", "rows",
        "safeguards", "schema", "settings", "settings_tables", "settlement", "sharing", "store", "triggers",
        "verification", "watch", "wordpress.bridge", "wordpress.grants", "wordpress.memory", "wordpress.requests",
        "wordpress.status", "wordpress.tables",
    }  # fmt: skip
    users = {
        name_of("syncer", path) for path in modules("syncer") if any(n.startswith("sqlalchemy") for n in imports(path))
    }

    assert users <= allowed
