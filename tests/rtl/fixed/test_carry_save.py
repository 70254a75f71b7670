# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.fixed.adder_graph import FixedProducts
from systolith.rtl.fixed.carry_save import carry_save_sums
from systolith.rtl.fixed.graph import AdderGraph, Operand
from systolith.rtl.fixed.shape import shape_of

from .test_adder_graph import UNEVEN, drawn, run

CONSTANT = AdderGraph(
    inputs=((-128, 127), (1, 1)),
    nodes=((Operand(0, 2), Operand(1, 9, True), Operand(1, 3)),
           (Operand(1, 4), Operand(0, 0, True))),
    outputs=(Operand(2), Operand(3, 1), Operand(1, 5), Operand(3, 0, True)))


class OnAsic(FixedProducts):
    """``FixedProducts`` as a platform with ``arithmetic`` has it."""

    def __init__(self, graph, levels, arithmetic):
        super().__init__(graph, levels)
        self.arithmetic = arithmetic

    def elaborate(self, platform):
        return super().elaborate(self)


@pytest.mark.parametrize("graph", [UNEVEN, CONSTANT])
@pytest.mark.parametrize("inverting", [False, True])
@pytest.mark.parametrize("final", FinalAdder)
@pytest.mark.parametrize("levels", [None, 1, 9])
def test_equals_the_graph(graph, inverting, final, levels):
    dut = OnAsic(graph, levels, Arithmetic(inverting=inverting, final=final))
    assert dut.latency == FixedProducts(graph, levels).latency
    found, expected = run(dut)
    assert len(found) >= 50
    assert found == expected


def test_equal_outputs_are_one_tree():
    graph = AdderGraph(((-8, 7), (0, 3)), ((Operand(0), Operand(1, 1)),), (Operand(2),) * 3)
    m = Module()
    inputs = [Signal(shape_of([each])) for each in graph.inputs]
    found = carry_save_sums(m, graph, inputs, Arithmetic())
    assert found[0] is found[1] is found[2]
    rng, seen = random.Random(1), []

    async def bench(ctx):
        for _ in range(20):
            values = drawn(rng, graph)
            for signal, value in zip(inputs, values, strict=True):
                ctx.set(signal, value)
            seen.append((ctx.get(found[0]), graph.evaluate(values)[0]))

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen and all(made == expected for made, expected in seen)
