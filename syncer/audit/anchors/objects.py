"""An object store: HTTPS PUT of each note, where wanted under a lock that not even its owner can lift."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

from syncer.audit.anchors.cutoff import WHOLE
from syncer.audit.anchors.folder import file_name
from syncer.audit.anchors.place import AnchorError
from syncer.audit.anchors.web import send
from syncer.audit.offline.notes import Checkpoint
from syncer.settings.anchors import ObjectAnchor
from syncer.settings.secret_file import secret


class Objects:
    """A folder or bucket behind HTTPS. `table` names the settings, for errors."""

    def __init__(self, settings: ObjectAnchor, table: str, seconds: float = WHOLE) -> None:
        self._settings = settings
        self._seconds = seconds
        self._secret = secret(f"{table} secret", settings.secret_env, settings.secret_file)

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        """Put the note there under its own name: whatever is there under that name is the same note."""
        s, content, now = self._settings, note.encode(), datetime.now(UTC)
        url = f"{s.url.rstrip('/')}/{quote(file_name(checkpoint))}"
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            # S3 asks for it on every PUT with a lock
            "Content-MD5": base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode("ascii"),
        }
        if s.lock_days is not None:
            until = now + timedelta(days=s.lock_days)
            headers["x-amz-object-lock-mode"] = "COMPLIANCE"
            headers["x-amz-object-lock-retain-until-date"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        if s.access_key is not None and self._secret is not None:
            headers = signed("PUT", url, headers, content, s.region, s.access_key, self._secret, now)
        elif self._secret is not None:
            headers["Authorization"] = f"Bearer {self._secret}"
        status, _ = send("PUT", url, content, headers, self._seconds)
        if status not in (200, 201, 204):
            raise AnchorError(f"{urlsplit(url).netloc} refused the note (HTTP {status})")
        return url


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    region: str,
    access_key: str,
    key: str,
    now: datetime,
) -> dict[str, str]:
    """Return the headers with an AWS Signature Version 4 for S3 over all of them. `now` is UTC."""
    parts, stamp = urlsplit(url), now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(content).hexdigest()
    signed_headers = dict(headers) | {"host": parts.netloc, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    lower = sorted((name.lower(), value.strip()) for name, value in signed_headers.items())
    names = ";".join(name for name, _ in lower)
    canonical = "\n".join(
        [method, parts.path or "/", parts.query, *(f"{name}:{value}" for name, value in lower), "", names, digest]
    )
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    derived = f"AWS4{key}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signature = hmac.digest(derived, text.encode(), "sha256").hex()
    signed_headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}"
    )
    return signed_headers
