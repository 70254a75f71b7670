# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

from amaranth.lib import wiring
from systolith.rtl.sequencer.counters import Counters, EventCounts, LayerTable

from ..streams import simulate

EVENTS = {"cycle": "cycles", "stall_operands": "stall_operands", "stall_drain": "stall_drain",
          "stall_parameters": "stall_parameters", "conflict": "bank_conflicts",
          "weight_read": "weight_reads", "step": "macs_issued"}


def test_counts():
    dut = Counters(multipliers=96, banks=4, write_words=2)
    rng = random.Random(1)

    async def bench(ctx):
        counts = {name: 0 for name, _ in EventCounts}
        for _ in range(200):
            drawn = {port: rng.getrandbits(1) for port in EVENTS}
            reads, writes, clear = rng.getrandbits(4), rng.getrandbits(2), rng.random() < 0.03
            gated = {name: rng.randrange(97) for name in ("activation", "weight")}
            for name, value in gated.items():
                ctx.set(getattr(dut, f"gated_{name}"), value)
                counts[f"macs_gated_{name}"] += value
            for port, value in drawn.items():
                ctx.set(getattr(dut, port), value)
            one, bank, group, read_group, write_group = (rng.randrange(n) for n in (2, 4, 2, 2, 2))
            write_banks = [rng.randrange(4) for _ in range(2)]
            ctx.set(dut.counted_bank, {"one": one, "bank": bank, "group": group})
            ctx.set(dut.read_group, read_group)
            ctx.set(dut.write_group, write_group)
            ctx.set(dut.activation_reads, reads)
            ctx.set(dut.activation_writes, writes)
            ctx.set(dut.write_banks, write_banks)
            ctx.set(dut.clear, clear)
            await ctx.tick()
            for port, name in EVENTS.items():
                counts[name] += drawn[port] * (96 if port == "step" else 1)
            counts["activation_reads"] += sum(
                reads >> index & 1 for index in range(4)
                if not one or (index, read_group) == (bank, group))
            counts["activation_writes"] += sum(
                writes >> word & 1 for word in range(2)
                if not one or (write_banks[word], write_group) == (bank, group))
            if clear:
                counts = dict.fromkeys(counts, 0)
            actual = ctx.get(dut.counts)
            assert {name: getattr(actual, name) for name in counts} == counts

    simulate(dut, bench)


def test_layer_table_keeps_its_first_layers():
    dut = LayerTable()

    async def bench(ctx):
        ctx.set(dut.write, 1)
        for layer in (0, 3, 255, 256, 259):
            ctx.set(dut.layer, layer)
            ctx.set(dut.cycles, 1000 + layer)
            await ctx.tick()
        ctx.set(dut.write, 0)
        for layer, cycles in ((0, 1000), (3, 1003), (255, 1255), (1, 0)):
            ctx.set(dut.index, layer)
            await ctx.tick()
            assert ctx.get(dut.data) == cycles

    simulate(dut, bench)


class SinglePort:
    """A platform whose memories have a single port."""

    single_port = True


def test_layer_table_on_a_single_port():
    """Any writes three cycles apart, any index held for two: what is shown is what was written
    three cycles before."""
    table = LayerTable()
    rng = random.Random(4)

    class Dut(wiring.Component):
        def elaborate(self, platform):
            return table.elaborate(SinglePort())

    async def bench(ctx):
        held = [0] * LayerTable.DEPTH
        history = []
        index, written = 0, 0
        for cycle in range(3000):
            if cycle % 2 == 0 and rng.random() < 0.5:
                index = rng.randrange(4)
            write = cycle - written >= 3 and rng.random() < 0.4
            layer, value = rng.choice([0, 1, 2, 3, 3, 255, 256, 257]), rng.getrandbits(32)
            ctx.set(table.index, index)
            ctx.set(table.write, write)
            ctx.set(table.layer, layer)
            ctx.set(table.cycles, value)
            history.append(list(held))
            if write:
                written = cycle
                if layer < LayerTable.DEPTH:
                    held[layer] = value
            await ctx.tick()
            shown = ctx.get(table.data)
            recent = {before[index] for before in history[-3:]}
            if cycle >= 3:
                assert shown in recent, cycle
            if len({*recent, held[index]}) == 1 and cycle >= 3:
                assert shown == held[index]

    simulate(Dut({}), bench)
