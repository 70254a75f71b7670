# SPDX-License-Identifier: Apache-2.0
"""onnxruntime's float32, emulated, against onnxruntime."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from systolith.gen.importer.onnx.mlas import (
    BYTES,
    Scaling,
    average_bounds,
    exact_scale,
    requantise_table,
    scale_parameters,
    sum_table,
)

from ....onnx_networks import quantised_names
from ....onnxruntime_oracle import reference_tensors, session
from .models import PAIRS, TYPES, Builder, scalings

DTYPES = pytest.mark.parametrize("dtype", ["int8", "uint8"])


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


@DTYPES
@pytest.mark.parametrize(("kernel", "seed"), [((2, 2), 0), ((2, 2), 1), ((1, 3), 2), ((2, 4), 3),
                                              ((5, 5), 4)])
def test_means_that_float32_noise_moves(tmp_path, dtype, kernel, seed):
    # Windows of few values of their own, side by side, so that many sums are equal.
    rng = np.random.default_rng(seed)
    count, windows = kernel[0] * kernel[1], 40_000
    source = Scaling(np.float32(rng.uniform(0.01, 0.2)), int(rng.integers(-128, 128)),
                     dtype == "uint8")
    b = Builder([1, 1, kernel[0], kernel[1] * windows], dtype=dtype, scale=source.scale,
                zero_point=source.zero_point)
    pooled = b.node("AveragePool", b.x, kernel_shape=list(kernel), strides=list(kernel))
    path = b.save(tmp_path / "m.onnx", b.quantised(pooled, source.scale, source.zero_point))
    values = rng.integers(-128, 128, (windows, 1)) + rng.integers(-6, 7, (windows, count))
    values = np.clip(values, -128, 127)
    image = values.reshape(windows, *kernel).transpose(1, 0, 2).reshape(1, 1, kernel[0], -1)
    real = ((image - source.zero_point) * source.scale).astype(np.float32)
    name = quantised_names(path)[-1]
    found = reference_tensors(path, real, [name])[name].reshape(-1).astype(np.int64)
    found -= 128 * source.unsigned
    least, greatest = (bound[values.sum(1) + 128 * count]
                       for bound in average_bounds(source, source, count))
    assert np.all((least <= found) & (found <= greatest))
    apart = least < greatest
    if count % 2:
        assert not apart.any()
    else:  # there is no function of the sum that is both
        assert np.any(apart & (found == least)) and np.any(apart & (found == greatest))


def test_scale_whose_sums_are_exact():
    for count in (2, 4, 6, 16):
        scale = exact_scale(np.float32(0.0437), count)
        assert scale == pytest.approx(0.0437, rel=2**-11)
        assert float(scale) * 255 * count == float(np.float32(float(scale) * 255 * count))
        source = Scaling(scale, 3, False)
        least, greatest = average_bounds(source, source, count)
        np.testing.assert_array_equal(least, greatest)


def test_bound_equals_onnxruntime(tmp_path):
    b = Builder([1, 256], scale=0.037, zero_point=-11)
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("Relu", b.x), 0.021, -40))
    ran = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    real = ((BYTES + 11) * np.float32(0.037)).astype(np.float32)[None]
    values = np.rint(ran.run(None, {"x": real})[0][0] / np.float32(0.021)) - 40
    table = requantise_table(Scaling(np.float32(0.037), -11, False),
                             Scaling(np.float32(0.021), -40, False), 0, np.inf)
    np.testing.assert_array_equal(values, table)
