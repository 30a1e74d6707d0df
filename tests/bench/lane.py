"""What a lane costs: deliveries a second against a bare requests.Session loop that makes the same calls."""

from __future__ import annotations

import hashlib
import queue
import statistics
import threading
import time
from typing import Any

import requests

from tests.bench.installation import fill, installed, work
from tests.bench.provider import AUDIENCE, Provider, person

THREADS = 8
FIELDS = "email_address,list_id,status,timestamp_opt,timestamp_signup,last_changed"


def bare(provider: Provider, first: int, count: int) -> float:
    """Erase `count` people with nothing around the calls: read, delete, read back; return the seconds it took."""
    session = requests.Session()
    session.trust_env = False
    session.auth = ("syncer", provider.api_key)
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS, pool_block=True))
    waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    for number in [*range(first, first + count), *[None] * THREADS]:
        waiting.put(number)

    def erase() -> None:
        while (number := waiting.get()) is not None:
            key = hashlib.md5(person(number).encode()).hexdigest()
            url = f"{provider.url}/3.0/lists/{AUDIENCE}/members/{key}"
            assert session.get(url, params={"fields": FIELDS}).status_code == 200
            assert session.post(f"{url}/actions/delete-permanent").status_code == 204
            assert session.get(url, params={"fields": FIELDS}).status_code == 404

    threads = [threading.Thread(target=erase) for _ in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    session.close()
    return took


def overhead(database: str, count: int, rounds: int) -> dict[str, Any]:
    """Return the median of lane against bare loop, taken in turns, and the commits per delivery of the lane."""
    ratios, n = [], 0
    with Provider("mailchimp") as provider, installed(provider, database) as app:
        provider.add(0, 200)
        bare(provider, 0, 200)
        for _ in range(rounds):
            n += 1_000_000
            provider.add(n, count)
            fill(app, n, count)
            cpu = time.process_time()
            tt = time.thread_time()
            began = time.perf_counter()
            work(app)
            lane = time.perf_counter() - began
            lane_cpu = time.process_time() - cpu
            print("pump cpu", (time.thread_time() - tt) / count * 1e6)
            n += 1_000_000
            provider.add(n, count)
            cpu = time.process_time()
            alone = bare(provider, n, count)
            bare_cpu = time.process_time() - cpu
            ratios.append(alone / lane)
            print(
                f"   lane {count / lane:.0f}/s cpu {lane_cpu / count * 1e6:.0f} bare {count / alone:.0f}/s cpu {bare_cpu / count * 1e6:.0f} ratio {alone / lane:.3f}"
            )
    return {"ratio": statistics.median(ratios)}


if __name__ == "__main__":
    import sys

    from syncer.log import configure

    configure("error")
    if len(sys.argv) > 3:
        from tests.servers import SERVERS

        s = SERVERS[sys.argv[3]]()
        try:
            print(overhead(s.new_database(), int(sys.argv[1]), int(sys.argv[2])))
        finally:
            s.close()
    else:
        print(overhead("sqlite:///syncer.db", int(sys.argv[1]), int(sys.argv[2])))
