# SPDX-License-Identifier: Apache-2.0
"""YAML 1.2 (core schema) text as plain data that knows where each value was written."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from .fault import Fault, Where, show

__all__ = ["Document", "Path", "dotted", "parse"]

Path = tuple[str | int, ...]
MAX_DEPTH = 32
MAX_VALUES = 4096
_TAG = "tag:yaml.org,2002:"


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2: ``010`` is ten, ``yes`` and ``1:30`` are text."""

    yaml_implicit_resolvers: dict = {}
    depth = 0

    def compose_node(self, parent, index):
        if self.depth >= MAX_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(
                problem=f"must be nested at most {MAX_DEPTH} deep", problem_mark=mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
               r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})\\Z"), _first)


@dataclass
class Document:
    """Plain data; ``values`` and ``keys`` say where each path's value and key stand.

    ``broken``: dotted paths whose values could not be read and stand as None.
    """

    data: Any = None
    values: dict[Path, Where] = field(default_factory=dict)
    keys: dict[Path, Where] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def where(self, path: Path, *, key: bool = False) -> Where:
        """Place of ``path``'s value (or key), or of the nearest thing around it."""
        while path:
            marks = (self.keys, self.values) if key else (self.values, self.keys)
            for mark in marks:
                if path in mark:
                    return mark[path]
            path, key = path[:-1], True
        return self.values[()]

    def put(self, path: Path, value: Any, where: Where) -> None:
        """Set ``path`` to ``value``, written at ``where``; missing mappings are made.

        Raises ValueError where ``path`` goes through something that is no mapping.
        """
        inner = self.data
        for depth, name in enumerate(path):
            if not isinstance(inner, dict):
                raise ValueError(f"{dotted(path[:depth]) or 'the spec'} must be a mapping to "
                                 f"hold {name!r}, not {show(inner)}")
            if depth + 1 < len(path):
                if name not in inner:
                    self.keys[path[:depth + 1]] = self.values[path[:depth + 1]] = where
                inner = inner.setdefault(name, {})
        for marks in (self.keys, self.values):
            for known in [known for known in marks if known[:len(path)] == path]:
                del marks[known]
            marks[path] = where
        inner[path[-1]] = value


def dotted(path: Path) -> str:
    """``engine.tpe.a``, ``list[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def parse(text: str, place: Callable[[int, int], Where]) -> Document:
    """Read ``text``; ``place(line, column)`` names a place. Faults are collected, not raised."""
    document = Document(values={(): place(1, 1)})
    try:
        loader = _CoreLoader(text)
        node = loader.get_single_node()
    except yaml.reader.ReaderError as fault:
        before = text[:fault.position]
        where = place(before.count("\n") + 1, fault.position - before.rfind("\n"))
        document.faults.append(Fault(where, "", "text must be printable characters, not "
                                                f"U+{ord(text[fault.position]):04X}"))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        where = place(mark.line + 1, mark.column + 1) if mark else document.values[()]
        what = ", ".join(part for part in (fault.context, fault.problem) if part)
        document.faults.append(Fault(where, "", f"this is not valid YAML: {what}"))
    else:
        if node is not None:
            _Reader(document, place).read(node)
    return document


class _TooMuch(Exception):
    pass


class _Reader:
    """Plain data of a node tree; aliases are expanded within a bounded number of values."""

    def __init__(self, document: Document, place: Callable[[int, int], Where]):
        self.document = document
        self.place = place
        self.count = 0
        self.open: set[int] = set()

    def read(self, node: yaml.Node) -> None:
        try:
            self.document.data = self.value(node, ())
        except _TooMuch:
            self.broken(node, (), f"must hold at most {MAX_VALUES} values, aliases expanded")

    def mark(self, node: yaml.Node) -> Where:
        return self.place(node.start_mark.line + 1, node.start_mark.column + 1)

    def fault(self, node: yaml.Node, path: Path, sentence: str) -> None:
        self.document.faults.append(Fault(self.mark(node), dotted(path), sentence))

    def broken(self, node: yaml.Node, path: Path, sentence: str) -> None:
        self.fault(node, path, sentence)
        self.document.broken.add(dotted(path))

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.count += 1
        if self.count > MAX_VALUES:
            raise _TooMuch
        self.document.values[path] = self.mark(node)
        if id(node) in self.open:
            self.broken(node, path, "must not be an alias of something that holds it")
            return None
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
                return self.mapping(node, path)
            if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
                return [self.value(item, (*path, index))
                        for index, item in enumerate(node.value)]
            return self.scalar(node, path)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else key
            if not isinstance(name, str) or key.tag != _TAG + "str":
                self.fault(key, path, f"key must be a name, not {self.show_key(key)}")
                continue
            inner = (*path, name)
            if name in result:
                self.fault(key, inner, f"key must be given once, not again after line "
                                       f"{self.document.keys[inner].line or 1}; remove one")
                continue
            self.document.keys[inner] = self.mark(key)
            result[name] = self.value(item, inner)
        return result

    @staticmethod
    def show_key(key: yaml.Node) -> str:
        return show(key.value) if isinstance(key, yaml.ScalarNode) else "a list or mapping"

    def scalar(self, node: yaml.Node, path: Path) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.ScalarNode):
            text = node.value
            try:
                if kind == "str":
                    return text
                if kind == "null":
                    return None
                if kind == "bool":
                    return {"true": True, "false": False}[text.lower()]
                if kind == "int":
                    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
                    return int(text, base)
                if kind == "float":
                    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            except (KeyError, ValueError):
                self.broken(node, path, f"must be a plain value, not {show(text)} as {kind}")
                return None
        self.broken(node, path, f"must have no tag, not {show(node.tag)}; write a plain value")
        return None
