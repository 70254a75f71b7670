# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.golden.numerics import quantise_multiplier
from systolith.golden.softmax import softmax

from .operators import activation, check, model, samples


def one_softmax(channels: int, scale: float, beta: float = 1.0) -> bytes:
    tensors = [activation("x", (1, channels), scale, 3),
               activation("y", (1, channels), 1 / 256, -128)]
    return model("SOFTMAX", tensors, Beta=beta)


@pytest.mark.parametrize("channels", [2, 12, 100])
@pytest.mark.parametrize("scale", [1e-6, 0.003, 0.0471, 0.17, 0.6, 40.0])
def test_equals_litert(tmp_path, scale, channels):
    inputs = samples(np.random.default_rng(8), 300, (channels,))
    check(tmp_path, one_softmax(channels, scale), inputs, least_distinct=2 - (scale == 1e-6))


@pytest.mark.parametrize("seed", range(30))
def test_equals_litert_for_any_scale_and_beta(tmp_path, seed):
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(2, 40))
    content = one_softmax(channels, rng.uniform(0.01, 0.3), rng.uniform(0.2, 3))
    check(tmp_path, content, samples(rng, 300, (channels,)), least_distinct=10)


def test_is_near_the_real_function():
    scale = 0.05
    multiplier, shift = quantise_multiplier(scale * 2**26)
    x = np.random.default_rng(0).integers(-60, 60, (500, 7)).astype(np.int8)
    real = np.exp(scale * x.astype(float))
    real /= real.sum(-1, keepdims=True)
    found = softmax(x, multiplier=multiplier, left_shift=shift, reach=(31 << 26) >> shift)
    assert np.abs(found.astype(int) + 128 - 256 * real).max() <= 0.51


def test_values_out_of_reach_count_for_nothing():
    x = np.array([[127, 117, 116, -128]], np.int8)
    multiplier, shift = quantise_multiplier(2.0**20)  # 1/64 a step
    found = softmax(x, multiplier=multiplier, left_shift=shift, reach=10)
    assert found.tolist() == [[10, -10, -128, -128]]
