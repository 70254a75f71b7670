# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.bus.axi import Response
from systolith.rtl.bus.registers import Field, Register, RegisterFile, Table

from ..streams import idle, simulate
from .axi import Channel, watch_outputs

FIELDS = (Field("low", 0, 4), Field("high", 16, 8))
REGISTERS = (
    Register("PLAIN", 0x00, "rw", reset=0x1234_5678),
    Register("PARTS", 0x04, "rw", FIELDS, reset=0x0056_0003),
    Register("LEVEL", 0x08, "ro"),
    Register("STATE", 0x0C, "ro", FIELDS, reset=0x0011_0002),
    Register("GO", 0x10, "pulse", (Field("first", 0), Field("second", 1), Field("far", 31))),
    Register("EVENT", 0x18, "w1c", (Field("one", 0), Field("two", 9))),
)
TABLE = Table("TRACE", 0x40, 16)


class Host:
    """AXI4-Lite master; with ``rng`` every channel waits at random."""

    def __init__(self, dut, rng=None):
        self.rng = rng
        self.channels = {name: Channel(dut.s_axil, name) for name in ("aw", "w", "b", "ar", "r")}

    async def wait(self, ctx):
        if self.rng is not None:
            await idle(ctx, self.rng.randint(0, 3))

    async def write(self, ctx, address, value, strobe=0xF):
        await self.wait(ctx)
        await self.channels["aw"].put(ctx, addr=address)
        await self.wait(ctx)
        await self.channels["w"].put(ctx, data=value, strb=strobe)
        await self.wait(ctx)
        return (await self.channels["b"].get(ctx))["resp"]

    async def read(self, ctx, address):
        await self.wait(ctx)
        await self.channels["ar"].put(ctx, addr=address)
        await self.wait(ctx)
        answer = await self.channels["r"].get(ctx)
        return answer["data"], answer["resp"]


def run(bench, *, background=(), table=TABLE, rng=None):
    dut = RegisterFile(REGISTERS, table=table, address_width=8)
    host = Host(dut, rng)

    async def main(ctx):
        await bench(ctx, dut, host)

    simulate(dut, main, background=[
        *watch_outputs(dut.s_axil, "b", "r"), *(make(dut) for make in background)])


def test_reset_values():
    async def bench(ctx, dut, host):
        assert await host.read(ctx, 0x00) == (0x1234_5678, Response.OKAY)
        assert await host.read(ctx, 0x04) == (0x0056_0003, Response.OKAY)
        assert ctx.get(dut.o_plain) == 0x1234_5678
        assert (ctx.get(dut.o_parts.low), ctx.get(dut.o_parts.high)) == (3, 0x56)
    run(bench)


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_rw_keeps_strobed_bytes_and_existing_bits(seed):
    rng = random.Random(seed or 0)

    async def bench(ctx, dut, host):
        expected = {0x00: 0x1234_5678, 0x04: 0x0056_0003}
        masks = {0x00: 0xFFFF_FFFF, 0x04: 0x00FF_000F}
        for _ in range(20):
            address = rng.choice([0x00, 0x04])
            value, strobe = rng.randrange(2**32), rng.randrange(16)
            bits = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
            expected[address] = (expected[address] & ~bits | value & bits) & masks[address]
            assert await host.write(ctx, address, value, strobe) == Response.OKAY
            assert await host.read(ctx, address) == (expected[address], Response.OKAY)
            assert ctx.get(dut.o_plain) == expected[0x00]
            assert ctx.get(dut.o_parts.high) == expected[0x04] >> 16
    run(bench, rng=rng if seed else None)


def test_ro_shows_its_port():
    async def bench(ctx, dut, host):
        ctx.set(dut.i_level, 0xCAFE_F00D)
        ctx.set(dut.i_state, {"low": 9, "high": 0x77})
        assert await host.read(ctx, 0x08) == (0xCAFE_F00D, Response.OKAY)
        assert await host.read(ctx, 0x0C) == (0x0077_0009, Response.OKAY)
    run(bench)


