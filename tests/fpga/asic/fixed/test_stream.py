# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import numpy as np
import pytest
from systolith.fpga.asic.fixed.stream import RESET, Feed, Mismatch, compare, feed, stimulus
from systolith.rtl.fixed.parameters import LayerParameters, WindowParameters


def layer(height, width, kernel=None, stride=1, padding=(0, 0, 0, 0)):
    window = None if kernel is None else WindowParameters(
        height=height, width=width, channels=2, kernel=(kernel, kernel), stride=(stride, stride),
        padding=padding)
    shape = (height, width, 2) if window is None else (window.out_height, window.out_width, 2)
    return LayerParameters(name="a", tensor=1, sources=(-1,), in_channels=2, out_shape=shape,
                           operation=None, window=window)


def tensors(made):
    window = made.window
    height, width = (made.out_shape[:2] if window is None else (window.height, window.width))
    source = np.arange(height * width * 2).reshape(height, width, 2).astype(np.int8)
    result = np.arange(np.prod(made.out_shape)).reshape(made.out_shape).astype(np.int8)
    return source, result


def test_rows_of_the_middle():
    """40 columns at a pixel every 2 cycles, stride 2: 3 rows and one more fill, 4 are measured."""
    made = layer(60, 40, kernel=3, stride=2, padding=(0, 1, 0, 1))
    source, result = tensors(made)
    taken = 2 * np.arange(2 * 2400)
    found = feed(made, source, result, taken.tolist())
    above = 22  # (60 - 6 - 4) // 2, of which whole strides
    assert len(found.pixels) == 11 * 40 and found.measured == 4 * 40
    assert (found.pixels == source[24:35].reshape(-1, 2)).all() or (
        found.pixels == source[above:above + 11].reshape(-1, 2)).all()
    assert found.cycles[0] == RESET and found.first == RESET + 2 * 6 * 40
    assert found.last - found.first == 2 * 160
    assert found.skipped == 0


def test_rows_above_which_are_missing_do_not_count():
    made = layer(60, 40, kernel=3, padding=(1, 1, 1, 1))
    found = feed(made, *tensors(made), np.arange(2400).tolist())
    assert found.skipped == 40 and found.measured == 160


def test_small_frames_are_two_whole_ones():
    """Frames of 16 pixels, every third cycle, and a pause of 10 between them."""
    made = layer(4, 4, kernel=3)
    source, result = tensors(made)
    taken = [3 * k + 55 * frame for frame in range(3) for k in range(16)]
    found = feed(made, source, result, taken)
    assert len(found.pixels) == 32 and found.measured == 16
    assert (found.first, found.last) == (RESET + 55, RESET + 110)
    assert (found.expected == np.concatenate([result.reshape(-1, 2)] * 2)).all()


def test_pixels_stay_until_the_next_one():
    found = Feed(np.array([[1], [-2]], np.int8), np.array([4, 7]), 4, 8, 2,
                 np.zeros((2, 1), np.int8), 0)
    ports = stimulus(found)
    assert ports["i_valid"][:9].tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0]
    values = np.packbits(ports["i_payload"], axis=1, bitorder="little").view(np.int8)[:, 0]
    assert values[4:9].tolist() == [1, 1, 1, -2, -2]
    assert ports["rst"][:4].tolist() == [1, 1, 0, 0]


def trace(payload, valid, ready=1):
    return SimpleNamespace(outputs={
        "i_ready": np.full((len(valid), 1), ready, np.uint8),
        "o_valid": np.array(valid, np.uint8)[:, None],
        "o_payload": np.unpackbits(np.array(payload, np.int8).view(np.uint8)[:, None], axis=1,
                                   bitorder="little")})


def test_comparison_with_golden():
    found = Feed(np.zeros((1, 1), np.int8), np.array([2]), 2, 5, 1,
                 np.array([[9], [-3], [4]], np.int8), 1)
    ports = {"rst": np.array([1, 0, 0, 0, 0], np.uint8)}
    valid = [1, 1, 0, 1, 1]  # in reset it does not count; the first one is skipped
    assert compare(found, ports, trace([7, 7, 0, -3, 4], valid)) == 2
    with pytest.raises(Mismatch, match=r"Pixel 1 must be \[4\], not \[5\]"):
        compare(found, ports, trace([7, 7, 0, -3, 5], valid))
    with pytest.raises(Mismatch, match="take a pixel in cycle 2"):
        compare(found, ports, trace([7, 7, 0, -3, 4], valid, ready=0))
    with pytest.raises(Mismatch, match="must make a pixel"):
        compare(found, ports, trace([7, 7, 0, -3, 4], [1, 1, 0, 0, 0]))
