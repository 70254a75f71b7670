# SPDX-License-Identifier: Apache-2.0
"""Combinational Verilog as a netlist of gates, and its values for many inputs at once."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

__all__ = ["Cell", "Netlist", "every_input", "read_netlists", "unpacked"]

SCRIPT = """\
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass("tee -q -a log.txt " + command, design)
"""
"""Yosys runs in a process of its own, which a fault of its may end."""

WORD = 64
MASKS = [sum(1 << k for k in range(WORD) if k >> variable & 1) for variable in range(6)]
"""Of a word whose bit k is for case k: the words of the first variables."""

GATES = {
    "$_BUF_": lambda a: a,
    "$_NOT_": lambda a: ~a,
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
    "$_XNOR_": lambda a, b: ~(a ^ b),
    "$_MUX_": lambda a, b, select: (a & ~select) | (b & select),
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A gate, an adder of yosys (``$add``) or an instance of a module. Pins are lists of nets;
    nets 0 and 1 are the constants."""

    kind: str
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    signed: bool = False
    """Of ``$add``: operands are extended by their signs."""
    body: "Netlist | None" = None
    """Of an instance: the module."""

    @cached_property
    def sources(self) -> frozenset[int]:
        """Nets that the cell reads."""
        return frozenset(net for nets in self.inputs.values() for net in nets)


class Netlist:
    """One module: its ports, lowest bit first, and its cells, each after those that it reads.

    Raises ValueError where cells form a loop, or a net that is read has no driver.
    """

    def __init__(self, inputs: Mapping[str, list[int]], outputs: Mapping[str, list[int]],
                 cells: Sequence[Cell]):
        self.inputs = dict(inputs)
        self.outputs = dict(outputs)
        self.driver = {net: cell for cell in cells
                       for nets in cell.outputs.values() for net in nets}
        self.cells = list(self.cone(self.driver))
        driven = {0, 1, *self.driver, *(net for nets in inputs.values() for net in nets)}
        read = [*(cell.sources for cell in cells), *outputs.values()]
        if not driven.issuperset(net for nets in read for net in nets):
            raise ValueError("Nets that are read must be driven")

    def cone(self, nets: Iterable[int]) -> Iterator[Cell]:
        """The cells on which ``nets`` depend, each after those that it reads."""
        done: dict[int, bool] = {}  # of a cell that was met
        stack = [self.driver[net] for net in nets if net in self.driver]
        while stack:
            cell = stack[-1]
            if id(cell) in done:  # all that it reads has come
                stack.pop()
                if not done[id(cell)]:
                    done[id(cell)] = True
                    yield cell
                continue
            done[id(cell)] = False
            before = [self.driver[net] for net in cell.sources if net in self.driver]
            if any(done.get(id(other)) is False for other in before):
                raise ValueError("Cells must not form a loop")
            stack += [other for other in before if id(other) not in done]

    def support(self) -> dict[int, frozenset[int]]:
        """Of each net the bits of the inputs that it may depend on."""
        found = {net: frozenset([net]) for nets in self.inputs.values() for net in nets}
        for cell in self.cells:
            below = frozenset().union(*(found.get(net, frozenset()) for net in cell.sources))
            found |= {net: below for nets in cell.outputs.values() for net in nets}
        return found

    def evaluate(self, values: Mapping[int, np.ndarray], nets: Sequence[int]) -> list[np.ndarray]:
        """What ``nets`` are where input bits have ``values`` (uint64, a bit for each case)."""
        like = next(iter(values.values()))
        known = {0: np.zeros_like(like), 1: ~np.zeros_like(like), **values}
        for cell in self.cone(nets):
            pins = {pin: [known[net] for net in read] for pin, read in cell.inputs.items()}
            for pin, results in _outputs(cell, pins).items():
                known |= zip(cell.outputs[pin], results, strict=True)
        return [known[net] for net in nets]


