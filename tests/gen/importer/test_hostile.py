# SPDX-License-Identifier: Apache-2.0
"""Files whose bytes lie: every one ends in a network or in one sentence, soon."""

from importlib.resources import files

import numpy as np
import pytest

from ...fuzz.mutations import MUTATIONS
from .survival import survive

COUNT = 200
MODELS = ("kws_ref_model", "pretrainedResnet_quant", "ad01_int8")


@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.parametrize("name", MODELS)
def test_damaged_network(networks, tmp_path, name, mutate):
    content = (networks / f"{name}.tflite").read_bytes()
    rng = np.random.default_rng(1)
    outcomes = [survive(tmp_path / "net.tflite", mutate(content, rng)) for _ in range(COUNT)]
    assert any(outcomes)


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_damaged_digits_network(tmp_path, mutate):
    content = files("systolith.gen.demo").joinpath("digits_dense.tflite").read_bytes()
    rng = np.random.default_rng(2)
    outcomes = [survive(tmp_path / "net.tflite", mutate(content, rng)) for _ in range(COUNT)]
    assert any(outcomes)


def test_random_bytes_behind_the_identifier(tmp_path):
    rng = np.random.default_rng(3)
    for size in rng.integers(8, 4000, 200):
        noise = rng.bytes(int(size))
        content = int(rng.integers(8, size)).to_bytes(4, "little") + b"TFL3" + noise
        assert survive(tmp_path / "net.tflite", content)


def test_large_file_of_one_repeated_word(tmp_path):
    for word in (b"\0\0\0\0", b"\4\0\0\0", b"\x10\0\0\0", b"\xff\xff\xff\xff"):
        content = b"\x10\0\0\0TFL3" + word * (4 << 20)
        assert survive(tmp_path / "net.tflite", content)
