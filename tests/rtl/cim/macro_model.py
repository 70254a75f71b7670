# SPDX-License-Identifier: Apache-2.0
"""A macro as a process beside the simulation: exact codes, any conversion times, rules checked."""

import random

import numpy as np
from amaranth import Module
from amaranth.lib import wiring
from systolith.rtl.cim.contract import MacroParameters, MacroSignature, write_layout

__all__ = ["MacroModel", "OpenMacro", "low_bits"]

STABLE = ("row_data", "row_enable", "adc_enable", "phase", "is_signed", "activation_bits",
          "weight_bits", "adc_shift")


def low_bits(value: int, bits: int, is_signed: bool) -> int:
    """The number that the low ``bits`` of ``value`` are."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if is_signed and value >> bits - 1 else value


GARBAGE = 77


def _enabled(inputs: dict) -> list[int]:
    return [inputs["row_data"] >> 8 * row & 0xFF
            for row in range(inputs["row_enable"].bit_length()) if inputs["row_enable"] >> row & 1]


class OpenMacro(wiring.Component):
    """The contract's ports with nothing behind them: a ``MacroModel`` drives them."""

    def __init__(self, p: MacroParameters):
        self.parameters = p
        super().__init__(MacroSignature(p).flip())

    def elaborate(self, platform) -> Module:
        return Module()


class MacroModel:
    """Converts as the digital macro does; refuses what breaks the contract.

    ``duration(conversion)``: cycles from a ``fire`` to the next one that is possible, None for the
    contract's, 0 for a conversion that does not end before ``release``. ``write_wait``: cycles at
    most in which a weight waits.
    """

    def __init__(self, macro: OpenMacro, *, duration=None, write_wait=0, seed=0):
        self.macro = macro
        self.p = macro.parameters
        self.duration = duration
        self.write_wait = write_wait
        self.rng = random.Random(seed)
        self.weights = np.zeros((self.p.rows, self.p.columns), np.int64)
        self.fires = []        # cycles
        self.conversions = []  # (enabled rows, enabled ADCs, phase)
        self.writes = 0
        self.cycle = 0
        self.release = False
        self.pending = {}      # codes by ADC of the conversion under way
        self.codes = {}        # ... of the one done last

    def _convert(self, seen):
        p = self.p
        rows = [row for row in range(p.rows) if seen["row_enable"] >> row & 1]
        adcs = [adc for adc in range(p.adcs) if seen["adc_enable"] >> adc & 1]
        a, w = seen["activation_bits"], seen["weight_bits"]
        assert 1 <= a <= 8 and 1 <= w <= 8
        operands = [low_bits(seen["row_data"] >> 8 * row, a, seen["is_signed"]) for row in rows]
        self.conversions.append((len(rows), len(adcs), seen["phase"]))
        self.pending = {adc: sum(
            x * low_bits(int(self.weights[row, p.column(adc, seen["phase"])]), w, True)
            for x, row in zip(operands, rows, strict=True)) for adc in adcs}
        return p.conversion_cycles(a, w)

    async def process(self, ctx):
        """A background bench."""
        macro, p = self.macro, self.p
        seen = {}
        ends = None  # cycle of ``done``
        busy = False
        waits = 0
        ctx.set(macro.ready, 1)
        ctx.set(macro.write.ready, self.write_wait == 0)
        while True:
            now = self.cycle
            if self.release and busy and ends is None:
                ends = now
            ctx.set(macro.done, busy and now == ends)
            values = await ctx.tick().sample(
                macro.fire, macro.ready, macro.read_enable, macro.read_group, macro.write.valid,
                macro.write.ready, macro.write.payload.as_value(), macro.row_data.as_value(),
                macro.row_enable,
                macro.adc_enable, macro.phase, macro.is_signed, macro.activation_bits,
                macro.weight_bits, macro.adc_shift)
            fire, ready, read, group, valid, take, word, *inputs = values[2:]
            inputs = dict(zip(STABLE, inputs, strict=True))
            self.cycle += 1
            if busy:
                assert not take or not valid, "a weight was written during a conversion"
                for name in STABLE[1:]:
                    assert inputs[name] == seen[name], f"{name} changed"
                assert inputs["row_data"] == seen["row_data"] or _enabled(inputs) == _enabled(seen)
            if read:
                codes = [self.codes.get(group * p.lanes + lane, 0) for lane in range(p.lanes)]
                ctx.set(macro.codes, codes)
            if busy and now == ends:
                busy, self.codes = False, self.pending
                ctx.set(macro.ready, 1)
                ctx.set(macro.codes, [GARBAGE] * p.lanes)  # what was read late is gone
            if fire:
                assert ready, "fired while not ready"
                seen = inputs
                cycles = self._convert(seen)
                if self.duration is not None:
                    wanted = self.duration(len(self.fires))
                    cycles = cycles if wanted is None else wanted
                self.fires.append(now)
                busy, ends = True, now + cycles - 1 if cycles else None
                ctx.set(macro.ready, 0)
            if valid and take:
                word = write_layout(p).from_bits(word)
                for index in range(8):
                    self.weights[word.row, word.group * 8 + index] = word.weights[index]
                self.writes += 1
                waits = self.rng.randint(0, self.write_wait)
            elif valid and waits:
                waits -= 1
            ctx.set(macro.write.ready, int(not busy and waits == 0))

    def set_weights(self, weights):
        self.weights[:] = weights
