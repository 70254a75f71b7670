# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Stimuli drive the RTL as they say, in every encoding: the TPE in Amaranth's simulator is
golden's."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.simulation import Simulator, Trace
from systolith.fpga.asic.stimuli import check, stimulus
from systolith.fpga.asic.synthesis import synthesise
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.workloads import Matrices, extremes, seeded
from systolith.gen.emit.platform import EmittingPlatform
from systolith.rtl.kinds import facts_of
from systolith.rtl.parameters import EngineParameters
from systolith.rtl.pe.tpe import Tpe

from ...rtl.streams import simulate

SHAPES = {
    "sa": ("sa", 1, 1, 1), "sta": ("sta", 2, 2, 3), "sta-deep": ("sta", 4, 8, 2),
    "sta-dbb": ("sta-dbb", 2, 8, 2), "vdbb": ("vdbb", 3, 8, 2), "s2ta-w": ("s2ta-w", 4, 8, 2),
    "s2ta-aw": ("s2ta-aw", 2, 8, 3),
}


def facts(shape, *, overlapped=True, zero_gating=False, accumulator_bits=32):
    kind, a, b, c = SHAPES[shape]
    return facts_of(EngineParameters(
        kind=kind, a=a, b=b, c=c, m=1, n=1, nnz=4, accumulator_bits=accumulator_bits,
        zero_gating=zero_gating, overlapped=overlapped))


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


class Alone(wiring.Component):
    """A TPE as the top of a netlist."""

    def __init__(self, facts):
        self.tpe = Tpe(facts)
        super().__init__(dict(self.tpe.signature.members.items()))

    def elaborate(self, platform):
        m = Module()
        m.submodules.tpe = self.tpe
        wiring.connect(m, wiring.flipped(self), self.tpe)
        return m


@pytest.fixture(scope="module")
def mapped():
    """Netlist of a TPE on gate equivalents, by shape."""
    technology = load_technology("gates")
    library = gate_library(technology)

    @cache
    def make(shape, **options):
        f = facts(shape, accumulator_bits=20, **options)
        verilog, _ = EmittingPlatform("t").convert(Alone(f), "tpe")
        return f, library, synthesise(verilog, "tpe", library, technology)

    return make


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("shape", ["sa", "sta", "sta-dbb", "vdbb", "s2ta-aw"])
def test_netlist(shape, timed, mapped):
    """Verilog, mapped and simulated gate by gate, is golden: whatever order gates settle in."""
    f, library, netlist = mapped(shape, zero_gating=True, overlapped=False)
    run = stimulus(f, seeded(depth=64, nnz=4), tiles=3, above=1)
    trace = Simulator(netlist, library).run(run.ports, timed=timed)
    check(trace, run)
    assert (trace.settling > 0) == timed


def test_every_wrong_gate_is_found(mapped):
    """Any NAND that is a NOR, but for the reset's."""
    f, library, netlist = mapped("sa", zero_gating=True, overlapped=False)
    runs = [stimulus(f, extremes(signed=signed), tiles=6, above=1) for signed in (False, True)]
    reset = netlist.inputs["rst"][0]
    places = [k for k, each in enumerate(netlist.instances)
              if each.cell == "NAND2" and reset not in each.pins.values()]
    for place in places[::8]:
        broken = netlist.copy()
        broken.instances[place] = replace(broken.instances[place], cell="NOR2")
        simulator = Simulator(broken, library)
        with pytest.raises(ValueError, match="^Sum of column|^east|^south"):
            for run in runs:
                check(simulator.run(run.ports), run)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shape", ["sa", "sta-dbb", "vdbb", "s2ta-aw"])
def test_netlist_on_extremes(shape, signed, mapped):
    f, library, netlist = mapped(shape, zero_gating=True, overlapped=False)
    run = stimulus(f, extremes(signed=signed, nnz=4), tiles=6, above=1)
    check(Simulator(netlist, library).run(run.ports), run)
