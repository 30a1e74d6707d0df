"""What the packages are made of: extras of a server, Debian libraries that wheels need, the bill of materials.

`contents.py extras`                            the extras that a package brings, as pip writes them
`contents.py libraries ENVIRONMENT`             Debian's packages with the libraries that its machine code is linked to
`contents.py bill ENVIRONMENT FILE [--debian LIST]`   CycloneDX of what is installed there, with the hashes of the lock
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
#: the ones that no server runs
NOT_INSTALLED = {"bench", "build", "dev"}
_NEEDED = re.compile(r"^  NEEDED +(\S+)$", re.MULTILINE)


def extras() -> str:
    """Return every extra that runs on a server."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return ",".join(sorted(project["optional-dependencies"].keys() - NOT_INSTALLED))


def libraries(environment: Path) -> str:
    """Return Debian's packages that hold what the machine code of an environment is linked to and does not bring."""
    files = [path for path in environment.rglob("*") if re.search(r"\.so(\.|$)", path.name)]
    brought = {path.name for path in files}
    dumped = subprocess.run(
        ["objdump", "-p", *files], stdout=subprocess.PIPE, encoding="utf-8", check=True
    ).stdout  # fmt: skip
    cached = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    paths = dict(re.findall(r"^\t(\S+) \(.*\) => (\S+)$", cached, re.MULTILINE)[::-1])
    return ", ".join(sorted({_owner(paths[name]) for name in set(_NEEDED.findall(dumped)) - brought}))


def _owner(library: str) -> str:
    """Return the package of a file, which dpkg knows under its name from before /usr was merged, or after."""
    real = str(Path(library).resolve())
    for name in (library, real, real.removeprefix("/usr")):
        done = subprocess.run(["dpkg", "-S", name], capture_output=True, encoding="utf-8", check=False)
        if done.returncode == 0:
            return done.stdout.partition(":")[0]
    raise SystemExit(f"{library} belongs to no package of Debian's")


def bill(environment: Path, file: Path, debian: Path | None = None) -> None:
    """Write what is installed in an environment, and of Debian's packages those in a list, as CycloneDX."""
    (site,) = environment.glob("lib/python*/site-packages")
    names = {_normal(found.name) for found in distributions(path=[str(site)])} - {"list-syncer"}
    blocks = [block for block in _locked() if _normal(block.partition("==")[0]) in names]
    if len(blocks) != len(names):
        raise SystemExit(f"{site} has {len(names)} packages, {LOCK.name} knows {len(blocks)} of them")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as lock:
        lock.write("\n".join(blocks))
        lock.flush()
        words = ["requirements", lock.name, "--pyproject", str(ROOT / "pyproject.toml"), "--short-PURLs"]
        subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "cyclonedx_py",
                *words,
                "--output-reproducible",
                "--output-file",
                str(file),
            ],
            check=True,
        )
    if debian is not None:
        listed = json.loads(file.read_text(encoding="utf-8"))
        listed["components"] += list(_debian(debian))
        file.write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


def _locked() -> list[str]:
    """Return the lock file's packages, each with its hashes."""
    return re.findall(r"^[\w.-]+==.*(?:\n    .*)*", LOCK.read_text(encoding="utf-8"), re.MULTILINE)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _debian(listed: Path) -> Iterator[dict[str, str]]:
    """Yield a component for each line of a list: name, version and architecture of a package, apart by tabs."""
    for line in listed.read_text(encoding="utf-8").splitlines():
        name, version, architecture = line.split("\t")
        url = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture}"
        yield {"type": "library", "name": name, "version": version, "purl": url, "bom-ref": url}


def main(words: list[str]) -> None:
    """Do what the head of this file says."""
    match words:
        case ["extras"]:
            print(extras())
        case ["libraries", environment]:
            print(libraries(Path(environment)))
        case ["bill", environment, file]:
            bill(Path(environment), Path(file))
        case ["bill", environment, file, "--debian", listed]:
            bill(Path(environment), Path(file), Path(listed))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
