# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth.sim import Simulator
from systolith.rtl.constants.graph import AdderGraph, Operand
from systolith.rtl.constants.plan import Form
from systolith.rtl.constants.products import FixedProducts

INT8 = (-128, 127)
UNEVEN = AdderGraph(
    inputs=(INT8, (0, 255), (-3, 2)),
    nodes=((Operand(0), Operand(0, 2)),
           (Operand(1, 1), Operand(1, 0, True)),
           (Operand(3), Operand(4, 3, True)),
           (Operand(2, 0, True), Operand(5, 1)),
           (Operand(0), Operand(6), Operand(5, 0, True))),
    outputs=(Operand(7), None, Operand(2, 4, True), Operand(3), Operand(0), Operand(5, 2)))


def drawn(rng, graph):
    """Values of all inputs, extremes among them."""
    return [rng.choice([low, high, rng.randint(low, high)]) for low, high in graph.inputs]


def run(dut, cycles=60, seed=0):
    """The outputs of every cycle of ``enable``, and what they must be."""
    rng = random.Random(seed)
    found, expected = [], [None] * dut.latency

    async def bench(ctx):
        while len(expected) < cycles + dut.latency:
            values, enable = drawn(rng, dut.graph), rng.random() < 0.6
            ctx.set(dut.i, values)
            ctx.set(dut.enable, enable)
            if dut.latency == 0 or enable:
                expected.append(list(dut.graph.evaluate(values)))
                found.append([ctx.get(dut.o[index]) for index in range(len(dut.graph.outputs))])
            await (ctx.tick() if dut.latency else ctx.delay(1e-6))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6, if_exists=True)
    simulator.add_testbench(bench)
    simulator.run()
    return found[dut.latency:], expected[dut.latency:len(found)]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("levels", [None, 1, 2, 3, 9])
def test_equals_the_graph(levels, form):
    dut = FixedProducts(UNEVEN, levels, form=form)
    assert dut.latency == (0 if levels is None else -(-dut.plan.depth // levels))
    found, expected = run(dut)
    assert len(found) >= 50
    assert found == expected


def test_outputs_without_additions():
    graph = AdderGraph((INT8,), (), (Operand(0, 1, True), None))
    dut = FixedProducts(graph, 2)
    found, expected = run(dut)
    assert found == expected


def test_levels_must_be_positive():
    with pytest.raises(ValueError, match="^Levels per stage must be at least 1, not 0$"):
        FixedProducts(UNEVEN, 0)


def test_something_must_come_in_and_go_out():
    with pytest.raises(ValueError, match="^Adder graph must have at least one input and one"):
        FixedProducts(AdderGraph((INT8,), (), ()))
