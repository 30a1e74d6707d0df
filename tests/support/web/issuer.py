"""An identity provider on this machine that says the truth, or lies wherever a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jws, jwt
from joserfc.jwk import ECKey, Key, KeySet, OctKey, RSAKey

CLIENT, SECRET = "syncer", "what only the provider and the console know & more"


class Issuer:
    """One provider. `lies` are claims of its tokens, `document` what its discovery document says otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key: Key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})
        self.signer: Key | None = None
        self.head: dict[str, Any] = {"alg": "ES256", "kid": "one"}
        self.lies: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.raw: dict[str, bytes] = {}
        self.token: str | None = None
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.now = datetime.now

    def sign_in(self, way: str, subject: str = "anna@id") -> str:
        """Sign somebody in who was sent here, and return the query with which they are sent back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(way).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**asked, "sub": subject}
        return f"code={code}&state={asked['state']}"

    def answer(self, path: str, form: dict[str, str], authorization: str) -> Any:
        """Return what it answers; None is a refusal."""
        self.asked.append(path)
        if path in self.raw:
            return self.raw[path]
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/keys"}
            return {"issuer": self.url, **{name: self.url + at for name, at in places.items()}, **self.document}
        if path == "/keys":
            return KeySet([self.key]).as_dict(private=False)
        return self._redeemed(form, authorization) if path == "/token" else None

    def _redeemed(self, form: dict[str, str], authorization: str) -> dict[str, str] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or proof.rstrip(b"=").decode() != asked["code_challenge"]:
            return None
        if form["redirect_uri"] != asked["redirect_uri"] or not authorization.startswith("Basic "):
            return None
        stamp = int(self.now().timestamp())
        claims = {"iss": self.url, "aud": asked["client_id"], "sub": asked["sub"], "nonce": asked["nonce"]}
        claims |= {"iat": stamp, "exp": stamp + 300, **self.lies}
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.token or self.signed(claims)}

    def signed(self, claims: dict[str, Any]) -> str:
        """Sign what is said, with the key of the day or with another."""
        said = {name: value for name, value in claims.items() if value is not None}
        signer = self.signer or self.key
        return jwt.encode(self.head, said, signer, algorithms=[self.head["alg"]])

    def confused(self, claims: dict[str, Any]) -> str:
        """Sign with the public key as if it were a secret: the old trick."""
        assert isinstance(self.key, (RSAKey, ECKey))
        secret = OctKey.import_key(base64.urlsafe_b64encode(self.key.as_pem(private=False)).decode())
        return jws.serialize_compact(
            {"alg": "HS256", "kid": "one"}, json.dumps(claims).encode(), secret, algorithms=["HS256"]
        )


@contextmanager
def running() -> Iterator[Issuer]:
    """Run a provider on a port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    server.issuer = issuer  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer({})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: values[0] for name, values in parse_qs(text).items()})

    def _answer(self, form: dict[str, str]) -> None:
        issuer: Issuer = self.server.issuer  # type: ignore[attr-defined]
        found = issuer.answer(self.path, form, self.headers.get("Authorization", ""))
        content = found if isinstance(found, bytes) else json.dumps(found or {"error": "refused"}).encode()
        self.send_response(400 if found is None else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        pass
