# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a spec, and where."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Fault", "SpecFault", "Where", "show"]


@dataclass(frozen=True, order=True)
class Where:
    """A place in a source: the ``order`` in which sources are read, the ``source``'s name, and
    the line and column counted from 1. Line 0 means the source as a whole."""

    order: int
    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, order=True)
class Fault:
    """One fault: place, dotted path of the field (empty: the whole), sentence."""

    where: Where
    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.path}: {self.sentence}" if self.path else \
            f"{self.where}: {self.sentence}"


class SpecFault(ValueError):
    """All that is wrong with a spec. ``messages``: one ``file:line:col: path: what`` per fault."""

    def __init__(self, messages: Iterable[str]):
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))

    @classmethod
    def of(cls, faults: Iterable[Fault]) -> "SpecFault":
        """A SpecFault of ``faults`` in the order of their places, each said once."""
        return cls(dict.fromkeys(str(fault) for fault in sorted(faults)))


def show(value: object) -> str:
    """A value as a person wrote it, shortened to 40 characters."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
