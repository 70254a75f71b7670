# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.bus.dma import Dma

from ..streams import idle, sample_until, simulate, stream_put
from .axi import LocalMemory
from .dma_rig import ADDRESS_WIDTH, BASE, EXTERNAL, LOCAL, SIZE, SLOW, Rig, command, ref_copies


def rtl_copies(commands, **conditions):
    rig = Rig(**conditions)
    rig.commands(*commands)
    assert rig.ends == [0] * len(commands)
    assert rig.beats == sum(entry["length"] * (entry["more"] + 1) for entry in commands) // 8
    return rig.external.contents, rig.local.bytes


def random_command(rng):
    length = 8 * rng.choice([0, 1, 2, 15, 16, 17, 40, 130])
    more = rng.choice([0, 0, 1, 2, 5])
    steps = [length + 8 * rng.choice([0, 1, 7]) for _ in range(2)]
    return command(8 * rng.randrange((len(EXTERNAL) - length - more * steps[0]) // 8),
                   8 * rng.randrange((SIZE - length - more * steps[1]) // 8), length,
                   write_out=rng.random() < 0.5, more=more, external_step=steps[0],
                   local_step=steps[1])


@pytest.mark.parametrize("conditions", [
    {}, {"waits": 4}, {"stall": 0.6}, SLOW, {"waits": 8, "stall": 0.1, "seed": 5},
], ids=str)
def test_random_commands(conditions):
    rng = random.Random(11)
    commands = [random_command(rng) for _ in range(14)]
    assert rtl_copies(commands, **conditions) == ref_copies(commands)


@pytest.mark.parametrize("write_out", [False, True])
def test_bursts_end_at_pages_and_after_sixteen_beats(write_out):
    rig = Rig()
    rig.commands(command(4096 - 8 * 19, 0, 8 * 40, write_out=write_out))
    assert rig.external.bursts == [
        (write_out, BASE + 4096 - 8 * 19, 16), (write_out, BASE + 4096 - 8 * 3, 3),
        (write_out, BASE + 4096, 16), (write_out, BASE + 4096 + 128, 5)]


def test_last_word_of_the_local_address_space():
    rig = Rig()
    rig.local.bytes = bytearray(1 << ADDRESS_WIDTH)
    rig.commands(command(0, (1 << ADDRESS_WIDTH) - 128, 128))
    assert rig.ends == [0]
    assert rig.local.bytes[-128:] == EXTERNAL[:128]


def test_length_zero_succeeds_without_access():
    rig = Rig()
    rig.commands(command(0, 0, 0), command(0, 0, 0, write_out=True))
    assert rig.ends == [0, 0]
    assert rig.external.bursts == rig.local.log == []


@pytest.mark.parametrize("entry", [
    command(4, 0, 64), command(0, 4, 64), command(0, 0, 62),
    command(0, (1 << ADDRESS_WIDTH) - 56, 64), command(0, 1 << ADDRESS_WIDTH, 8),
    command(0, 0xFFFF_FFF8, 16), command(0, 8, 0xFFFF_FFF8),
], ids=["external", "local", "length", "end", "beyond", "far", "long"])
@pytest.mark.parametrize("write_out", [False, True])
def test_malformed_command_fails_without_access(entry, write_out):
    rig = Rig()
    rig.commands(entry | {"write_out": write_out}, command(0, 0, 8))
    assert rig.ends == [1, 0]
    assert len(rig.external.bursts) == len(rig.local.log) == 1


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
def test_axi_read_error(conditions):
    rig = Rig(bad_reads={BASE + 64}, **conditions)
    rig.commands(command(0, 0, 2048), command(2048, 2048, 64))
    assert rig.ends == [1, 0]
    beats = sum(beats for _, _, beats in rig.external.bursts[:-1])
    assert 16 <= beats <= 16 * (rig.dut.bursts + 1)
    expected = bytearray(LOCAL)
    expected[:8 * beats] = EXTERNAL[:8 * beats]
    expected[64:72] = LOCAL[64:72]
    expected[2048:2112] = EXTERNAL[2048:2112]
    assert rig.local.bytes == expected


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
def test_axi_write_error(conditions):
    rig = Rig(bad_writes={BASE + 128}, **conditions)
    rig.commands(command(0, 0, 2048, write_out=True), command(2048, 2048, 64, write_out=True))
    assert rig.ends == [1, 0]
    beats = sum(beats for _, _, beats in rig.external.bursts[:-1])
    assert 32 <= beats < 256
    expected = bytearray(EXTERNAL)
    expected[:8 * beats] = LOCAL[:8 * beats]
    expected[128:256] = EXTERNAL[128:256]
    expected[2048:2112] = LOCAL[2048:2112]
    assert rig.external.contents == expected


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
def test_axi_write_error_in_the_last_burst(conditions):
    rig = Rig(bad_writes={BASE + 128}, **conditions)
    rig.commands(command(0, 0, 256, write_out=True))
    assert rig.ends == [1]


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
def test_local_write_error(conditions):
    rig = Rig(**conditions)
    rig.commands(command(0, SIZE - 64, 2048), command(0, 0, 8))
    assert rig.ends == [1, 0]
    assert rig.local.bytes == EXTERNAL[:8] + LOCAL[8:SIZE - 64] + EXTERNAL[:64]
    assert sum(beats for _, _, beats in rig.external.bursts) < 200


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
def test_local_read_error_leaves_external_memory(conditions):
    rig = Rig(**conditions)
    rig.commands(command(0, SIZE - 64, 2048, write_out=True), command(2048, 0, 8, write_out=True))
    assert rig.ends == [1, 0]
    expected = bytearray(EXTERNAL)
    expected[:64] = LOCAL[-64:]
    expected[2048:2056] = LOCAL[:8]
    assert rig.external.contents == expected


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
@pytest.mark.parametrize("write_out", [False, True])
def test_stop_completes_outstanding_bursts(write_out, conditions):
    for delay in (0, 1, 2, 3, 4, 7, 20, 41):
        rig = Rig(seed=delay, **conditions)

        async def bench(ctx, rig=rig, delay=delay):
            await stream_put(ctx, rig.dut.i, command(0, 0, 4096, write_out=write_out))
            await idle(ctx, delay)
            ctx.set(rig.dut.stop, 1)
            await ctx.tick()
            ctx.set(rig.dut.stop, 0)
            await rig.settle(ctx)
            assert rig.ends == []
            await stream_put(ctx, rig.dut.i, command(4096, 4096, 64, write_out=write_out))
            await rig.settle(ctx)

        rig.run(bench)
        assert rig.ends == [0]
        moved = 8 * sum(beats for _, _, beats in rig.external.bursts[:-1])
        assert moved < 4096
        source, target = (LOCAL, rig.external.contents) if write_out else \
            (EXTERNAL, rig.local.bytes)
        rest = EXTERNAL if write_out else LOCAL
        assert target == source[:moved] + rest[moved:4096] + source[4096:4160] + rest[4160:]


def test_stop_while_idle_only_holds_off_commands():
    rig = Rig()

    async def bench(ctx):
        ctx.set(rig.dut.stop, 1)
        ctx.set(rig.dut.i.payload, command(0, 0, 64))
        ctx.set(rig.dut.i.valid, 1)
        await ctx.tick().repeat(10)
        assert not ctx.get(rig.dut.busy)
        ctx.set(rig.dut.stop, 0)
        await ctx.tick()
        ctx.set(rig.dut.i.valid, 0)
        await rig.settle(ctx)

    rig.run(bench)
    assert rig.ends == [0]


def test_error_holds_until_the_next_command():
    rig = Rig()

    async def bench(ctx):
        await stream_put(ctx, rig.dut.i, command(4, 0, 64))
        await rig.settle(ctx)
        assert ctx.get(rig.dut.error) == 1
        await stream_put(ctx, rig.dut.i, command(0, 0, 64))
        assert ctx.get(rig.dut.error) == 0
        await rig.settle(ctx)

    rig.run(bench)


@pytest.mark.parametrize("write_out", [False, True])
def test_one_beat_a_cycle(write_out):
    rig = Rig()
    cycles = []

    async def bench(ctx):
        await stream_put(ctx, rig.dut.i, command(0, 0, 4096, write_out=write_out))
        count = 0
        while ctx.get(rig.dut.busy):
            await ctx.tick()
            count += 1
        cycles.append(count)

    rig.run(bench)
    assert rig.ends == [0]
    assert 512 <= cycles[0] <= 512 + 80
    assert rig.external.most_open > 1
    assert rig.stalls <= 80


def test_write_data_do_not_wait_for_their_address():
    dut = Dma(address_width=ADDRESS_WIDTH)
    local = LocalMemory(dut.bus, SIZE)

    async def bench(ctx):
        await stream_put(ctx, dut.i, command(0, 0, 64, write_out=True))
        await sample_until(ctx, dut.m_axi.wvalid)
        assert ctx.get(dut.m_axi.awvalid) == 1

    simulate(dut, bench, background=[local.bench], cycles=100)


@pytest.mark.parametrize("write_out", [False, True])
def test_stall_counts_the_external_side_only(write_out):
    fast, slow_local, slow_external = Rig(), Rig(stall=0.7), Rig(waits=6)
    for rig in (fast, slow_local, slow_external):
        rig.commands(command(0, 0, 1024, write_out=write_out))
    assert slow_external.stalls > 128
    assert slow_local.stalls <= fast.stalls + 16


def test_waiting_for_the_write_answer_is_a_stall():
    dut = Dma(address_width=ADDRESS_WIDTH)
    local = LocalMemory(dut.bus, SIZE)

    async def bench(ctx):
        ctx.set(dut.m_axi.awready, 1)
        ctx.set(dut.m_axi.wready, 1)
        await stream_put(ctx, dut.i, command(0, 0, 8, write_out=True))
        await sample_until(ctx, dut.m_axi.wvalid)
        for _ in range(10):
            assert ctx.get(dut.stall) == 1
            assert ctx.get(dut.done) == 0
            await ctx.tick()
        ctx.set(dut.m_axi.bvalid, 1)
        await ctx.tick()
        assert ctx.get(dut.done) == 1

    simulate(dut, bench, background=[local.bench], cycles=100)


@pytest.mark.parametrize("width", [3, 33])
def test_local_address_width_out_of_range(width):
    with pytest.raises(ValueError, match="^Local address width must be from 4 to 32, "
                                         f"not {width}$"):
        Dma(address_width=width)
