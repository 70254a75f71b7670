# SPDX-License-Identifier: Apache-2.0
"""What a field must be, in words, where its type does not say it."""

from dataclasses import dataclass

__all__ = ["Words", "listed"]


@dataclass(frozen=True)
class Words:
    """Marks a field of the spec: ``text`` follows "must be"."""

    text: str


def listed(value: object) -> object:
    """A list as the tuple that a frozen field holds; anything else as it is."""
    return tuple(value) if isinstance(value, list) else value
