"""Texts in templates: `_`, `gettext`, `ngettext` and `{% trans %}`, whose values are shown as everything else is."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from syncer.language import texts


def install(templates: Environment) -> None:
    """Let templates look their texts up in the language that is spoken.

    A value in a text goes through the environment's `finalize` first, as one that stands for itself does, and is
    escaped; the text around it is ours, and may hold marks of HTML.
    """
    templates.add_extension("jinja2.ext.i18n")
    templates.install_gettext_callables(_gettext, _ngettext, newstyle=False)  # type: ignore[attr-defined]
    # what stands in {% trans %} is handed on with its values, to be put in here
    templates.newstyle_gettext = True  # type: ignore[attr-defined]


@pass_context
def _gettext(context: Context, text: str, /, **values: Any) -> str:
    return _filled(context, texts._(text), values)


@pass_context
def _ngettext(context: Context, one: str, many: str, num: int, /, **values: Any) -> str:
    # the number is a count here, and written as one; those of cases and entries are names, and have no points
    said = texts.plural(one, many, num).replace("%(num)d", "%(num)s")
    return _filled(context, said, {**values, "num": texts.digits(num)})


def _filled(context: Context, text: str, values: dict[str, Any]) -> str:
    shown = context.environment.finalize or (lambda value: value)
    marked = Markup(text) if context.eval_ctx.autoescape else text  # noqa: S704 — from the catalogue, which is ours
    return marked % {name: shown(value) for name, value in values.items()}
