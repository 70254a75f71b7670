# SPDX-License-Identifier: Apache-2.0
"""What an accelerator's logic consists of: blocks and the cells in them, each to be implemented by
itself."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ...gen.build import accelerator, arithmetic
from ...gen.emit.asic import AsicPlatform
from ...gen.spec import Spec
from .technology import Technology

__all__ = ["Component", "Design", "design_of"]

TOP = "systolith_top"
PREFIX = "systolith"
SPLIT = {TOP: 1, f"{TOP}_core": 1, f"{TOP}_core_fetch": 1}
"""Modules whose own submodules are blocks."""
PARTS = ("full_adder", "half_adder", "selector", "fanout_buffer")


@dataclass(frozen=True)
class Component:
    """A module, ``count`` times in the design. ``kind``: of a block its place in the hierarchy, of
    a cell the class that it is of. ``apart``: modules in it that are components themselves.
    ``digest``: equal for equal logic."""

    module: str
    kind: str
    count: int
    apart: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Design:
    """The Verilog of a whole accelerator, and its components but for memories."""

    verilog: str
    components: tuple[Component, ...]


@dataclass
class _Module:
    cell: bool
    lines: list[str] = field(default_factory=list)
    instances: Counter[str] = field(default_factory=Counter)


def design_of(spec: Spec, technology: Technology) -> Design:
    """The accelerator of ``spec`` as ``technology`` would have it, its memories left out."""
    inverting = technology.full_adder is not None and technology.full_adder.inverted
    platform = AsicPlatform(PREFIX, None, arithmetic(spec, asic=True, inverting=inverting))
    verilog, _ = platform.convert(accelerator(spec), TOP)
    modules = _modules(platform.modules)
    counts: Counter[str] = Counter()
    roots: dict[str, str] = {}  # component modules: what they are a part of, as they are found

    def visit(name: str, times: int, owner: str) -> None:
        if name in platform.black_boxes or name not in modules:
            return
        if name != TOP and not _is_component(name, owner, modules):
            return
        counts[name] += times
        roots[name] = owner
        for child, number in _inside(name, modules, platform.black_boxes):
            visit(child, times * number, name)

    visit(TOP, 1, "")
    return Design(verilog, tuple(
        Component(name, _kind(name), count, tuple(sorted({
            child for child, _ in _inside(name, modules, platform.black_boxes)})),
            _digest(name, modules, platform.black_boxes))
        for name, count in counts.items()))


def _modules(texts: Mapping[str, str]) -> dict[str, _Module]:
    """Modules of RTLIL, with what they instantiate."""
    found: dict[str, _Module] = {}
    for cell, text in texts.items():
        current = None
        for line in text.splitlines():
            if line.startswith("module "):
                name = line.split()[1].lstrip("\\")
                current = found.setdefault(name, _Module(cell=name == cell and cell != TOP))
            elif current is not None:
                current.lines.append(re.sub(r"\$\d+", "$", line))
            if current is not None and (match := re.match(r"\s+cell \\(\S+)", line)):
                current.instances[match[1]] += 1
    return found


def _is_component(name: str, owner: str, modules: Mapping[str, _Module]) -> bool:
    return modules[name].cell or owner in SPLIT


def _inside(name: str, modules: Mapping[str, _Module], black_boxes: set[str]
            ) -> Iterator[tuple[str, int]]:
    """Components and black boxes in a module, with how often: those in its submodules too, which
    it swallows. A cell swallows all in it but other cells that are only wired up in it."""
    whole = modules[name].cell and not _wires_only(name, modules)
    for child, number in modules[name].instances.items():
        if child.endswith(PARTS):
            continue
        if child in black_boxes or (
                child in modules and not whole and _is_component(child, name, modules)):
            yield child, number
        elif child in modules:
            for inner, times in _inside(child, modules, black_boxes):
                yield inner, number * times


def _digest(name: str, modules: Mapping[str, _Module], black_boxes: set[str]) -> str:
    apart = {child for child, _ in _inside(name, modules, black_boxes)}
    seen, pending = set(), [name]
    while pending:
        if (each := pending.pop()) not in seen | apart and each in modules:
            seen.add(each)
            pending += modules[each].instances
    text = "\n".join(line for each in sorted(seen) for line in modules[each].lines)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _wires_only(name: str, modules: Mapping[str, _Module]) -> bool:
    """Rows and grids of TPEs, and banks around a memory."""
    return _kind(name) in ("row", "grid", "activation_bank")


def _kind(name: str) -> str:
    if name.startswith(f"{PREFIX}_tpe_"):
        return "tpe"
    if name.startswith(TOP):
        return re.sub(r"_\d+$", "", name.removeprefix(TOP).lstrip("_")) or "top"
    return re.sub(r"(_[a-z]*\d.*)$", "", name.removeprefix(f"{PREFIX}_"))
