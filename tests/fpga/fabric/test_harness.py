# SPDX-License-Identifier: Apache-2.0
import pytest
from amaranth.sim import Simulator
from systolith.fpga.fabric.harness import Harness, area_of, routed

from .parts import Parity, Product


def outputs(part, bits, cycles):
    harness = Harness(part)
    seen = []

    async def bench(ctx):
        for cycle in range(cycles):
            ctx.set(harness.i, bits[cycle] if cycle < len(bits) else 0)
            await ctx.tick()
            seen.append(ctx.get(harness.o))

    simulator = Simulator(harness)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def test_every_input_reaches_the_part_and_every_output_the_pin():
    # Three ones in a row at the pins a and b: two of 8 held bits differ from their neighbours.
    assert any(outputs(Product(2), [1, 0, 1, 0], 30))
    assert not any(outputs(Product(2), [], 30))


def test_area_is_that_of_the_part_alone():
    assert area_of(Product())["dsp"] == 1
    assert area_of(Product(), "xc7")["dsp"] == 1
    assert area_of(Parity(64, staged=False))["ff"] == 1


@pytest.mark.slow
def test_a_deep_part_is_slower_than_a_staged_one(tmp_path):
    calls = []
    deep = routed(lambda: Parity(256, staged=False), seeds=(1, 2), keep=tmp_path / "deep",
                  done=lambda: calls.append(1))
    staged = routed(lambda: Parity(256, staged=True), seeds=(1, 2))
    assert deep.median < staged.median
    assert len(deep.fmax) == 2 and len(calls) == 3
    assert "TRELLIS_FF" in (tmp_path / "deep" / "nextpnr-1.log").read_text()


def test_the_same_seed_gives_the_same_clock():
    first, second = (routed(lambda: Parity(32, staged=True), seeds=(5,)) for _ in range(2))
    assert first.fmax == second.fmax
