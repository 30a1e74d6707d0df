"""The adapters by the name that settings.toml gives them: those shipped here, then those of installed packages.

Importing this module loads none of them. The installed packages are looked through for a name only that is not
shipped here, so whoever uses none of theirs does not wait for it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from adapters.contract import Action, Adapter, Evidence, SettingsError
from adapters.http.lock import reads_only

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

#: the entry point group by which a package offers an adapter: name -> "module:class", as below
GROUP = "syncer.adapters"
#: name -> "module:class"; what a new one needs beside its line here: docs/adapters.md
SHIPPED = {
    "mailchimp": "adapters.mailchimp.adapter:Mailchimp",
    "activecampaign": "adapters.activecampaign.adapter:ActiveCampaign",
}


def names() -> tuple[str, ...]:
    """Return all names in alphabetical order. Looks through the installed packages, but loads none."""
    from importlib.metadata import entry_points

    return tuple(sorted({*SHIPPED, *entry_points(group=GROUP).names}))


def load(name: str) -> type[Adapter]:
    """Return the class of that name and load its provider's SDK.

    A name that is shipped here is never looked for elsewhere. Raises SettingsError `adapter` for an unknown name, one
    that several packages offer, and for what a package offers that is no adapter or cannot be loaded.
    """
    if name not in SHIPPED:
        return _offered(name)
    module, _, attribute = SHIPPED[name].partition(":")
    adapter: type[Adapter] = getattr(import_module(module), attribute)
    return adapter


def configured(name: str, options: Mapping[str, Any], api_key: str, *, shadow: bool = False) -> Adapter:
    """Build the adapter of that name from its settings; in `shadow` mode nothing but reads will leave it.

    Raises SettingsError as `load` and the adapter's own `configured`.
    """
    adapter = load(name)
    with reads_only() if shadow else nullcontext():
        return adapter.configured(options, api_key)


@cache
def _offered(name: str) -> type[Adapter]:
    """Return the adapter that an installed package offers. Raises SettingsError."""
    from importlib.metadata import entry_points  # only now: it reads the metadata of every package

    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise SettingsError("adapter", f'"{name}" is not known; use {" or ".join(names())}')
    if len(found) > 1:
        packages = " and ".join(sorted(map(_package, found)))
        raise SettingsError("adapter", f'"{name}" is offered by {packages}; uninstall all of these packages but one')
    adapter = _imported(found[0])
    if problem := _problem(adapter, name):
        raise _unusable(found[0], f"{problem}; correct that package, see docs/adapters.md")
    return adapter


def _imported(entry: EntryPoint) -> type[Adapter]:
    """Return what an entry point names, an Adapter by all hope. Raises SettingsError."""
    try:
        with redirect_stdout(sys.stderr):  # what a package prints must not get into the output of a command
            adapter: type[Adapter] | None = getattr(import_module(entry.module), entry.attr, None)
    except (Exception, SystemExit) as error:  # noqa: BLE001 — a package may raise anything while it is loaded
        shown = f"{type(error).__name__} on import; `python -c 'import {_module(entry)}'` shows why"
        raise _unusable(entry, shown) from None
    if adapter is None:
        raise _unusable(entry, f"{entry.module} has no {entry.attr}; correct that package's entry point")
    return adapter


def _problem(adapter: object, name: str) -> str:
    """Return why a thing cannot be used as the adapter of this name; "" where it can."""
    if not (inspect.isclass(adapter) and issubclass(adapter, Adapter)):
        return "it is no class derived from adapters.contract.Adapter"
    if missing := sorted(adapter.__abstractmethods__):
        return f"it lacks {', '.join(missing)}"
    if getattr(adapter, "name", None) != name:
        return f"it must be called by its entry point, name = {name!r}"
    actions = getattr(adapter, "actions", None)
    if not (isinstance(actions, frozenset) and actions and actions <= set(Action)):
        return "its `actions` are no frozenset of Action"
    if not isinstance(getattr(adapter, "evidence", None), Evidence):
        return "its `evidence` is no Evidence"
    return "" if isinstance(getattr(adapter, "options", None), Mapping) else "its `options` are no mapping"


def _unusable(entry: EntryPoint, why: str) -> SettingsError:
    return SettingsError("adapter", f'"{entry.name}" of the package {_package(entry)} cannot be used: {why}')


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "unknown"


def _module(entry: EntryPoint) -> str:
    return entry.value.partition(":")[0].strip()
