# SPDX-License-Identifier: Apache-2.0
"""The compact core: one memory, eight lanes, serial requantisers and a sequencer."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.local import LocalBus
from .lanes import Lanes
from .memory import CompactMemory
from .parameters import CompactParameters
from .requantiser import SerialRequantiser
from .sequencer import Sequencer

__all__ = ["CompactCore"]


class CompactCore(wiring.Component):
    """Runs the program image that lies in its memory.

    A host that accesses the memory during a run waits for the run's end.

    *Timing*: see ``Sequencer``.

    *Parameters*: a ``CompactParameters``.

    *Members*: ``bus`` (local bus onto the memory), and as ``rtl/core.py`` has them ``start``,
    ``stop``, ``last_layer``, ``watchdog``, ``busy``, ``finished``, ``failed``, ``cause``,
    ``layer``, ``cycles``, ``layer_cycles``, ``layer_ended``; the monitors ``post_valid``,
    ``post_data`` (a word of results as it is written).
    """

    def __init__(self, parameters: CompactParameters):
        self.parameters = p = parameters
        self.memory = CompactMemory(words=p.memory_words)
        self.address_width = self.memory.address_width
        super().__init__({
            "bus": In(LocalBus(self.address_width)),
            "start": In(1),
            "stop": In(1),
            "last_layer": In(16),
            "watchdog": In(32),
            "busy": Out(1),
            "finished": Out(1),
            "failed": Out(1),
            "cause": Out(8),
            "layer": Out(16),
            "cycles": Out(32),
            "layer_cycles": Out(32),
            "layer_ended": Out(1),
            "post_valid": Out(1),
            "post_data": Out(64),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        bits = self.parameters.facts.accumulator_bits
        m.submodules.memory = memory = self.memory
        m.submodules.sequencer = sequencer = Sequencer(self.parameters)
        m.submodules.lanes = lanes = Lanes(accumulator_bits=bits)
        m.submodules.requantiser = requantiser = SerialRequantiser(accumulator_bits=bits)
        connect(m, flipped(self.bus), memory.bus)
        for name in ("start", "stop", "last_layer", "watchdog"):
            m.d.comb += getattr(sequencer, name).eq(getattr(self, name))
        for name in ("busy", "finished", "failed", "cause", "layer", "cycles", "layer_cycles",
                     "layer_ended"):
            m.d.comb += getattr(self, name).eq(getattr(sequencer, name))
        for name in ("lock", "enable", "write", "address"):
            m.d.comb += getattr(memory, name).eq(getattr(sequencer, name))
        for name in ("hold", "shift", "multiply", "own_channel", "load_biases"):
            m.d.comb += getattr(lanes, name).eq(getattr(sequencer, name))
        for name in ("single", "scale_rows", "zero_point", "low", "high"):
            m.d.comb += getattr(requantiser, name).eq(sequencer.descriptor[name])
        m.d.comb += [
            sequencer.free.eq(memory.free),
            sequencer.read_data.eq(memory.read_data),
            sequencer.held.eq(lanes.held),
            sequencer.requantising.eq(requantiser.busy),
            lanes.word.eq(memory.read_data),
            requantiser.write.eq(sequencer.write_row),
            requantiser.row.eq(sequencer.row),
            requantiser.bits.eq(lanes.held[:8]),
            requantiser.start.eq(sequencer.capture),
            requantiser.stop.eq(self.stop | ~sequencer.busy),
            requantiser.i.eq(lanes.sums),
            memory.write_data.eq(requantiser.o),
            self.post_valid.eq(sequencer.write),
            self.post_data.eq(requantiser.o),
        ]
        return m
