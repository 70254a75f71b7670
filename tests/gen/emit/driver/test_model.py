# SPDX-License-Identifier: Apache-2.0
"""Models as C; that the driver runs them is shown in ``tests/verif/c_driver``."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import parameters
from systolith.gen.compiler import compile_network
from systolith.gen.emit.driver import symbol_of, write_driver, write_model
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load

DIGITS = Path(demo.__file__).parent
SPEC = load("demo")


@pytest.fixture(scope="module")
def program():
    return compile_network(SPEC, load_model(DIGITS / "digits_dbb4.tflite"))


@pytest.mark.parametrize(("name", "symbol"), [
    ("digits", "model_digits"), ("3 cats/v1.0", "model_3_cats_v1_0"), ("\u00e4 7", "model___7")])
def test_symbol(name, symbol):
    assert symbol_of(name) == symbol


def test_words_are_the_image_in_its_order(program, tmp_path):
    write_model(program, tmp_path)
    text = (tmp_path / "model_digits_dbb4.c").read_text()
    words = np.array([int(word, 16) for word in re.search(
        r"words\[\] = \{(.*?)\};", text, re.S)[1].replace("\n", "").split(",")[:-1]], np.uint64)
    image, p = program.memory_image, program.parameters
    weights = image.weights.reshape(-1, image.weight_stride)[:, :p.weight_banks]
    np.testing.assert_array_equal(
        words, np.concatenate([image.program, image.schedule, weights.ravel()]))
    assert len(text) < 1.6 * len(program.image)


def test_files_compile_and_say_what_tensors_are(program, tmp_path):
    write_driver(SPEC.name, parameters(SPEC), tmp_path)
    files = write_model(program, tmp_path)
    assert files == ["model_digits_dbb4.c", "model_digits_dbb4.h"]
    (tmp_path / "use.c").write_text(
        '#include "model_digits_dbb4.h"\n'
        "int both[MODEL_DIGITS_DBB4_INPUT_BYTES == 64 && MODEL_DIGITS_DBB4_OUTPUT_BYTES == 10\n"
        "         ? 1 : -1];\n"
        "int zero = 1 -MODEL_DIGITS_DBB4_INPUT_ZERO_POINT;\n"
        "float scale = MODEL_DIGITS_DBB4_OUTPUT_SCALE;\n")
    for source in ("use.c", files[0]):
        subprocess.run(["gcc", "-std=c99", "-ffreestanding", "-Wall", "-Wextra", "-Werror",
                        "-pedantic", "-c", source], cwd=tmp_path, check=True)
    assert "Left to the host, after the output: SOFTMAX." in (tmp_path / files[1]).read_text()
