# SPDX-License-Identifier: Apache-2.0
"""Validation faults as sentences that name the allowed range and the way out."""

import difflib
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .fault import show
from .model import Spec
from .section import section_of
from .size import format_size, parse_size
from .words import Words

__all__ = ["condition", "explain", "field_of", "is_size", "model_of", "unknown_key"]


def model_of(path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model that stands at ``path``, or None where a leaf or nothing does."""
    model: type[BaseModel] = Spec
    for name in path:
        found = model.model_fields.get(str(name))
        inner = section_of(found.annotation) if found else None
        if inner is None:
            return None
        model = inner
    return model


def field_of(path: tuple[str | int, ...]) -> FieldInfo | None:
    """The field at ``path``, or None."""
    model = model_of(path[:-1]) if path else None
    return model.model_fields.get(str(path[-1])) if model else None


def explain(path: tuple[str | int, ...], kind: str, value: object) -> str:
    """The sentence for pydantic's fault ``kind`` at ``path``, where ``value`` stands."""
    if kind == "extra_forbidden":
        return unknown_key(path)
    while path and isinstance(path[-1], int):  # an item of a list, whose field says what it must be
        path = path[:-1]
    model = model_of(path)
    field = field_of(path)
    if model is not None:
        allowed = f"a mapping with the keys {', '.join(model.model_fields)}"
    elif field is not None:
        allowed = condition(field)
    else:
        return f"must be plain data, not {show(value)}"
    if kind == "missing":
        return f"is missing: must be {allowed}; add it"
    hint = _hint(field, value) if model is None and field else ""
    return f"must be {allowed}, not {show(value)}{hint}"


def unknown_key(path: tuple[str | int, ...]) -> str:
    """The sentence for a key that the spec does not know."""
    model = model_of(path[:-1])
    known = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(path[-1]), known, 1)
    fix = f"did you mean {near[0]!r}?" if near else "remove it"
    return f"key must be one of {', '.join(known)}, not {show(path[-1])}; {fix}"


def condition(field: FieldInfo) -> str:
    """What a leaf field must be, in words."""
    for item in field.metadata:
        if isinstance(item, Words):
            return item.text
    choices = _choices(field)
    if choices:
        return " or ".join([", ".join(map(_plain, choices[:-1])), _plain(choices[-1])]) \
            if len(choices) > 1 else _plain(choices[0])
    if field.annotation is str:
        return ("a name of 1 to 64 letters, digits, - and _ that begins with a letter")
    low, high, step = _range(field)
    if is_size(field):
        return (f"a size from {format_size(low or 0)} to {format_size(high or 0)} in steps of "
                f"{format_size(step)}, such as 64 KiB")
    steps = "an integer" if step == 1 else f"a multiple of {step}"
    return f"{steps} of at least {low}" if high is None else f"{steps} from {low} to {high}"


def _hint(field: FieldInfo, value: object) -> str:
    choices = _choices(field)
    if choices:
        near = difflib.get_close_matches(str(value), [str(c) for c in choices if c is not None], 1)
        return f"; did you mean {near[0]}?" if near and isinstance(value, str) else ""
    low, high, step = _range(field)
    if type(value) is not int or low is None:
        return ""
    near = max(low, value if high is None else min(value, high)) // step * step
    return f"; the nearest is {format_size(near) if is_size(field) else near}"


def _plain(choice: object) -> str:
    return "null" if choice is None else str(choice)


def _choices(field: FieldInfo) -> list[Any]:
    """Values of a Literal, or of a Literal and None."""
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    parts = get_args(annotation)
    if type(None) in parts:
        return [*(value for part in parts for value in get_args(part)), None]
    return []


def is_size(field: FieldInfo) -> bool:
    """Whether the field is a memory size."""
    return any(getattr(item, "func", None) is parse_size for item in field.metadata)


def _range(field: FieldInfo) -> tuple[int | None, int | None, int]:
    """Least and greatest value and step; a bound that a rule checks is in the schema's extra."""
    extra = field.json_schema_extra
    found: dict[str, Any] = {"high": extra.get("maximum")} if isinstance(extra, dict) else {}
    for item in field.metadata:
        if isinstance(item, annotated_types.Ge):
            found["low"] = item.ge
        elif isinstance(item, annotated_types.Le):
            found["high"] = item.le
        elif isinstance(item, annotated_types.MultipleOf):
            found["step"] = item.multiple_of
    return found.get("low"), found.get("high"), found.get("step", 1)
