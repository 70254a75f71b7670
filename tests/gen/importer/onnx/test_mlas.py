# SPDX-License-Identifier: Apache-2.0
"""onnxruntime's float32, emulated: against onnxruntime, and against golden's integers."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from systolith.gen.importer.onnx.mlas import (
    BYTES,
    Scaling,
    average_moves,
    find_map,
    find_sum,
    requantise_table,
    scale_parameters,
    sum_table,
)
from systolith.golden.network import Add
from systolith.golden.numerics import Rounding, requantise
from systolith.golden.ops import add

from ....onnxruntime_oracle import session
from .models import TYPES, Builder

PAIRS = np.stack(np.meshgrid(BYTES, BYTES, indexing="ij"))


def scalings(rng, unsigned: bool, kind: int) -> tuple[Scaling, Scaling, Scaling]:
    """Two operands and a result: any scales, equal ones, ratios of powers of two."""
    a, b = np.exp(rng.uniform(-6, 0, 2)).astype(np.float32)
    output = np.float32(max(a, b) * np.exp(rng.uniform(-0.3, 1)))
    if kind:
        b = a
        output = a * np.float32([0, 1, 2, 0.75][kind])
    points = rng.integers(-128, 128, 3) if kind != 2 else [-128] * 3
    return tuple(Scaling(np.float32(scale), int(point), unsigned)
                 for scale, point in zip((a, b, output), points, strict=True))


def onnxruntime_sums(first: Scaling, second: Scaling, output: Scaling) -> np.ndarray:
    """QLinearAdd of all pairs, as int8."""
    dtype = TYPES["uint8" if first.unsigned else "int8"]
    proto = TensorProto.UINT8 if first.unsigned else TensorProto.INT8
    constants = []
    for name, scaling in zip("abc", (first, second, output), strict=True):
        point = np.array(scaling.kernel_zero_point, dtype)
        constants += [numpy_helper.from_array(np.array(scaling.scale), f"{name}s"),
                      numpy_helper.from_array(point, f"{name}z")]
    nodes = [helper.make_node("DequantizeLinear", [name, f"{name}s", f"{name}z"], [f"{name}r"])
             for name in "ab"]
    nodes += [helper.make_node("Add", ["ar", "br"], ["cr"]),
              helper.make_node("QuantizeLinear", ["cr", "cs", "cz"], ["c"])]
    values = {name: helper.make_tensor_value_info(name, proto, [1, PAIRS[0].size])
              for name in "abc"}
    model = helper.make_model(
        helper.make_graph(nodes, "sum", [values["a"], values["b"]], [values["c"]], constants),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    offset = 128 * first.unsigned
    result = session(model).run(["c"], {
        name: (values + offset).astype(dtype).reshape(1, -1)
        for name, values in zip("ab", PAIRS, strict=True)})[0]
    return (result.astype(np.int64) - offset).reshape(256, 256)


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("kind", range(4))
@pytest.mark.parametrize("seed", range(5))
def test_sums_of_all_pairs(seed, kind, unsigned):
    first, second, output = scalings(np.random.default_rng(seed), unsigned, kind)
    table = sum_table(first, second, output)
    np.testing.assert_array_equal(table, onnxruntime_sums(first, second, output))


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("seed", range(12))
def test_integers_that_add_alike(seed, kind, unsigned):
    first, second, output = scalings(np.random.default_rng(100 + seed), unsigned, kind)
    table = sum_table(first, second, output)
    found = find_sum(table, first, second, output)
    assert found is not None
    layer = Add("sum", "ADD", (0, 1), 2, (0, 0), found.multipliers, found.shifts, 0, -128, 127,
                found.offset, Rounding.FLOAT)
    np.testing.assert_array_equal(add(*PAIRS.astype(np.int8), layer), table)
    assert all(0 <= multiplier < 2**31 for multiplier in found.multipliers)
    assert all(0 <= shift < 32 for shift in found.shifts) and abs(found.offset) < 2**31


def test_table_of_no_sum_has_no_integers():
    scaling = Scaling(np.float32(0.1), 0, False)
    table = sum_table(scaling, scaling, scaling)
    table[200, 17] += 1
    assert find_sum(table, scaling, scaling, scaling) is None


@given(st.floats(2.0**-31, 1, width=32, exclude_max=True, exclude_min=True))
def test_scale_is_exact(value):
    multiplier, shift = scale_parameters(np.array([value], np.float32))
    assert float(multiplier[0]) * 2.0 ** -(31 + float(shift[0])) == np.float32(value)
    assert multiplier[0] >= 2**30 and 0 <= shift[0] < 32


def test_scale_that_leaves_nothing():
    multiplier, shift = scale_parameters(np.array([0.0, 2.0**-33, 1e-30], np.float32))
    assert multiplier.tolist() == shift.tolist() == [0, 0, 0]


@pytest.mark.parametrize("value", [1.0, 7.5, float("nan"), float("inf"), -0.25])
def test_scale_that_no_multiplier_has(value):
    with pytest.raises(ValueError, match="from 0 to below 1, not"):
        scale_parameters(np.float32(value))


@pytest.mark.parametrize("seed", range(5))
def test_map_of_a_bound(seed):
    rng = np.random.default_rng(seed)
    source, _, output = scalings(rng, False, 0)
    table = requantise_table(source, output, 0, np.inf)[None]
    gain = float(source.scale) / float(output.scale)
    weights, bias, scaling = find_map(table, source, gain, np.array([output.zero_point]))
    total = (BYTES - source.zero_point) * weights.astype(np.int64) + bias
    np.testing.assert_array_equal(requantise(total[:, None], scaling)[:, 0], table[0])


def test_table_of_no_line_has_no_map():
    source = Scaling(np.float32(0.1), 0, False)
    table = BYTES[None].copy()
    table[0, 100] += 3
    assert find_map(table, source, 1.0, np.zeros(1)) is None


def test_means_that_float32_noise_moves():
    scaling = Scaling(np.float32(0.1), 3, False)
    assert average_moves(scaling, scaling, 4)
    assert not average_moves(scaling, scaling, 9)


def test_bound_equals_onnxruntime(tmp_path):
    b = Builder([1, 256], scale=0.037, zero_point=-11)
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("Relu", b.x), 0.021, -40))
    ran = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    real = ((BYTES + 11) * np.float32(0.037)).astype(np.float32)[None]
    values = np.rint(ran.run(None, {"x": real})[0][0] / np.float32(0.021)) - 40
    table = requantise_table(Scaling(np.float32(0.037), -11, False),
                             Scaling(np.float32(0.021), -40, False), 0, np.inf)
    np.testing.assert_array_equal(values, table)
