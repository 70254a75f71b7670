# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
import systolith.gen.demo as demo
from systolith.gen.compiler import compile_network
from systolith.gen.importer import load as load_model
from systolith.gen.predict import Activity, layer_traffic, predict, predict_activity
from systolith.gen.spec import load
from systolith.rtl.compact.requantiser import SerialRequantiser
from systolith.rtl.compact.sequencer import Sequencer

PROGRAM = compile_network(load("demo-icebreaker"),
                          load_model(Path(demo.__file__).parent / "digits_dense.tflite"))


def test_prediction_adds_up():
    prediction = predict(PROGRAM)
    assert prediction.cycles == 6 + sum(layer.cycles for layer in prediction.layers)
    assert not any(prediction.waits)
    for layer, predicted in zip(PROGRAM.layers, prediction.layers, strict=True):
        assert predicted.macs == layer.lowered.macs
        assert 0 < predicted.utilisation < 8 / 9  # a word of activations, then 8 of weights
    assert prediction.utilisation == pytest.approx(
        sum(layer.utilisation * layer.cycles for layer in prediction.layers) / prediction.cycles)


def test_a_requantiser_takes_a_cycle_a_bit():
    # 31 bits of the multiplier, 10 of the sum and 8 of the result; a turn and a rounding.
    assert SerialRequantiser.cycles(0) == 31 + 1 + 1 + 10 + 8
    assert SerialRequantiser.cycles(7) == SerialRequantiser.cycles(0) + 7


@pytest.mark.parametrize(("words", "weights", "each"), [
    (8, 64, 4 + 72 + 1),         # sums take longer
    (9, 9, 51 + 7 + 1 + 1),      # requantising does
])
def test_the_slower_of_sum_and_requantiser_counts(words, weights, each):
    one, many = (Sequencer.group_cycles(pixels=pixels, words=words, weights=weights, scale_rows=7)
                 for pixels in (1, 126))
    assert many - one == 125 * each


def test_nothing_is_counted_or_moved():
    assert predict_activity(PROGRAM, {}) == [Activity()] * len(PROGRAM.layers)
    assert all(traffic.moved == 0 for traffic in layer_traffic(PROGRAM).values())
