# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.rtl.fixed.parameters import WindowParameters

FRAME = {"height": 5, "width": 4, "channels": 2}


@pytest.mark.parametrize(("fields", "text"), [
    ({"kernel": (0, 3)}, "kernel and a stride of at least 1"),
    ({"kernel": (3, 3), "padding": (1, 2, 0, 0)}, r"less than the kernel \(3, 3\), not"),
    ({"kernel": (3, 3), "padding": (0, 0, -1, 0)}, "Padding must be 0 or more"),
    ({"kernel": (6, 1)}, r"Kernel \(6, 1\) must fit the padded frame of 5 x 4 pixels"),
    ({"kernel": (1, 1), "fill": 256}, "Fill must be 0 ... 255, not 256"),
])
def test_refusals(fields, text):
    with pytest.raises(ValueError, match=text):
        WindowParameters(**FRAME, **fields)


def test_sizes():
    p = WindowParameters(**FRAME, kernel=(3, 2), stride=(2, 1), padding=(1, 1, 0, 1),
                         single_port=True)
    assert (p.out_height, p.out_width, p.taps, p.slots) == (3, 4, 6, 4)
