# SPDX-License-Identifier: Apache-2.0
"""What a spec of the compact core must state."""

import pytest
from systolith.gen.build import accelerator, parameters
from systolith.gen.spec import SpecFault, load
from systolith.rtl.compact.accelerator import CompactAccelerator

CASES = {
    "engine.tpe.c=16": "engine.tpe: must be {a: 1, b: 1, c: 8} for kind simd, not a 1x1x16 TPE; "
                       "write that, or use kind sta",
    "engine.grid.m=2": "engine.grid: must be {m: 1, n: 1} for kind simd, not 2x1; write that, or "
                       "use kind sta",
    "engine.weights.nnz=4": "engine.weights.nnz: must be 8 (dense) for kind simd, not 4; remove "
                            "engine.weights, or use kind sta-dbb",
    "engine.accumulator_bits=16": "engine.accumulator_bits: must be at least 20 for kind simd, "
                                  "whose biases are added in them, not 16; set it to 20 or more",
    "engine.zero_gating=true": "engine.zero_gating: must be false for kind simd, whose "
                               "accumulators have no gates; set it to false",
    "memory.weight_source=external": "memory.weight_source: must be on-chip for kind simd, which "
                                     "has no DMA; set it to on-chip",
    "memory.weights=1MiB": "memory: activations, weights and program must be at most 512 KiB "
                           "together for kind simd, not 1074 KiB; make them smaller",
    "vector.fused_channels=8": "vector.fused_channels: must be 0 for kind simd, which has no "
                               "vector unit; set it to 0",
    "postproc.float_rounding=true": "postproc.float_rounding: must be false for kind simd, whose "
                                    "requantisers round as TFLite does; set it to false",
    "bus.window=null": "bus.window: must be axi4 for kind simd, whose memory is reached through "
                       "it; set it to axi4",
    "bus.dma=axi4": "bus.dma: must be null for kind simd, which has none; set it to null",
}


@pytest.mark.parametrize("override", CASES)
def test_rule(override):
    with pytest.raises(SpecFault) as caught:
        load("demo-icebreaker", [override])
    message, = caught.value.messages
    assert message.endswith(CASES[override])


def test_hardware_is_the_compact_core():
    spec = load("demo-icebreaker")
    assert isinstance(accelerator(spec), CompactAccelerator)
    p = parameters(spec)
    assert (spec.multipliers, p.facts.rows, p.facts.columns) == (8, 1, 8)
    assert [p.region_address(region) for region in range(4)] == [
        0, 48 * 1024, 126 * 1024, 128 * 1024]


def test_other_kinds_become_it():
    spec = load("demo", ["engine.kind=simd", "bus.dma=null", "vector.fused_channels=0"])
    assert isinstance(accelerator(spec), CompactAccelerator)
