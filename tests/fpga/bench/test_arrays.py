# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.bench.arrays import ARRAYS, PAIRS, Array, measure_arrays, measure_pairs

from .canned import area


def test_arrays_have_the_sizes_that_are_asked_for_in_both_forms():
    for pipelined in (False, True):
        assert {16, 64, 128, 256} <= {each.macs for each in ARRAYS
                                      if each.pipelined is pipelined}


def test_pairs_have_equal_throughput_and_tile_and_half_of_the_multipliers():
    for pair in PAIRS:
        assert pair.dense.macs == pair.blocks.macs == 128
        assert pair.dense.facts.multipliers == 2 * pair.blocks.facts.multipliers == 128
        assert not pair.dense.dsps and not pair.blocks.dsps
        assert pair.dense.facts.rows == pair.blocks.facts.rows


def test_figures_are_of_a_mac_of_the_dense_layer():
    found, = measure_arrays([PAIRS[0].blocks], area=area)
    assert (found.lut, found.ff, found.dsp) == (5.0, 1.0, 0.0)


def test_ratio_is_of_luts_and_every_array_is_heard_of():
    heard = []
    ratio, = measure_pairs(PAIRS[:1], area=area, done=lambda: heard.append(1))
    assert ratio.value == 0.5 and len(heard) == 2


@pytest.mark.parametrize("dsps, expected", [(True, 2), (False, 0)])
def test_area_is_that_of_a_real_array(dsps, expected):
    array = Array(a=1, depth=2, c=1, dsps=dsps, rows=not dsps)
    usage = array.area()
    assert usage["dsp"] == expected
    assert usage["lut"] > (60 if not dsps else 20)
    assert "row_0" in array.verilog() or dsps
