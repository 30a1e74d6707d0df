"""An identity provider that lies in each field, or somebody who answers in its place: nobody gets in."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey, RSAKey

from syncer.app import App
from tests.support.console.signing_in import browser
from tests.support.web.abroad import bound, come_back, set_out, there_and_back, why
from tests.support.web.issuer import CLIENT, Issuer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lies", "phrase"),
    [
        ({"iss": "https://evil.example.org"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "other"}, "another client"),
        ({"aud": []}, "another client"),
        ({"aud": None}, "another client"),
        ({"aud": [CLIENT, "other"]}, "another client"),
        ({"aud": [CLIENT, "other"], "azp": "other"}, "another client"),
        ({"aud": [CLIENT, 7], "azp": CLIENT}, "another client"),
        ({"aud": {CLIENT: 1}}, "another client"),
        ({"azp": [CLIENT]}, "another client"),
        ({"iss": ["x"]}, "another issuer"),
        ({"azp": "other"}, "another client"),
        ({"nonce": "other"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"nonce": 1}, "another sign-in"),
        ({"exp": 1}, "too old"),
        ({"exp": None}, "how long"),
        ({"exp": "tomorrow"}, "no moment"),
        ({"exp": True}, "no moment"),
        ({"exp": 1e300}, "no moment"),
        ({"exp": float("nan")}, "no moment"),
        ({"iat": None}, "how long"),
        ({"iat": 1}, "too old"),
        ({"iat": 4_000_000_000}, "future"),
        ({"nbf": 4_000_000_000}, "future"),
        ({"sub": None}, "nobody"),
        ({"sub": ""}, "nobody"),
        ({"sub": 7}, "nobody"),
        ({"sub": "a" * 256}, "nobody"),
        ({"sub": "anna@id\n"}, "nobody"),
        ({"sub": "änna"}, "nobody"),
    ],
)
def test_a_token_that_lies_in_a_field_lets_nobody_in(
    oidc_site: Flask, app: App, issuer: Issuer, lies: dict[str, Any], phrase: str
) -> None:
    bound(oidc_site, app, issuer)
    issuer.lies, client = lies, browser(oidc_site)

    answer = there_and_back(client, issuer)

    assert answer.status_code == 403
    assert phrase in why(app)
    assert client.get("/").status_code == 303


@pytest.mark.parametrize("truth", [{"aud": [CLIENT]}, {"aud": [CLIENT, "other"], "azp": CLIENT}, {"azp": CLIENT}])
def test_a_token_for_several_lets_in_whom_it_was_given_to(
    oidc_site: Flask, app: App, issuer: Issuer, truth: dict[str, Any]
) -> None:
    bound(oidc_site, app, issuer)
    issuer.lies = truth

    assert there_and_back(browser(oidc_site), issuer).headers["Location"] == "/"


def another_key(issuer: Issuer) -> None:
    issuer.signer = ECKey.generate_key("P-256", {"kid": "one"})


def a_key_that_nobody_names(issuer: Issuer) -> None:
    issuer.signer, issuer.head = ECKey.generate_key("P-256", {"kid": "two"}), {"alg": "ES256", "kid": "two"}


def no_signature(issuer: Issuer) -> None:
    issuer.raw["/token"] = b'{"id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hQGlkIn0."}'


def the_public_key_as_a_secret(issuer: Issuer) -> None:
    issuer.token = issuer.confused({"iss": issuer.url, "aud": CLIENT, "sub": "anna@id", "iat": 1, "exp": 9_999_999_999})


def an_own_key_in_the_head(issuer: Issuer) -> None:
    own = RSAKey.generate_key(2048)
    issuer.signer, issuer.head = own, {"alg": "RS256", "jwk": own.as_dict(private=False)}


def another_kind_of_key(issuer: Issuer) -> None:
    issuer.signer, issuer.head = RSAKey.generate_key(2048, {"kid": "one"}), {"alg": "RS256", "kid": "one"}


def no_token_at_all(issuer: Issuer) -> None:
    issuer.raw["/token"] = b'{"id_token": "..."}'


def a_token_without_end(issuer: Issuer) -> None:
    issuer.raw["/token"] = json.dumps({"id_token": "a" * 100_000}).encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "forge",
    [
        another_key,
        a_key_that_nobody_names,
        no_signature,
        the_public_key_as_a_secret,
        an_own_key_in_the_head,
        another_kind_of_key,
        no_token_at_all,
        a_token_without_end,
    ],
)
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    oidc_site: Flask, app: App, issuer: Issuer, forge: Callable[[Issuer], None]
) -> None:
    bound(oidc_site, app, issuer)
    forge(issuer)
    client = browser(oidc_site)

    assert there_and_back(client, issuer).status_code == 403
    assert client.get("/").status_code == 303
    assert re.search("signature|a key that|too long", why(app))


@pytest.mark.slow
def test_a_new_key_of_the_provider_is_asked_for_but_not_each_time(
    oidc_site: Flask, app: App, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(oidc_site, app, issuer)
    issuer.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    issuer.head = {"alg": "ES256", "kid": "two"}
    assert there_and_back(browser(oidc_site), issuer).status_code == 403, "asked again within a minute"

    monkeypatch.setattr("syncer.oidc.provider._KEYS_KNOWN", 0.0)

    assert there_and_back(browser(oidc_site), issuer).status_code == 303


@pytest.mark.slow
@pytest.mark.parametrize(
    "odd",
    [7, None, {}, {"kty": "RSA"}, {"kty": "EC", "kid": 5}, {"kty": "EC", "crv": "of-tomorrow", "x": "AA", "y": "AA"}],
)
def test_a_key_that_nobody_understands_spoils_no_other(oidc_site: Flask, app: App, issuer: Issuer, odd: object) -> None:
    issuer.raw["/keys"] = json.dumps({"keys": [odd, issuer.key.as_dict(private=False)]}).encode()

    bound(oidc_site, app, issuer)


@pytest.mark.slow
@pytest.mark.parametrize("said", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"key_ops": "verify"}, {"alg": "ES512"}])
def test_a_key_for_something_else_proves_nothing(
    oidc_site: Flask, app: App, issuer: Issuer, said: dict[str, Any]
) -> None:
    issuer.raw["/keys"] = json.dumps({"keys": [issuer.key.as_dict(private=False) | said]}).encode()

    assert there_and_back(browser(oidc_site), issuer).status_code == 403


def test_a_key_whose_private_half_is_shown_to_everybody_proves_nothing(
    oidc_site: Flask, app: App, issuer: Issuer
) -> None:
    issuer.raw["/keys"] = json.dumps({"keys": [issuer.key.as_dict(private=True)]}).encode()

    assert there_and_back(browser(oidc_site), issuer).status_code == 403


def test_a_provider_that_names_itself_has_to_be_the_right_one(oidc_site: Flask, app: App, issuer: Issuer) -> None:
    bound(oidc_site, app, issuer)
    ours, theirs, two = (browser(oidc_site) for _ in range(3))

    right = come_back(ours, f"{issuer.sign_in(set_out(ours))}&iss={issuer.url}")
    wrong = come_back(theirs, f"{issuer.sign_in(set_out(theirs))}&iss=https://evil.example.org")
    both = come_back(two, f"{issuer.sign_in(set_out(two))}&iss={issuer.url}&iss=https://evil.example.org")

    assert (right.status_code, wrong.status_code, both.status_code) == (303, 403, 403)


def test_one_that_promised_to_name_itself_has_to(oidc_site: Flask, issuer: Issuer) -> None:
    issuer.document = {"authorization_response_iss_parameter_supported": True}
    client = browser(oidc_site)

    assert come_back(client, issuer.sign_in(set_out(client))).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example.org"},
        {"issuer": None},
        {"token_endpoint": "http://evil.example.org/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"token_endpoint": ["x"]},
        {"authorization_endpoint": "https://a.example.org/\r\nSet-Cookie: a=b"},
    ],
)
def test_a_provider_that_says_nonsense_of_itself_is_away(
    oidc_site: Flask, issuer: Issuer, document: dict[str, Any]
) -> None:
    issuer.document = document

    answer = browser(oidc_site).get("/sign-in/oidc")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "evil" not in answer.text


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"{" + b" " * 300_000 + b"}"])
def test_an_answer_that_is_none_is_asked_for_once_in_ten_seconds(
    oidc_site: Flask, issuer: Issuer, content: bytes
) -> None:
    issuer.raw["/.well-known/openid-configuration"] = content
    client = browser(oidc_site)

    assert [client.get("/sign-in/oidc").status_code for _ in range(3)] == [503] * 3
    assert len(issuer.asked) == 1


def test_a_provider_that_is_slow_holds_up_nobody_but_who_waits_for_it(
    oidc_site: Flask, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncer.oidc.provider._PATIENCE", 0.05)
    asked, go_on = threading.Event(), threading.Event()
    answer = issuer.answer

    def slowly(*request: Any) -> Any:
        asked.set()
        go_on.wait(4)
        return answer(*request)

    issuer.answer = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: browser(oidc_site).get("/sign-in/oidc").status_code)
        assert asked.wait(10)
        second = browser(oidc_site).get("/sign-in/oidc").status_code
        go_on.set()

        assert (first.result(), second) == (303, 503)
