# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.golden.network import Tensor

IMAGE = np.arange(-60, 60, dtype=np.int8).reshape(2, 3, 4, 5)


def test_image_with_channels_first():
    tensor = Tensor(0, "x", (1, 3, 4, 5), channels_first=(3, 4, 5))
    assert tensor.model_shape == (1, 5, 3, 4)
    values = tensor.to_model(IMAGE)
    assert values.shape == (2, 5, 3, 4) and values[1, 2, 0, 3] == IMAGE[1, 0, 3, 2]
    np.testing.assert_array_equal(tensor.from_model(values), IMAGE)


def test_flattened_image_with_channels_first():
    tensor = Tensor(0, "x", (1, 60), channels_first=(3, 4, 5))
    values = tensor.to_model(IMAGE.reshape(2, 60))
    np.testing.assert_array_equal(values, IMAGE.transpose(0, 3, 1, 2).reshape(2, 60))
    np.testing.assert_array_equal(tensor.from_model(values), IMAGE.reshape(2, 60))


def test_unsigned_bytes_are_128_more():
    tensor = Tensor(0, "x", (1, 3), "uint8")
    values = tensor.to_model(np.array([[-128, 0, 127]], np.int8))
    assert values.dtype == np.uint8 and values.tolist() == [[0, 128, 255]]
    assert tensor.from_model(values).tolist() == [[-128, 0, 127]]


@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (1, 60)])
def test_other_models_are_as_golden_has_them(shape):
    tensor = Tensor(0, "x", shape)
    values = IMAGE.reshape(2, *shape[1:])
    assert tensor.model_shape == shape
    np.testing.assert_array_equal(tensor.to_model(values), values)
    np.testing.assert_array_equal(tensor.from_model(values), values)
