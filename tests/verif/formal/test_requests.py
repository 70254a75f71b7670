# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Im2col's requests are those of the documented loops, for any small layer."""

from unittest.mock import patch

import pytest
from systolith.rtl.operand.im2col import Im2col
from systolith.verif.formal import requests
from systolith.verif.formal.requests import ORDER, RequestsInOrder

from .judge import catalogued, judge, planted

pytestmark = pytest.mark.xdist_group("formal")

IM2COL = "rtl/operand/im2col.py"
BORDERS = catalogued("padding left and right ignored")
REWINDS = catalogued("weights always rewind")
BLOCKS = catalogued("last channel block dropped")
TAPS = planted(IM2COL, 'current["address"] + self.tap', 'current["address"] + (self.tap >> 1)')
HASTY = planted(IM2COL, "go.eq(active & self.o.ready)", "go.eq(active)")


def test_requests_of_whole_tiles(tmp_path):
    def top(make=Im2col):
        return RequestsInOrder(rows=2, lanes=2, stalls=False, make=make)

    class OtherOrder(RequestsInOrder):
        def elaborate(self, platform):
            with patch.object(requests, "ORDER", (ORDER[0], ORDER[2], ORDER[1])):
                return super().elaborate(platform)

    judge(tmp_path, top, {
        "specification with kx and ky swapped": (
            lambda: OtherOrder(rows=2, lanes=2, stalls=False), ""),
        "left and right borders": (lambda: top(BORDERS.Im2col), "lane "),
        "rewinds": (lambda: top(REWINDS.Im2col), "rewind"),
        "blocks": (lambda: top(BLOCKS.Im2col), ""),
        "taps": (lambda: top(TAPS.Im2col), "address of lane"),
    }, depth=22)


def test_requests_in_pieces_under_stalls(tmp_path):
    def top(make=Im2col):
        return RequestsInOrder(rows=2, lanes=1, stalls=True, make=make)

    judge(tmp_path, top, {"waiting request changes": (lambda: top(HASTY.Im2col), "")}, depth=14)
