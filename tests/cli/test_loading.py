"""What a command loads: nothing that it does not use, as most of the time that a short one takes is loading."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import inside
from tests.support.walk import PERSON

#: runs the command line, and tells on stderr what was loaded when it ends
TOLD = """
import atexit, sys
atexit.register(lambda: sys.stderr.write("\\nloaded " + " ".join(sorted(sys.modules))))
from syncer.cli.main import main
main()
"""
#: what no command that reads needs
UNUSED = (
    "alembic", "apscheduler", "babel", "idna", "jinja2", "mailchimp_marketing", "markdown_it", "prometheus_client",
    "pydantic", "requests", "rich", "structlog", "tenacity", "urllib3", "pymysql", "psycopg", "holidays",
    "rfc3161_client",
    "sqlalchemy.orm", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql",
    "adapters.mailchimp.walk", "adapters.mailchimp.listing", "adapters.mailchimp.trial", "adapters.sandbox",
    "adapters.activecampaign.walk", "adapters.activecampaign.calls", "adapters.activecampaign.trial",
    "syncer.delivery.lane", "syncer.intake.take", "syncer.intake.wordpress.bridge", "syncer.service", "syncer.setup",
    "syncer.settings.anchors", "syncer.audit.anchors.email", "syncer.audit.offline.verifier",
    "syncer.reports.propagation", "syncer.reports.html", "syncer.reports.dossier",
    "syncer.cli.output.terminal", "syncer.cli.audit", "syncer.cli.work",
)  # fmt: skip
#: what takes settings, key file or database, which help has no use for
OF_AN_INSTALLATION = (
    "adapters", "cryptography", "json", "sqlalchemy", "syncer.app", "syncer.settings", "tomllib", "zoneinfo",
)  # fmt: skip


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    inside(path, "init")
    inside(path, "submit", "erasure", stdin=PERSON)
    return path


def loaded(*words: str) -> set[str]:
    """Every module that a process of its own has loaded once the command is through."""
    env = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "TTY_COMPATIBLE")}
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *words], capture_output=True, encoding="utf-8", env=env, check=False, timeout=60
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout, done.stderr
    return set(done.stderr.rpartition("\nloaded ")[2].split())


def among(names: tuple[str, ...], modules: set[str]) -> list[str]:
    return sorted(module for module in modules for name in names if module == name or module.startswith(f"{name}."))


@pytest.mark.slow
@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("events", "--json"), ("events",)])
def test_a_command_that_reads_loads_nothing_for_the_rest(settings: Path, words: tuple[str, ...]) -> None:
    modules = loaded("--settings", str(settings), *words)

    assert among(UNUSED, modules) == []
    assert {"sqlalchemy.dialects.sqlite", "syncer.reports.views"} <= modules  # it did read


def test_one_engine_is_loaded_and_not_the_others(settings: Path) -> None:
    modules = loaded("--settings", str(settings), "status")

    assert among(("sqlalchemy.dialects",), modules) != []
    assert {module.split(".")[2] for module in modules if module.startswith("sqlalchemy.dialects.")} <= {
        "sqlite",
        "_typing",
    }


def test_json_loads_no_words_for_people(settings: Path) -> None:
    modules = loaded("--settings", str(settings), "events", "--json")

    assert among(("syncer.cli.output.printing", "rich"), modules) == []


def test_the_first_page_of_help_loads_nothing_but_itself() -> None:
    script = TOLD.replace("syncer.cli.main", "syncer.__main__")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True, timeout=60)

    modules = set(done.stderr.rpartition("\nloaded ")[2].split())
    assert among(("syncer",), modules) == ["syncer", "syncer.__main__"]
    assert among(("click", "inspect", "pathlib", "re", "typing.io"), modules) == []


@pytest.mark.parametrize("words", [("--help",), ("status", "--help"), ("--version",)])
def test_help_loads_no_installation(words: tuple[str, ...]) -> None:
    assert among((*UNUSED, *OF_AN_INSTALLATION), loaded(*words)) == []
