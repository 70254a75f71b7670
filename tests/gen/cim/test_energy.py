# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.cim.apart import lay_apart
from systolith.gen.cim.energy import (
    ADC_PJ,
    conversion_ns,
    count_events,
    energy_pj,
    unit_energies,
)
from systolith.golden.cim.analognets import CHANNELS, keyword_spotting
from systolith.golden.cim.network import array_layers

FULL_ARRAY_NJ = {8: 77.4, 6: 23.0, 4: 9.3}
"""Of four phases, from AON-CiM's 13.55, 45.55 and 112.44 TOPS/W."""


def test_times_are_those_of_the_paper():
    assert [conversion_ns(bits) for bits in (8, 6, 4)] == [130, 34, 10]


@pytest.mark.parametrize(("bits", "tops_per_watt"), [(8, 13.55), (6, 45.55), (4, 112.44)])
def test_the_full_array_takes_what_the_paper_s_peak_efficiency_says(bits, tops_per_watt):
    unit = {entry.event: entry.pj for entry in unit_energies(bits)}
    phase = 1024 * unit["drivers"] + 128 * unit["adcs"] + 1024 * 128 * unit["cells"]
    assert 4 * phase / 1e3 == pytest.approx(FULL_ARRAY_NJ[bits], rel=0.01)
    assert 2 * 1024 * 512 / (4 * phase) == pytest.approx(tops_per_watt, rel=0.01)


@pytest.mark.parametrize(("bits", "adc_bits", "pj"), [(8, None, 1.67), (8, 10, 2.38),
                                                      (4, None, 0.79), (2, None, 0.79)])
def test_adcs_take_what_their_bits_do(bits, adc_bits, pj):
    unit = {entry.event: entry for entry in unit_energies(bits, adc_bits)}
    assert unit["adcs"].pj == pj
    assert len(ADC_PJ) == 7
    assert all(entry.source and entry.node for entry in unit.values())


def test_events_of_keyword_spotting():
    network = keyword_spotting()
    _, mappings = lay_apart(network, rows=512, adcs=48)
    layers = array_layers(network, mappings)
    index = network.layers[2].output
    events = count_events(layers[index], mappings[index], 1)
    pixels, rows = 125, 9 * CHANNELS
    assert events.conversions == pixels * 2 * 2        # row tiles and phases
    assert events.drivers == pixels * rows * 2         # in either phase
    assert events.adcs == pixels * CHANNELS * 2        # in either tile
    assert events.cells == pixels * rows * CHANNELS
    assert events.words == pixels * (9 * 12 + 12)
    assert events.multiplications == pixels * CHANNELS * 3
    assert events.additions == pixels * CHANNELS * 2


def test_keyword_spotting_lies_between_the_paper_s_network_and_its_peak():
    """8.58 TOPS/W for the whole chip, 13.55 at the array's peak: rows and ADCs that rest take
    nothing here."""
    network = keyword_spotting()
    _, mappings = lay_apart(network, rows=1024, adcs=128)
    units = unit_energies(8)
    total = macs = 0
    for index, layer in array_layers(network, mappings).items():
        done = layer.pixels * layer.weights.size
        events = count_events(layer, mappings[index], done)
        total += sum(energy_pj(events, units).values())
        macs += done
    assert 8.58 < 2 * macs / total < 13.55
