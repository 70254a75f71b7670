# SPDX-License-Identifier: Apache-2.0
import numpy as np
from systolith.golden.cim.noise import NOISE_GAIN, WEYL, counter_noise, mix

MASK = (1 << 32) - 1


def plain_mix(x):
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


def test_mix_of_known_words():
    # lowbias32 of 1, 2 and 2**32 - 1, worked out in plain integers.
    words = [1, 2, MASK, 0x12345678]
    assert mix(np.array(words)).tolist() == [plain_mix(word) for word in words]
    assert mix(np.zeros(1, np.uint32)).tolist() == [0]


def test_noise_is_that_of_its_definition():
    conversions, rows, columns = [0, 1, 77, MASK, 1 << 33], [0, 5, 1023], [0, 1, 511, 4095]
    for seed in (0, 1, MASK):
        noise = counter_noise(seed, np.array(conversions), np.array(rows), np.array(columns))
        for i, k in enumerate(conversions):
            for j, row in enumerate(rows):
                for n, column in enumerate(columns):
                    h = plain_mix(plain_mix(seed + k * WEYL & MASK) ^ (row << 16 | column))
                    assert noise[i, j, n] == sum(h.to_bytes(4, "little")) - 510


def test_noise_has_no_mean_and_the_stated_deviation():
    noise = counter_noise(3, np.arange(20), np.arange(128), np.arange(128))
    assert abs(noise.mean()) < 1
    assert abs(noise.std() * NOISE_GAIN / (1 << 16) - 1) < 0.005


def test_noise_of_neighbours_and_conversions_is_unrelated():
    noise = counter_noise(3, np.arange(4), np.arange(128), np.arange(128)).astype(float)
    for one, other in ((noise[0], noise[1]), (noise[:, 1:], noise[:, :-1]),
                       (noise[:, :, 1:], noise[:, :, :-1])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.03
