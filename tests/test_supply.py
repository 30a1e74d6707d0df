"""What a server installs: only what syncer runs on, pinned by hash, without known holes, listed for whoever asks."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.paths import ROOT

RUN, DEVELOP = "requirements.lock", "requirements-dev.lock"
#: the first version without a hole that is known, by its CVE
MENDED = {
    "cryptography": ("44.0.1", "CVE-2024-12797"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "pymysql": ("1.1.1", "CVE-2024-36039"),
    "requests": ("2.32.4", "CVE-2024-47081"),
    "urllib3": ("2.6.3", "CVE-2026-21441"),
}


def locked(name: str) -> dict[str, set[str]]:
    """The versions of each package in a lock file; one may have several, for different Pythons."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([\w.-]+)==([\w.]+)", line):
            found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return found


def declared() -> dict[str, list[Requirement]]:
    """What pyproject.toml asks for: at run time under "", and by extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(line) for line in lines] for extra, lines in groups.items()}


def imported() -> set[str]:
    """The first part of whatever a module of syncer or its adapters imports, at any depth."""
    found: set[str] = set()
    for path in (path for package in ("syncer", "adapters") for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
    return found


def test_a_server_installs_nothing_that_only_developers_need() -> None:
    run, develop = locked(RUN), locked(DEVELOP)

    assert {name: develop[name] for name in run} == run
    tools = {canonicalize_name(wanted.name) for wanted in declared()["dev"]}
    # an extra of its own; what builds the package, and apprise, ask for the others
    assert run.keys() & tools == {"rfc3161-client", "packaging", "pyyaml"}


@pytest.mark.parametrize("name", [RUN, DEVELOP])
def test_every_package_of_a_lock_file_is_pinned_by_its_hashes_and_no_host_is_named(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text):
        assert "--hash=sha256:" in block, block[:60]


@pytest.mark.parametrize("package", MENDED)
def test_no_version_with_a_known_hole_is_accepted(package: str) -> None:
    first, hole = MENDED[package]
    wanted = [line for lines in declared().values() for line in lines if canonicalize_name(line.name) == package]

    assert wanted
    for line in wanted:
        bounds = [Version(part.version) for part in line.specifier if part.operator in (">=", "==")]
        assert bounds, f"{line} has no lower bound"
        assert max(bounds) >= Version(first), f"{line} allows {hole}"
    assert all(Version(version) >= Version(first) for version in locked(RUN)[package])


@pytest.mark.slow
def test_everything_that_syncer_imports_is_asked_for_and_locked() -> None:
    provided = packages_distributions()
    groups = declared()
    server = ("", "mysql", "postgresql", "holidays", "timestamp", "apprise", "console", "oidc")
    asked = {canonicalize_name(line.name) for extra in server for line in groups[extra]}

    for module in sorted(imported() - {"syncer", "adapters"} - sys.stdlib_module_names):
        names = {canonicalize_name(name) for name in provided[module]}
        assert names & asked, f"{module} is imported, but pyproject.toml does not ask for it"
        assert names & locked(RUN).keys(), module


@pytest.mark.slow  # makes it
def test_the_bill_of_materials_lists_exactly_what_a_server_installs(tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    recipe = re.search(
        r"cyclonedx-py (requirements .*?)--output-file", (ROOT / "Makefile").read_text(encoding="utf-8"), re.DOTALL
    )
    assert recipe
    words = [word for word in recipe[1].split() if word != "\\"]

    subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *words, "--output-file", str(bill)], cwd=ROOT, check=True, timeout=60
    )

    listed = json.loads(bill.read_text(encoding="utf-8"))
    assert listed["bomFormat"] == "CycloneDX"
    assert listed["metadata"]["component"]["name"] == "list-syncer"
    found = {canonicalize_name(item["name"]): {item["version"]} for item in listed["components"]}
    assert found == locked(RUN)
    assert all(
        any(entry["alg"] == "SHA-256" for ref in item["externalReferences"] for entry in ref.get("hashes", ()))
        for item in listed["components"]
    )
