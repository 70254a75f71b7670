# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from systolith.golden.cim.layers import (
    array_layer,
    check_mapping,
    place,
    regions,
    row_order,
    tile_columns,
    weight_step,
)
from systolith.golden.cim.mapping import ArrayShape, LayerMapping, TilePlace
from systolith.golden.network import (
    Convolution,
    FullyConnected,
    MaxPool,
    Network,
    Reshape,
    Tensor,
)
from systolith.golden.numerics import Requantise, Rounding

SHAPE = ArrayShape(rows=32, columns=16, mux=2)


def a_requantise(channels: int) -> Requantise:
    return Requantise(multiplier=np.full(channels, 1 << 30, np.int32),
                      shift=np.full(channels, 7, np.int32), zero_point=0, low=-128, high=127,
                      rounding=Rounding.DOUBLE)


def a_convolution(weights: np.ndarray, *, zero_point: int = -128, output: int = 1,
                  **fields) -> Convolution:
    return Convolution(
        name="conv", kind="CONV_2D", sources=(0,), output=output, weights=weights,
        bias=np.arange(len(weights), dtype=np.int32), source_zero_point=zero_point,
        requantise=a_requantise(len(weights)),
        **{"stride": (1, 1), "padding": (0, 0, 0, 0)} | fields)


def a_network(layer, source: tuple[int, ...], *more) -> Network:
    tensors = {0: Tensor(0, "x", source)}
    return Network("n", tensors, (*more, layer), (0,), (layer.output,))


def test_rows_are_blocks_of_channels_then_taps():
    order = row_order((2, 1), 10)
    assert order.tolist() == [*range(8), *range(10, 18), 8, 9, 18, 19]


@pytest.mark.parametrize("zero_point", [-128, 5])
def test_operands_times_matrix_and_bias_are_the_convolution(zero_point):
    rng = np.random.default_rng(0)
    weights = rng.integers(-128, 128, (5, 3, 2, 11)).astype(np.int8)
    layer = a_convolution(weights, zero_point=zero_point, stride=(2, 1), padding=(1, 0, 0, 1))
    seen = array_layer(a_network(layer, (1, 6, 5, 11)), layer)
    x = rng.integers(-128, 128, (2, 6, 5, 11)).astype(np.int8)
    sums = seen.operands(x).astype(np.int64) @ seen.matrix + seen.folded_bias
    assert seen.signed == (zero_point != -128)
    assert (seen.rows, seen.pixels) == (66, 3 * 5)
    assert seen.operands(x).min() >= (0 if zero_point == -128 else -128)
    offset = np.pad(x.astype(np.int64) - zero_point, ((0, 0), (1, 0), (0, 1), (0, 0)))
    for pixel, (oy, ox) in enumerate(np.ndindex(3, 5)):
        window = offset[:, 2 * oy:2 * oy + 3, ox:ox + 2]
        np.testing.assert_array_equal(
            sums[:, pixel], np.einsum("nyxc,kyxc->nk", window, weights.astype(np.int64))
            + layer.bias)


def test_fully_connected_layer_reads_the_image_behind_a_reshape():
    layer = FullyConnected(name="fc", kind="FULLY_CONNECTED", sources=(2,), output=3,
                           weights=np.zeros((4, 24), np.int8), bias=np.zeros(4, np.int32),
                           source_zero_point=-128, requantise=a_requantise(4))
    pool = MaxPool("pool", "MAX_POOL_2D", (0,), 1, (1, 1), (1, 1), (0, 0, 0, 0), -128, 127)
    reshape = Reshape("flat", "RESHAPE", (1,), 2, (1, 24))
    tensors = {0: Tensor(0, "x", (1, 2, 3, 4)), 1: Tensor(1, "p", (1, 2, 3, 4)),
               2: Tensor(2, "f", (1, 24)), 3: Tensor(3, "y", (1, 4))}
    network = Network("n", tensors, (pool, reshape, layer), (0,), (3,))
    assert array_layer(network, layer).source_shape == (2, 3, 4)
    alone = replace(layer, sources=(0,))
    flat = Network("n", tensors | {0: Tensor(0, "x", (1, 24))}, (alone,), (0,), (3,))
    assert array_layer(flat, alone).source_shape == (1, 1, 24)