def _outputs(cell: Cell, pins: dict[str, list[np.ndarray]]) -> dict[str, list[np.ndarray]]:
    if cell.body is not None:
        body = cell.body
        values = {net: value for port, nets in body.inputs.items()
                  for net, value in zip(nets, pins[port], strict=True)}
        return {port: body.evaluate(values, body.outputs[port]) for port in cell.outputs}
    if cell.kind == "$add":
        return {"Y": _sum(cell, pins["A"], pins["B"])}
    if cell.kind not in GATES:
        raise ValueError(f"Cell must be a gate, an adder or an instance, not {cell.kind!r}")
    names = "ABS"[:len(pins)]
    return {"Y": [GATES[cell.kind](*(bit for name in names for bit in pins[name]))]}


def _sum(cell: Cell, a: list[np.ndarray], b: list[np.ndarray]) -> list[np.ndarray]:
    width = len(cell.outputs["Y"])
    zero = np.zeros_like(a[0])
    operands = [(bits + [bits[-1] if cell.signed else zero] * width)[:width] for bits in (a, b)]
    carry, results = zero, []
    for left, right in zip(*operands, strict=True):
        results.append(left ^ right ^ carry)
        carry = (left & right) | (carry & (left | right))
    return results


def every_input(nets: Sequence[int]) -> dict[int, np.ndarray]:
    """Values of ``nets`` in all cases: in case k, net i is bit i of k. Fewer than 64 cases come
    several times."""
    words = max(1 << len(nets) >> 6, 1)
    number = np.arange(words, dtype=np.uint64)
    values = {}
    for index, net in enumerate(nets):
        if index < len(MASKS):
            values[net] = np.full(words, MASKS[index], np.uint64)
        else:
            values[net] = -(number >> np.uint64(index - len(MASKS)) & np.uint64(1))
    return values


def unpacked(value: np.ndarray, count: int) -> np.ndarray:
    """The first ``count`` cases of a net, as uint8."""
    return np.unpackbits(value.astype("<u8").view(np.uint8), count=count, bitorder="little")


def read_netlists(verilog: Mapping[str, str]) -> dict[str, Netlist]:
    """The netlists of Verilog texts by the names of their modules, whose instances are kept.

    Raises RuntimeError with yosys' words where it fails, ValueError where a net is not known.
    """
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        commands = []
        for number, (top, text) in enumerate(verilog.items()):
            (folder / f"{number}.v").write_text(text)
            commands += [f"read_verilog {number}.v", f"hierarchy -check -top {top}", "proc",
                         "simplemap", f"write_json {number}.json", "design -reset"]
        run = subprocess.run([sys.executable, "-c", SCRIPT, *commands], cwd=folder,
                             capture_output=True, text=True)
        if run.returncode:
            log = (folder / "log.txt").read_text() if (folder / "log.txt").exists() else run.stderr
            raise RuntimeError(f"yosys failed: {log[-2000:].strip()}")
        designs = [json.loads((folder / f"{number}.json").read_text())["modules"]
                   for number in range(len(verilog))]
    return {top: _netlist(design, top, {}) for top, design in zip(verilog, designs, strict=True)}


def _netlist(modules: dict, name: str, made: dict[str, Netlist]) -> Netlist:
    if name in made:
        return made[name]
    module = modules[name]
    ports: dict[str, dict[str, list[int]]] = {"input": {}, "output": {}}
    for port, facts in module["ports"].items():
        ports[facts["direction"]][port] = _nets(facts["bits"])
    cells = []
    for cell in module["cells"].values():
        pins: dict[str, dict[str, list[int]]] = {"input": {}, "output": {}}
        for pin, bits in cell["connections"].items():
            pins[cell["port_directions"][pin]][pin] = _nets(bits)
        kind = cell["type"]
        cells.append(Cell(
            kind=kind, inputs=pins["input"], outputs=pins["output"],
            signed=int(cell["parameters"].get("A_SIGNED", "0"), 2) == 1,
            body=_netlist(modules, kind, made) if kind in modules else None))
    made[name] = Netlist(ports["input"], ports["output"], cells)
    return made[name]


def _nets(bits: list) -> list[int]:
    if any(bit not in ("0", "1") for bit in bits if isinstance(bit, str)):
        raise ValueError(f"Nets must have a value, not {bits!r}")
    return [int(bit) for bit in bits]
