"""What adapters accept in their settings: the address of the API, the key, a flag, a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters.contract import SettingsError


def check_base_url(value: object, suffix: str) -> str:
    """Return the address of the API without a closing slash and with its `suffix` (`/3.0`), written or not.

    Raises SettingsError `base_url` for anything but https (plain http only for this computer), and for user info, a
    query, a fragment or another path.
    """
    example = f"write it as https://HOST or https://HOST{suffix}"
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        raise SettingsError("base_url", f"base_url is not a web address: {example}")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError("base_url", f"base_url is not a web address: {example}") from None
    if not host or not all(letter.isalnum() or letter in "-.:" for letter in host):
        raise SettingsError("base_url", f"base_url has no usable host: {example}")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError("base_url", f"base_url must use https (plain http only for this computer): {example}")
    if "@" in parts.netloc:
        raise SettingsError("base_url", f"base_url must not hold a user or password: {example}")
    if "?" in value or "#" in value or parts.path.rstrip("/") not in ("", suffix):
        raise SettingsError("base_url", f"base_url must end after the host or after {suffix}: {example}")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{suffix}"


def check_api_key(api_key: str) -> str:
    """Return the key as it goes into a header. Raises SettingsError `api_key` for an empty one, blanks, line breaks."""
    if not api_key or not all("!" <= letter <= "~" for letter in api_key):
        raise SettingsError("api_key", "the API key is empty or holds blanks or odd characters: copy it again")
    return api_key


def check_flag(options: Mapping[str, Any], key: str, default: bool) -> bool:
    """Return a yes-or-no setting. Raises SettingsError for anything but true and false."""
    value = options.get(key, default)
    if not isinstance(value, bool):
        raise SettingsError(key, f"{key} must be true or false")
    return value


def is_loopback(host: str) -> bool:
    """Say whether a host as written in the settings means this computer."""
    address = literal(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is written as, None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
