# SPDX-License-Identifier: Apache-2.0
"""The board shell: an accelerator that is reached over a serial line."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from ..accelerator import Accelerator
from .bridge import Bridge
from .uart import UartReceiver, UartTransmitter, divisor_of

__all__ = ["BoardShell"]

TIMEOUT = 8
"""Of a second: this part of it without a byte, at least, and a request is forgotten. A serial
adapter may pause for some milliseconds."""
TIMEOUT_BYTES = 16
"""The same on a slow line, in bytes' time."""


class BoardShell(wiring.Component):
    """An accelerator with a UART, 8N1, through which its registers and memories are reached.

    ``protocol`` states what goes over the line. ``failed`` stays until the next run starts.

    *Timing*: one clock domain, active-high synchronous reset. A request in which nothing comes for
    an eighth of a second, and 16 bytes' time, is forgotten.

    *Parameters*: ``accelerator``, with a window and without a DMA or an input stream; ``clock_hz``
    of the domain and ``baud``, as ``divisor_of`` takes them.

    *Members*: ``rx`` (asynchronous, idle high), ``tx``; ``busy`` and ``failed`` of runs.
    """

    rx: Signal
    tx: Signal
    busy: Signal
    failed: Signal

    def __init__(self, accelerator: Accelerator, *, clock_hz: int, baud: int):
        for member, what, field in (("s_axil", "AXI4-Lite registers", "bus.control to axi4-lite"),
                                    ("s_axi", "an AXI4 window", "bus.window to axi4")):
            if member not in accelerator.signature.members:
                raise ValueError(f"Accelerator of a board must have {what}; set {field}")
        if "m_axi" in accelerator.signature.members:
            raise ValueError("Accelerator of a board must have no DMA; set bus.dma to null")
        if "s_axis" in accelerator.signature.members:
            raise ValueError("Accelerator of a board must have no input stream; set "
                             "front_end.layers to null")
        self.divisor = divisor_of(clock_hz, baud)
        self.accelerator = accelerator
        self.clock_hz = clock_hz
        self.baud = baud
        super().__init__({
            "rx": In(1, init=1),
            "tx": Out(1, init=1),
            "busy": Out(1),
            "failed": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        members = self.accelerator.signature.members
        m.submodules.accelerator = accelerator = self.accelerator
        m.submodules.receiver = receiver = UartReceiver(divisor=self.divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self.divisor)
        m.submodules.bridge = bridge = Bridge(
            control_width=members["s_axil"].signature.address_width,
            window_width=members["s_axi"].signature.address_width,
            id_width=members["s_axi"].signature.id_width,
            clock_hz=self.clock_hz, baud=self.baud,
            timeout=max(self.clock_hz // TIMEOUT, TIMEOUT_BYTES * 10 * self.divisor))
        connect(m, receiver.o, bridge.i)
        connect(m, bridge.o, transmitter.i)
        connect(m, bridge.m_axil, accelerator.s_axil)
        connect(m, bridge.m_axi, accelerator.s_axi)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            self.busy.eq(accelerator.core.busy),
        ]
        with m.If(accelerator.core.failed):
            m.d.sync += self.failed.eq(1)
        with m.Elif(accelerator.core.start):
            m.d.sync += self.failed.eq(0)
        return m
