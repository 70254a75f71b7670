# SPDX-License-Identifier: Apache-2.0
"""What a front end cannot have, in one sentence each."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.fixed.pipeline import front_end
from systolith.gen.fixed.sums import FrontEndFault
from systolith.golden import network as golden

from .small import convolution, network

NONE = (0, 0, 0, 0)


def refused(net, text, layers=None, **options):
    with pytest.raises(FrontEndFault, match=text):
        front_end(net, range(len(net.layers)) if layers is None else layers, **options)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return network((4, 4, 2), convolution(rng, 0, 2, 3, (1, 1)), convolution(rng, 1, 3, 3, (1, 1)))


@pytest.mark.parametrize("layers", [range(0), range(1, 2), range(0, 2, 2), range(3)])
def test_layers_from_elsewhere(pair, layers):
    refused(pair, "^Layers must be a range from 0 to at most 2, not range", layers)


def test_more_folds_than_channels(pair):
    refused(pair, "of 3 channels must be folded at most 3 times, not 4$", folds={0: 4})


def test_a_tensor_that_is_taken_behind(pair):
    net = replace(pair, layers=(pair.layers[0], replace(pair.layers[1], sources=(0,)),
                                golden.Reshape("shape", "RESHAPE", (1,), 3, (1, 48))))
    refused(replace(net, layers=(pair.layers[0], replace(
        convolution(np.random.default_rng(0), 0, 2, 3, (1, 1)), output=2))),
        "^Layer 'conv0' must be taken by a later one of the front end$")
    later = replace(pair.layers[1], sources=(1,), output=3)
    refused(replace(pair, layers=(*pair.layers, later)),
            "^Only the last layer's tensor must be taken behind the front end, not that of 'conv0'",
            range(2))


def test_an_average_with_padding():
    refused(network((4, 4, 2), golden.AveragePool("pool", "AVERAGE_POOL_2D", (0,), 1, (3, 3),
                                                  (1, 1), (1, 1, 1, 1), -128, 127)),
            "^Layer 'pool' must average windows inside the frame$")


def test_padding_with_two_values():
    rng = np.random.default_rng(0)
    pad = golden.Pad("pad", "PAD", (0,), 1, ((0, 0), (1, 1), (1, 1), (0, 0)), 9)
    refused(network((4, 4, 2), pad, convolution(
        rng, 1, 2, 3, (5, 5), (1, 1), (1, 1, 1, 1), zero_point=4)),
        "^Layer 'conv1' must be a convolution whose own padding, if any, is 9, as that in front")


def test_a_layer_of_the_host():
    refused(network((4, 4, 2), golden.Softmax("end", "SOFTMAX", (0,), 1, 1, 1, 1)),
            "^Layer 'end' must be one that a front end can compute, not SOFTMAX$")


def test_pruned_activations():
    rng = np.random.default_rng(0)
    layer = replace(convolution(rng, 0, 2, 3, (1, 1)), activation_bound=4)
    refused(network((4, 4, 2), layer), "^Layer 'conv0' must take all activations, not 4 of 8$")
