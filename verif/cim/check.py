# SPDX-License-Identifier: Apache-2.0
"""The contract checker: any macro through the contract's ports, rule by rule, in Verilator."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...gen.emit.package import split_modules
from ...gen.emit.platform import EmittingPlatform
from ...rtl.cim.contract import WRITE_PATIENCE, MacroParameters, write_layout
from ...rtl.cim.digital import DigitalMacro
from ...rtl.cim.macro import PCM, macro_of
from ..simulator import WIDE, Simulator, build
from .reference import CellFile, ExactReference, PcmReference
from .stimuli import Script, draw_script

__all__ = ["MacroBench", "MacroRun", "check_macro", "random_cells"]

TOP = "macro_bench"
FLAGS = ("--x-assign", "unique", "--x-initial", "unique",
         "-Werror-PINMISSING", "-Werror-IMPLICIT", *WIDE)
"""Verilator's states are two: what is unknown comes up at random, and differs from run to run."""


@dataclass(frozen=True)
class MacroRun:
    """``broken``: the rule that a run ended with, None if it came to its end; ``reads``:
    conversion, group and codes of every read-out; ``cycles`` of every conversion."""

    broken: str | None
    reads: list[tuple[int, int, list[int]]]
    cycles: list[int]


@dataclass(eq=False)
class MacroBench:
    """The macro that ``parameters`` name, in Verilator; ``sources``: Verilog that is not generated,
    ``plusargs`` for it; ``cells`` of the PCM macro."""

    parameters: MacroParameters
    sources: Sequence[str] = ()
    plusargs: Sequence[str] = ()
    cells: CellFile | None = None
    _simulator: Simulator | None = field(default=None, init=False)

    def reference(self) -> ExactReference:
        """A fresh one."""
        if self.parameters.macro == PCM:
            return PcmReference(self.parameters, self.cells)
        return ExactReference(self.parameters)

    def simulator(self) -> Simulator:
        """Built at first use; raises SimulationFault."""
        if self._simulator is None:
            platform = EmittingPlatform("macro")
            macro = macro_of(self.parameters)
            source, ports = platform.convert(macro, TOP)
            parts = [text for name, text in split_modules(source).items()
                     if name not in platform.black_boxes]
            columns = ([f"{platform.prefix}_{macro.column().module_name}"]
                       if isinstance(macro, DigitalMacro) else [])
            self._simulator = build("\n".join([*parts, *self.sources]), top=TOP, ports=ports,
                                    apart=columns, flags=FLAGS)
        return self._simulator

    def run(self, script: Script, work: Path, *, initial: int = 1, junk: int = 1) -> MacroRun:
        """Run ``script``; ``initial``: seed of what registers come up with, ``junk``: of what must
        not matter, operands of rows that are not enabled among it. Raises SimulationFault."""
        p = self.parameters
        fields = write_layout(p).members
        work.mkdir(parents=True, exist_ok=True)
        job = work / "job.json"
        job.write_text(json.dumps({
            "steps": script.steps, "seed": len(script.steps), "junk": junk, "groups": p.groups,
            "lanes": p.lanes, "code_bits": p.code_bits, "early_stop": p.early_stop,
            "row_bits": fields["row"], "group_bits": fields["group"],
            "patience": WRITE_PATIENCE}))
        plusargs = [*self.plusargs, "+verilator+rand+reset+2", f"+verilator+seed+{initial}"]
        if self.cells is not None:
            (work / "cells.hex").write_text(self.cells.hexadecimal())
            plusargs += [f"+pcm_cells={work / 'cells.hex'}", f"+pcm_seed={self.cells.seed}"]
        self.simulator().run("systolith.verif.benches.macro", job=job, work=work,
                             plusargs=plusargs)
        answer = json.loads((work / "answer.json").read_text())
        return MacroRun(answer["broken"], [(conversion, group, codes) for conversion, group, codes
                                           in answer["reads"]], answer["cycles"])


def random_cells(p: MacroParameters, seed: int) -> CellFile:
    """Of an array, as far apart as their words can hold, some without noise."""
    rng = np.random.default_rng(seed)
    shape = p.rows, p.columns
    conductances = rng.integers(-5000, 5000, shape)
    sigmas = rng.integers(0, 700, shape)
    extreme = rng.random(shape)
    conductances[extreme < 0.02], sigmas[extreme < 0.01] = -(1 << 15), (1 << 16) - 1
    sigmas[extreme > 0.9] = 0
    return CellFile(conductances.astype(np.int16), sigmas.astype(np.uint16),
                    seed * 0x9E3779B1 % 2**32)


