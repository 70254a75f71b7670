# SPDX-License-Identifier: Apache-2.0
"""Golden's integers against onnxruntime's float32 as emulated."""

import numpy as np
import pytest
from systolith.gen.importer.onnx.integers import find_map, find_sum
from systolith.gen.importer.onnx.mlas import BYTES, Scaling, requantise_table, sum_table
from systolith.golden.network import Add
from systolith.golden.numerics import requantise
from systolith.golden.ops import add

from .models import PAIRS, scalings


def check(first: Scaling, second: Scaling, output: Scaling) -> bool:
    """Whether integers are found; those found must add alike."""
    table = sum_table(first, second, output)
    found = find_sum(table, first, second, output)
    if found is None:
        return False
    layer = Add("sum", "ADD", (0, 1), 2, **found)
    np.testing.assert_array_equal(add(*PAIRS[::-1].astype(np.int8), layer), table)
    assert all(0 <= multiplier < 2**31 for multiplier in layer.multipliers)
    assert all(0 <= shift < 32 for shift in layer.shifts) and abs(layer.offset) < 2**31
    return True


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("seed", range(12))
def test_integers_that_add_alike(seed, kind, unsigned):
    assert check(*scalings(np.random.default_rng(100 + seed), unsigned, kind))


def decimals(rng) -> tuple[Scaling, ...]:
    """Scales of two or three digits, whose ratios make many sums ties."""
    first = np.exp(rng.uniform(np.log(0.005), np.log(0.5)))
    second = first * np.exp(rng.uniform(-2, 2))
    output = max(first, second) * np.exp(rng.uniform(-0.3, 1))
    unsigned = bool(rng.integers(2))
    return tuple(Scaling(np.float32(f"{scale:.{int(rng.integers(1, 3))}e}"),
                         int(rng.integers(-128, 128)), unsigned)
                 for scale in (first, second, output))


def test_decimal_scales():
    rng = np.random.default_rng(0)
    assert sum(check(*decimals(rng)) for _ in range(60)) >= 57


@pytest.mark.parametrize(("scales", "zero_points", "unsigned"), [
    ((0.0882, 0.017, 0.19), (-26, 73, -47), False),
    ((0.161, 0.84, 1.16), (-65, 93, -93), True),
    ((0.0091, 0.00173, 0.0103), (22, 69, 109), True),
    ((0.0093, 0.061, 0.13), (-12, 103, -75), False),
])
def test_ties_that_fall_alike(scales, zero_points, unsigned):
    assert check(*(Scaling(np.float32(scale), point, unsigned)
                   for scale, point in zip(scales, zero_points, strict=True)))


def test_table_of_no_sum_has_no_integers():
    scaling = Scaling(np.float32(0.1), 0, False)
    table = sum_table(scaling, scaling, scaling)
    table[200, 17] += 1
    assert find_sum(table, scaling, scaling, scaling) is None


@pytest.mark.parametrize("seed", range(5))
def test_map_of_a_bound(seed):
    rng = np.random.default_rng(seed)
    source, _, output = scalings(rng, False, 0)
    table = requantise_table(source, output, 0, np.inf)[None]
    gain = float(source.scale) / float(output.scale)
    weights, bias, scaling = find_map(table, source, gain, np.array([output.zero_point]),
                                      output.zero_point)
    total = (BYTES - source.zero_point) * weights.astype(np.int64) + bias
    np.testing.assert_array_equal(requantise(total[:, None], scaling)[:, 0], table[0])


def test_map_whose_ties_fall_beside_an_odd_zero_point():
    source, output = Scaling(np.float32(0.077), 31, False), Scaling(np.float32(0.1), -3, False)
    table = requantise_table(source, output)[None]
    offset = np.array([output.zero_point])
    assert find_map(table, source, 0.77, offset, 0) is None
    _, _, scaling = find_map(table, source, 0.77, offset, output.zero_point)
    assert scaling.zero_point == -3


def test_table_of_no_line_has_no_map():
    source = Scaling(np.float32(0.1), 0, False)
    table = BYTES[None].copy()
    table[0, 100] += 3
    assert find_map(table, source, 1.0, np.zeros(1), 0) is None
