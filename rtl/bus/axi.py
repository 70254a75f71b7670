# SPDX-License-Identifier: Apache-2.0
"""AXI4 and AXI4-Lite interfaces (Arm IHI 0022, chapters A2 and B1) and AXI4-Stream (IHI 0051) with
their signal names."""

import enum

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Axi4", "AxiLite", "AxiStream", "Burst", "Response"]


class Burst(enum.IntEnum):
    """Address sequence of an AXI4 burst: ``AxBURST``."""

    FIXED = 0
    INCR = 1
    WRAP = 2


class Response(enum.IntEnum):
    """Outcome of an AXI transfer: ``BRESP`` and ``RRESP``."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


class AxiLite(wiring.Signature):
    """AXI4-Lite as its master sees it.

    *Parameters*: ``address_width`` in bits of a byte address, 1 to 64; ``data_width`` 32 or 64.

    *Members*: ``awaddr``, ``awprot``, ``awvalid``, ``awready``, ``wdata``, ``wstrb``, ``wvalid``,
    ``wready``, ``bresp``, ``bvalid``, ``bready``, ``araddr``, ``arprot``, ``arvalid``,
    ``arready``, ``rdata``, ``rresp``, ``rvalid``, ``rready``.
    """

    def __init__(self, address_width: int, data_width: int = 32):
        _check_address_width(address_width)
        if data_width not in (32, 64):
            raise ValueError(f"AXI4-Lite data width must be 32 or 64, not {data_width!r}")
        self.address_width = address_width
        self.data_width = data_width
        super().__init__({
            "awaddr": Out(address_width),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(data_width),
            "wstrb": Out(data_width // 8),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(address_width),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(data_width),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        })

    def __eq__(self, other):
        return type(other) is AxiLite and self.members == other.members

    def __repr__(self):
        return f"AxiLite({self.address_width}, {self.data_width})"


class Axi4(wiring.Signature):
    """AXI4 as its master sees it, without the user signals.

    *Parameters*: ``address_width`` in bits of a byte address, 1 to 64; ``data_width``, a power of
    two from 8 to 1024; ``id_width`` in bits, at least 1.

    *Members*: ``awid``, ``awaddr``, ``awlen``, ``awsize``, ``awburst``, ``awlock``, ``awcache``,
    ``awprot``, ``awqos``, ``awregion``, ``awvalid``, ``awready``, ``wdata``, ``wstrb``,
    ``wlast``, ``wvalid``, ``wready``, ``bid``, ``bresp``, ``bvalid``, ``bready``, ``arid``,
    ``araddr``, ``arlen``, ``arsize``, ``arburst``, ``arlock``, ``arcache``, ``arprot``,
    ``arqos``, ``arregion``, ``arvalid``, ``arready``, ``rid``, ``rdata``, ``rresp``, ``rlast``,
    ``rvalid``, ``rready``.
    """

    def __init__(self, address_width: int, data_width: int = 64, id_width: int = 4):
        _check_address_width(address_width)
        if data_width not in (8, 16, 32, 64, 128, 256, 512, 1024):
            raise ValueError(f"AXI4 data width must be a power of two from 8 to 1024, "
                             f"not {data_width!r}")
        if id_width < 1:
            raise ValueError(f"AXI4 identifier width must be at least 1, not {id_width!r}")
        self.address_width = address_width
        self.data_width = data_width
        self.id_width = id_width
        address = {
            "id": id_width, "addr": address_width, "len": 8, "size": 3, "burst": 2, "lock": 1,
            "cache": 4, "prot": 3, "qos": 4, "region": 4, "valid": 1,
        }
        super().__init__(
            {f"aw{name}": Out(width) for name, width in address.items()}
            | {
                "awready": In(1),
                "wdata": Out(data_width),
                "wstrb": Out(data_width // 8),
                "wlast": Out(1),
                "wvalid": Out(1),
                "wready": In(1),
                "bid": In(id_width),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
            }
            | {f"ar{name}": Out(width) for name, width in address.items()}
            | {
                "arready": In(1),
                "rid": In(id_width),
                "rdata": In(data_width),
                "rresp": In(2),
                "rlast": In(1),
                "rvalid": In(1),
                "rready": Out(1),
            })

    def __eq__(self, other):
        return type(other) is Axi4 and self.members == other.members

    def __repr__(self):
        return f"Axi4({self.address_width}, {self.data_width}, {self.id_width})"


class AxiStream(wiring.Signature):
    """AXI4-Stream as its source sees it, every byte of every transfer taken.

    *Parameters*: ``data_width`` in bits, whole bytes.

    *Members*: ``tdata``, ``tlast``, ``tvalid``, ``tready``.
    """

    def __init__(self, data_width: int):
        if data_width < 8 or data_width % 8:
            raise ValueError(f"AXI4-Stream data width must be a multiple of 8, not {data_width!r}")
        self.data_width = data_width
        super().__init__({
            "tdata": Out(data_width),
            "tlast": Out(1),
            "tvalid": Out(1),
            "tready": In(1),
        })

    def __eq__(self, other):
        return type(other) is AxiStream and self.members == other.members

    def __repr__(self):
        return f"AxiStream({self.data_width})"


def _check_address_width(width: int):
    if not 1 <= width <= 64:
        raise ValueError(f"AXI address width must be from 1 to 64, not {width!r}")
