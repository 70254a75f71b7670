# SPDX-License-Identifier: Apache-2.0
"""Explicit trees add up: the netlist of a dot product is the sum of its products, for any input.

The result is the sum of its bits, each at its power of two. Backwards through the netlist each
adder's outputs give way to its inputs, by ``2 * carry + sum = a + b + c``, wherever the carry
counts twice as much as the sum; so does the sum of two rows, and the inverse of a bit. What is
left is a linear form: bits ("leaves") times coefficients, modulo the width, and a constant.

Leaves are logic of few inputs. Those that share bits of activations make a row; less the products
of these bits, a row must be the same whatever the bits are, for any weights and signedness. What
rows leave over must be the same for any weights, and together with the constant be nothing. All of
this is tried exhaustively: a proof, no sample. If it fails it names inputs for which the netlist is
wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...gen.emit.platform import EmittingPlatform
from ...rtl.arith.arithmetic import Arithmetic
from ...rtl.arith.dot_product import DotProduct
from .netlist import Cell, Netlist, every_input, read_netlists, unpacked

__all__ = ["Proof", "Refuted", "Undecided", "emitted", "linear_form", "prove"]

TOP = "dot_product"
VARIABLES = 20
"""Most input bits that are tried exhaustively at once."""
CASES = 1 << 14
"""Inputs among which one is sought that shows what is wrong with a netlist without linear form."""


class Refuted(AssertionError):
    """The netlist is wrong: the text gives inputs in numbers, its result and the right one."""


class Undecided(AssertionError):
    """The netlist has not the structure that the proof needs, and no input was found for which it
    is wrong."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What was proven with: ``adders`` replaced by their laws (one-bit ones and sums of two rows),
    ``leaves`` left over, in ``rows``, and input combinations tried (``cases``)."""

    adders: int
    leaves: int
    rows: int
    cases: int


def emitted(dot: DotProduct, arithmetic: Arithmetic | None) -> Netlist:
    """The netlist of the Verilog that is emitted of ``dot``."""
    text, _ = EmittingPlatform(TOP, arithmetic).convert(dot, TOP)
    return read_netlists({TOP: text})[TOP]


def prove(netlist: Netlist) -> Proof:
    """That the netlist's result is that of ``DotProduct``, whose ports it has.

    Raises Refuted or Undecided where it is not.
    """
    return _Proof(netlist).done()


def law(cell: Cell) -> int | None:
    """1 where the cell is a full or half adder, -1 where its outputs are inverted, otherwise None.

    Found by trying the module's body with all inputs, not by its name.
    """
    body = cell.body
    if (body is None or set(body.outputs) != {"carry", "sum"}
            or any(len(nets) != 1 for nets in [*body.inputs.values(), *body.outputs.values()])):
        return None
    nets = [net for net, in body.inputs.values()]
    values = every_input(nets)
    carry, total = (unpacked(value, 1 << len(nets)).astype(int) for value in body.evaluate(
        values, [*body.outputs["carry"], *body.outputs["sum"]]))
    expected = sum(unpacked(value, 1 << len(nets)).astype(int) for value in values.values())
    if (2 * carry + total == expected).all():
        return 1
    return -1 if (2 * (1 - carry) + (1 - total) == expected).all() else None


def linear_form(netlist: Netlist, bits: Sequence[int]) -> tuple[dict[int, int], int, int]:
    """``sum(2**i * bits[i])`` modulo ``2**len(bits)`` as coefficients of nets, a constant, and how
    many adders gave way to their laws."""
    modulus = 1 << len(bits)
    form: dict[int, int] = {}
    adders = 0
    laws: dict[str, int | None] = {}

    def add(net: int, count: int) -> None:
        form[net] = (form.get(net, 0) + count) % modulus

    for index, net in enumerate(bits):
        add(net, 1 << index)
    for cell in reversed(netlist.cells):
        nets = [net for pin in ("sum", "carry", "Y") for net in cell.outputs.get(pin, [])]
        counts = [form.get(net, 0) for net in nets]
        least = counts[0] if counts else 0
        if not any(counts) or any(count != (least << index) % modulus
                                  for index, count in enumerate(counts)):
            continue
        if cell.kind in ("$_NOT_", "$_BUF_"):
            terms, sign = [(cell.inputs["A"][0], 1)], -1 if cell.kind == "$_NOT_" else 1
        elif cell.kind == "$add" and _wraps(cell, least, modulus):
            terms, sign = list(_rows(cell)), 1
            adders += 1
        else:
            if cell.kind not in laws:
                laws[cell.kind] = law(cell)
            sign = laws[cell.kind]
            if sign is None:
                continue
            terms = [(net, 1) for net, in cell.inputs.values()]
            adders += 1
        for net in nets:
            form.pop(net, None)
        if sign < 0:  # each output is 1 less its inverse
            add(1, sum(counts))
        for net, weight in terms:
            add(net, sign * weight * least)
    constant = form.pop(1, 0)
    form.pop(0, None)
    return {net: count for net, count in form.items() if count}, constant, adders


def _wraps(cell: Cell, least: int, modulus: int) -> bool:
    """Whether what a sum carries out of its highest bit counts nothing, or it carries nothing."""
    width = len(cell.outputs["Y"])
    fits = not cell.signed and max(len(nets) for nets in cell.inputs.values()) < width
    return fits or not (least << width) % modulus


def _rows(cell: Cell) -> Iterator[tuple[int, int]]:
    """Bits of the two numbers that are added, and what they count."""
    width = len(cell.outputs["Y"])
    for nets in cell.inputs.values():
        for index, net in enumerate(nets[:width]):
            negative = cell.signed and index == len(nets) - 1
            yield net, -(1 << index) if negative else 1 << index


def _classes(sets: Iterable[frozenset[int]]) -> list[frozenset[int]]:
    """Sets that share a member, united."""
    united: list[frozenset[int]] = []
    for members in sets:
        apart = [other for other in united if not other & members]
        united = [*apart, members.union(*(other for other in united if other & members))]
    return united


class _Proof:
    def __init__(self, netlist: Netlist):
        self.netlist = netlist
        self.result = netlist.outputs["result"]
        self.modulus = 1 << len(self.result)
        inputs = netlist.inputs
        self.accumulator = inputs["accumulator"]
        self.activations, self.weights = inputs["activations"], inputs["weights"]
        self.signed, = inputs["signed_activations"]
        self.place = {net: divmod(index, 8) for index, net in enumerate(self.activations)}
        self.cases = 0

    def done(self) -> Proof:
        form, constant, adders = linear_form(self.netlist, self.result)
        support = self.netlist.support()
        leaves = {net: count for net, count in form.items() if net not in self.accumulator}
        if any(support[net].intersection(self.accumulator) for net in leaves):
            self._seek()
        self._check_accumulator(form)
        bits = frozenset(self.activations)
        rows = _classes([*(frozenset([net]) for net in self.activations),
                         *(support[net] & bits for net in leaves if support[net] & bits)])
        left: list[tuple[list[int], np.ndarray]] = []
        for row in rows:
            mine = {net: count for net, count in leaves.items() if support[net] & row}
            left.append(self._row(sorted(row), mine, support))
        idle = {net: count for net, count in leaves.items() if not support[net] & bits}
        for net, count in idle.items():
            left.append(self._row([], {net: count}, support))
        self._check_rest(left, constant)
        return Proof(adders=adders, leaves=len(leaves), rows=len(rows), cases=self.cases)

    def _check_accumulator(self, form: dict[int, int]) -> None:
        for index, net in enumerate(self.accumulator):
            if form.get(net, 0) != 1 << index:
                self._refute([{}, {net: 1}])

    def _variables(self, nets: set[int]) -> list[int]:
        """``nets`` as variables of an exhaustive trial, where there are few enough."""
        if len(nets) > VARIABLES:
            self._seek()
        return sorted(nets)

    def _row(self, row: list[int], leaves: dict[int, int],
             support: dict[int, frozenset[int]]) -> tuple[list[int], np.ndarray]:
        """Bits of weights, and what the row is less its products, by signedness (bit 0) and these.
        """
        taps = {self.place[net][0] for net in row}
        used = set().union(*(support[net] for net in leaves))
        used |= {net for tap in taps for net in self.weights[8 * tap:8 * tap + 8]}
        weights = self._variables(used - set(row) - {self.signed})
        order = [self.signed, *weights, *self._variables(set(row))]
        self._variables(set(order))
        count = 1 << len(order)
        self.cases += count
        values = every_input(order)
        total = np.zeros(count, np.int64)
        for (_, times), value in zip(leaves.items(), self.netlist.evaluate(values, list(leaves)),
                                     strict=True):
            total += unpacked(value, count) * np.int64(times)
        bit = {net: unpacked(value, count).astype(np.int64) for net, value in values.items()}
        for net in row:
            tap, index = self.place[net]
            weight = sum(bit[other] << place for place, other in enumerate(
                self.weights[8 * tap:8 * tap + 8]))
            weight -= bit[self.weights[8 * tap + 7]] << 8
            sign = 1 - 2 * bit[self.signed] if index == 7 else 1
            total -= (bit[net] * sign * weight) << index
        by_row = (total % self.modulus).reshape(1 << len(row), -1)
        wrong = np.argwhere(by_row != by_row[0])
        if wrong.size:
            number = int(wrong[0][0]) << (1 + len(weights)) | int(wrong[0][1])
            base = number & ((2 << len(weights)) - 1)
            self._refute([_assigned(order, number), _assigned(order, base)])
        return weights, by_row[0]

    def _check_rest(self, left: list[tuple[list[int], np.ndarray]], constant: int) -> None:
        """What rows leave over depends on no weight, and is nothing together with the constant."""
        rest = np.full(2, constant, np.int64)  # by signedness
        for group in _classes(frozenset(weights) for weights, _ in left):
            order = [self.signed, *self._variables(set(group))]
            number = np.arange(1 << len(order))
            self.cases += number.size
            total = np.zeros(number.size, np.int64)
            for weights, values in left:
                if group.issuperset(weights):
                    places = [0, *(order.index(net) for net in weights)]
                    total += values[sum((number >> place & 1) << index
                                        for index, place in enumerate(places))]
            by_weights = (total % self.modulus).reshape(-1, 2)
            wrong = np.argwhere(by_weights != by_weights[0])
            if wrong.size:
                first = int(wrong[0][0]) << 1 | int(wrong[0][1])
                self._refute([_assigned(order, first), _assigned(order, first & 1)])
            rest += by_weights[0]
        for is_signed in range(2):
            if rest[is_signed] % self.modulus:
                self._refute([{self.signed: is_signed}])

    def _numbers(self, values: dict[int, np.ndarray], count: int) -> Iterator[tuple]:
        """For each case whose result is wrong: activations, whether signed, weights, accumulator,
        the right result, the netlist's."""
        def number(nets: Sequence[int]) -> np.ndarray:
            bits = (unpacked(values[net], count).astype(np.int64) for net in nets)
            return sum(bit << index for index, bit in enumerate(bits))

        is_signed = number([self.signed])
        octets, weights = ([number(nets[at:at + 8]) for at in range(0, len(nets), 8)]
                           for nets in (self.activations, self.weights))
        weights = [weight - (weight >> 7 << 8) for weight in weights]
        octets = [octet - (octet >> 7 << 8) * is_signed for octet in octets]
        accumulator = number(self.accumulator)
        expected = (accumulator + sum(x * w for x, w in zip(octets, weights, strict=True)))
        values = values | dict(zip(self.result, self.netlist.evaluate(values, self.result),
                                   strict=True))
        result = number(self.result)
        expected %= self.modulus
        for case in np.flatnonzero(result != expected):
            yield tuple(np.array(column)[..., case].tolist() for column in (
                octets, is_signed, weights, accumulator, expected, result))

    def _tried(self, values: dict[int, np.ndarray], count: int) -> None:
        """Raise Refuted if the netlist is wrong in one of the cases."""
        for x, is_signed, w, accumulator, expected, result in self._numbers(values, count):
            raise Refuted(f"result of {'signed' if is_signed else 'unsigned'} activations {x}, "
                          f"weights {w}, accumulator {accumulator} must be {expected}, "
                          f"not {result} (modulo {self.modulus})")

    def _refute(self, assignments: Sequence[dict[int, int]]) -> None:
        """Of these inputs, all other bits 0, one must be wrong."""
        nets = [net for nets in self.netlist.inputs.values() for net in nets]
        self._tried({net: np.array([sum(assignment.get(net, 0) << case for case, assignment
                                        in enumerate(assignments))], np.uint64)
                     for net in nets}, len(assignments))
        raise RuntimeError("The linear form must be the netlist's, and is not")

    def _seek(self) -> None:
        """The netlist has no linear form of small leaves: find inputs for which it is wrong."""
        rng = np.random.default_rng(0)
        words = CASES // 64
        nets = [net for nets in self.netlist.inputs.values() for net in nets]
        self._tried({net: rng.integers(0, 1 << 64, words, np.uint64) for net in nets}, CASES)
        raise Undecided("The netlist has no linear form of small leaves, and no input was found "
                        "for which it is wrong")


def _assigned(order: Sequence[int], number: int) -> dict[int, int]:
    return {net: number >> index & 1 for index, net in enumerate(order)}
