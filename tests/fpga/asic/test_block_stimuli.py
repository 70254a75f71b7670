# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.block_stimuli import CYCLES, WARM, Recording, at_rest, at_work
from systolith.fpga.asic.netlist import Netlist

ACTIVATIONS = np.arange(-100, 100, dtype=np.int8)
WEIGHTS = np.full(7, 3, np.int8)
RECORDING = Recording(ACTIVATIONS, WEIGHTS)
WIDTHS = {"clk": 1, "rst": 1, "i_valid": 1, "i_data": 24, "weights": 16, "write_address": 6,
          "descriptor": 40, "lane.enable": 2, "stop": 1}


def netlist():
    inputs, net = {}, 2
    for name, width in WIDTHS.items():
        inputs[name] = list(range(net, net + width))
        net += width
    return Netlist("ports", net, [], inputs, {}, inputs["clk"][0])


def numbers(bits):
    return [int("".join(map(str, row[::-1])), 2) for row in bits.tolist()]


def test_every_port_but_the_clock_has_its_width():
    for make in (at_work, at_rest):
        found = make(netlist(), RECORDING)
        assert set(found) == set(WIDTHS) - {"clk"}
        assert all(bits.shape == (CYCLES, WIDTHS[name]) for name, bits in found.items())


def test_data_are_the_recordings_bytes_in_order():
    bits = at_work(netlist(), RECORDING)["i_data"]
    octets = np.packbits(bits.reshape(CYCLES, 3, 8), axis=2, bitorder="little").ravel()
    start = int(np.flatnonzero(np.roll(ACTIVATIONS.view(np.uint8), 0) == octets[0])[0])
    assert np.array_equal(octets, np.take(ACTIVATIONS.view(np.uint8),
                                          start + np.arange(len(octets)), mode="wrap"))
    assert set(numbers(at_work(netlist(), RECORDING)["weights"])) == {3 << 8 | 3}


@pytest.mark.parametrize("name, values", [
    ("i_valid", {1}), ("lane.enable", {3}), ("rst", {0}), ("stop", {0})])
def test_control_at_work(name, values):
    assert set(numbers(at_work(netlist(), RECORDING)[name])) == values


def test_addresses_count_and_descriptors_stay():
    found = at_work(netlist(), RECORDING)
    assert numbers(found["write_address"]) == [cycle % 64 for cycle in range(CYCLES)]
    assert len(set(numbers(found["descriptor"]))) == 1


def test_nothing_moves_at_rest():
    found = at_rest(netlist(), RECORDING)
    for name, bits in found.items():
        assert len(set(numbers(bits[WARM - 1:]))) == 1, name
    assert not found["i_valid"][WARM:].any() and not found["lane.enable"][WARM:].any()
    assert found["i_data"][WARM:].any()


def test_accumulators_are_those_of_a_layer():
    sums = np.array([3, -5, 70_000])
    ports = Netlist("x_requantiser_1", 40, [], {"i": list(range(2, 34)), "o": [36]}, {})
    told = at_work(ports, Recording(ACTIVATIONS, WEIGHTS, sums))["i"]
    values = np.packbits(told, axis=1, bitorder="little").view("<i4")[:, 0]
    assert values[:6].tolist() == [3, -5, 70_000, 3, -5, 70_000]
    other = Netlist("x_lane", 40, [], {"i": list(range(2, 34))}, {})
    assert (at_work(other, Recording(ACTIVATIONS, WEIGHTS, sums))["i"]
            == at_work(other, RECORDING)["i"]).all()


def test_parameters_are_taken_over_once():
    ports = Netlist("x_lane", 40, [], {"swap": [2, 3], "shadow": list(range(4, 20))}, {})
    found = at_work(ports, RECORDING)
    assert found["swap"][:4].all() and not found["swap"][4:].any()
    assert set(numbers(found["shadow"])) == {3 << 8 | 3}  # weights
