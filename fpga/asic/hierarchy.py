# SPDX-License-Identifier: Apache-2.0
"""A spec's Verilog cut into blocks: each is synthesised once, and counted in the whole."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ...gen.build import accelerator, arithmetic
from ...gen.emit.asic import AsicPlatform
from ...gen.emit.package import TOP, split_modules
from ...gen.spec import Spec
from .synthesis import PARTS
from .technology import Technology

__all__ = ["Hierarchy", "emit", "kind_of", "part_of"]

_CHILD = re.compile(r"^  (\w+) (\\?\S+) +\($", re.M)
_MERGED = (*PARTS, "dot_product", "popcount", "selector")
"""What is optimised with the block around it, by a part of its module's name."""
_SPINE = ("", ".core", ".core.fetch")
"""Instances whose children are blocks of their own, once as they may be."""
_PARTS = {
    "core.engine": "engine", "core.decompressor": "decompressor", "core.gating": "counters",
    "core.fetch": "operands", "core.issuer": "operands", "core.vector": "vector unit",
    "core.vector_parameters": "vector unit", "core.vector_writer": "vector unit",
    "core.drain": "post-processor", "core.post": "post-processor",
    "core.post_parameters": "post-processor", "core.post_writer": "post-processor",
    "core.sequencer": "sequencer", "core.transfers": "sequencer", "core.counters": "counters",
    "layer_table": "counters", "core.activations": "access to memories",
    "core.weights": "access to memories", "core.program": "access to memories",
    "core.schedule": "access to memories", "core.map": "buses", "registers": "buses",
    "window": "buses", "dma": "buses", "arbiter": "buses", "core": "core", "": "top"}


def part_of(path: str) -> str:
    """The part of the accelerator, in a reader's words, of an instance, by its path below the
    top: names with dots."""
    while path not in _PARTS:
        path = path.rpartition(".")[0]
    return _PARTS[path]


def kind_of(module: str) -> str:
    """What a block is, whatever its parameters: ``tpe``, ``post_lane``, ``core_fetch``, ..., the
    top itself ``top``."""
    name = module.removeprefix(TOP).lstrip("_")
    return "tpe" if name.startswith("tpe_") else re.sub(r"_(nnz)?\d.*$", "", name) or "top"


@dataclass(frozen=True)
class Hierarchy:
    """``modules``: Verilog by name; ``black_boxes``: those without a body, the memories."""

    top: str
    modules: Mapping[str, str]
    black_boxes: Collection[str] = field(default=frozenset())

    @cached_property
    def children(self) -> dict[str, list[tuple[str, str]]]:
        """(instance, module) pairs of each module. A component's own module is called by its path,
        and so is its instance, which here is its last name."""
        return {name: [(_last(instance.removeprefix("\\"), name), module)
                       for module, instance in _CHILD.findall(text) if module in self.modules]
                for name, text in self.modules.items()}

    @cached_property
    def instances(self) -> Counter[str]:
        """How many instances of each module the whole has."""
        counts: Counter[str] = Counter()

        def visit(module: str, times: int) -> None:
            counts[module] += times
            for child, count in Counter(kind for _, kind in self.children[module]).items():
                visit(child, times * count)

        visit(self.top, 1)
        return counts

    @cached_property
    def blocks(self) -> dict[tuple[str, str], int]:
        """Instances of each (part, module) that is synthesised by itself: whatever is there more
        than once but adders, selectors, buffers and dot products, and what the top, the core and
        the fetch of operands are put together of. All else is in the block around it; black boxes
        are listed too."""
        found: Counter[tuple[str, str]] = Counter()

        def visit(module: str, path: str, times: int) -> None:
            if self.is_block(module, path):
                found[part_of(path.removeprefix(".")), module] += times
            alike: dict[tuple[str, str], tuple[str, int]] = {}
            for instance, child in self.children[module]:
                below = f"{path}.{instance}"
                key = (child, part_of(below.removeprefix(".")))
                name, count = alike.get(key, (below, 0))
                alike[key] = name, count + 1
            for (child, _), (below, count) in alike.items():
                visit(child, below, times * count)

        visit(self.top, "", 1)
        return dict(found)

    @property
    def own(self) -> list[str]:
        """Modules that are to be synthesised, each once."""
        return [module for module in dict.fromkeys(module for _, module in self.blocks)
                if module not in self.black_boxes]

    def is_block(self, module: str, path: str) -> bool:
        """Whether ``module``, as an instance at ``path``, is synthesised by itself."""
        if module in self.black_boxes:
            return True
        if any(part in module for part in _MERGED):
            return False
        return (self.instances[module] > 1 or module == self.top
                or path.rpartition(".")[0] in _SPINE)

    def source(self, module: str) -> tuple[str, list[str]]:
        """Verilog of a block with all that is merged into it, and its children: blocks whose
        bodies are there but not to be looked at."""
        own = {name for _, name in self.blocks}
        texts, children = {}, []

        def visit(name: str) -> None:
            if name in texts:
                return
            texts[name] = self.modules[name]
            if name != module and name in own:
                children.append(name)
                return
            for _, child in self.children[name]:
                visit(child)

        visit(module)
        for name in children:
            texts[name] = _face(texts[name])
        return "".join(texts.values()), sorted(children)


def _last(instance: str, parent: str) -> str:
    return re.sub(r"_\d+$", "", instance.removeprefix(f"{parent}_"))


def _face(text: str) -> str:
    """A module with its ports alone."""
    header = text[text.index("module "):text.index(");") + 2]
    ports = re.findall(r"^  (?:input|output) .*$", text, re.M)
    return "\n".join([header, *ports, "endmodule"]) + "\n"


def emit(spec: Spec, technology: Technology) -> Hierarchy:
    """The accelerator of ``spec`` as ``generate --target asic`` writes it, memories black boxes,
    arithmetic explicit and of the polarity of the technology's full adders."""
    adder = technology.full_adder
    platform = AsicPlatform(TOP, None, arithmetic(
        spec, asic=True, inverting=adder is not None and adder.inverted))
    source, _ = platform.convert(accelerator(spec), TOP)
    return Hierarchy(TOP, split_modules(_plain_names(source)), frozenset(platform.black_boxes))


def _plain_names(source: str) -> str:
    """Without the numbers that Amaranth appends to names of components that signals have, too:
    they differ from spec to spec, of blocks that do not."""
    modules = set(re.findall(r"^module (\w+)", source, re.M))
    for name in modules:
        plain = re.sub(r"_\d+$", "", name)
        if name.startswith(f"{TOP}_core_") and plain not in modules:
            source = re.sub(rf"\b{name}\b", plain, source)
    return source
