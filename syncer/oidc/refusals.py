"""Why nobody comes in by an identity provider: it gives no usable answer, or its word is not believed."""

from __future__ import annotations


class ProviderAway(Exception):
    """Raised where an identity provider gives no answer that can be used; the text is a short phrase of ours."""


class ProviderRefuses(ProviderAway):
    """Raised where it answers that what was asked for is wrong (HTTP status 400)."""


class StillAway(ProviderAway):
    """Raised where it was found away just now, and is not asked again."""


class BadToken(Exception):
    """Raised for an ID token that is not to be believed; the text is a short phrase of ours."""


class UnknownKey(BadToken):
    """Raised for one that is signed with a key that the provider may have got meanwhile."""
