# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.golden.cim.conversion import (
    CHUNK,
    digital_codes,
    digital_cycles,
    low_bits,
    needed_planes,
    pcm_code,
    pcm_codes,
    pcm_weights,
    read_weights,
    sign_groups,
)
from systolith.golden.cim.noise import counter_noise


def test_low_bits():
    assert low_bits(np.array([5, 6, -1, 8]), 3).tolist() == [-3, -2, -1, 0]
    assert low_bits(np.array([5, 6, -1, 8]), 3, is_signed=False).tolist() == [5, 6, 7, 0]
    assert low_bits(np.array([-128, 255], np.int16), 8).tolist() == [-128, -1]
    assert low_bits(np.array([1, 0]), 1).tolist() == [-1, 0]


@pytest.mark.parametrize("is_signed", [False, True])
def test_digital_codes_are_products_bit_plane_by_bit_plane(is_signed):
    rng = np.random.default_rng(0)
    x, w = rng.integers(-128, 128, (5, 30)), rng.integers(-128, 128, (30, 7))
    for bits in range(1, 9):
        for weight_bits in range(1, 9):
            codes = np.zeros((5, 7), int)
            for i in range(bits):
                for j in range(weight_bits):
                    sign = (-1) ** ((is_signed and i == bits - 1) + (j == weight_bits - 1))
                    codes += sign * 2 ** (i + j) * ((x >> i & 1) @ (w >> j & 1))
            assert np.array_equal(codes, digital_codes(
                x, w, activation_bits=bits, weight_bits=weight_bits, is_signed=is_signed))


def test_sign_groups_are_forms_sums():
    rng = np.random.default_rng(5)
    x = rng.integers(0, 256, (4, 24))
    signs = rng.choice([-1, 1], (3, 6))
    magnitudes = rng.integers(0, 128, (24, 6))
    w = signs.repeat(8, axis=0) * magnitudes
    for weight_bits in range(1, 9):
        low = magnitudes & (1 << max(weight_bits - 1, 1)) - 1
        codes = sum(signs[f] * sum(2 ** t * (x[:, rows] >> t & 1) @ low[rows] for t in range(8))
                    for f in range(3) for rows in [slice(8 * f, 8 * f + 8)])
        assert np.array_equal(codes, digital_codes(
            x, w, weight_bits=weight_bits, is_signed=False, fragment=8))
    # Weights that fit their bits are what they are.
    assert np.array_equal(digital_codes(x, w, fragment=8), digital_codes(x, w))


def test_sign_groups_refuse_both_signs():
    w = np.ones((16, 3), int)
    w[8:, 1] = [0, -1, 0, 0, -5, 0, 0, 0]
    magnitudes, signs = sign_groups(w, 8)
    assert signs.tolist() == [[False] * 3, [False, True, False]]
    assert magnitudes[12, 1] == 5
    w[15, 1] = 2
    with pytest.raises(ValueError, match=r"^Weights of a fragment must have one sign, not both, in "
                                         r"rows 8 \.\.\. 15 of column 1$"):
        digital_codes(np.ones((1, 16)), w, fragment=8)
    w[15, 1] = -128
    with pytest.raises(ValueError, match="^Weights of sign-grouped columns must be at least -127, "
                                         "not -128, in row 15 of column 1$"):
        sign_groups(w, 8)


def test_digital_codes_wrap():
    x, w = np.full((1, 4), 255), np.full((4, 1), 127)
    codes = digital_codes(x, w, is_signed=False, code_bits=16)
    assert codes.item() == (4 * 255 * 127 + 32768) % 65536 - 32768


