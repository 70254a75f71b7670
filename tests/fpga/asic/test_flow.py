# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.asic.flow import Request, measure
from systolith.gen.cli.common import InputFault


def test_the_compact_core_is_refused():
    with pytest.raises(InputFault, match="--target must not be asic for engine.kind simd, the "
                                         "compact core, which has nothing of the kind; leave it "
                                         "out, or use another engine.kind"):
        measure(Request(spec="demo-icebreaker"))