def test_unconnected_ro_shows_its_reset_value():
    async def bench(ctx, dut, host):
        assert await host.read(ctx, 0x0C) == (0x0011_0002, Response.OKAY)
    run(bench)


def test_pulse_strobes_written_ones_for_one_cycle():
    seen = []

    def watch(dut):
        async def bench(ctx):
            while True:
                _, _, value = await ctx.tick().sample(dut.o_go.as_value())
                if value:
                    seen.append(value)
        return bench

    async def bench(ctx, dut, host):
        assert await host.write(ctx, 0x10, 0x8000_0002) == Response.OKAY
        assert await host.write(ctx, 0x10, 0xFFFF_FFFF, strobe=0b0001) == Response.OKAY
        assert await host.write(ctx, 0x10, 0xFFFF_FFFF, strobe=0) == Response.OKAY
        assert await host.write(ctx, 0x00, 0xFFFF_FFFF) == Response.OKAY
        assert await host.read(ctx, 0x10) == (0, Response.OKAY)
    run(bench, background=[watch])
    assert seen == [0x8000_0002, 0x0000_0003]


def test_w1c_keeps_hardware_bits_until_written_as_one():
    async def bench(ctx, dut, host):
        ctx.set(dut.i_event, {"one": 1, "two": 1})
        await ctx.tick()
        ctx.set(dut.i_event, {"one": 0, "two": 0})
        assert await host.read(ctx, 0x18) == (0x201, Response.OKAY)
        assert await host.write(ctx, 0x18, 0x001) == Response.OKAY
        assert await host.read(ctx, 0x18) == (0x200, Response.OKAY)
        assert ctx.get(dut.o_event.two) == 1
        assert await host.write(ctx, 0x18, 0xFFFF_FFFF, strobe=0b1101) == Response.OKAY
        assert await host.read(ctx, 0x18) == (0x200, Response.OKAY)
    run(bench)


def test_w1c_set_wins_over_clear():
    async def bench(ctx, dut, host):
        ctx.set(dut.i_event, {"one": 1, "two": 0})
        await host.channels["aw"].put(ctx, addr=0x18)
        await host.channels["w"].put(ctx, data=0x001, strb=0xF)
        await ctx.tick()
        assert ctx.get(dut.s_axil.bvalid) == 1
        ctx.set(dut.i_event, {"one": 0, "two": 0})
        await host.channels["b"].get(ctx)
        assert await host.read(ctx, 0x18) == (0x001, Response.OKAY)
    run(bench)


@pytest.mark.parametrize("seed", [None, 5])
def test_table_is_read_through_its_port(seed):
    def memory(dut):
        async def bench(ctx):
            while True:
                _, _, index = await ctx.tick().sample(dut.o_table_index)
                ctx.set(dut.i_table_data, 1000 + index)
        return bench

    async def bench(ctx, dut, host):
        for index in (0, 15, 7, 7, 1):
            assert await host.read(ctx, 0x40 + 4 * index) == (1000 + index, Response.OKAY)
            assert (await host.read(ctx, 0x08))[0] == 0
    run(bench, background=[memory], rng=random.Random(seed) if seed else None)


@pytest.mark.parametrize("address", [0x14, 0x1C, 0x3C, 0x80, 0xFC])
def test_unmapped_address(address):
    async def bench(ctx, dut, host):
        assert (await host.read(ctx, address))[1] == Response.SLVERR
        assert await host.write(ctx, address, 0xFFFF_FFFF) == Response.SLVERR
        assert await host.read(ctx, 0x00) == (0x1234_5678, Response.OKAY)
        assert ctx.get(dut.o_go.as_value()) == 0
    run(bench)


def test_table_address_without_table():
    async def bench(ctx, dut, host):
        assert (await host.read(ctx, 0x40))[1] == Response.SLVERR
    run(bench, table=None)


