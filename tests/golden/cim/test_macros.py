# SPDX-License-Identifier: Apache-2.0
import numpy as np
from systolith.golden.cim.device import program
from systolith.golden.cim.macros import DigitalMacro, PcmMacro, StatisticalMacro
from systolith.golden.cim.mapping import LayerMapping

ROWS, COLUMNS = slice(8, 40), np.array([1, 5, 7])


def a_mapping(**fields) -> LayerMapping:
    return LayerMapping(tiles=(), channels=3, adcs=3, phases=1, **fields)


def test_low_bits_of_weights_are_two_s_complement():
    weights = np.arange(-128, 128).astype(np.int8).reshape(256, 1)
    one = np.eye(256, dtype=np.int64)
    codes = DigitalMacro(weights).convert(one, slice(0, 256), np.array([0]), np.zeros(256),
                                          a_mapping(weight_bits=3), False)
    assert codes[:, 0].tolist() == [(w + 4) % 8 - 4 for w in range(-128, 128)]


def test_statistics_are_those_of_the_exact_noise():
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (48, 8)).astype(np.int8)
    cells = program(weights, 1).cells(86400.0)
    operands = np.repeat(rng.integers(0, 256, (1, 32)), 20_000, 0)
    mapping, counts = a_mapping(), np.arange(len(operands))
    exact = PcmMacro(cells, 3, adc_bits=32).convert(operands, ROWS, COLUMNS, counts, mapping,
                                                      False)
    drawn = StatisticalMacro(cells, rng, adc_bits=32).convert(operands, ROWS, COLUMNS, counts,
                                                              mapping, False)
    spread = np.sqrt((operands[0] ** 2) @ cells.noise[ROWS][:, COLUMNS].astype(float) ** 2)
    for found in (exact, drawn):
        mean = operands[0] @ cells.weights[ROWS][:, COLUMNS].astype(int)
        assert np.all(np.abs(found.mean(0) - mean) < 4 * spread / np.sqrt(len(operands)) + 40)
        np.testing.assert_allclose(found.std(0), spread, rtol=0.02)
    # Neither the columns' noise nor that of one conversion and the next has to do with another.
    assert np.abs(np.corrcoef(exact.T) - np.eye(3)).max() < 0.03
    assert np.abs(np.corrcoef(exact[1:, 0], exact[:-1, 0])[0, 1]) < 0.03
