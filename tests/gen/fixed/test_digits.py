# SPDX-License-Identifier: Apache-2.0
from itertools import pairwise

import pytest
from systolith.gen.fixed.digits import canonical_digits


@pytest.mark.parametrize("value", [*range(-300, 301), 2**40 - 1, -2**31])
def test_canonical_digits(value):
    digits = canonical_digits(value)
    assert sum(sign << shift for shift, sign in digits) == value
    assert all(low + 1 < high for (low, _), (high, _) in pairwise(digits))