@pytest.mark.parametrize(("operands", "is_signed", "planes"), [
    ([0, 0], True, 1), ([0, -1], True, 1), ([1], True, 2), ([-2], True, 2), ([-3, 1], True, 3),
    ([127], True, 8), ([-128], True, 8), ([63, -64], True, 7), ([], True, 1),
    ([0], False, 1), ([1], False, 1), ([2], False, 2), ([127], False, 7), ([128], False, 8),
])
def test_needed_planes(operands, is_signed, planes):
    x = np.array(operands, int).reshape(1, -1)
    assert needed_planes(x, is_signed=is_signed).tolist() == [planes]
    if planes < 8:  # and they are enough, and one less is not
        for fewer in range(planes, 9):
            assert np.array_equal(low_bits(x, fewer, is_signed), x)
    if planes > 1:
        assert not np.array_equal(low_bits(x, planes - 1, is_signed), x)


def test_digital_cycles():
    x = np.array([[0, 3], [-128, 0]])
    settings = {"activation_bits": 8, "weight_bits": 5, "is_signed": True}
    assert digital_cycles(x, **settings).tolist() == [42, 42]
    assert digital_cycles(x, early_stop=True, **settings).tolist() == [17, 42]
    assert digital_cycles(x, early_stop=True, fragment=8, **settings).tolist() == [14, 34]
    # What is above the bits that count is none of a plane's business.
    assert digital_cycles(np.array([[17]]), early_stop=True, activation_bits=4,
                          weight_bits=1).tolist() == [4]


def test_adc_rounds_half_up_and_clips_at_both_ends():
    sums = np.array([-6, -5, -2, -1, 0, 1, 2, 5, 6, 10000, -10000])
    assert pcm_code(sums, adc_bits=8, adc_shift=2).tolist() == [-1, -1, 0, 0, 0, 0, 1, 1, 2, 127,
                                                                -127]
    assert pcm_code(np.array([5, 9, -9]), adc_bits=4, adc_shift=0).tolist() == [5, 7, -7]
    assert pcm_code(np.array([5, -9]), adc_bits=1, adc_shift=0).tolist() == [0, 0]


def test_ideal_cells_give_rounded_sums():
    rng = np.random.default_rng(1)
    x, w = rng.integers(-128, 128, (9, 40)), rng.integers(-128, 128, (40, 6)).astype(np.int8)
    cells = pcm_weights(w)
    codes = pcm_codes(x, cells, np.zeros_like(w), conversions=np.arange(9), rows=np.arange(40),
                      columns=np.arange(6), adc_shift=13)
    exact = 32 * (x @ w.astype(int))
    assert np.array_equal(codes, np.clip((exact + 4096) // 8192, -127, 127))


@pytest.mark.parametrize("chunk", [1, CHUNK])
def test_read_noise_cell_by_cell(chunk, monkeypatch):
    monkeypatch.setattr("systolith.golden.cim.conversion.CHUNK", chunk)
    rng = np.random.default_rng(2)
    x = rng.integers(0, 256, (3, 5))
    cells, sigmas = rng.integers(-4096, 4097, (5, 4)), rng.integers(0, 65536, (5, 4))
    rows, columns, conversions = np.array([9, 2, 700, 3, 4]), np.arange(8, 12), np.array([4, 5, 9])
    noise = counter_noise(77, conversions, rows, columns)
    codes = pcm_codes(x, cells, sigmas, conversions=conversions, rows=rows, columns=columns,
                      seed=77, activation_bits=6, is_signed=False, adc_shift=9, adc_bits=16)
    for pixel in range(3):
        for column in range(4):
            total = sum((int(x[pixel, row]) & 63)
                        * (int(cells[row, column]) + (int(sigmas[row, column])
                                                      * int(noise[pixel, row, column]) * 443
                                                      + 32768 >> 16)) for row in range(5))
            assert codes[pixel, column] == max(min(total + 256 >> 9, 32767), -32767)


def test_read_weights_keep_their_sigma():
    noise = counter_noise(1, np.arange(50), np.arange(64), np.arange(64))
    seen = read_weights(np.full((64, 64), 1000), np.full((64, 64), 200), noise)
    assert abs(seen.mean() - 1000) < 2
    assert abs(seen.std() - 200) < 2
