# SPDX-License-Identifier: Apache-2.0
"""Wishbone accesses: each one asked is asked for once, and answered with its own outcome, once."""

from collections.abc import Callable

from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...rtl.bus.wishbone import Wishbone, WishboneSlave

__all__ = ["AnswersOnce"]

ADDRESS_BITS = 4


class AnswersOnce(wiring.Component):
    """Whatever master and target do, ``WishboneSlave`` keeps Wishbone's rules.

    The master holds an access until it is answered, or gives it up by negating ``cyc`` or ``stb``
    for a cycle at least. The target takes requests and answers them whenever it likes, each once.
    Then: there is no answer without ``cyc`` and ``stb``, and never ``ack`` with ``err``; for every
    answer one request was offered since the access began, with what the access asks; ``dat_r`` and
    ``err`` are of that request's response, and it is the only one; a request that waits holds.

    *Timing*: proven up to the depth.

    *Parameters*: ``make``, which makes the ``WishboneSlave``.

    *Members*: ``bus`` (its inputs free), ``ready``, ``answers``, ``data``, ``error`` of the target.
    """

    def __init__(self, *, make: Callable[..., WishboneSlave] = WishboneSlave):
        self.slave = make(address_width=ADDRESS_BITS)
        inputs = {name: In(member.shape) for name, member in Wishbone(ADDRESS_BITS).members.items()
                  if name not in ("dat_r", "ack", "err")}
        super().__init__(inputs | {"ready": In(1), "answers": In(1), "data": In(32),
                                   "error": In(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.slave = slave = self.slave
        bus, request, response = slave.s_wb, slave.request, slave.response
        asked, answered = Signal(), Signal()
        access = Cat(self.adr, self.dat_w, self.sel, self.we)
        m.d.comb += [
            *(getattr(bus, name).eq(getattr(self, name))
              for name in ("adr", "dat_w", "sel", "cyc", "stb", "we")),
            asked.eq(self.cyc & self.stb),
            answered.eq(bus.ack | bus.err),
        ]

        # The master holds what it asks.
        going = Signal()
        held = Signal.like(access)
        m.d.sync += [going.eq(asked & ~answered), held.eq(access)]
        m.d.comb += Assume(~(going & asked) | (access == held))

        # The target answers what it took, and holds an answer that waits.
        owed, waits = Signal(), Signal()
        offered = Signal(33)
        taken = request.valid & request.ready
        told = response.valid & response.ready
        m.d.comb += [
            request.ready.eq(self.ready),
            response.valid.eq(self.answers & owed),
            response.payload.data.eq(self.data),
            response.payload.error.eq(self.error),
            Assume(~waits | (response.valid & (Cat(self.data, self.error) == offered))),
        ]
        m.d.sync += [owed.eq(Mux(taken, 1, owed & ~told)), waits.eq(response.valid & ~told),
                     offered.eq(Cat(self.data, self.error))]

        # What became of the access at hand.
        asks = Cat(request.payload.word, request.payload.data, request.payload.strobe,
                   request.payload.write)
        wanted = Signal()
        requests, responses = Signal(3), Signal(3)
        latest = Signal.like(asks)
        outcome = Signal(33)
        begins = asked & ~going
        new = request.valid & ~wanted
        m.d.sync += [
            wanted.eq(request.valid & ~request.ready),
            requests.eq(Mux(begins, 0, requests) + new),
            responses.eq(Mux(begins, 0, responses) + (told & (Mux(begins, 0, requests) + new > 0))),
        ]
        with m.If(request.valid):
            m.d.sync += latest.eq(asks)
        with m.If(told):
            m.d.sync += outcome.eq(Cat(response.payload.data, response.payload.error))
        m.d.comb += [
            Assert(~answered | asked, "an answer belongs to an access"),
            Assert(~(bus.ack & bus.err), "one answer"),
            Assert(~wanted | request.valid, "requests wait"),
            Assert(~wanted | (asks == latest), "waiting requests hold"),
            Assert(~(taken & owed & ~told), "one request at a time"),
        ]
        with m.If(answered):
            m.d.comb += [
                Assert((requests == 1) & (responses == 1) & ~begins, "asked for once"),
                Assert(latest == access, "asked for what the access is"),
                Assert(bus.err == outcome[32], "its own error"),
                Assert((bus.dat_r == outcome[:32]) | self.we, "its own data"),
            ]
        given_up = Signal()
        m.d.sync += given_up.eq(given_up | (going & ~asked))
        m.d.comb += [
            Cover(bus.ack & given_up, "an answer after an access that was given up"),
            Cover(bus.err & self.we, "an error"),
        ]
        return m
