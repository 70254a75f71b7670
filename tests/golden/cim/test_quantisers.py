# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.golden.cim.quantisers import GDC_ONE, dac, digital_scale, effective_scale

SIGNED, UNSIGNED = np.arange(-128, 128), np.arange(256)


def test_eight_bits_are_driven_as_they_are():
    np.testing.assert_array_equal(dac(SIGNED, 8, signed=True), SIGNED)
    np.testing.assert_array_equal(dac(UNSIGNED, 8, signed=False), UNSIGNED)


@pytest.mark.parametrize("bits", range(1, 8))
def test_fewer_bits_round_half_up_within_their_range(bits):
    step = 2 ** (8 - bits)
    for operands, signed, most in ((SIGNED, True, 2 ** (bits - 1) - 1),
                                   (UNSIGNED, False, 2 ** bits - 1)):
        expected = np.minimum(np.floor(operands / step + 0.5), most)
        np.testing.assert_array_equal(dac(operands, bits, signed=signed), expected)
        assert dac(operands, bits, signed=signed).min() >= -(2 ** (bits - 1)) * signed


@pytest.mark.parametrize("bits", [0, 9])
def test_bits_that_drivers_do_not_have(bits):
    with pytest.raises(ValueError, match=f"Activation bits must be 1 ... 8, not {bits}"):
        dac(SIGNED, bits, signed=True)


def test_scale_of_one_changes_nothing():
    codes = np.arange(-300, 300)
    np.testing.assert_array_equal(digital_scale(codes, effective_scale(1), 0), codes)


@pytest.mark.parametrize("shift", [1, 7, 16])
@pytest.mark.parametrize("factor", [1, 77, 300_000])
def test_scale_rounds_half_up(factor, shift):
    codes = np.arange(-300, 300)
    np.testing.assert_array_equal(digital_scale(codes, factor, shift),
                                  np.floor(codes * factor / 2.0 ** shift + 0.5))


def test_compensation_is_part_of_the_scale():
    assert effective_scale(1000) == 1000
    assert effective_scale(1000, GDC_ONE * 3 // 2) == 1500
    assert effective_scale(3, GDC_ONE // 2) == 2
    assert effective_scale(0xFFFF, 0xFFFF) == (0xFFFF * 0xFFFF + 4096) >> 13
