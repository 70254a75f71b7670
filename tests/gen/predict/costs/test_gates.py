# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.predict.costs.gates import gates_of
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.dot_product import DotProduct

FORMS = [(1, 32), (2, 20), (3, 16)]


@pytest.mark.parametrize("final", list(FinalAdder))
@pytest.mark.parametrize(("taps", "bits"), FORMS)
def test_counts_are_those_of_the_emitted_netlist(taps, bits, final):
    arithmetic = Arithmetic(final=final, inverting=True)
    dot = DotProduct(taps=taps, accumulator_bits=bits)
    verilog, _ = EmittingPlatform("t", arithmetic).convert(dot, "dot")

    def emitted(name):
        return len(re.findall(rf"^ +t_inverting_{name} +\S+ +\(", verilog, re.M))

    gates = gates_of(taps, bits, arithmetic)
    assert gates.full_adders == emitted("full_adder") > 0
    assert gates.half_adders == emitted("half_adder")


class _InPlace:
    """A platform whose adders can be watched."""

    def __init__(self, arithmetic):
        self.arithmetic = arithmetic
        self.adders = []

    def get_cell(self, cell):
        self.adders.append(cell)
        return cell.body(self)

    def get_dot_product(self, dot):
        return self.arithmetic.dot_product(dot)


def _random(taps, bits, seed):
    rng = np.random.default_rng(seed)
    found = rng.integers(0, 2, (16 * taps + 1 + bits, 6), dtype=np.uint8)
    found[16 * taps] = seed % 2  # activations are signed, or not
    return found


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("inverting", [False, True])
@pytest.mark.parametrize("final", list(FinalAdder))
def test_adders_settle_to_what_the_circuit_does(final, inverting, seed):
    taps, bits = 2, 16
    arithmetic = Arithmetic(final=final, inverting=inverting)
    platform = _InPlace(arithmetic)
    dot = DotProduct(taps=taps, accumulator_bits=bits)
    simulator = Simulator(Fragment.get(dot.body(platform), platform))
    states = _random(taps, bits, seed)
    seen = []

    async def bench(ctx):
        for column in states.T:
            value = int("".join(map(str, column[::-1])), 2)
            activations, weights = value & (1 << 8 * taps) - 1, value >> 8 * taps
            ctx.set(dot.activations.as_value(), activations)
            ctx.set(dot.weights.as_value(), weights & (1 << 8 * taps) - 1)
            ctx.set(dot.signed_activations, int(column[16 * taps]))
            ctx.set(dot.accumulator.as_unsigned(), value >> 16 * taps + 1)
            await ctx.delay(1e-9)
            seen.append([ctx.get(bit) for adder in platform.adders
                         for bit in (adder.sum, adder.carry)])

    simulator.add_testbench(bench)
    simulator.run()
    expected = (np.diff(np.array(seen), axis=0) != 0).sum() / (len(seen) - 1)
    found = gates_of(taps, bits, arithmetic).toggles(states[:, :-1], states[:, 1:])
    assert found.adders == pytest.approx(expected)
    assert expected > 10


def _accumulator(gates, before, after, product=0):
    """Toggles as the accumulator changes, and 1 times 0 becomes 1 times ``product``."""
    states = np.zeros((16 * gates.taps + 1 + gates.width, 2), np.uint8)
    states[0] = 1  # an activation of 1
    for index, (number, weight) in enumerate(((before, 0), (after, product))):
        states[8 * gates.taps:8 * gates.taps + 8, index] = [weight >> k & 1 for k in range(8)]
        states[-gates.width:, index] = [number >> k & 1 for k in range(gates.width)]
    return gates.toggles(states[:, :1], states[:, 1:])


@pytest.mark.parametrize("final", list(FinalAdder))
def test_what_stays_does_not_toggle(final):
    gates = gates_of(3, 20, Arithmetic(final=final))
    assert sum(_accumulator(gates, 77, 77)) == 0


def test_carries_ripple_and_glitch():
    gates = gates_of(1, 16, Arithmetic(final=FinalAdder.RIPPLE))
    calm = _accumulator(gates, 0, 1)
    assert (calm.partial, calm.glitches) == (0, 0) and calm.adders > 0
    rippled = _accumulator(gates, 0xFFFF, 0xFFFF, product=1)
    assert rippled.partial == 1 and rippled.adders > 16
    assert _accumulator(gates, 0, 0xFFFF, product=1).glitches > 16  # set, and cleared in turn


def test_ripples_glitch_more():
    rng = np.random.default_rng(1)
    before, after = rng.integers(0, 2, (2, 16 * 4 + 25, 256), dtype=np.uint8)
    ripple, prefix = (gates_of(4, 24, Arithmetic(final=final)).toggles(before, after)
                      for final in (FinalAdder.RIPPLE, FinalAdder.PREFIX))
    assert ripple.glitches > prefix.glitches + prefix.final_glitches > 0
    assert ripple.final == ripple.final_glitches == 0 < prefix.final
    assert ripple.partial == prefix.partial
