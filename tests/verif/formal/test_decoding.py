# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Any density-bound block, encoded and decoded, is itself."""

import pytest
from systolith.rtl.engine.decompressor import MaskDecoder
from systolith.verif.formal.decoding import DecodingInvertsEncoding

from ...further import further
from .judge import catalogued, judge, planted

pytestmark = pytest.mark.xdist_group("formal")

DECODER = "rtl/engine/decompressor.py"
MISREAD = planted(DECODER, "word_select(s + 1, 8)", "word_select(s, 8)")
LEAKING = planted(DECODER, 'Signal(8, name=f"value_{s}")', 'Signal(8, init=1, name=f"value_{s}")')
FAR = planted(DECODER, "mask[farthest] & (rank <= s)", "mask[farthest]")
DESCENDING = catalogued("mask decoder takes the highest bit")


@pytest.mark.parametrize("nnz", [4, *further((1, 2, 3, 5, 6, 7, 8))])
def test_decoding_inverts_encoding(nnz, tmp_path):
    twins = {"values read a slot early": MISREAD, "unused slots leak": LEAKING}
    if 1 < nnz < 7:  # else there is no other order
        twins["highest bit first"] = DESCENDING
        twins["every far value in this slot"] = FAR

    def top(make=MaskDecoder):
        return DecodingInvertsEncoding(make(nnz=nnz))

    judge(tmp_path, top, {
        name: (lambda module=module: top(module.MaskDecoder), "position")
        for name, module in twins.items()}, depth=1)
