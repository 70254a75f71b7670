# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.fabric.devices import DEVICES, FAMILIES, TARGET_DEVICES, family_of


def test_every_device_has_a_family_and_every_family_a_device():
    assert {each.family for each in DEVICES.values()} == set(FAMILIES) == set(TARGET_DEVICES)
    for family, device in TARGET_DEVICES.items():
        assert family_of(DEVICES[device]) is FAMILIES[family]


def test_capacities_are_named_and_counted():
    for device in DEVICES.values():
        assert set(device.capacity) <= set(family_of(device).names)


@pytest.mark.parametrize("family, cells, usage", [
    ("xc7", {"LUT6": 2, "LUT2": 1, "RAMB36E1": 1, "RAMB18E1": 1, "FDRE": 4, "CARRY4": 1,
             "RAM32M": 1},
     {"lut": 7, "ff": 4, "carry": 1, "dsp": 0, "bram": 1.5}),
    ("ecp5", {"LUT4": 3, "CCU2C": 2, "TRELLIS_DPR16X4": 1, "TRELLIS_FF": 5, "PFUMX": 9},
     {"lut": 11, "ff": 5, "carry": 2, "dsp": 0, "bram": 0}),
    ("gowin", {"MULT9X9": 1, "MULT18X18": 1, "LUT4": 1, "MUX2_LUT5": 3, "DFFRE": 2, "SDPB": 1},
     {"lut": 1, "ff": 2, "carry": 0, "dsp": 1.5, "bram": 1}),
    ("ice40", {"SB_DFFESR": 2, "SB_LUT4": 1, "SB_SPRAM256KA": 1, "SB_RAM40_4K": 2},
     {"logic": 0, "lut": 1, "ff": 2, "carry": 0, "dsp": 0, "bram": 2, "spram": 1}),
])
def test_cells_are_counted_by_the_longest_beginning(family, cells, usage):
    assert FAMILIES[family].count(cells) == usage
