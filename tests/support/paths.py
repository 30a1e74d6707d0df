"""Where things lie in the checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
SCHEMAS = ROOT / "docs" / "schemas"
#: the stand-alone verifier, as an auditor runs it
VERIFIER = ROOT / "docs" / "verify_log.py"
#: pictures that tests of real screens leave; not in git
ARTIFACTS = TESTS / "artifacts"
#: recorded answers of the providers, where they are at hand beside the checkout
FIXTURES = ROOT / ".." / "shared" / "fixtures"
