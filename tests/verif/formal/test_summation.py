# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Explicit trees are proven to add up in every form, and each fault in them is refuted."""

import re
from itertools import product
from unittest.mock import patch

import pytest
from amaranth import Module
from amaranth.hdl import Assert, Cover
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from systolith.rtl.arith import arithmetic as trees
from systolith.rtl.arith import carry_save, partial_products
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.partial_products import SHARED_FROM, Multiplier
from systolith.verif.formal import summation
from systolith.verif.formal.netlist import read_netlists
from systolith.verif.formal.runner import Goal, Mode, check
from systolith.verif.formal.selection import InTechnology
from systolith.verif.formal.summation import Refuted, Undecided, emitted, linear_form, prove

from .judge import planted

SHAPES = ((1, 16), (2, 17), (3, 32))
FORMS = list(product(Multiplier, FinalAdder, (False, True)))
PARTS = {"adders": [(carry_save, ("FullAdder", "HalfAdder"))],
         "carry_save": [(trees, ("CarrySaveAdder",))],
         "dots": [(trees, ("Dots",)), (carry_save, ("Dot",))],
         "partial_products": [(trees, ("add_products",))],
         "selector": [(partial_products, ("Selector",))]}
"""Who takes what from each module of ``rtl/arith``."""

# By name: module, snippet, what stands in its place, multiplier, final adder, inverting adders.
TWINS = {
    "carry of a full adder is an OR": (
        "adders", "(self.c & (self.a | self.b))", "self.c", "baugh-wooley", "ripple", False),
    "half adder without carry": (
        "adders", "carry, total = self.a & self.b,", "carry, total = self.a & ~self.b,",
        "baugh-wooley", "ripple", False),
    "adder said to invert does not": (
        "adders", "self.sum.eq(~total if self.inverting else total)]\n        return m\n\n\n",
        "self.sum.eq(total)]\n        return m\n\n\n", "radix-4", "prefix", True),
    "carries stay in their column": (
        "carry_save", "self._compress(column, carries)", "self._compress(column, column)",
        "baugh-wooley", "ripple", False),
    "carries go two columns on": (
        "carry_save", "[*columns[1:], []]", "[*columns[2:], [], []]", "booth", "ripple", False),
    "sums have the polarity of the inputs": (
        "carry_save", "opposite = inverted != self.inverting", "opposite = inverted",
        "distributed", "prefix", True),
    "a carry of two bits is dropped": (
        "carry_save", "inputs, False, column, carries)", "inputs, False, column, [])",
        "distributed", "ripple", False),
    "increment without carry": (
        "carry_save", "pending = [self._increment(column)]", "self._increment(column)",
        "baugh-wooley", "prefix", False),
    "constant of a run of ones": (
        "carry_save", "self._add(HalfAdder, inputs, True, column, carries)",
        "self._add(HalfAdder, inputs, False, column, carries)", "radix-4", "prefix", True),
    "second row of the last sum": (
        "carry_save", "Cat(rows[0]) + Cat(rows[1])", "Cat(rows[0]) + Cat(rows[1][1:])",
        "booth", "prefix", False),
    "a lost constant": (
        "dots", "self.constant = (self.constant - (1 << column)) % (1 << self.width)\n\n",
        "pass\n\n", "distributed", "prefix", False),
    "a dot of the wrong polarity": (
        "dots", "append(Dot(inverse, True, time))", "append(Dot(inverse, False, time))",
        "radix-4", "ripple", False),
    "inverse of an inverse": (
        "dots", "inverted != bool(self.inverted)", "inverted", "baugh-wooley", "prefix", True),
    "top row keeps its sign": (
        "partial_products", "weight ^ signed_activations.replicate(8)", "weight",
        "baugh-wooley", "prefix", False),
    "top row inverted, not negated": (
        "partial_products", "dots.add(7, activation[7] & signed_activations, time=GATE)", "pass",
        "radix-4", "prefix", False),
    "of two top rows one is negated": (
        "partial_products", "(first | second)", "(first ^ second)", "distributed", "ripple", False),
    "a shared row is left out": (
        "partial_products", "range(lowest, 8)", "range(lowest + 1, 8)", "mixed", "prefix", False),
    "three times is five times": (
        "partial_products", "(value << 1))[:10]", "(value << 2))[:10]", "radix-4", "prefix", False),
    "sum of weights loses its sign": (
        "partial_products", "(w.as_signed() + v.as_signed())[:9]", "(w + v)[:9]", "distributed",
        "prefix", False),
    "weights extended by zeros": (
        "partial_products", "weight[-1].replicate(width - len(weight))",
        "(weight[-1] & 0).replicate(width - len(weight))", "distributed", "prefix", False),
    "twice where once": (
        "partial_products", "(high & ~middle & ~low)", "(high & ~middle)", "booth", "prefix",
        False),
    "last digit of signed activations": (
        "partial_products", "activation[7] & ~signed_activations", "activation[7]", "booth",
        "ripple", False),
    "a choice is left out": (
        "selector", "(self.bits & self.choice).any()", "(self.bits & self.choice)[:2].any()",
        "distributed", "prefix", False),
}


@pytest.mark.parametrize(("multiplier", "final", "inverting"), FORMS)
def test_every_form(multiplier, final, inverting):
    shapes = SHAPES[multiplier in SHARED_FROM:]  # a single product shares no row
    taps, bits = shapes[FORMS.index((multiplier, final, inverting)) % len(shapes)]
    form = Arithmetic(multiplier=multiplier, final=final, inverting=inverting)
    proof = prove(emitted(DotProduct(taps=taps, accumulator_bits=bits), form))
    assert min(proof.adders, proof.leaves) >= 35 * taps  # more than a row of each product
    assert proof.rows >= taps and proof.cases >= taps << 13


