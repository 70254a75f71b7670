# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.gen.fixed.folds import balanced_folds
from systolith.gen.fixed.latency import latency
from systolith.gen.fixed.pipeline import front_end
from systolith.gen.importer import load
from systolith.golden.network import MaxPool

from .small import convolution, depthwise, network


def test_frames_take_no_longer():
    rng = np.random.default_rng(0)
    net = network((12, 12, 2), convolution(rng, 0, 2, 8, (3, 3), (2, 2), (0, 1, 0, 1)),
                  depthwise(rng, 1, 8, 8, (3, 3), (1, 1), (1, 1, 1, 1)),
                  convolution(rng, 2, 8, 6, (1, 1)),
                  depthwise(rng, 3, 6, 6, (3, 3), (2, 2), (0, 1, 0, 1)),
                  MaxPool("pool", "MAX_POOL_2D", (4,), 5, (3, 3), (3, 3), (0, 0, 0, 0), -128, 127))
    unfolded = front_end(net, range(5))
    folds = balanced_folds(net, unfolded)
    assert folds == {0: 3, 1: 4, 2: 3, 3: 6}
    assert latency(front_end(net, range(5), folds=folds)).interval == 144
    assert latency(unfolded).interval == 144


def test_a_longer_interval_folds_more():
    rng = np.random.default_rng(0)
    net = network((4, 4, 2), convolution(rng, 0, 2, 8, (1, 1)))
    unfolded = front_end(net, range(1))
    assert balanced_folds(net, unfolded) == {}
    assert balanced_folds(net, unfolded, 70) == {0: 4}
    assert latency(front_end(net, range(1), folds={0: 4})).interval == 64


@pytest.mark.parametrize("count", [5])
def test_of_a_real_network(networks, count):
    net = load(networks / "vww_96_int8.tflite")
    folds = balanced_folds(net, front_end(net, range(count)))
    assert folds == {0: 3, 1: 4, 2: 4, 3: 8, 4: 16}
    assert latency(front_end(net, range(count), folds=folds)).interval == 96 * 96
