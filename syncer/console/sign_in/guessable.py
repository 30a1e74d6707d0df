"""Passwords that a stranger tries first: well-known words, keyboard walks, counting, repetitions.

No list of leaked passwords is carried along: nobody knows whose the public ones are. Of the commonest 3,000 only a
dozen have twelve characters, and nearly all of those are made of what is taken away here.
"""

from __future__ import annotations

import re

#: characters that a password needs besides what everybody thinks of
_LEFT = 5
#: different characters that it needs
_DIFFERENT = 6
#: a text of so few characters, repeated, is no longer one
_UNIT = 8

_WORDS = (
    "administrator", "password", "passwort", "motdepasse", "kennwort", "passphrase", "iloveyou", "ichliebedich",
    "jetaime", "letmein", "leavemealone", "trustno", "sunshine", "princess", "football", "baseball", "superman",
    "batman", "starwars", "dragon", "monkey", "welcome", "willkommen", "bienvenue", "changeme", "default", "secret",
    "geheim", "schatz", "hallo", "hello", "bonjour", "soleil", "admin", "master", "login", "access", "qwerty",
    "qwertz", "azerty", "compliance", "console", "konsole", "mailchimp", "activecampaign", "wordpress", "newsletter",
    "datenschutz", "privacy", "winter", "summer", "sommer", "spring", "autumn", "herbst", "test", "user", "pass",
)  # fmt: skip
_WALKS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "00112233445566778899", "102030405060708090",
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1qay2wsx3edc4rfv5tgb6zhn7ujm", "qazwsxedcrfvtgbyhnujm", "1qa2ws3ed4rf5tg6yh7uj",
    "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1q2w3e4r5t6z7u8i9o0p", "qawsedrftgyhujikolp", "1a2s3d4f5g6h7j8k9l",
    "1qazxsw23edcvfr4", "zaqwsxcderfv", "zaq1xsw2cde3vfr4",
)  # fmt: skip
#: what stands for a letter in many passwords
_LEET = str.maketrans("@430$157!", "aaeosistl"[:9])
_YEARS = re.compile(r"(19|20)\d\d")
_REPEATED = re.compile(r"(.)\1\1+")
_PIECES = frozenset(
    walk[start : start + 3]
    for each in _WALKS
    for walk in (each, each[::-1])
    for start in range(len(walk) - 2)
)  # fmt: skip


def is_guessable(password: str) -> bool:
    """Say whether little is left of a password once that is gone which everybody thinks of."""
    folded = password.casefold()
    if len(set(folded)) < _DIFFERENT or _is_one_piece_repeated(folded):
        return True
    return min(_left(folded), _left(folded.translate(_LEET))) < _LEFT


def _is_one_piece_repeated(text: str) -> bool:
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, _UNIT))


def _left(text: str) -> int:
    """Return how many letters and digits are neither a well-known word nor part of a walk."""
    for each in _WORDS:
        text = text.replace(each, "\0")
    text = _REPEATED.sub("\0", _YEARS.sub("\0", text))
    gone = set()
    for start in range(len(text) - 2):
        if text[start : start + 3] in _PIECES:
            gone |= {start, start + 1, start + 2}
    return sum(1 for place, letter in enumerate(text) if place not in gone and letter.isalnum())
