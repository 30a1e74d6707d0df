"""The settings that adapters have in common: which are taken, and which are refused by name."""

from __future__ import annotations

import pytest

from adapters.contract import SettingsError
from adapters.options import check_api_key, check_base_url


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("https://account.api-us1.com", "https://account.api-us1.com/api/3"),
        ("https://account.api-us1.com/", "https://account.api-us1.com/api/3"),
        ("https://account.api-us1.com/api/3", "https://account.api-us1.com/api/3"),
        ("https://account.api-us1.com/api/3/", "https://account.api-us1.com/api/3"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001/api/3"),
        ("http://localhost:8001", "http://localhost:8001/api/3"),
        ("http://[::1]:8001", "http://[::1]:8001/api/3"),
    ],
)
def test_a_base_url_may_bring_its_suffix(given: str, made: str) -> None:
    assert check_base_url(given, "/api/3") == made


@pytest.mark.parametrize(
    "given",
    [
        "http://account.api-us1.com",
        "http://127.0.0.1.evil.example",
        "https://key@account.api-us1.com",
        "https://account.api-us1.com?x=1",
        "https://account.api-us1.com/#",
        "https://account.api-us1.com/other",
        "https://",
        "ftp://account.api-us1.com",
        "account.api-us1.com",
        "https://account .com",
        "https://account.api-us1.com:port",
        "https://аccount.api-us1.com",
        "https://a\nb",
        "",
        None,
        7,
    ],
)
def test_a_doubtful_base_url_is_refused(given: object) -> None:
    with pytest.raises(SettingsError) as caught:
        check_base_url(given, "/api/3")

    assert caught.value.key == "base_url"


@pytest.mark.parametrize("given", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(given: str) -> None:
    with pytest.raises(SettingsError):
        check_api_key(given)
