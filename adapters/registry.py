"""The adapters by the name that settings.toml gives them. Importing this module loads none of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.contract import Adapter

#: name -> "module:class"; a new adapter is one line here, one folder and one stage in tests/adapters/stages.py
_ADAPTERS = {
    "mailchimp": "adapters.mailchimp.adapter:Mailchimp",
    "activecampaign": "adapters.activecampaign.adapter:ActiveCampaign",
}


def names() -> tuple[str, ...]:
    """Return the names in alphabetical order."""
    return tuple(sorted(_ADAPTERS))


def load(name: str) -> type[Adapter]:
    """Return the class of that name and load its provider's SDK. Raises KeyError for an unknown name."""
    module, _, attribute = _ADAPTERS[name].partition(":")
    adapter: type[Adapter] = getattr(import_module(module), attribute)
    return adapter
