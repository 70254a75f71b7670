# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.bench.parts import parts_of
from systolith.gen.build import accelerator, arithmetic
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.spec import load


@pytest.mark.parametrize("name", ["kws-a7-35t", "tinyml-z7020"])
def test_parts_are_those_of_the_accelerator(name):
    spec = load(name)
    platform = EmittingPlatform("x", arithmetic(spec))
    whole, _ = platform.convert(accelerator(spec), "x_top")
    parts = parts_of(spec)
    assert set(parts) == {"TPE", "post-processor lane", "im2col", "memory bank",
                          *(["vector lane"] if spec.vector.lanes else [])}
    for label, make in parts.items():
        part = make()
        if label != "im2col":
            assert f"module x_{part.module_name}(" in whole
