# SPDX-License-Identifier: Apache-2.0
import pytest
from amaranth import Shape
from systolith.rtl.constants.shape import shape_of

INT8 = (-128, 127)


@pytest.mark.parametrize(("ranges", "shape"), [
    ([(0, 0)], Shape(1)), ([(0, 1)], Shape(1)), ([(0, 255)], Shape(8)), ([(3, 256)], Shape(9)),
    ([INT8], Shape(8, True)), ([(-129, 0)], Shape(9, True)), ([(-1, 128)], Shape(9, True)),
    ([(-1, 0), (0, 7)], Shape(4, True)), ([(-9, -2)], Shape(5, True)), ([], Shape(1)),
])
def test_shapes(ranges, shape):
    assert shape_of(ranges) == shape
