# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.delay import DelayCell
from systolith.rtl.engine.decompressor import Decompressor, MaskDecoder
from systolith.rtl.engine.systolic import SystolicEngine
from systolith.rtl.pe.tpe import Tpe

from ..bus.test_members import case, documented
from .shapes import facts_of

FACTS = facts_of("sta-dbb", b=8)
COMPONENTS = [
    SystolicEngine(FACTS), Decompressor(FACTS), DelayCell(width=8, cycles=1),
    DotProduct(taps=2, accumulator_bits=24), MaskDecoder(nnz=4), Tpe(FACTS),
]


@pytest.mark.parametrize("component", COMPONENTS, ids=case)
def test_component(component):
    assert sorted(documented(component)) == sorted(component.signature.members)
