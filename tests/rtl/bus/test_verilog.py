# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from amaranth.back import verilog
from systolith.rtl.bus.dma import Dma
from systolith.rtl.bus.local import LocalArbiter
from systolith.rtl.bus.register_map import ADDRESS_WIDTH, LAYER_CYCLES, REGISTERS
from systolith.rtl.bus.registers import RegisterFile
from systolith.rtl.bus.window import Window

MAKERS = {
    "window": lambda: Window(address_width=18),
    "dma": lambda: Dma(address_width=18),
    "arbiter": lambda: LocalArbiter(address_width=18),
    "registers": lambda: RegisterFile(
        REGISTERS, table=LAYER_CYCLES, address_width=ADDRESS_WIDTH),
}


@pytest.mark.parametrize("name", MAKERS)
def test_becomes_verilog_with_its_ports(name):
    component = MAKERS[name]()
    text = verilog.convert(component, name=name)
    header = re.search(rf"^module {name}\((.*?)\);", text, re.MULTILINE | re.DOTALL)
    ports = set(re.findall(r"\w+", header[1]))
    members = {"__".join(map(str, path))
               for path, _, _ in component.signature.flatten(component)}
    assert ports == members | {"clk", "rst"}
