"""One erasure with nothing around it: read, delete, read back. What every peer does for each event."""

from __future__ import annotations

import hashlib
import os

import requests

from tests.bench.provider import AUDIENCE, person

#: as many at a time as syncer's adapter has senders
THREADS = 8
FIELDS = "email_address,list_id,status,timestamp_opt,timestamp_signup,last_changed"

_session = requests.Session()
_session.trust_env = False
_session.auth = ("syncer", os.environ.get("BENCH_KEY", ""))
_session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS, pool_block=True))


def erase(number: int) -> None:
    """Erase a person; one who is gone already was erased before a kill."""
    key = hashlib.md5(person(number).encode()).hexdigest()
    url = f"{os.environ['BENCH_URL']}/3.0/lists/{AUDIENCE}/members/{key}"
    if _session.get(url, params={"fields": FIELDS}).status_code == 404:
        return
    assert _session.post(f"{url}/actions/delete-permanent").status_code == 204
    assert _session.get(url, params={"fields": FIELDS}).status_code == 404
