# SPDX-License-Identifier: Apache-2.0
import pytest
from amaranth_boards.arty_a7 import ArtyA7_35Platform
from amaranth_boards.icebreaker import ICEBreakerPlatform
from amaranth_boards.tang_nano_9k import TangNano9kPlatform
from amaranth_boards.ulx3s import ULX3S_85F_Platform
from systolith.fpga.boards.board import BOARDS, PINS
from systolith.fpga.fabric.devices import DEVICES

PLATFORMS = {"ulx3s": ULX3S_85F_Platform, "icebreaker": ICEBreakerPlatform,
             "tang-nano-9k": TangNano9kPlatform, "arty-a7": ArtyA7_35Platform}


def test_every_board_has_a_known_device():
    assert {each.device_name for each in BOARDS.values()} == set(DEVICES)
    for board in BOARDS.values():
        assert board.device.family == board.family.name
        assert not board.routable or board.load


@pytest.mark.parametrize("name", PLATFORMS)
def test_pins_are_those_of_amaranth_boards(name):
    """By its own resource manager, which this package does not use."""
    platform = PLATFORMS[name]()
    pads = BOARDS[name].pads
    clock = platform.lookup(platform.default_clk)
    uart = platform.lookup("uart")
    expected = {"clk": clock.ios[0],
                **{sub.name: sub.ios[0] for sub in uart.ios if sub.name in ("rx", "tx")},
                "busy": platform.lookup("led", 0).ios[0],
                "failed": platform.lookup("led", 1).ios[0]}
    assert set(pads.pins) == set(PINS)
    for port, pins in expected.items():
        assert [pads.pins[port].site] == pins.names
        assert pads.pins[port].inverted == pins.invert
    assert pads.clock_mhz * 1e6 == clock.clock.frequency


def test_the_serial_line_is_seen_from_the_fabric():
    pins = BOARDS["ulx3s"].pads.pins
    assert (pins["rx"].site, pins["tx"].site) == ("M1", "L4")  # FTDI's TXD and RXD


def test_no_two_ports_share_a_pin():
    for board in BOARDS.values():
        if board.has_pads:
            sites = [pin.site for pin in board.pads.pins.values()]
            assert len(set(sites)) == len(PINS)


def test_zynq_boards_have_no_serial_line_in_the_fabric():
    assert not BOARDS["zybo-z7"].has_pads and not BOARDS["pynq-z2"].routable
    with pytest.raises(ValueError, match="^zybo-z7 must have a UART on pins of the fabric"):
        _ = BOARDS["zybo-z7"].pads
