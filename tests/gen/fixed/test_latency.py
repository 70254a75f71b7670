# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import numpy as np
from systolith.gen.fixed.latency import FRAMES, arrivals, latency
from systolith.gen.fixed.pipeline import front_end

from .small import convolution, network


def test_when_layers_take_their_pixels():
    """A convolution of stride 2 gives the layer behind it a quarter of the pixels."""
    rng = np.random.default_rng(0)
    chain = network((6, 8, 1), convolution(rng, 0, 1, 2, (3, 3), (2, 2), (0, 1, 0, 1)),
                    convolution(rng, 1, 2, 2, (1, 1)))
    front = front_end(chain, range(2))
    first, second = arrivals(front)
    assert (len(first), len(second)) == (48 * FRAMES, 12 * FRAMES)
    interval = latency(front).interval
    assert first[-48] - first[-96] == second[-12] - second[-24] == interval
    assert second[0] > first[0] and sorted(second) == second
    assert second[-11] - second[-12] == 2  # a pixel every second cycle, in every second row