@pytest.mark.parametrize("address", [0x08, 0x0C, 0x40, 0x7C])
def test_write_to_a_read_only_word(address):
    async def bench(ctx, dut, host):
        assert await host.write(ctx, address, 0xFFFF_FFFF) == Response.SLVERR
        assert (await host.read(ctx, address))[1] == Response.OKAY
    run(bench)


def test_low_address_bits_do_not_count():
    async def bench(ctx, dut, host):
        assert await host.write(ctx, 0x03, 5) == Response.OKAY
        assert await host.read(ctx, 0x01) == (5, Response.OKAY)
    run(bench)


def test_write_data_may_come_before_its_address():
    async def bench(ctx, dut, host):
        await host.channels["w"].put(ctx, data=77, strb=0xF)
        await ctx.tick().repeat(3)
        assert ctx.get(dut.o_plain) == 0x1234_5678
        await host.channels["aw"].put(ctx, addr=0)
        assert (await host.channels["b"].get(ctx))["resp"] == Response.OKAY
        assert ctx.get(dut.o_plain) == 77
    run(bench)


def test_second_write_waits_for_the_first_answer():
    async def bench(ctx, dut, host):
        for value in (1, 2):
            await host.channels["aw"].put(ctx, addr=0)
            await host.channels["w"].put(ctx, data=value, strb=0xF)
        await ctx.tick().repeat(4)
        assert ctx.get(dut.o_plain) == 1
        await host.channels["b"].get(ctx)
        await host.channels["b"].get(ctx)
        assert ctx.get(dut.o_plain) == 2
        await ctx.tick().repeat(2)
        assert ctx.get(dut.s_axil.bvalid) == 0
    run(bench)


def test_unknown_access():
    with pytest.raises(ValueError, match="^Access of register X must be one of rw, ro, pulse, w1c, "
                                         "not 'wo'$"):
        Register("X", 0, "wo")


def test_unaligned_register_offset():
    with pytest.raises(ValueError, match="^Offset of register X must be a multiple of 4, not 6$"):
        Register("X", 6, "rw")


def test_field_beyond_the_word():
    with pytest.raises(ValueError, match="^Field X.f must be within 32 bits, not 8 at 25$"):
        Register("X", 0, "rw", (Field("f", 25, 8),))


def test_overlapping_fields():
    with pytest.raises(ValueError, match="^Field X.g must be free of other fields' bits, "
                                         "not at 3$"):
        Register("X", 0, "rw", (Field("f", 0, 4), Field("g", 3)))


def test_reset_value_outside_of_the_fields():
    with pytest.raises(ValueError, match="^Reset value of register X must be within its fields, "
                                         "not 2$"):
        Register("X", 0, "rw", (Field("f", 0),), reset=2)


@pytest.mark.parametrize("words", [1, 12])
def test_table_size(words):
    with pytest.raises(ValueError, match="^Words of table T must be a power of two from 2 on, "
                                         f"not {words}$"):
        Table("T", 0, words)


def test_unaligned_table():
    with pytest.raises(ValueError, match="^Offset of table T must be a multiple of 64, not 32$"):
        Table("T", 32, 16)


def test_equal_register_names():
    with pytest.raises(ValueError, match=r"^Register names must be unique, not \['x', 'x'\]$"):
        RegisterFile([Register("X", 0, "rw"), Register("x", 4, "rw")])


def test_equal_register_offsets():
    with pytest.raises(ValueError, match=r"^Register offsets must be unique, not \[4, 4\]$"):
        RegisterFile([Register("X", 4, "rw"), Register("Y", 4, "rw")])


def test_register_inside_the_table():
    with pytest.raises(ValueError, match="^Register offsets must be outside of table TRACE, "
                                         r"not \[64\]$"):
        RegisterFile([Register("X", 64, "rw")], table=TABLE)


def test_address_width_too_small():
    with pytest.raises(ValueError, match="^Address width must be enough for 20 bytes, not 4$"):
        RegisterFile([Register("X", 16, "rw")], address_width=4)
