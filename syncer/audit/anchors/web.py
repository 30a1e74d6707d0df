"""One HTTP request of an anchor: no redirects, no proxies from the environment, a deadline, and a cap on the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping

import requests

from syncer.audit.anchors.place import AnchorError

SECONDS = 10.0
LARGEST = 256 * 1024  # bytes of an answer


def send(method: str, url: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Return status and body. Raises AnchorError when no whole answer comes within about 2 * SECONDS."""
    host = url.split("/")[2]
    until = time.monotonic() + 2 * SECONDS
    body = bytearray()
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, url, data=content, headers=dict(headers), timeout=SECONDS, allow_redirects=False, stream=True
            )
            for part in answer.iter_content(8192):
                body += part
                if len(body) > LARGEST or time.monotonic() > until:
                    raise AnchorError(f"{host} answered too much or too slowly")
    except (requests.RequestException, OSError, ValueError) as error:
        raise AnchorError(f"{host} gave no answer ({type(error).__name__})") from None
    return answer.status_code, bytes(body)
