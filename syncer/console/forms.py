"""What people type into forms: read by models of pydantic, refused in words beside each field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError

from syncer.console.pages import BadInput
from syncer.language.texts import N_, _

#: kind of pydantic's error -> what is said of it
_SAID = {
    "missing": N_("This is needed."),
    "string_too_short": N_("This is needed."),
    "string_too_long": N_("This is too long."),
    "enum": N_("Choose one of the list."),
    "literal_error": N_("Choose one of the list."),
    "int_parsing": N_("Type a number."),
    "date_parsing": N_("Type a day."),
    "date_from_datetime_parsing": N_("Type a day."),
}
_OTHER = N_("This cannot be understood.")


class Form(BaseModel):
    """What was typed into a form; a validator that raises ValueError says why, as a text to be translated."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class UnfitForm(Exception):
    """Raised for a form that cannot be taken; `errors` says why, by the name of the field, in the reader's language."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = errors


FormKind = TypeVar("FormKind", bound=Form)


def sent(kind: type[FormKind], lists: Iterable[str] = ()) -> FormKind:
    """Return the form that was sent. Raises UnfitForm, and BadInput for a field twice that is none of `lists`."""
    given = {name: request.form.getlist(name) for name in request.form if name in kind.model_fields}
    if any(len(values) > 1 and name not in lists for name, values in given.items()):
        raise BadInput(_("A field was sent twice. Go back and try it again; nothing was changed."))
    try:
        return kind.model_validate({name: values if name in lists else values[0] for name, values in given.items()})
    except ValidationError as error:
        raise UnfitForm({_field(each["loc"]): _said(each["type"], each["msg"]) for each in error.errors()}) from None


def _field(place: tuple[int | str, ...]) -> str:
    return str(place[0]) if place else ""


def _said(kind: str, message: str) -> str:
    return _(message.removeprefix("Value error, ")) if kind == "value_error" else _(_SAID.get(kind, _OTHER))
