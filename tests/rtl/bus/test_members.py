# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from systolith.rtl.bus.axi import Axi4, AxiLite
from systolith.rtl.bus.burst import Beat, BurstRequest, BurstWalker
from systolith.rtl.bus.dma import Dma
from systolith.rtl.bus.local import LocalArbiter, LocalBus, LocalRequest
from systolith.rtl.bus.transfer import ReadIn, WriteOut
from systolith.rtl.bus.window import Window, WindowRead, WindowWrite
from systolith.rtl.bus.wishbone import Wishbone, WishboneRegisters, WishboneSlave, WishboneWindow
from systolith.rtl.stream import Queue

BURSTS = {"address_width": 16, "id_width": 4}
COMPONENTS = [
    BurstWalker(**BURSTS), Dma(address_width=16), LocalArbiter(address_width=16),
    Queue(8, depth=2), ReadIn(address_width=16, bursts=4), Window(**BURSTS),
    WindowRead(outstanding=4, **BURSTS), WindowWrite(outstanding=4, **BURSTS),
    WishboneRegisters(address_width=16), WishboneSlave(address_width=16),
    WishboneWindow(address_width=16), WriteOut(address_width=16, bursts=4),
]
SIGNATURES = [Axi4(32), AxiLite(32), LocalBus(16), Wishbone(32)]
LAYOUTS = [Beat(16, 4), BurstRequest(16, 4), LocalRequest(16)]


def documented(thing) -> list[str]:
    """Names in the *Members* paragraph, without what stands in parentheses."""
    paragraph = type(thing).__doc__.split("*Members*:")[1].split("\n\n")[0]
    return re.findall(r"``(\w+)``", re.sub(r"\([^()]*\)", "", paragraph))


def case(thing):
    return type(thing).__name__


@pytest.mark.parametrize("component", COMPONENTS, ids=case)
def test_component(component):
    assert sorted(documented(component)) == sorted(component.signature.members)


@pytest.mark.parametrize("signature", SIGNATURES, ids=case)
def test_signature(signature):
    assert documented(signature) == list(signature.members)


@pytest.mark.parametrize("layout", LAYOUTS, ids=case)
def test_layout(layout):
    assert sorted(documented(layout)) == sorted(name for name, _ in layout)
