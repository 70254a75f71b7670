# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.fabric.devices import FAMILIES
from systolith.fpga.fabric.products import Product, in_luts

ECP5 = FAMILIES["ecp5"]


@pytest.mark.parametrize("family, widths, dsps", [
    ("ecp5", (9, 8), 1), ("ecp5", (32, 32), 4), ("ecp5", (19, 18), 2), ("ecp5", (4, 4), 0),
    ("gowin", (9, 8), 0.5), ("gowin", (10, 8), 1), ("xc7", (18, 25), 1), ("xc7", (32, 32), 4),
    ("ice40", (16, 16), 1),
])
def test_dsps_of_a_product(family, widths, dsps):
    assert Product("p", widths).dsps(FAMILIES[family]) == dsps


def test_narrow_products_go_first_and_no_more_than_must():
    products = [Product("wide", (32, 32)), *(Product(f"p{n}", (9, 8)) for n in range(4)),
                Product("tiny", (3, 3))]
    assert in_luts(products, ECP5, 8) == []
    assert [each.name for each in in_luts(products, ECP5, 6)] == ["p0", "p1"]
    assert [each.name for each in in_luts(products, ECP5, 3)] == ["p0", "p1", "p2", "p3", "wide"]
