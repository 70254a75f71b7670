# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.cim.apart import lay_apart, pcm_scale
from systolith.gen.importer import load
from systolith.golden.cim.layers import place
from systolith.golden.cim.network import array_layers
from systolith.golden.cim.quantisers import GDC_ONE, digital_scale, effective_scale
from systolith.golden.network import DepthwiseConvolution
from systolith.rtl.cim import fields


@pytest.fixture(scope="module")
def digits():
    return load(files("systolith.gen.demo") / "digits_dense.tflite")


def test_layers_do_not_share_cells(digits):
    shape, mappings = lay_apart(digits, rows=100, adcs=16)
    weights, written = place(array_layers(digits, mappings), mappings, shape)
    assert weights.shape == (shape.rows, shape.columns)
    assert written.sum() == sum(layer.weights.size for layer in digits.layers
                                if hasattr(layer, "weights"))
    tiles = {index: [tile.height for tile in mapping.tiles] for index, mapping in mappings.items()}
    assert list(tiles.values()) == [[9], [100, 44], [100, 100, 88], [64]]
    assert [mapping.phases for mapping in mappings.values()] == [1, 2, 4, 1]


def test_depthwise_layers_may_stay_off_the_array(networks):
    kws = load(networks / "kws_ref_model.tflite")
    depthwise = {layer.output for layer in kws.layers if isinstance(layer, DepthwiseConvolution)}
    everything, others = (lay_apart(kws, depthwise=on)[1] for on in (True, False))
    assert set(everything) - set(others) == depthwise and len(depthwise) == 4


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("shift", [0, 5, 12, 13])
def test_codes_count_in_the_unit_of_the_weights(shift, bits):
    scale = pcm_scale(shift, bits)
    codes = np.arange(-127, 128)
    assert (scale["activation_bits"], scale["adc_shift"]) == (bits, shift)
    assert scale["scale"] < 1 << fields.SCALE_BITS and scale["scale_shift"] < 32
    assert scale["scale"] == 1 << 15
    found = digital_scale(codes, effective_scale(scale["scale"]), scale["scale_shift"])
    np.testing.assert_array_equal(
        found, np.floor(codes * 2.0 ** (shift - 5 + 8 - bits) + 0.5))


def test_a_gain_beyond_the_scale():
    assert pcm_scale(20)["scale_shift"] == 0
    with pytest.raises(ValueError, match="ADC shift must be at most 16 at 4 bits of activations, "
                                         "not 17"):
        pcm_scale(17, 4)


def test_compensation_of_golden_and_rtl_have_one_unit():
    assert GDC_ONE == fields.GDC_ONE
