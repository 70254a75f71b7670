# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from amaranth import ResetInserter, Signal
from systolith.golden.cim.conversion import digital_codes, digital_cycles
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.digital import DigitalMacro

from ..streams import idle, simulate, stream_put


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
    if p.fragment:
        signs = rng.choice([-1, 1], (p.rows // p.fragment, p.columns)).repeat(p.fragment, axis=0)
        weights = signs * rng.integers(0, 128, weights.shape)

    async def bench(ctx):
        await write(ctx, dut, weights)
        for index in range(conversions):
            operands = rng.integers(-128, 128, p.rows) >> rng.integers(0, 8)
            rows, adcs = rng.random(p.rows) < 0.7, rng.random(p.adcs) < 0.7
            if index % 8 == 0:
                operands[:], rows[:], adcs[:] = -128 * (index % 16 == 0), True, True
            phase, is_signed = int(rng.integers(p.mux)), bool(rng.integers(2))
            activation_bits, weight_bits = map(int, rng.integers(1, 9, 2))
            driven = np.where(rows, operands, rng.integers(-128, 128, p.rows))
            codes, cycles = await convert(
                ctx, dut, driven, rows, adcs, phase=phase, is_signed=is_signed,
                activation_bits=activation_bits, weight_bits=weight_bits)
            columns = [p.column(adc, phase) for adc in range(p.adcs)]
            expected = digital_codes(
                (operands * rows)[None], weights[:, columns], activation_bits=activation_bits,
                weight_bits=weight_bits, is_signed=is_signed, code_bits=p.code_bits,
                fragment=p.fragment)[0] * adcs
            assert codes == expected.tolist(), index
            assert cycles == digital_cycles(
                (operands * rows)[None], activation_bits=activation_bits, weight_bits=weight_bits,
                is_signed=is_signed, early_stop=p.early_stop, fragment=p.fragment)[0]
            if not p.early_stop:
                assert cycles == p.conversion_cycles(activation_bits, weight_bits)

    simulate(dut, bench)


@pytest.mark.parametrize("changes", [
    {}, {"mux": 4}, {"mux": 1, "columns": 16, "lanes": 16},
    {"mux": 4, "adjacent": True}, {"mux": 16, "columns": 128, "rows": 8, "adjacent": True},
    {"code_bits": 12}, {"rows": 40}, {"early_stop": True},
    {"fragment": 8}, {"fragment": 4, "mux": 4, "adjacent": True, "early_stop": True},
], ids=str)
def test_codes_and_cycles(changes):
    run(shape(**changes), 1, 24)


@pytest.mark.parametrize("adjacent", [False, True])
def test_weights_that_were_never_written_are_zero_and_a_reset_clears(adjacent):
    p = shape(mux=4, columns=64, adjacent=adjacent)
    macro, reset = DigitalMacro(p), Signal()
    rng = np.random.default_rng(0)

    async def bench(ctx):
        weights = np.zeros((p.rows, p.columns), int)
        for turn in range(2):
            for _ in range(20):
                row, group = int(rng.integers(p.rows)), int(rng.integers(p.columns // 8))
                values = rng.integers(-128, 128, 8)
                weights[row, 8 * group:8 * group + 8] = values
                await stream_put(ctx, macro.write, {"row": row, "group": group,
                                                    "weights": values.tolist()})
            operands = rng.integers(-128, 128, p.rows)
            for phase in range(p.mux):
                codes, _ = await convert(
                    ctx, macro, operands, np.ones(p.rows), np.ones(p.adcs), phase=phase,
                    is_signed=1, activation_bits=8, weight_bits=8)
                columns = [p.column(adc, phase) for adc in range(p.adcs)]
                assert codes == (operands @ weights[:, columns]).tolist(), turn
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            assert not ctx.get(macro.write.ready) and not ctx.get(macro.ready)
            weights[:] = 0

    simulate(ResetInserter(reset)(macro), bench)


def weights_of(value, row, group=1):
    return {"row": row, "group": group, "weights": [0, 0, value, 0, 0, 0, 0, 0]}


@pytest.mark.parametrize(("written", "fault"), [
    ([(0, 3), (1, 0), (2, 5)], False), ([(0, -3), (7, -127)], False),
    ([(0, 3), (8, -3)], False),                      # of another fragment
    ([(0, 3), (1, -1)], True), ([(5, -3), (6, 3)], True), ([(0, 0), (1, -128)], True),
    ([(0, 3), (1, 4), (0, -3), (1, -4)], False),     # anew, from the first row on
    ([(0, 3), (1, 0), (0, 0), (1, -2)], False),
], ids=str)
def test_a_fragment_with_both_signs_is_seen(written, fault):
    dut = DigitalMacro(shape(fragment=8))

    async def bench(ctx):
        for row, value in written:
            assert not ctx.get(dut.sign_fault)
            await stream_put(ctx, dut.write, weights_of(value, row))
        await idle(ctx, 3)  # it stays
        assert ctx.get(dut.sign_fault) == fault

    simulate(dut, bench)


def test_timing_is_its_own():
    with pytest.raises(ValueError, match=r"^Digital macro must have no timing but its own, not "):
        DigitalMacro(shape(timing=(4,) * 8))


@pytest.mark.parametrize(("changes", "text"), [
    ({"fragment": 5}, "Fragment must be 0, 4, 8 or 16 rows and a divisor of 16, not 5"),
    ({"fragment": 16, "rows": 24},
     "Fragment must be 0, 4, 8 or 16 rows and a divisor of 24, not 16"),
    ({"fragment": 8, "macro": "pcm"}, "Fragment of macro pcm must be 0, not 8"),
], ids=str)
def test_fragments_must_fit(changes, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        shape(**changes)
