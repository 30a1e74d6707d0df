"""`python -m tests.bench.peers MODULE FUNCTION [COUNT]`: one step of a peer, in a process of its own."""

from __future__ import annotations

import sys
from importlib import import_module

if __name__ == "__main__":
    module, function, *count = sys.argv[1:]
    getattr(import_module(f"tests.bench.peers.{module}"), function)(*map(int, count))
