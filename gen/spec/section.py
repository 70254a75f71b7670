# SPDX-License-Identifier: Apache-2.0
"""What all sections of a spec have in common."""

from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["Section", "Whole", "section_of"]


def _whole(value: object) -> object:
    """Literals compare by ``==``; ``true`` and ``8.0`` are no integers."""
    if type(value) is not int:
        raise ValueError(f"Value must be an integer, not {value!r}")
    return value


Whole = BeforeValidator(_whole)


class Section(BaseModel):
    """A mapping of known keys only, whose values are what they are written as."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True,
                              use_attribute_docstrings=True)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field of this type holds, or may hold instead of null; else None."""
    for found in (annotation, *get_args(annotation)):
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    return None
