"""`python -m tests.bench.fill FOLDER EVENTS [--engine NAME] [--database URL] [--years N]`: fill an installation.

Without a URL a private server is started for another engine than SQLite; it goes away when Enter is pressed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from syncer.log import configure
from tests.bench.fill.installation import fill
from tests.support.servers import ENGINES, SERVERS


def main(words: list[str]) -> int:
    """Fill and say how long it took."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fill")
    parser.add_argument("folder", type=Path)
    parser.add_argument("events", type=int)
    parser.add_argument("--engine", choices=ENGINES, default="sqlite")
    parser.add_argument("--database", help="the URL of an empty database")
    parser.add_argument("--years", type=float, default=3.0)
    given = parser.parse_args(words)
    configure("error")
    given.folder.mkdir(parents=True, exist_ok=True)
    server = None
    if given.database is None and given.engine != "sqlite":
        server = SERVERS[given.engine]()
    url = given.database or (server.new_database() if server else "sqlite:///syncer.db")
    try:
        began, cpu = time.monotonic(), time.process_time()
        path = fill(given.folder, given.events, url, years=given.years)
        took, cpu = time.monotonic() - began, time.process_time() - cpu
        print(f"{path}: {given.events} events, {given.events / took:.0f} a second, {cpu:.1f} s of CPU")
        if server is not None:
            input(f"{url}: press Enter to end the server ")
    finally:
        if server is not None:
            server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