@pytest.mark.parametrize("name", TWINS)
def test_faults_are_refuted(name):
    part, old, new, multiplier, final, inverting = TWINS[name]
    module = planted(f"rtl/arith/{part}.py", old, new)
    multiplier = getattr(module, "Multiplier", Multiplier)(multiplier)
    final = getattr(module, "FinalAdder", FinalAdder)(final)
    form = Arithmetic(multiplier=multiplier, final=final, inverting=inverting)
    patches = [patch.object(user, taken, getattr(module, taken))
               for user, names in PARTS[part] for taken in names]
    for each in patches:
        each.start()
    try:
        netlist = emitted(DotProduct(taps=2, accumulator_bits=20), form)
    finally:
        for each in patches:
            each.stop()
    with pytest.raises(Refuted) as refuted:
        prove(netlist)
    _check_numbers(str(refuted.value), 20)


def _check_numbers(text, bits):
    """The counterexample's right result is right, and another than the netlist's."""
    found = re.fullmatch(r"result of (signed|unsigned) activations \[(.*)\], weights \[(.*)\], "
                         r"accumulator (\d+) must be (\d+), not (\d+) \(modulo (\d+)\)", text)
    assert found, text
    octets, weights = ([int(n) for n in found[k].split(", ")] for k in (2, 3))
    low = -128 if found[1] == "signed" else 0
    assert all(low <= x < low + 256 for x in octets) and all(-128 <= w < 128 for w in weights)
    total = int(found[4]) + sum(x * w for x, w in zip(octets, weights, strict=True))
    assert int(found[7]) == 1 << bits
    assert total % (1 << bits) == int(found[5]) != int(found[6]) < 1 << bits


PLAIN = """module dot(input [7:0] activations, weights, input signed_activations,
                      input [15:0] accumulator, output [15:0] result);
  wire [15:0] sum = {13'b0, accumulator[2:0]};
  assign result = %s;
endmodule
"""


@pytest.mark.parametrize(("result", "refuted"), [
    ("accumulator", "signed activations"),
    ("accumulator + {8'b0, activations & {8{weights[0]}}}", "signed activations"),
    ("accumulator + {15'b0, &weights}", "signed activations"),
    ("accumulator + 1'b1", "accumulator 0 must be 0, not 1 "),
    ("{accumulator[15:1], 1'b0}", "accumulator 1 must be 1, not 0 "),
    ("accumulator & {16{weights[0]}}", "activations"),
])
def test_what_is_no_dot_product(result, refuted):
    netlist = read_netlists({"dot": PLAIN % result})["dot"]
    with pytest.raises(Refuted, match=refuted):
        prove(netlist)


def test_without_structure_there_is_no_proof():
    """What is right but not seen to be made of adders is neither proven nor refuted."""
    netlist = emitted(DotProduct(taps=1, accumulator_bits=16), Arithmetic())
    with patch.object(summation, "law", lambda _: None), pytest.raises(Undecided):
        prove(netlist)


def test_a_carry_must_count_twice():
    """Only adders of which that holds give way to their inputs."""
    text = """module f(input a, b, c, output carry, sum);
  assign carry = (a & b) | (c & (a | b)); assign sum = a ^ b ^ c;
endmodule
module t(input [2:0] i, output [3:0] o);
  f f(.a(i[0]), .b(i[1]), .c(i[2]), .carry(o[%d]), .sum(o[0])); %s
endmodule"""
    for place, rest in ((1, "assign o[3:2] = 0;"), (2, "assign {o[3], o[1]} = 0;")):
        netlist = read_netlists({"t": text % (place, rest)})["t"]
        form, constant, adders = linear_form(netlist, netlist.outputs["o"])
        inputs = dict.fromkeys(netlist.inputs["i"], 1)
        assert constant == 0
        assert (form == inputs) == (adders == 1) == (place == 1)


class EqualsPlain(wiring.Component):
    """A tree beside the plain description, of one product with ``weight``."""

    def __init__(self, form, weight):
        self.form = form
        self.weight = weight
        super().__init__({"x": In(8), "signed": In(1), "accumulator": In(16)})

    def elaborate(self, platform):
        m = Module()
        results = []
        for name in ("tree", "plain"):
            dot = DotProduct(taps=1, accumulator_bits=16)
            m.submodules[name] = InTechnology(dot, self.form) if name == "tree" else dot
            m.d.comb += [dot.activations[0].eq(self.x), dot.weights[0].eq(self.weight),
                         dot.signed_activations.eq(self.signed),
                         dot.accumulator.eq(self.accumulator)]
            results.append(dot.result)
        m.d.comb += [Assert(results[0] == results[1], "equal"), Cover(results[0] == -1, "reached")]
        return m


class Form:
    def __init__(self, arithmetic):
        self.get_dot_product = arithmetic.dot_product


def test_a_solver_says_the_same_for_some_weights(tmp_path):
    """Of all weights at once it gives no answer within minutes."""
    form = Form(Arithmetic(multiplier=Multiplier.BOOTH, inverting=True))
    goals = {f"weight{index}": Goal(top=EqualsPlain(form, weight), mode=Mode.BOUNDED, depth=1)
             for index, weight in enumerate((-128, 85))}
    for name, verdict in check(goals, tmp_path).items():
        assert verdict.holds, name
