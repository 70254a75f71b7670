# SPDX-License-Identifier: Apache-2.0
import pytest
from amaranth.lib.wiring import In, Out
from systolith.rtl.bus.axi import Axi4, AxiLite, AxiStream


def test_axi4_has_every_signal_with_its_width_and_direction():
    members = Axi4(40, 64, 5).members
    sizes = {name: (member.flow, member.shape) for name, member in members.items()}
    for channel in ("aw", "ar"):
        assert sizes.pop(f"{channel}ready") == (In, 1)
        for name, width in {"id": 5, "addr": 40, "len": 8, "size": 3, "burst": 2, "lock": 1,
                            "cache": 4, "prot": 3, "qos": 4, "region": 4, "valid": 1}.items():
            assert sizes.pop(f"{channel}{name}") == (Out, width)
    assert sizes == {
        "wdata": (Out, 64), "wstrb": (Out, 8), "wlast": (Out, 1), "wvalid": (Out, 1),
        "wready": (In, 1), "bid": (In, 5), "bresp": (In, 2), "bvalid": (In, 1),
        "bready": (Out, 1), "rid": (In, 5), "rdata": (In, 64), "rresp": (In, 2),
        "rlast": (In, 1), "rvalid": (In, 1), "rready": (Out, 1),
    }


def test_axi_lite_has_every_signal_with_its_width_and_direction():
    sizes = {name: (member.flow, member.shape) for name, member in AxiLite(12).members.items()}
    assert sizes == {
        "awaddr": (Out, 12), "awprot": (Out, 3), "awvalid": (Out, 1), "awready": (In, 1),
        "wdata": (Out, 32), "wstrb": (Out, 4), "wvalid": (Out, 1), "wready": (In, 1),
        "bresp": (In, 2), "bvalid": (In, 1), "bready": (Out, 1),
        "araddr": (Out, 12), "arprot": (Out, 3), "arvalid": (Out, 1), "arready": (In, 1),
        "rdata": (In, 32), "rresp": (In, 2), "rvalid": (In, 1), "rready": (Out, 1),
    }


def test_axi_stream_has_every_signal_with_its_width_and_direction():
    sizes = {name: (member.flow, member.shape) for name, member in AxiStream(24).members.items()}
    assert sizes == {"tdata": (Out, 24), "tlast": (Out, 1), "tvalid": (Out, 1), "tready": (In, 1)}


@pytest.mark.parametrize("width", [0, 12])
def test_axi_stream_data_width_not_whole_bytes(width):
    with pytest.raises(ValueError, match="^AXI4-Stream data width must be a multiple of 8, "
                                         f"not {width}$"):
        AxiStream(width)


def test_signatures_are_equal_by_parameters():
    assert AxiStream(8) == AxiStream(8)
    assert AxiStream(8) != AxiStream(16)
    assert Axi4(32) == Axi4(32, 64, 4)
    assert Axi4(32) != Axi4(33)
    assert AxiLite(12) == AxiLite(12, 32)
    assert AxiLite(12) != AxiLite(12, 64)


@pytest.mark.parametrize("width", [0, 65])
@pytest.mark.parametrize("signature", [Axi4, AxiLite])
def test_address_width_out_of_range(signature, width):
    with pytest.raises(ValueError, match=f"^AXI address width must be from 1 to 64, not {width}$"):
        signature(width)


def test_axi4_data_width_not_a_power_of_two():
    with pytest.raises(ValueError, match="^AXI4 data width must be a power of two from 8 to 1024, "
                                         "not 48$"):
        Axi4(32, 48)


def test_axi4_identifier_width_zero():
    with pytest.raises(ValueError, match="^AXI4 identifier width must be at least 1, not 0$"):
        Axi4(32, 64, 0)


def test_axi_lite_data_width_not_32_or_64():
    with pytest.raises(ValueError, match="^AXI4-Lite data width must be 32 or 64, not 16$"):
        AxiLite(12, 16)
