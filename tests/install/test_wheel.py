"""The wheel as docs/install.md has it, through pipx; and what all packages say that they are made of."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.install.built import DIST, built
from tests.install.pages import blocks
from tests.support.chroot import settings_of_pip
from tests.support.paths import ROOT

pytestmark = pytest.mark.packages


def test_pipx_installs_the_wheel_with_the_versions_that_were_tried_and_the_demo_runs(tmp_path: Path) -> None:
    built("list_syncer-*.whl")
    if shutil.which("pipx") is None:
        pytest.skip("pipx is missing")
    (typed,) = [
        block.text for block in blocks((ROOT / "docs/install.md").read_text("utf-8")) if block.chapter == "pipx"
    ]
    folder = tmp_path / "home"
    shutil.copytree(DIST, folder, ignore=shutil.ignore_patterns("*.deb", "*.tar"))
    env = {"HOME": str(folder), "PATH": f"{folder}/.local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **settings_of_pip()}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", typed],
        env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-4000:]
    assert "That took" in done.stdout
    # its own folder: pipx lends each environment pip and what that needs
    (site,) = folder.glob("**/venvs/list-syncer/lib/python3*/site-packages")
    found = {canonicalize_name(item.name): item.version for item in distributions(path=[str(site)])}
    assert found.pop("list-syncer")
    lock = dict(re.findall(r"^([\w.-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    assert found and found.keys() <= lock.keys()
    assert {name: lock[name] for name in found} == found
    assert "pymysql" in found


@pytest.mark.parametrize("package", ["list_syncer-*.whl", "syncer_*.deb", "syncer-*.oci.tar"])
def test_beside_each_package_lies_what_it_is_made_of(package: str) -> None:
    file = built(package)
    bill = json.loads(Path(f"{file}.cdx.json").read_text(encoding="utf-8"))

    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "list-syncer"
    python = {item["name"]: item for item in bill["components"] if item["purl"].startswith("pkg:pypi/")}
    assert all(
        any(entry["alg"] == "SHA-256" for ref in item["externalReferences"] for entry in ref.get("hashes", ()))
        for item in python.values()
    )
    assert {"cryptography", "sqlalchemy", "pymysql", "psycopg-binary"} <= {name.lower() for name in python}
    assert "hatchling" not in python
    debian = {item["name"] for item in bill["components"] if item["purl"].startswith("pkg:deb/")}
    assert ({"libc6", "syncer"} <= debian) if package.endswith(".tar") else not debian


def test_the_deb_has_just_what_its_bill_lists_and_asks_for_the_libraries_it_is_linked_to() -> None:
    deb = built("syncer_*.deb")
    bill = json.loads(Path(f"{deb}.cdx.json").read_text(encoding="utf-8"))
    listed = subprocess.run(
        ["dpkg-deb", "--contents", deb], stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout
    asked = subprocess.run(
        ["dpkg-deb", "--field", deb, "Depends"], stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout

    brought = set(re.findall(r"site-packages/([\w.]+)-([\w.]+)\.dist-info/$", listed, re.MULTILINE))
    assert {(canonicalize_name(name), version) for name, version in brought if name != "list_syncer"} == {
        (canonicalize_name(item["name"]), item["version"]) for item in bill["components"]
    }
    assert {"libc6", "ca-certificates", "python3"} <= {re.split(r"[ (|]", part)[0] for part in asked.split(", ")}
    assert re.search(r"python3 \(<< 3\.\d+\)", asked)


def test_the_constraints_are_those_of_the_lock_file() -> None:
    constraints = built("list_syncer-*-constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = re.findall(r"^([\w.-]+==[^\\\n]*?) *\\?$", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)

    assert constraints == locked
    assert all(str(next(iter(Requirement(line).specifier))).startswith("==") for line in constraints)
