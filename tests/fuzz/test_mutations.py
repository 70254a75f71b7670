# SPDX-License-Identifier: Apache-2.0
"""Damaged model files, through the command line; ``make evidence`` takes many more."""

import shutil
from importlib.resources import files

import numpy as np
import pytest

from .compiler import GIB, SECONDS, CompileServer, Outcome, faults
from .mutations import MUTATIONS

COUNT = 12


@pytest.fixture(scope="module")
def server():
    with CompileServer() as running:
        yield running


@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.xdist_group("mutations")
def test_damaged_file_ends_in_an_image_or_in_one_sentence(server, tmp_path, mutate):
    content = files("systolith.gen.demo").joinpath("digits_dbb4.tflite").read_bytes()
    rng = np.random.default_rng(MUTATIONS.index(mutate))
    codes = []
    for number in range(COUNT):
        model = tmp_path / str(number) / "net.tflite"
        model.parent.mkdir()
        model.write_bytes(mutate(content, rng))
        outcome = server.compile("demo", model)
        assert not faults(outcome, model), model
        codes.append(outcome.code)
        shutil.rmtree(model.parent)
    assert 2 in codes


@pytest.mark.xdist_group("mutations")
def test_whole_file_ends_in_an_image(server, tmp_path):
    model = tmp_path / "one" / "net.tflite"
    model.parent.mkdir()
    model.write_bytes(files("systolith.gen.demo").joinpath("digits_dbb4.tflite").read_bytes())
    outcome = server.compile("demo", model)
    assert outcome.code == 0 and not faults(outcome, model)


@pytest.mark.parametrize(("change", "fault"), [
    ({"code": 1}, "ended with 1"),
    ({"code": -9}, "ended with -9"),
    ({"seconds": SECONDS}, "took 5.0 s"),
    ({"peak": GIB}, "took 1.00 GiB"),
    ({"stderr": "Traceback of\nlines\n"}, "said"),
    ({"stderr": ""}, "said"),
    ({"left": [".image.x", "net.tflite"]}, "left"),
    ({"code": 0, "stderr": "", "left": ["net.tflite"]}, "left"),
])
def test_what_counts_as_a_fault(tmp_path, change, fault):
    good = {"code": 2, "stderr": "net.tflite: file is truncated or damaged\n", "seconds": 0.1,
            "peak": 1, "left": ["net.tflite"]}
    assert not faults(Outcome(**good), tmp_path / "net.tflite")
    found = faults(Outcome(**good | change), tmp_path / "net.tflite")
    assert len(found) == 1 and found[0].startswith(fault)
