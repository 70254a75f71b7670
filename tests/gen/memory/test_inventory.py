# SPDX-License-Identifier: Apache-2.0
"""The list of an accelerator's memories against its Verilog."""

import re
from collections import Counter
from importlib import resources

import pytest
from systolith.gen import demo
from systolith.gen.build import accelerator, parameters
from systolith.gen.emit.asic import AsicPlatform
from systolith.gen.emit.package import split_modules
from systolith.gen.memory import memories_of
from systolith.gen.spec import load

from ...further import further

MODEL = resources.files(demo) / "digits_dbb4.tflite"


def instances(modules: dict[str, str], top: str) -> Counter:
    """How often each module is there, below and with ``top``."""
    found = Counter({top: 1})
    for child in re.findall(r"^  (\w+) \S+ \($", modules[top], re.M):
        if child in modules:
            found += instances(modules, child)
    return found


@pytest.mark.parametrize(("name", "overrides"), [
    ("demo", ()), ("demo", ("vector.fused_channels=0",)), ("kws-edge", ("engine.kind=sa",)),
    ("kws-s2ta-aw", ()), ("tinyml-vdbb-external", ()),
    ("demo", ("memory.weight_source=external", "memory.weights=8 KiB")),
    *further([("demo", ("front_end.layers=0..1", "front_end.single_port=true",
                        f"front_end.network={MODEL}"))]),
])
def test_every_bank_that_is_emitted_is_listed(name, overrides):
    spec = load(name, overrides)
    platform = AsicPlatform("x")
    modules = split_modules(platform.convert(accelerator(spec), "x")[0])
    found = instances(modules, "x")
    listed = Counter()
    for kind in memories_of(parameters(spec)):
        listed[f"x_{kind.module}"] += kind.count
    assert listed == {name: found[name] for name in platform.black_boxes}
    assert len({kind.name for kind in memories_of(parameters(spec))}) == len(
        memories_of(parameters(spec)))


def test_sizes_are_those_of_the_spec():
    kinds = {kind.name: kind for kind in memories_of(parameters(load("kws-edge")))}
    assert kinds["activations"].total_bits == 8 * 64 * 1024
    assert 8 * 63 * 1024 <= kinds["weights"].total_bits <= 8 * 64 * 1024
    assert kinds["program"].total_bits == 8 * 24 * 1024
    assert kinds["layer_table"].total_bits == 256 * 32
