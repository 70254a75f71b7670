# SPDX-License-Identifier: Apache-2.0
"""AXI and local bus models for the bus tests."""

from collections import deque

from systolith.rtl.bus.axi import Burst

from ..streams import sample_until, watch_held

__all__ = ["Channel", "LocalMemory", "beat_addresses", "beat_lanes", "watch_outputs"]


class Channel:
    """One channel of an AXI interface, from whichever side drives it."""

    def __init__(self, bus, name):
        self.valid = getattr(bus, f"{name}valid")
        self.ready = getattr(bus, f"{name}ready")
        self.fields = {member[len(name):]: getattr(bus, member) for member in bus.signature.members
                       if member.startswith(name) and member[len(name):] not in ("valid", "ready")}

    async def put(self, ctx, **values):
        """Offer ``values`` until they are taken."""
        for name, value in values.items():
            ctx.set(self.fields[name], value)
        ctx.set(self.valid, 1)
        await sample_until(ctx, self.ready)
        ctx.set(self.valid, 0)

    async def get(self, ctx):
        """Take the next transfer, as a dictionary."""
        ctx.set(self.ready, 1)
        values = await sample_until(ctx, self.valid, *self.fields.values())
        ctx.set(self.ready, 0)
        return dict(zip(self.fields, values, strict=True))

    def watch(self):
        """Background bench: the channel's payload is held until it is taken."""
        return watch_held(self.valid, self.ready, *self.fields.values())


def watch_outputs(bus, *names):
    """Background benches over the channels that the device drives."""
    return [Channel(bus, name).watch() for name in names]


def beat_addresses(addr, length, size, burst):
    """Address of each beat (IHI 0022, A3.4.1)."""
    step = 1 << size
    start = addr // step * step
    if burst == Burst.FIXED:
        return [addr] * (length + 1)
    return [addr, *(start + n * step for n in range(1, length + 1))]


def beat_lanes(address, size, width=8):
    """Byte lanes that a beat may use."""
    first = address % width
    end = address // (1 << size) * (1 << size) % width + (1 << size)
    return range(first, end)


class LocalMemory:
    """``size`` bytes behind a local bus; what lies above, and words in ``bad``, give errors.

    With ``stall`` requests and responses wait at random. ``refusals`` counts the cycles in which
    the asker held off a response, ``log`` lists the requests taken as (write, address).
    """

    def __init__(self, bus, size, *, rng=None, stall=0.0, bad=()):
        self.bus = bus
        self.bad = bad
        self.bytes = bytearray(size)
        self.rng = rng
        self.stall = stall
        self.log = []
        self.refusals = 0

    def _waits(self):
        return self.stall > 0 and self.rng.random() < self.stall

    def _serve(self, payload):
        address = payload.address
        assert address % 8 == 0
        self.log.append((payload.write, address))
        if address + 8 > len(self.bytes) or address in self.bad:
            return {"data": 0, "error": 1}
        if payload.write:
            for lane in range(8):
                if payload.strobe >> lane & 1:
                    self.bytes[address + lane] = payload.data >> 8 * lane & 0xFF
            return {"data": 0, "error": 0}
        return {"data": int.from_bytes(self.bytes[address:address + 8], "little"), "error": 0}

    async def bench(self, ctx):
        request, response = self.bus.request, self.bus.response
        answers = deque()
        offered = False
        while True:
            if answers and not offered and not self._waits():
                ctx.set(response.payload, answers[0])
                offered = True
            ctx.set(response.valid, offered)
            ctx.set(request.ready, len(answers) < 6 and not self._waits())
            _, _, asked, granted, payload, taken = await ctx.tick().sample(
                request.valid, request.ready, request.payload, response.ready)
            if offered and taken:
                answers.popleft()
                offered = False
            elif offered:
                self.refusals += 1
            if asked and granted:
                answers.append(self._serve(payload))
