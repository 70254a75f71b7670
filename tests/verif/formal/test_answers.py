# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Wishbone slaves answer every access once, whatever master and target do."""

import pytest
from systolith.rtl.bus.wishbone import WishboneSlave
from systolith.verif.formal.answers import AnswersOnce

from .judge import catalogued, judge, planted

pytestmark = pytest.mark.xdist_group("formal")

WISHBONE = "rtl/bus/wishbone.py"
GIVEN_UP = catalogued("what was given up answers the next access")
OUTLASTS = catalogued("an answer outlasts its access")
HASTY = planted(WISHBONE, "with m.If(request.ready):\n                    m.next = \"Wait\"",
                "m.next = \"Wait\"")
ERRORS = planted(WISHBONE, "good.eq(~response.payload.error)", "good.eq(1)")


def test_every_access_is_answered_once(tmp_path):
    def top(make=WishboneSlave):
        return AnswersOnce(make=make)

    judge(tmp_path, top, {
        "stale answer": (lambda: top(GIVEN_UP.WishboneSlave), ""),
        "lasting answer": (lambda: top(OUTLASTS.WishboneSlave), "an answer belongs"),
        "request taken back": (lambda: top(HASTY.WishboneSlave), ""),
        "good and bad": (lambda: top(ERRORS.WishboneSlave), "one answer"),
    }, depth=14)
