# SPDX-License-Identifier: Apache-2.0
"""Files whose bytes lie: every one ends in a network or in one sentence, soon."""

import time
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from systolith.gen.importer.tflite import ImportFault, load
from systolith.golden.network import Network

LIMIT = 5.0
METADATA = 6000
EXTREMES = (0, 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
MODELS = ("kws_ref_model", "pretrainedResnet_quant", "ad01_int8")


def survive(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    start = time.monotonic()
    try:
        network = load(path)
        assert isinstance(network, Network)
        outcome = ""
    except ImportFault as fault:
        outcome = str(fault)
        assert outcome.startswith(f"{path}: ") and "\n" not in outcome
        assert len(outcome) < 3000
    assert time.monotonic() - start < LIMIT
    return outcome


def places(rng, length: int, count: int) -> np.ndarray:
    """Positions, most of them near the ends, where the tables are."""
    near = min(METADATA, length - 8)
    return np.where(rng.random(count) < 0.5, rng.integers(8, 8 + near - 4, count),
                    length - rng.integers(4, near, count))


def truncations(content: bytes, rng) -> list[bytes]:
    return [content[:size] for size in rng.integers(0, len(content), 200)]


def changed_bytes(content: bytes, rng) -> list[bytes]:
    changed = []
    for _ in range(200):
        raw = np.frombuffer(content, np.uint8).copy()
        count = int(rng.integers(1, 20))
        raw[places(rng, len(raw), count)] = rng.integers(0, 256, count)
        changed.append(raw.tobytes())
    return changed


def extreme_words(content: bytes, rng) -> list[bytes]:
    changed = []
    for place in places(rng, len(content), 200) & ~3:
        word = int(rng.choice(EXTREMES)).to_bytes(4, "little")
        changed.append(content[:place] + word + content[place + 4:])
    return changed


@pytest.mark.parametrize("damage", [truncations, changed_bytes, extreme_words])
@pytest.mark.parametrize("name", MODELS)
def test_damaged_network(networks, tmp_path, name, damage):
    content = (networks / f"{name}.tflite").read_bytes()
    rng = np.random.default_rng(1)
    outcomes = [survive(tmp_path / "net.tflite", bad) for bad in damage(content, rng)]
    assert any(outcomes)


@pytest.mark.parametrize("damage", [truncations, changed_bytes, extreme_words])
def test_damaged_digits_network(tmp_path, damage):
    content = files("systolith.gen.demo").joinpath("digits_dense.tflite").read_bytes()
    rng = np.random.default_rng(2)
    outcomes = [survive(tmp_path / "net.tflite", bad) for bad in damage(content, rng)]
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
