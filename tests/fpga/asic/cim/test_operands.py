# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.cim.operands import conversions

from .elements import matrices


@pytest.mark.parametrize("signed", [False, True])
def test_pixels_and_channels_of_a_layer(signed):
    work = matrices(signed=signed)
    made = conversions(work, rows=24, code_bits=20, pixels=4, channels=3)
    there = np.arange(8) < work.sizes[:, None]
    x, w = work.x[13:17][:, there], work.w[[0, 2, 4]][:, there]
    assert made.used == 20 and made.enabled.shape == (12, 24)
    assert (made.enabled[:, 20:] == 0).all()
    assert (made.enabled[:4, :20] == x).all() and (made.enabled[8:, :20] == x).all()
    assert (made.weights[::4, :20] == w).all()
    assert (made.weights[:, 20:] == made.weights[:, :4]).all()  # in cells that are not enabled
    expected = w.astype(int) @ x.astype(int).T
    assert made.codes(20).tolist() == expected.ravel().tolist()
    assert (made.others[:4, [0, 2, 4]] == expected.T).all()
    assert (made.cycles(False) == 66).all()


def test_a_layer_with_more_rows_is_cut():
    work = matrices()
    made = conversions(work, rows=8, code_bits=20, activation_bits=4, weight_bits=4)
    assert made.used == 8 and made.operands.shape[1] == 8
    assert made.operands.max() <= 15 and made.weights.min() >= -8
    assert (made.cycles(False) == 18).all()


def test_cycles_with_early_stop():
    made = conversions(matrices(top=19), rows=24, code_bits=20, weight_bits=3)
    assert (made.cycles(True) == 5 * 3 + 2).all()
