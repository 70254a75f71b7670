# SPDX-License-Identifier: Apache-2.0
"""A core whose registers and memories are on Wishbone: the same bits and cycles."""

from pathlib import Path

import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.spec import load
from systolith.verif.inference import run_network
from systolith.verif.stress import BENCHES, stress

from ..further import further

DIGITS = Path(demo.__file__).parent
SPEC = load("demo", ["bus.control=wishbone", "bus.window=wishbone"])
pytestmark = pytest.mark.xdist_group("wishbone")


@pytest.mark.parametrize("stalls", [None, 5])
def test_digits_every_layer_and_cycle(stalls):
    report = run_network(
        SPEC, DIGITS / "digits_dbb4.tflite",
        lambda network: load_inputs(DIGITS / "digits_held_back.npz", network).first(4),
        simulate=True, layers=True, stalls=stalls, window=True, quiet=True)
    assert report.bit_exact, report.mismatch


# Images take minutes here, a word at a time; they are in ``systolith verify``.
@pytest.mark.parametrize("bench", ["resets", *further(bench for bench in BENCHES
                                                      if bench not in ("images", "resets"))])
def test_stress(bench):
    results = stress(SPEC, [bench])
    assert not [(name, detail) for name, passed, detail in results if not passed]


def test_stress_sees_a_wrong_bit():
    results = stress(SPEC, ["bus_stalls"], falsify=True)
    assert not all(passed for _, passed, _ in results)
