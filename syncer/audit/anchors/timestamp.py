"""A time stamp authority (RFC 3161): its token says that the note existed at that time, signed by somebody else."""

from __future__ import annotations

from pathlib import Path

from syncer.audit.anchors.cutoff import WHOLE
from syncer.audit.anchors.folder import file_name, write
from syncer.audit.anchors.place import AnchorError
from syncer.audit.anchors.web import send
from syncer.audit.offline.notes import Checkpoint
from syncer.settings.anchors import TimestampAnchor

SUFFIX = ".tsr"


class Timestamp:
    """An authority; its answers are kept in the state folder, beside the notes."""

    def __init__(self, settings: TimestampAnchor, state: Path, seconds: float = WHOLE) -> None:
        self._settings = settings
        self._seconds = seconds
        self._state = state

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        """Have the note stamped: the answer must be granted, for this note, with our nonce, and valid under a root."""
        try:
            from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
        except ModuleNotFoundError:
            raise AnchorError("rfc3161-client is not installed; install syncer's extra [timestamp]") from None
        builder = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256)
        request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
        headers = {"Content-Type": "application/timestamp-query"}
        status, answer = send("POST", self._settings.url, request.as_bytes(), headers, self._seconds)
        if status != 200:
            raise AnchorError(f"{self._settings.url} gave no time stamp (HTTP {status})")
        self._require_valid(request, answer, note.encode())
        return str(write(self._state, file_name(checkpoint, SUFFIX), answer))

    def _require_valid(self, request: object, answer: bytes, note: bytes) -> None:
        import hashlib
        from typing import Any

        from cryptography.x509 import load_pem_x509_certificate
        from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

        asked: Any = request
        try:
            response = decode_timestamp_response(answer)
            if response.status != 0:
                raise AnchorError(f"{self._settings.url} did not grant a time stamp (status {response.status})")
            info = response.tst_info
            if info.nonce != asked.nonce or info.message_imprint.message != hashlib.sha256(note).digest():
                raise AnchorError(f"{self._settings.url} stamped something else")
            if self._settings.root_file is not None:
                root = load_pem_x509_certificate(self._settings.root_file.read_bytes())
                VerifierBuilder.from_request(asked).add_root_certificate(root).build().verify_message(response, note)
        except OSError as error:
            raise AnchorError(f"{self._settings.root_file} cannot be read ({error.strerror})") from None
        except (ValueError, VerificationError) as error:  # the library also refuses anything but strict DER
            raise AnchorError(f"the time stamp of {self._settings.url} is not valid ({type(error).__name__})") from None
