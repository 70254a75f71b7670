# SPDX-License-Identifier: Apache-2.0
"""``--set path=value``: fields of a spec given on the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from .convert import convert
from .document import Document, Path, parse
from .explain import model_of, unknown_key
from .fault import Fault, Where
from .model import Engine

__all__ = ["apply"]

_KIND = ("engine", "kind")
_KINDS = get_args(Engine.model_fields["kind"].annotation)
_SHAPES = ("tpe", "grid", "weights")


@dataclass(frozen=True)
class _Override:
    where: Where
    path: Path
    value: object


def apply(document: Document, overrides: Sequence[str]) -> None:
    """Put ``overrides`` into ``document``, the later before the earlier; faults join its faults.

    A new ``engine.kind`` first converts the engine (see ``convert``); what else is set of the
    engine is set on the result.
    """
    parsed = [_parse(text, order, document) for order, text in enumerate(overrides, start=1)]
    known = [item for item in parsed if item is not None]
    kept = [item for index, item in enumerate(known)
            if not any(item.path[:len(later.path)] == later.path for later in known[index + 1:])]
    for item in sorted(kept, key=lambda item: item.path[0] == "engine" and len(item.path) > 1
                       and item.path != _KIND):
        try:
            if item.path == _KIND:
                _convert(document, item, {".".join(map(str, other.path[1:])) for other in kept})
            document.put(item.path, item.value, item.where)
        except ValueError as fault:
            document.faults.append(Fault(item.where, ".".join(map(str, item.path)), str(fault)))


def _parse(text: str, order: int, document: Document) -> _Override | None:
    where = Where(order, f"--set {text}")
    name, equals, value = text.partition("=")
    path = tuple(part.strip() for part in name.split("."))
    if not equals or not all(path):
        document.faults.append(Fault(where, "", "an override must read path=value, such as "
                                                "engine.grid.m=4"))
        return None
    for depth in range(1, len(path) + 1):
        outer = model_of(path[:depth - 1])
        if outer is not None and path[depth - 1] not in outer.model_fields:
            document.faults.append(Fault(where, ".".join(path[:depth]),
                                         unknown_key(path[:depth])))
            return None
    inner = parse(value, lambda line, column: where)
    document.faults.extend(inner.faults)
    return None if inner.faults else _Override(where, path, inner.data)


def _convert(document: Document, item: _Override, explicit: set[str]) -> None:
    engine = document.data.get("engine") if isinstance(document.data, dict) else None
    if not isinstance(engine, dict):
        return
    old, new = engine.get("kind"), item.value
    if not (isinstance(old, str) and isinstance(new, str)) or old == new:
        return
    if old in _KINDS and new in _KINDS:
        converted = convert(engine, new, explicit)
        for part in _SHAPES:
            if converted.get(part) is None:
                engine.pop(part, None)
        for part in _SHAPES:
            if part in converted and converted[part] != engine.get(part):
                document.put(("engine", part), converted[part], item.where)
