# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest
from amaranth.lib import wiring
from systolith.gen import demo
from systolith.gen.build import accelerator
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.spec import load
from systolith.rtl.board.bridge import Bridge
from systolith.rtl.board.framing import Deframer, Framer, SerialCrc
from systolith.rtl.board.shell import BoardShell
from systolith.rtl.board.uart import UartReceiver, UartTransmitter

RATE = {"clock_hz": 12_000_000, "baud": 1_000_000}


def shell(*overrides, **rate):
    return BoardShell(accelerator(load("demo", overrides)), **RATE | rate)


def documented(thing) -> list[str]:
    paragraph = type(thing).__doc__.split("*Members*:")[1].split("\n\n")[0]
    return re.findall(r"``(\w+)``", re.sub(r"\([^()]*\)", "", paragraph))


@pytest.mark.parametrize("component", [
    UartReceiver(divisor=8), UartTransmitter(divisor=8), Deframer(timeout=99), Framer(),
    SerialCrc(),
    Bridge(control_width=12, window_width=14, timeout=99, **RATE), shell("bus.dma=null"),
], ids=lambda component: type(component).__name__)
def test_members(component):
    assert sorted(documented(component)) == sorted(component.signature.members)


def test_shell_is_emitted_with_its_ports_alone():
    source, ports = EmittingPlatform("systolith").convert(shell("bus.dma=null"), "systolith_board")
    assert sorted(ports) == ["busy", "clk", "failed", "rst", "rx", "tx"]
    assert "module systolith_board(" in source


def test_accelerator_with_a_dma_is_refused():
    with pytest.raises(ValueError, match="^Accelerator of a board must have no DMA; "
                                         "set bus.dma to null$"):
        shell()


def test_accelerator_with_an_input_stream_is_refused():
    model = Path(demo.__file__).parent / "digits_dbb4.tflite"
    with pytest.raises(ValueError, match="^Accelerator of a board must have no input stream; "
                                         "set front_end.layers to null$"):
        shell("bus.dma=null", "front_end.layers=none", f"front_end.network={model}")


def test_accelerator_without_a_window_is_refused():
    with pytest.raises(ValueError, match="^Accelerator of a board must have an AXI4 window; "
                                         "set bus.window to axi4$"):
        shell("bus.window=null")


def test_accelerator_without_axi_registers_is_refused():
    with pytest.raises(ValueError, match="^Accelerator of a board must have AXI4-Lite registers; "
                                         "set bus.control to axi4-lite$"):
        BoardShell(wiring.PureInterface(wiring.Signature({}), path=()), **RATE)


def test_rate_is_checked():
    with pytest.raises(ValueError, match="^Baud rate must be 4 to 65536 clock cycles, not 3$"):
        shell("bus.dma=null", baud=4_000_000)
