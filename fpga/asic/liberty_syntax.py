# SPDX-License-Identifier: Apache-2.0
"""Liberty's grammar: groups, attributes and their lines; no meaning yet."""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Group", "LibertyFault", "fault_at", "read_groups", "read_text"]

MAX_BYTES = 512 * 2 ** 20
MAX_DEPTH = 16
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|\"[^\"]*\"", re.S)
# Possessive quantifiers: a hostile file shall not make the matcher try again and again.
_STATEMENT = re.compile(
    r"[\s;\\]*+(?:(?P<close>\})|\"?(?P<name>[A-Za-z_]\w*+)\"?[ \t]*+(?:"
    r":[ \t]*+(?P<value>\"[^\"]*+\"|[^;\n{}]*+)"
    r"|\((?P<arguments>(?:[^()\"]++|\"[^\"]*+\")*+)\)[\s\\]*+(?P<open>\{)?))")


class LibertyFault(ValueError):
    """What is wrong with a library file, and in which line: one sentence."""


@dataclass
class Group:
    """``name (arguments) { … }`` that begins in character ``at`` of its file."""

    name: str
    arguments: str
    at: int
    attributes: dict[str, str] = field(default_factory=dict)
    complex: list[tuple[str, str]] = field(default_factory=list)
    groups: list["Group"] = field(default_factory=list)

    def named(self, name: str) -> Iterator["Group"]:
        """Groups directly inside that have this name."""
        return (group for group in self.groups if group.name == name)

    def argument(self, name: str) -> str | None:
        """Arguments of the last complex attribute ``name``, such as ``index_1 ("1, 2")``."""
        for key, value in reversed(self.complex):
            if key == name:
                return value
        return None


def read_text(path: Path) -> str:
    """A library file's text without comments, its lines kept.

    Raises LibertyFault for a file that is too large or no text, OSError for one that cannot be
    read.
    """
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if raw[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path, "rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except (EOFError, OSError, zlib.error) as fault:
            raise LibertyFault(f"{path}: must be a whole gzip file, not a broken one") from fault
    if len(raw) > MAX_BYTES:
        raise LibertyFault(f"{path}: must be at most {MAX_BYTES >> 20} MiB, not larger")
    if b"\0" in raw[:4096]:
        raise LibertyFault(f"{path}: must be a Liberty file, not a binary one")
    text = raw.decode("utf-8", "replace")
    if "/*" in text:
        text = _COMMENT.sub(_blank, text)
    return text


def _blank(match: re.Match) -> str:
    found = match[0]
    return found if found[0] == '"' else " " + "\n" * found.count("\n")


def fault_at(path: Path, text: str, at: int, sentence: str) -> LibertyFault:
    """A fault that names file and line."""
    return LibertyFault(f"{path}:{text.count(chr(10), 0, at) + 1}: {sentence}")


def read_groups(path: Path, text: str) -> tuple[Group, Iterator[Group]]:
    """The library's group, and an iterator over its cells.

    The library's own attributes and other groups stand in the first as the iterator passes them,
    so those that follow a cell are seen only after it. Cells are not kept.
    """
    match = _STATEMENT.match(text)
    if match is None or match["name"] != "library" or not match["open"]:
        raise fault_at(path, text, match.end() if match else 0,
                       "a Liberty file must begin with `library (name) {`")
    library = Group("library", match["arguments"], match.start("name"))
    return library, _cells(path, text, library, match.end())


def _cells(path: Path, text: str, library: Group, at: int) -> Iterator[Group]:
    stack = [library]
    top = library
    statement = _STATEMENT.match
    while stack:
        match = statement(text, at)
        if match is None:
            rest = text[at:at + 2000].strip(" \t\r\n;\\")
            if not rest:
                raise fault_at(path, text, top.at,
                               f"group {top.name} must be closed before the file ends")
            at = text.index(rest[0], at)
            raise fault_at(path, text, at, "a statement must be `name : value;`, `name (…);` or "
                                           f"`name (…) {{`, not {rest[:30].splitlines()[0]!r}")
        at = match.end()
        close, name, value, arguments, opens = match.groups()
        if opens:
            group = Group(name, arguments, match.start("name"))
            if name != "cell" or len(stack) > 1:
                top.groups.append(group)
            if len(stack) == MAX_DEPTH:
                raise fault_at(path, text, group.at,
                               f"groups must nest at most {MAX_DEPTH} deep")
            stack.append(group)
            top = group
        elif value is not None:
            top.attributes[name] = value.strip(' \t\r"')
        elif close:
            stack.pop()
            if not stack:
                return
            done, top = top, stack[-1]
            if len(stack) == 1 and done.name == "cell":
                yield done
        else:
            top.complex.append((name, arguments))
