# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.golden.cim.conversion import digital_codes, digital_cycles
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.digital import DigitalMacro

from ..streams import simulate, stream_put


def shape(**changes):
    return MacroParameters(**{"macro": "digital", "rows": 16, "columns": 32, "mux": 2} | changes)


async def write(ctx, dut, weights):
    """All of them, in order."""
    for row, line in enumerate(weights):
        for group in range(len(line) // 8):
            await stream_put(ctx, dut.write, {
                "row": row, "group": group,
                "weights": [int(value) for value in line[8 * group:8 * group + 8]]})


async def convert(ctx, dut, operands, rows, adcs, **settings):
    """One conversion: its codes, and cycles from ``fire`` to where the next one is possible."""
    ctx.set(dut.row_data, [int(value) & 255 for value in operands])
    ctx.set(dut.row_enable, sum(int(bit) << row for row, bit in enumerate(rows)))
    ctx.set(dut.adc_enable, sum(int(bit) << adc for adc, bit in enumerate(adcs)))
    for name, value in settings.items():
        ctx.set(getattr(dut, name), value)
    while not ctx.get(dut.ready):
        await ctx.tick()
    ctx.set(dut.fire, 1)
    await ctx.tick()
    ctx.set(dut.fire, 0)
    cycles = 1
    while not ctx.get(dut.done):
        assert not ctx.get(dut.ready)
        await ctx.tick()
        cycles += 1
    assert not ctx.get(dut.ready)
    await ctx.tick()
    assert ctx.get(dut.ready)
    codes = []
    for group in range(dut.parameters.groups):
        ctx.set(dut.read_enable, 1)
        ctx.set(dut.read_group, group)
        await ctx.tick()
        codes += [int(ctx.get(code)) for code in dut.codes]
    ctx.set(dut.read_enable, 0)
    return codes, cycles + 1


def run(p, seed, conversions):
    dut = DigitalMacro(p)
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, (p.rows, p.columns))

    async def bench(ctx):
        await write(ctx, dut, weights)
        for index in range(conversions):
            operands = rng.integers(-128, 128, p.rows) >> rng.integers(0, 8)
            rows, adcs = rng.random(p.rows) < 0.7, rng.random(p.adcs) < 0.7
            if index % 8 == 0:
                operands[:], rows[:], adcs[:] = -128 * (index % 16 == 0), True, True
            phase, is_signed = int(rng.integers(p.mux)), bool(rng.integers(2))
            activation_bits, weight_bits = map(int, rng.integers(1, 9, 2))
            codes, cycles = await convert(
                ctx, dut, operands, rows, adcs, phase=phase, is_signed=is_signed,
                activation_bits=activation_bits, weight_bits=weight_bits)
            columns = [p.column(adc, phase) for adc in range(p.adcs)]
            expected = digital_codes(
                (operands * rows)[None], weights[:, columns], activation_bits=activation_bits,
                weight_bits=weight_bits, is_signed=is_signed, code_bits=p.code_bits)[0] * adcs
            assert codes == expected.tolist(), index
            assert cycles == digital_cycles(
                (operands * rows)[None], activation_bits=activation_bits, weight_bits=weight_bits,
                is_signed=is_signed, early_stop=p.early_stop)[0]
            if not p.early_stop:
                assert cycles == p.conversion_cycles(activation_bits, weight_bits)

    simulate(dut, bench)


@pytest.mark.parametrize("changes", [
    {}, {"mux": 4}, {"mux": 1, "columns": 16, "lanes": 16},
    {"mux": 4, "adjacent": True}, {"mux": 16, "columns": 128, "adjacent": True},
    {"code_bits": 12}, {"rows": 40}, {"early_stop": True},
], ids=str)
def test_codes_and_cycles(changes):
    run(shape(**changes), 1, 40)
