# SPDX-License-Identifier: Apache-2.0
"""The gates of a dot product, as they are built, and how often they toggle.

Glitches are most of what a deep tree takes, and come of what arrives when: every gate has a delay,
and is followed through time, many steps at once as the bits of machine words.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from ....rtl.arith.adders import FullAdder, HalfAdder
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.arith.carry_save import CarrySaveAdder, FinalAdder
from ....rtl.arith.dots import Dots
from ....rtl.arith.partial_products import add_products

__all__ = ["DotGates", "GateToggles", "gates_of"]

GATE, SUM, CARRY, HALF = 1, 2, 1, 1
"""Delays, in about 30 ps of ASAP7."""


class GateToggles(NamedTuple):
    """Toggles of a dot product in a step: of ``partial`` products, of what ``adders`` settle to,
    and ``glitches`` on the way; ``final``, ``final_glitches``: of the last sum of two rows."""

    partial: float
    adders: float
    glitches: float
    final: float
    final_glitches: float


class _Gate(NamedTuple):
    """``kind``: what is made of the inputs, pairs of a gate and whether it is inverted; ``group``:
    what it counts as."""

    kind: str
    inputs: tuple[tuple[int, bool], ...]
    delay: int
    group: str


@dataclass(frozen=True)
class _Bit:
    """An output of a gate: what arithmetic takes for an Amaranth value."""

    gates: "DotGates"
    index: int
    inverted: bool = False

    def __invert__(self) -> "_Bit":
        return _Bit(self.gates, self.index, not self.inverted)

    def __and__(self, other: "_Bit") -> "_Bit":
        return self.gates.gate("and", [self, other], GATE, "partial")

    def __xor__(self, other: "_Bit") -> "_Bit":
        return self.gates.gate("sum", [self, other], GATE, "weights")

    def replicate(self, count: int) -> "_Word":
        return _Word([self] * count)


class _Word(list[_Bit]):
    """Bits, the lowest first."""

    def __xor__(self, other: "_Word") -> "_Word":
        return _Word(one ^ two for one, two in zip(self, other, strict=True))


class _Tree(CarrySaveAdder):
    """Adds gates in place of modules."""

    def __init__(self, gates: "DotGates", arithmetic: Arithmetic):
        super().__init__(None, inverting=arithmetic.inverting, final=arithmetic.final)
        self.gates = gates

    def adder(self, kind: type, inputs: list[_Bit]) -> tuple[_Bit, _Bit]:
        self.gates.adders[kind] += 1
        late, early = (SUM, CARRY) if kind is FullAdder else (HALF, HALF)
        pair = (self.gates.gate("sum", inputs, late, "adders"),
                self.gates.gate("carry" if kind is FullAdder else "and", inputs, early, "adders"))
        return tuple(~bit for bit in pair) if self.inverting else pair


@dataclass
class DotGates:
    """Gates of a dot product of ``taps``, whose accumulator has ``width`` bits; inputs first."""

    taps: int
    width: int
    gates: list[_Gate] = field(default_factory=list)
    adders: Counter[type] = field(default_factory=Counter)

    def gate(self, kind: str, inputs: Sequence[_Bit], delay: int, group: str) -> _Bit:
        """A new one."""
        self.gates.append(_Gate(kind, tuple((bit.index, bit.inverted) for bit in inputs), delay,
                                group))
        return _Bit(self, len(self.gates) - 1)

    def inputs(self, count: int) -> _Word:
        """New inputs."""
        return _Word(self.gate("input", [], 0, "inputs") for _ in range(count))

    @property
    def full_adders(self) -> int:
        return self.adders[FullAdder]

    @property
    def half_adders(self) -> int:
        return self.adders[HalfAdder]

    def toggles(self, before: np.ndarray, after: np.ndarray) -> GateToggles:
        """Means over steps: bits [inputs, steps] of activations, then weights, whether
        activations are signed, and the accumulator."""
        steps = before.shape[1]
        waves: list[_Wave] = []
        counts: Counter[str] = Counter()
        for bits in zip(_packed(before), _packed(after), strict=True):
            waves.append(_Wave(0, np.stack(bits)))
        for gate in self.gates[len(waves):]:
            waves.append(wave := _through(gate, waves))
            settled = int(np.bitwise_count(wave.values[0] ^ wave.values[-1]).sum())
            whole = int(np.bitwise_count(wave.values[1:] ^ wave.values[:-1]).sum())
            counts[gate.group] += settled
            counts[f"{gate.group}, glitches"] += whole - settled
        return GateToggles(*(counts[name] / steps for name in (
            "partial", "adders", "adders, glitches", "final", "final, glitches")))


class _Wave(NamedTuple):
    """``values`` [times, words]: what was before, and from time ``start`` on."""

    start: int
    values: np.ndarray

    @property
    def end(self) -> int:
        return self.start + len(self.values) - 2

    def at(self, first: int, last: int) -> np.ndarray:
        """Of times ``first`` - 1 to ``last``."""
        return self.values[np.clip(np.arange(first - 1, last + 1) - self.start + 1, 0,
                                   len(self.values) - 1)]


def _packed(bits: np.ndarray) -> np.ndarray:
    """Bits [inputs, steps] as words [inputs, words]."""
    spare = -bits.shape[1] % 64
    octets = np.packbits(np.pad(bits, ((0, 0), (0, spare))), axis=1)
    return np.ascontiguousarray(octets).view(np.uint64)


def _through(gate: _Gate, waves: list[_Wave]) -> _Wave:
    taken = [waves[index] for index, _ in gate.inputs]
    first, last = min(wave.start for wave in taken), max(wave.end for wave in taken)
    values = [~wave.at(first, last) if inverted else wave.at(first, last)
              for wave, (_, inverted) in zip(taken, gate.inputs, strict=True)]
    if gate.kind == "and":
        made = values[0] & values[1]
    elif gate.kind == "sum":
        made = values[0] ^ values[1] if len(values) == 2 else values[0] ^ values[1] ^ values[2]
    else:
        a, b, c = values
        made = a & b | c & (a | b)
    return _Wave(first + gate.delay, made)


@cache
def gates_of(taps: int, accumulator_bits: int, arithmetic: Arithmetic) -> DotGates:
    """The gates of one ``DotProduct`` as ``arithmetic`` builds it."""
    gates = DotGates(taps, accumulator_bits)
    activations = [gates.inputs(8) for _ in range(taps)]
    weights = [gates.inputs(8) for _ in range(taps)]
    signed, accumulator = gates.inputs(1)[0], gates.inputs(accumulator_bits)
    dots = Dots(accumulator_bits)
    for column, bit in enumerate(accumulator):
        dots.add(column, bit)
    add_products(None, dots, activations, weights, signed, arithmetic.multiplier)
    columns = _Tree(gates, arithmetic).reduced(dots)
    if arithmetic.final is FinalAdder.PREFIX:
        _sum_rows(gates, columns)
    return gates


def _sum_rows(gates: DotGates, columns: list[list]) -> None:
    """What is left, as a fast adder sums it: carries are there at once."""
    carry: list[_Bit] = []
    for column in columns:
        bits = [dot.wire(False) for dot in column] + carry
        if len(column) < 2 and not carry:
            continue
        gates.gate("sum", bits, GATE, "final")
        kind = {2: "and", 3: "carry"}[len(bits)]
        carry = [gates.gate(kind, bits, 0, "carries")]
