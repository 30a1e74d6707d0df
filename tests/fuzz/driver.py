"""One target under atheris: `python -m tests.fuzz.driver TARGET`, and libFuzzer's own arguments behind it."""

from __future__ import annotations

import sys
import warnings

import atheris

with atheris.instrument_imports(include=["syncer", "adapters"]), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()
