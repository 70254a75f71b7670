# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.fabric.devices import DEVICES, FAMILIES
from systolith.fpga.fabric.fit import advice, lacking, unfit
from systolith.gen.spec import load

WITH_VECTOR_UNIT = ("vector.lanes=8", "memory.weights=96 KiB")


def test_the_most_exceeded_comes_first():
    device = DEVICES["iCE40UP5K"]
    lacks = lacking({"lut": 6000, "dsp": 16, "bram": 30, "ff": 10}, device)
    assert list(lacks.items()) == [("dsp", (16, 8)), ("lut", (6000, 5280))]
    assert lacking({"lut": 5280, "dsp": 8}, device) == {}


def test_sentence_says_by_how_much_and_what_to_change():
    device = DEVICES["iCE40UP5K"]
    assert unfit({"logic": (6103, 5280)}, device, FAMILIES["ice40"],
                 load("kws-a7-35t", WITH_VECTOR_UNIT)) == (
        "kws-a7-35t does not fit iCE40UP5K: needs 6,103 of 5,280 logic cells, 823 too many; "
        "most is in the vector unit: lower vector.lanes (8)")


def test_halves_of_block_rams_are_told():
    said = unfit({"bram": (150.5, 140)}, DEVICES["XC7Z020"], FAMILIES["xc7"], load("kws-edge"))
    assert "needs 150.5 of 140 36 kbit block RAMs, 10.5 too many" in said


@pytest.mark.parametrize("resource, overrides, words", [
    ("bram", (), "most is memory.weights: set it below 96 KiB"),
    ("bram", ("memory.activations=128 KiB",), "most is memory.activations: set it below 128 KiB"),
    ("dsp", (), "most is in the vector unit: lower vector.lanes (8)"),
    ("dsp", ("engine.grid.n=8",), "most is in the engine: lower engine.grid (m: 1, n: 8)"),
    ("lut", ("engine.grid.m=8", "engine.grid.n=8"), "most is in the engine"),
    ("lut", ("engine.grid.n=8", "postproc.lanes=32"), "most is in the post-processor"),
])
def test_advice_names_the_largest_taker(resource, overrides, words):
    assert words in advice(resource, load("kws-a7-35t", (*WITH_VECTOR_UNIT, *overrides)))
