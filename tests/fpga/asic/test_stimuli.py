# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Stimuli drive the RTL as they say, in every encoding: the TPE in Amaranth's simulator is
golden's."""

import numpy as np
import pytest
from systolith.fpga.asic.simulation import Simulator, Trace
from systolith.fpga.asic.stimuli import check, steps_of, stimulus
from systolith.fpga.asic.workloads import Matrices, seeded
from systolith.rtl.pe.tpe import Tpe

from ...rtl.streams import simulate
from .elements import SHAPES, facts, mapped


def simulated(run):
    """The trace of the TPE's RTL."""
    dut = Tpe(run.facts)
    names = ["east", "east_token", "south", "east_drain", "south_sums"]
    cycles = len(run.ports["west"])
    outputs = {name: [] for name in names}

    def bits(value, width):
        return [value >> k & 1 for k in range(width)]

    async def bench(ctx):
        for t in range(cycles):
            for name, values in run.ports.items():
                port = getattr(dut, name)
                whole = sum(int(bit) << k for k, bit in enumerate(values[t]))
                ctx.set(port.as_value() if hasattr(port, "as_value") else port, whole)
            for name in names:
                port = getattr(dut, name)
                value = port.as_value() if hasattr(port, "as_value") else port
                outputs[name].append(bits(ctx.get(value), len(value)))
            await ctx.tick()

    simulate(dut, bench)
    none = np.zeros(0, int)
    return Trace(cycles - 1, {name: np.array(rows, np.uint8) for name, rows in outputs.items()},
                 none, none, none, none, 0.0)


@pytest.mark.parametrize("above", [0, 2])
@pytest.mark.parametrize("nnz", [8, 4, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_rtl(shape, nnz, above):
    overlapped = nnz != 4
    run = stimulus(facts(shape, overlapped=overlapped, zero_gating=nnz == 8),
                   seeded(depth=32, nnz=nnz), tiles=3, above=above)
    check(simulated(run), run)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_extremes_and_short_blocks(shape, signed):
    """Blocks of 3 channels, as of a first layer, and all values, in the narrowest accumulator."""
    rng = np.random.default_rng(signed)
    sizes = np.array([8, 3, 3, 8])
    inside = np.arange(8) < sizes[:, np.newaxis]
    low, high = (-128, 128) if signed else (0, 256)
    x = np.where(inside, rng.integers(low, high, (20, 4, 8)), 0).astype(np.int16)
    w = np.where(inside, rng.integers(-128, 128, (10, 4, 8)), 0).astype(np.int8)
    w[:, 3] = 0  # a block without weights is left out where they are compressed
    work = Matrices(name="any", x=x, w=w, sizes=sizes, signed=signed)
    run = stimulus(facts(shape, overlapped=False, accumulator_bits=16), work, tiles=4, above=1)
    check(simulated(run), run)


@pytest.mark.parametrize("bound", [1, 4, 5])
def test_pruned_activations(bound):
    run = stimulus(facts("s2ta-aw"), seeded(depth=64, zeros=0.2, nnz=4), tiles=2, bound=bound)
    check(simulated(run), run)
    assert run.last - run.first == 8 * bound


@pytest.mark.parametrize(("shape", "nnz", "steps"), [
    ("sa", 4, 64), ("sta", 4, 32), ("sta-dbb", 4, 8), ("sta-dbb", 8, 16), ("vdbb", 3, 24),
    ("s2ta-aw", 4, 64), ("s2ta-aw", 8, 64)])
def test_measured_cycles_are_those_of_whole_tiles(shape, nnz, steps):
    f = facts(shape)
    run = stimulus(f, seeded(depth=64, nnz=nnz), tiles=4)
    assert (run.last - run.first, run.macs) == (3 * steps, 3 * f.a * f.c * 64)
    inplace = stimulus(facts(shape, overlapped=False), seeded(depth=64, nnz=nnz), tiles=4)
    assert inplace.last - inplace.first == 3 * (steps + f.a)


def test_a_wrong_sum_is_found():
    run = stimulus(facts("sta"), seeded(depth=32), tiles=2)
    trace = simulated(run)
    cycle, expected = run.sums[1]
    trace.outputs["south_sums"][cycle, 32] ^= 1
    with pytest.raises(ValueError, match=f"^Sum of column 1 in cycle {cycle} must be "
                                         f"{expected[1]}, not {expected[1] ^ 1}$"):
        check(trace, run)


@pytest.mark.parametrize(("port", "source"), [("east", "west"), ("south", "north"),
                                              ("east_token", "token")])
def test_operands_must_go_on(port, source):
    run = stimulus(facts("vdbb"), seeded(depth=32, nnz=4), tiles=2)
    trace = simulated(run)
    trace.outputs[port][7, 0] ^= 1
    with pytest.raises(ValueError, match=f"^{port} in cycle 7 must be {source} of the cycle "
                                         "before$"):
        check(trace, run)


@pytest.mark.parametrize(("change", "text"), [
    ({"tiles": 1}, "Tiles must be at least 2, not 1"),
    ({"tiles": 2, "bound": 4}, "Activation bound must be 8 for encoding dense, not 4"),
])
def test_refusals(change, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        stimulus(facts("sta"), seeded(depth=32), **change)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("shape", ["sa", "sta", "sta-dbb", "vdbb", "s2ta-aw"])
def test_netlist(shape, timed):
    """Verilog, mapped and simulated gate by gate, is golden: whatever order gates settle in."""
    f, library, netlist = mapped(shape)
    run = stimulus(f, seeded(depth=64, nnz=4), tiles=3, above=1)
    trace = Simulator(netlist, library).run(run.ports, timed=timed)
    check(trace, run)
    assert (trace.settling > 0) == timed


@pytest.mark.parametrize(("kind", "nnz", "steps"), [
    ("sa", 8, 64), ("sta-dbb", 4, 8), ("sta-dbb", 8, 16), ("vdbb", 3, 24)])
def test_steps_of_a_tile(kind, nnz, steps):
    assert steps_of(facts(kind), seeded(depth=64, nnz=nnz), tiles=3) == steps