def check_macro(parameters: MacroParameters, sources: Sequence[str] = (), *,
                plusargs: Sequence[str] = (), seed: int = 0, exact: bool = True, rounds: int = 3,
                conversions: int = 40) -> str | None:
    """The first rule that the macro breaks, as a sentence that begins with its name, or None.

    ``sources``: Verilog of the macro's module where it is not generated.
    ``exact``: codes are compared with golden's; otherwise only with those of runs in which what
    must not matter was different. ``plusargs``: for the user's Verilog. Raises SimulationFault
    where there is no simulator of it.
    """
    bench = MacroBench(parameters, sources, plusargs,
                       random_cells(parameters, seed + 1) if parameters.macro == PCM else None)
    script = draw_script(parameters, bench.reference(), seed, rounds=rounds,
                         conversions=conversions)
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        first = bench.run(script, Path(name) / "first")
        if first.broken is not None:
            return first.broken
        for initial, junk, reason in (
                (2, 1, "how registers came up"),
                (1, 2, "operands of rows that are not enabled or inputs between conversions")):
            other = bench.run(script, Path(name) / "other", initial=initial, junk=junk)
            sentence = _difference(first, other, parameters)
            if sentence is not None:
                return f"known: {sentence}, depending on {reason}"
    return _wrong_code(parameters, script, first, exact)


def _difference(first: MacroRun, other: MacroRun, p: MacroParameters) -> str | None:
    if other.broken is not None:
        return f"a run ends with \"{other.broken}\" or without"
    if first.cycles != other.cycles:
        return "conversions take different numbers of cycles"
    for (conversion, group, codes), (_, _, others) in zip(first.reads, other.reads, strict=True):
        for lane, (code, different) in enumerate(zip(codes, others, strict=True)):
            if code != different:
                return (f"conversion {conversion}'s code of ADC {group * p.lanes + lane} is {code} "
                        f"or {different}")
    return None


def _wrong_code(p: MacroParameters, script: Script, found: MacroRun, exact: bool) -> str | None:
    """The rule that codes break, if one of them is wrong."""
    for conversion, group, codes in found.reads:
        adcs = range(group * p.lanes, (group + 1) * p.lanes)
        enabled = script.conversions[conversion].adcs
        expected = _expected(p, script, conversion, adcs)
        wrong = [lane for lane, adc in enumerate(adcs) if codes[lane] != expected[lane]
                 and (exact or not enabled[adc])]
        if not wrong:
            continue
        lane = wrong[0]
        what = f"conversion {conversion}'s code of ADC {adcs[lane]} is {codes[lane]}"
        if not any(enabled[adcs[lane]] for lane in wrong):
            return f"gated: {what}, though the ADC was not enabled"
        for other, reason in ((conversion + 1, "before that one is done"),
                              (conversion - 1, "though this one is done")):
            if 0 <= other < len(script.codes) and codes == _expected(p, script, other, adcs):
                return f"order: {what}, that of conversion {other}, {reason}"
        # A code of 0 may be that of an ADC that was not enabled.
        shown = {lane: _column_with(script.codes[conversion], codes[lane]) for lane in wrong
                 if codes[lane]}
        if shown and None not in shown.values():
            lane, other = next(iter(shown.items()))
            column = p.column(adcs[lane], script.conversions[conversion].phase)
            return (f"order: conversion {conversion}'s code of ADC {adcs[lane]} is {codes[lane]}, "
                    f"that of column {other}, where it must be that of column {column}, "
                    f"{expected[lane]}")
        return f"sum: {what}, not {expected[lane]}"
    return None


def _expected(p: MacroParameters, script: Script, conversion: int, adcs: range) -> list[int]:
    """Codes of ``adcs``."""
    fired = script.conversions[conversion]
    return [int(script.codes[conversion][p.column(adc, fired.phase)]) if fired.adcs[adc] else 0
            for adc in adcs]


def _column_with(codes: np.ndarray, code: int) -> int | None:
    """The first column with this code."""
    found = np.flatnonzero(codes == code)
    return int(found[0]) if len(found) else None
