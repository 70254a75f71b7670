# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped
from systolith.rtl.bus.registers import RegisterFile
from systolith.rtl.bus.wishbone import Wishbone, WishboneRegisters, WishboneSlave, WishboneWindow

from ..streams import idle, simulate, stream_get, stream_put, watch_held
from .axi import LocalMemory
from .test_registers import REGISTERS, TABLE


class Master:
    """Classic cycles; with ``rng`` it rests at random, or leaves no cycle between two accesses."""

    def __init__(self, bus, rng=None):
        self.bus = bus
        self.rng = rng
        self.answered = 0

    async def access(self, ctx, address, value=None, sel=0xF, patience=1000):
        """(data, error), or None if it was given up after ``patience`` cycles."""
        bus = self.bus
        if self.rng is not None:
            await idle(ctx, self.rng.randint(0, 2))
        for name, bits in (("adr", address // 4), ("dat_w", value or 0), ("sel", sel),
                           ("we", value is not None), ("cyc", 1), ("stb", 1)):
            ctx.set(getattr(bus, name), bits)
        found = None
        for _ in range(patience):
            _, _, ack, err, data = await ctx.tick().sample(bus.ack, bus.err, bus.dat_r)
            if ack or err:
                assert not (ack and err)
                self.answered += 1
                found = data, bool(err)
                break
        ctx.set(bus.stb, 0)
        # Some masters keep their cycle; and nobody should look at we, sel or addresses then.
        ctx.set(bus.cyc, self.rng is not None and self.rng.random() < 0.5)
        ctx.set(bus.adr, 0x15)
        ctx.set(bus.we, 1)
        if found is None:
            await ctx.tick()  # who gives up negates stb at least for a cycle
        return found

    async def watch(self, ctx):
        """Nothing is answered that is not asked."""
        bus = self.bus
        while True:
            _, _, cyc, stb, ack, err = await ctx.tick().sample(bus.cyc, bus.stb, bus.ack, bus.err)
            assert not (ack or err) or (cyc and stb)
            assert not (ack and err)


def watch_request(bus):
    return watch_held(bus.request.valid, bus.request.ready, bus.request.payload)


@pytest.mark.parametrize("width", [2, 65])
def test_address_width_is_checked(width):
    with pytest.raises(ValueError, match=f"^Wishbone address width must be 3 to 64, not {width}$"):
        Wishbone(width)


@pytest.mark.parametrize("stall", [0.0, 0.6])
@pytest.mark.parametrize("rests", [False, True])
def test_window_is_memory(stall, rests):
    dut = WishboneWindow(address_width=12)
    memory = LocalMemory(dut.bus, 1024, rng=random.Random(2), stall=stall, bad={64})
    master = Master(dut.s_wb, random.Random(3) if rests else None)
    count = 300

    async def bench(ctx):
        rng = random.Random(4)
        model = bytearray(1024)
        for _ in range(count):
            address = 4 * rng.randrange(1100 // 4)
            error = address >= 1024 or address // 8 == 64 // 8
            if rng.random() < 0.5:
                value, sel = rng.getrandbits(32), rng.randrange(16)
                assert (await master.access(ctx, address, value, sel))[1] == error
                if not error:
                    for lane in range(4):
                        if sel >> lane & 1:
                            model[address + lane] = value >> 8 * lane & 0xFF
            else:
                data, failed = await master.access(ctx, address)
                assert failed == error
                if not error:
                    assert data == int.from_bytes(model[address:address + 4], "little")
        assert memory.bytes == model

    simulate(dut, bench, background=[memory.bench, master.watch, watch_request(dut.bus)])
    assert len(memory.log) == count == master.answered  # one request each, one answer each


def cycles_of(dut, master, accesses, *, background=()):
    """Cycles of ``accesses`` (address, value) without rest."""
    passed = [0]

    async def bench(ctx):
        for access in accesses:
            await master.access(ctx, *access)

    async def count(ctx):
        while True:
            await ctx.tick()
            passed[0] += 1

    simulate(dut, bench, background=[count, master.watch, *background])
    return passed[0]


def test_memory_takes_four_cycles():
    dut = WishboneWindow(address_width=12)
    memory = LocalMemory(dut.bus, 1024)
    accesses = [(address, address) for address in range(0, 64, 4)]
    spent = cycles_of(dut, Master(dut.s_wb), accesses, background=[memory.bench])
    assert abs(spent - 4 * len(accesses)) <= 1


@pytest.mark.parametrize("value", [None, 7])
def test_register_takes_five_cycles(value):
    dut = Registers()
    spent = cycles_of(dut, Master(dut.s_wb), [(0x00, value)] * 10)
    assert abs(spent - 5 * 10) <= 1


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_what_is_given_up_is_not_answered(stall):
    dut = WishboneWindow(address_width=12)
    memory = LocalMemory(dut.bus, 1024, rng=random.Random(5), stall=stall)
    master = Master(dut.s_wb, random.Random(6))
    asked = []

    async def bench(ctx):
        rng = random.Random(7)
        for word in range(100):
            patience = rng.choice([1, 2, 3, 4, 1000])
            await master.access(ctx, 4 * word, 0x1000 + word, patience=patience)
            asked.append(word)
            data, error = await master.access(ctx, 4 * word)  # and the next is, with its own answer
            assert (data, error) == (0x1000 + word, False)

    simulate(dut, bench, background=[memory.bench, master.watch, watch_request(dut.bus)])
    assert len(memory.log) == 2 * len(asked) > master.answered > len(asked)


class Registers(wiring.Component):
    def __init__(self):
        self.file = RegisterFile(REGISTERS, table=TABLE, address_width=8)
        self.adapter = WishboneRegisters(address_width=8)
        super().__init__({"s_wb": wiring.In(Wishbone(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.file, m.submodules.adapter = self.file, self.adapter
        connect(m, flipped(self.s_wb), self.adapter.s_wb)
        connect(m, self.adapter.m_axil, self.file.s_axil)
        return m


@pytest.mark.parametrize("rests", [False, True])
def test_registers(rests):
    dut = Registers()
    master = Master(dut.s_wb, random.Random(1) if rests else None)

    async def bench(ctx):
        assert await master.access(ctx, 0x00) == (0x1234_5678, False)
        assert await master.access(ctx, 0x04) == (0x0056_0003, False)
        assert (await master.access(ctx, 0x00, 0xAABB_CCDD, sel=0b0101))[1] is False
        assert await master.access(ctx, 0x00) == (0x12BB_56DD, False)
        assert (await master.access(ctx, 0x08, 1))[1] is True  # read only
        assert (await master.access(ctx, 0x20))[1] is True     # absent
        ctx.set(dut.file.i_table_data, 77)
        assert await master.access(ctx, 0x44) == (77, False)

    simulate(dut, bench, background=[master.watch])


@pytest.mark.parametrize("first", ["aw", "w", "both"])
def test_address_and_data_may_be_taken_apart(first):
    dut = WishboneRegisters(address_width=8)
    master = Master(dut.s_wb)
    bus = dut.m_axil
    seen = []

    async def bench(ctx):
        for value in (5, 6):
            assert (await master.access(ctx, 0x10, value, sel=3))[1] is False

    async def slave(ctx):
        for _ in range(2):
            order = {"aw": ["aw", "w"], "w": ["w", "aw"], "both": [("aw", "w")]}[first]
            left = {"aw", "w"}
            for names in order:
                names = (names,) if isinstance(names, str) else names
                await idle(ctx, 2)
                for name in names:
                    ctx.set(getattr(bus, f"{name}ready"), 1)
                _, _, *values = await ctx.tick().sample(
                    bus.awvalid, bus.wvalid, bus.awaddr, bus.wdata, bus.wstrb)
                seen.append((set(left), *values))
                left -= set(names)
                for name in names:
                    ctx.set(getattr(bus, f"{name}ready"), 0)
            await idle(ctx, 3)
            ctx.set(bus.bvalid, 1)
            await ctx.tick().until(bus.bready)
            ctx.set(bus.bvalid, 0)

    simulate(dut, bench, background=[slave, master.watch])
    for left, aw, w, address, value, strobe in seen:
        assert (address, strobe) == (0x10, 3) and value in (5, 6)
        assert (aw, w) == ("aw" in left, "w" in left)


def test_slave_is_a_stream():
    dut = WishboneSlave(address_width=8)
    master = Master(dut.s_wb)

    async def bench(ctx):
        assert await master.access(ctx, 0x10) == (9, False)
        assert (await master.access(ctx, 0x14, 7, sel=2))[1] is True

    async def behind(ctx):
        request = await stream_get(ctx, dut.request)
        assert (request.word, request.write) == (4, 0)
        await stream_put(ctx, dut.response, {"data": 9, "error": 0})
        request = await stream_get(ctx, dut.request)
        assert (request.word, request.write, request.data, request.strobe) == (5, 1, 7, 2)
        await stream_put(ctx, dut.response, {"data": 0, "error": 1})

    simulate(dut, bench, behind, background=[master.watch])
