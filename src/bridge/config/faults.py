"""What pydantic found wrong, as one sentence each, with the place in the file and the nearest known key."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.config.shape import EVERY
from bridge.mapping.source import Item, Problems, describe, did_you_mean, one_of, quoting

WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "bool_type": "`true` or `false`",
    "dict_type": "a group of keys",
    "model_type": "a group of keys",
    "model_attributes_type": "a group of keys",
    "list_type": "a list",
    "tuple_type": "a list",
    "date_type": "a date such as 2026-01-31",
    "date_parsing": "a date such as 2026-01-31",
    "date_from_datetime_parsing": "a date such as 2026-01-31",
    "string_sub_type": "a text",
    "path_type": "a path",
}


def note_faults(error: ValidationError, item: Item, model: type[BaseModel], problems: Problems) -> None:
    """Note every fault of a validation of `item` against `model`."""
    for detail in error.errors(include_url=False, include_input=False, include_context=True):
        _note(detail, item, model, problems)


def _note(detail: ErrorDetails, item: Item, model: type[BaseModel], problems: Problems) -> None:
    loc = tuple(step for step in detail["loc"] if step not in ("[key]", EVERY))
    parent, name = item.find(loc[:-1]), str(loc[-1]) if loc else ""
    where = ".".join(str(step) for step in loc[:-1])
    inside = f" of `{where}`" if where else ""
    kind = detail["type"]
    if kind == "missing":
        message = f"the key `{name}` is missing from `{where}`" if where else f"the key `{name}` is missing"
        problems.add(message, parent.place, f"add `{name}:`")
        return
    if kind == "extra_forbidden":
        known = keys_at(model, loc[:-1])
        hint = did_you_mean(name, known) or (f"known here: {', '.join(known)}" if known else "")
        problems.add(f"`{name}` is not a known key{inside}", parent.key_place(name), hint)
        return
    is_key = "[key]" in detail["loc"]
    place = parent.key_place(name) if is_key else item.find(loc).place
    value = name if is_key else item.find(loc).plain
    what = f"`{name}`{inside}"
    if kind in ("enum", "literal_error"):
        choices = _choices(detail)
        problems.add(
            f"{what} must be {one_of(choices)}, not {describe(value)}", place, did_you_mean(str(value), choices)
        )
    elif kind == "value_error":
        reason = str(detail.get("ctx", {}).get("error", detail["msg"]))
        problems.add(f"{what} {reason}, not {describe(value)}", place)
    elif kind in WANTED:
        hint = quoting(value) if kind == "string_type" else ""
        problems.add(f"{what} must be {WANTED[kind]}, not {describe(value)}", place, hint)
    else:
        problems.add(f"{what} is wrong: {_lower_first(detail['msg'])}", place)


def keys_at(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[str, ...]:
    """The keys a model takes at a location inside of it; () where anything goes."""
    here: Any = model
    for step in loc:
        here = _inside(_container(here), str(step))
    found = _container(here)
    if isinstance(found, type) and issubclass(found, BaseModel):
        return tuple(field.alias or name for name, field in found.model_fields.items())
    return ()


def _container(annotation: Any) -> Any:
    """The model or dict in an annotation, without its `| None`."""
    for part in (annotation, *get_args(annotation)):
        if get_origin(part) is dict or (isinstance(part, type) and issubclass(part, BaseModel)):
            return part
    return None


def _inside(container: Any, step: str) -> Any:
    if get_origin(container) is dict:
        return get_args(container)[1]
    if isinstance(container, type) and issubclass(container, BaseModel):
        return next(
            (field.annotation for name, field in container.model_fields.items() if step in (name, field.alias)), None
        )
    return None


def _choices(detail: ErrorDetails) -> list[str]:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    return [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",") if word.strip()]


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