def test_a_layer_without_weights():
    pool = MaxPool("pool", "MAX_POOL_2D", (0,), 1, (1, 1), (1, 1), (0, 0, 0, 0), -128, 127)
    with pytest.raises(ValueError, match="Layer pool must be CONV_2D, DEPTHWISE_CONV_2D or "
                                         "FULLY_CONNECTED to lie on an array, not MAX_POOL_2D"):
        array_layer(a_network(pool, (1, 2, 2, 8)), pool)


def test_pruned_activations():
    layer = a_convolution(np.zeros((8, 1, 1, 8), np.int8), activation_bound=4)
    with pytest.raises(ValueError, match="Activation bound of layer conv must be 8 on an array, "
                                         "not 4"):
        array_layer(a_network(layer, (1, 2, 2, 8)), layer)


def a_mapping(**fields) -> LayerMapping:
    return LayerMapping(**{"tiles": (TilePlace(0, 8, 0, 0), TilePlace(16, 2, 4, 1)),
                           "channels": 4, "adcs": 4, "phases": 1} | fields)


def test_columns_of_phases():
    mapping = a_mapping(channels=6, phases=2)
    tile = TilePlace(0, 10, 2, 0)
    assert tile_columns(mapping, tile, SHAPE).tolist() == [2, 3, 4, 5, 10, 11]
    adjacent = replace(SHAPE, adjacent=True)
    assert tile_columns(mapping, tile, adjacent).tolist() == [4, 6, 8, 10, 5, 7]


def test_weights_lie_where_their_tiles_do():
    weights = np.arange(40, dtype=np.int8).reshape(4, 1, 1, 10)
    layer = a_convolution(weights)
    seen = {1: array_layer(a_network(layer, (1, 2, 2, 10)), layer)}
    array, written = place(seen, {1: a_mapping()}, SHAPE)
    np.testing.assert_array_equal(array[0:8, 0:4], weights[:, 0, 0, :8].T)
    np.testing.assert_array_equal(array[16:18, 12:16], weights[:, 0, 0, 8:].T)
    assert written.sum() == 40 and not array[~written].any()
    found = list(regions({1: a_mapping()}, SHAPE))
    assert [(rows.start, rows.stop, columns.tolist()) for rows, columns in found] == [
        (0, 8, [0, 1, 2, 3]), (16, 18, [12, 13, 14, 15])]


def test_weights_of_few_bits_lie_over_their_step():
    weights = np.array([-128, 112, 48, 0], np.int8).reshape(4, 1, 1, 1)
    layer = a_convolution(weights)
    seen = {1: array_layer(a_network(layer, (1, 2, 2, 1)), layer)}
    assert [weight_step(weights, bits) for bits in (8, 4, 1)] == [0, 4, 7]
    assert weight_step(weights[2:], 4) == 3
    mapping = a_mapping(tiles=(TilePlace(3, 1, 0, 0),), weight_bits=4)
    array, _ = place(seen, {1: mapping}, SHAPE)
    assert array[3, :4].tolist() == [-8, 7, 3, 0]


def test_layers_on_the_same_cells():
    weights = np.ones((4, 1, 1, 10), np.int8)
    layers = {index: array_layer(a_network(layer, (1, 2, 2, 10)), layer)
              for index in (1, 2) for layer in (a_convolution(weights, output=index),)}
    with pytest.raises(ValueError, match="Cells of tensor 2 must be its own, not another layer's"):
        place(layers, {1: a_mapping(), 2: a_mapping()}, SHAPE)


def test_mapping_of_another_layer():
    layer = a_convolution(np.ones((4, 1, 1, 11), np.int8))
    with pytest.raises(ValueError, match="Mapping must be of 11 rows and 4 channels, not 10 and 4"):
        check_mapping(array_layer(a_network(layer, (1, 2, 2, 11)), layer), a_mapping())
