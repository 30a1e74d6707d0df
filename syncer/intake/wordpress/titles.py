"""Addresses as WordPress keeps them, in the titles of requests and of its users: some characters are entities."""

from __future__ import annotations

import re

from syncer.privacy.addresses import normal_form

_CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "38": "&", "60": "<", "62": ">", "34": '"', "39": "'",
               "26": "&", "22": '"', "27": "'"}  # fmt: skip
_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot)|#0*(38|60|62|34|39)|#[xX]0*(26|22|27));")


def decoded(text: str) -> str:
    """Return what WordPress' own `wp_specialchars_decode( $text, ENT_QUOTES )` returns, as the plugin calls it.

    An anonymous visitor's click on the link in a mail stores a&b@ as a&amp;b@. Five characters are decoded, once, and
    only with the semicolon: `jane&reg@x.test` is an address as it stands, and that of another person decoded.
    https://developer.wordpress.org/reference/functions/wp_specialchars_decode/
    """
    return _ENTITY.sub(lambda found: _CHARACTERS[found[1] or found[2] or found[3]], text)


def same_person(title: str, email: str) -> bool:
    """Say whether two addresses, decoded, are one person's; by the letter where one of them has no normal form."""
    normal = normal_form(title)
    return title == email if normal is None else normal == normal_form(email)
