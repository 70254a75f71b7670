# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Im2col's requests are those of the documented loops, for any small layer and any schedule."""

from unittest.mock import patch

import pytest
from systolith.rtl.operand.im2col import Im2col
from systolith.verif.formal import requests
from systolith.verif.formal.requests import AXES, RequestsInOrder

from .judge import catalogued, judge, planted

pytestmark = pytest.mark.xdist_group("formal")

IM2COL = "rtl/operand/im2col.py"
BORDERS = catalogued("padding left and right ignored")
REWINDS = catalogued("weights always rewind")
SHARES = catalogued("words two taps before are not shared")
TAPS = planted(IM2COL, 'current["address"] + self.tap', 'current["address"] + (self.tap >> 1)')
ENDS = planted(IM2COL, "tile_done.eq(self.i.ready & entry.last)", "tile_done.eq(self.i.ready)")
HASTY = planted(IM2COL, "go.eq(self.o.valid & self.o.ready)", "go.eq(self.o.valid)")


@pytest.mark.slow
def test_requests_of_whole_tiles(tmp_path):
    def top(make=Im2col):
        return RequestsInOrder(rows=2, lanes=2, stalls=False, make=make)

    class OtherAxes(RequestsInOrder):
        def elaborate(self, platform):
            with patch.object(requests, "AXES", AXES[::-1]):
                return super().elaborate(platform)

    judge(tmp_path, top, {
        "specification with kx and ky swapped": (
            lambda: OtherAxes(rows=2, lanes=2, stalls=False), "lane "),
        "left and right borders": (lambda: top(BORDERS.Im2col), "lane "),
        "rewinds": (lambda: top(REWINDS.Im2col), "rewind"),
        "shared words": (lambda: top(SHARES.Im2col), "lane "),
        "ends of tiles": (lambda: top(ENDS.Im2col), ""),
        "taps": (lambda: top(TAPS.Im2col), "address of lane"),
    }, depth=15)


def test_requests_in_pieces_under_stalls(tmp_path):
    def top(make=Im2col):
        return RequestsInOrder(rows=2, lanes=1, stalls=True, make=make)

    judge(tmp_path, top, {"waiting request changes": (lambda: top(HASTY.Im2col), "")}, depth=14)
