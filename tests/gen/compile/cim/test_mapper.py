# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.compile import CompileFault
from systolith.gen.compile.cim import Demand, Placement, place
from systolith.golden.cim.mapping import ArrayShape

SMALL = ArrayShape(rows=64, columns=64, mux=4)


def demand(rows, channels, *, pixels=10, step=8, name="layer"):
    cuts = (*range(0, rows, step), rows)
    return Demand(name=name, kind="CONV_2D", pixels=pixels, cuts=cuts, channels=channels)


def occupied(demands, placements, shape):
    """How many layers have each cell, [rows, columns]; asserts that places are legal."""
    cells = np.zeros((shape.rows, shape.columns), int)
    for each, found in zip(demands, placements, strict=True):
        assert sum(tile.height for tile in found.tiles) == each.rows
        end = 0
        for tile in found.tiles:
            end += tile.height
            assert end in each.cuts
            assert tile.adc % 8 == 0
            assert tile.adc + found.adcs <= shape.adcs
            assert tile.phase + found.phases <= shape.mux
            for channel in range(each.channels):
                column = shape.column(tile.adc + channel % found.adcs,
                                      tile.phase + channel // found.adcs)
                cells[tile.row:tile.row + tile.height, column] += 1
    return cells


def conversions(demands, placements):
    return sum(each.pixels * len(found.tiles) * found.phases
               for each, found in zip(demands, placements, strict=True))


def test_layers_side_by_side_in_one_conversion_each():
    demands = [demand(64, 16), demand(32, 16), demand(32, 16), demand(24, 8), demand(64, 16)]
    found = place(demands, SMALL, 8)
    assert occupied(demands, found, SMALL).max() == 1
    assert conversions(demands, found) == 50


def test_fewest_rows_of_equals():
    demands = [demand(16, 16)] * 4
    found = place(demands, SMALL, 8)
    assert {tile.row for each in found for tile in each.tiles} == {0}


@pytest.mark.parametrize(("rows", "tiles"), [(64, 1), (72, 2), (128, 2), (136, 3), (256, 4)])
def test_tall_layers_take_row_tiles(rows, tiles):
    found, = place([demand(rows, 8)], SMALL, 8)
    assert len(found.tiles) == tiles
    assert occupied([demand(rows, 8)], [found], SMALL).max() == 1


def test_tiles_are_cut_between_blocks():
    uneven = Demand(name="x", kind="CONV_2D", pixels=1, cuts=(0, 8, 16, 20, 24, 40, 68, 72),
                    channels=8)
    found, = place([uneven], SMALL, 8)
    occupied([uneven], [found], SMALL)


@pytest.mark.parametrize(("channels", "phases", "adcs"), [
    (5, 1, 5), (16, 1, 16), (17, 2, 16), (40, 3, 16), (64, 4, 16)])
def test_wide_layers_take_phases(channels, phases, adcs):
    found, = place([demand(8, channels)], SMALL, 8)
    assert (found.phases, found.adcs) == (phases, adcs)


@pytest.mark.parametrize(("channels", "phases", "adcs"), [(5, 1, 5), (16, 2, 8), (64, 4, 16)])
def test_neighbours_share_adcs(channels, phases, adcs):
    shape = ArrayShape(rows=64, columns=64, mux=4, adjacent=True)
    found, = place([demand(8, channels)], shape, 8)
    assert (found.phases, found.adcs) == (phases, adcs)
    cells = occupied([demand(8, channels)], [found], shape)
    assert cells.max() == 1


@pytest.mark.parametrize("fragment", [4, 16])
def test_tiles_take_whole_fragments(fragment):
    demands = [demand(rows, 16, step=3, name=str(rows)) for rows in (3, 9, 15, 30, 75)]
    found = place(demands, SMALL, 8, fragment=fragment)
    rounded = [Placement(tuple(replace(tile, height=-(-tile.height // fragment) * fragment)
                               for tile in each.tiles), each.adcs, each.phases) for each in found]
    cells = np.zeros((SMALL.rows, SMALL.columns), int)
    for each in rounded:
        for tile in each.tiles:
            assert tile.row % fragment == 0
            columns = [SMALL.column(tile.adc + adc, tile.phase + phase)
                       for phase in range(each.phases) for adc in range(each.adcs)]
            cells[tile.row:tile.row + tile.height, columns] += 1
    assert cells.max() == 1 and occupied(demands, found, SMALL).max() == 1


def test_more_conversions_where_others_do_not_fit():
    # Each alone takes one; 48 rows below 48 do not fit, but with two tiles they do.
    demands = [demand(48, 16, pixels=100), demand(48, 16, pixels=1), demand(32, 16, pixels=100)]
    shape = ArrayShape(rows=64, columns=32, mux=2)
    found = place(demands, shape, 8)
    assert occupied(demands, found, shape).max() == 1
    assert [len(each.tiles) for each in found] == [1, 2, 1]


def test_the_same_every_time():
    demands = [demand(8 * k, 8 * (1 + k % 2), name=str(k)) for k in range(1, 7)]
    assert place(demands, SMALL, 8) == place(demands, SMALL, 8)


@pytest.mark.parametrize(("demands", "message"), [
    ([demand(8, 65)], (r"layer layer \(CONV_2D\): output channels must be at most cim.columns, "
                       "64, not 65; make cim.columns larger")),
    ([demand(600, 8)], (r"layer layer \(CONV_2D\): rows \(kernel height x width x input channels\)"
                        " must be at most 8 x cim.rows, 512, not 600; make cim.rows larger")),
    ([demand(64, 40), demand(64, 40)], (
        "the array must have at least 5120 cells for the weights of this network, not 4096, 1024 "
        "fewer; make cim.rows or cim.columns larger, or set cim.residency to reloaded")),
    ([demand(128, 40)], r"at least 5120 cells for the weights of layer layer \(CONV_2D\)"),
    ([demand(64, 9)] * 5, ("the layers' weights, 70 % of the array, do not fit side by side as "
                           "rectangles; make cim.rows or cim.columns larger")),
])
def test_what_does_not_fit(demands, message):
    with pytest.raises(CompileFault, match=message):
        place(demands, SMALL, 8)


def test_reloaded_layers_get_no_advice_to_be():
    with pytest.raises(CompileFault) as caught:
        place([demand(64, 64), demand(8, 8)], SMALL, 8, reloaded=True)
    assert str(caught.value).endswith("make cim.rows or cim.columns larger")


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 12), st.sampled_from([3, 8])),
                min_size=1, max_size=5), st.booleans())
def test_places_are_legal(sizes, adjacent):
    shape = ArrayShape(rows=64, columns=64, mux=2, adjacent=adjacent)
    demands = [demand(words * step, channels, step=step) for words, channels, step in sizes]
    try:
        found = place(demands, shape, 8)
    except CompileFault:
        return
    assert occupied(demands, found, shape).max() == 1
