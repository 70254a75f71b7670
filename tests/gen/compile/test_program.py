# SPDX-License-Identifier: Apache-2.0
"""The image file: round trip, damage, and what the mapping table says."""

import numpy as np
import pytest
from systolith.gen.compile.image import Image
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.verif.networks import small_network


@pytest.fixture(scope="module")
def program():
    return compile_network(load("demo"), small_network(np.random.default_rng(0)))


def test_round_trip(program):
    image = Image.from_bytes(program.image)
    np.testing.assert_array_equal(image.program, program.memory_image.program)
    np.testing.assert_array_equal(image.schedule, program.memory_image.schedule)
    np.testing.assert_array_equal(image.weights, program.memory_image.weights)
    assert image.check == program.memory_image.check
    assert image.weight_stride == program.memory_image.weight_stride


@pytest.mark.parametrize(("damage", "sentence"), [
    (lambda raw: b"", "does not start with SYSTOLIT"),
    (lambda raw: b"x" + raw, "does not start with SYSTOLIT"),
    (lambda raw: raw[:8] + b"\xff" + raw[9:], "version must be"),
    (lambda raw: raw[:-9], "truncated"),
    (lambda raw: raw + b"\0", "behind it"),
    (lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:], "check sum"),
])
def test_damage_is_seen(program, damage, sentence):
    with pytest.raises(ValueError, match=sentence):
        Image.from_bytes(damage(program.image))


def test_deterministic(program):
    again = compile_network(load("demo"), small_network(np.random.default_rng(0)))
    assert again.image == program.image


def test_mapping_names_unit_and_tiles(program):
    rows = {row["name"]: row for row in program.mapping_rows}
    assert [row["unit"] for row in rows.values()] == [
        "engine", "vector", "vector", "vector", "engine", "vector", "engine"]
    facts = program.parameters.facts
    assert rows["pointwise"]["row_tiles"] == -(-20 // facts.rows)
    assert rows["pointwise"]["column_tiles"] == -(-24 // facts.columns)
    assert rows["sum"]["macs"] == rows["pool"]["macs"] == 0
