# SPDX-License-Identifier: Apache-2.0
"""What the fields of a compute-in-memory macro must hold together."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["macro_rules"]

Values = Mapping[str, Any]
Faults = Iterator[tuple[str, str]]

LANES = (8, 16, 32)


def _shape(v: Values) -> Faults:
    lanes = v["postproc.lanes"]
    want = {"a": 1, "b": 8, "c": lanes}
    if any(v[f"engine.tpe.{name}"] != value for name, value in want.items()):
        yield "engine.tpe", (f"must be {{a: 1, b: 8, c: {lanes}}} for kind cim, a pixel at a time "
                             "and postproc.lanes codes of it; remove it")
    if (v["engine.grid.m"], v["engine.grid.n"]) != (1, 1):
        yield "engine.grid", "must be {m: 1, n: 1} for kind cim; remove it"


def _accumulators(v: Values) -> Faults:
    if (bits := v["engine.accumulator_bits"]) != 32:
        yield "engine.accumulator_bits", ("must be 32 for kind cim, whose codes are scaled, not "
                                          f"{bits}; remove it")


def _columns(v: Values) -> Faults:
    columns, mux, lanes = v["cim.columns"], v["cim.mux"], v["postproc.lanes"]
    if columns % mux:
        yield "cim.mux", (f"must be a divisor of the {columns} columns, not {mux}; make "
                          f"cim.columns a multiple of {mux}")
    elif columns // mux % lanes or lanes not in LANES:
        legal = [item for item in LANES if columns // mux % item == 0]
        fix = (f"set it to {' or '.join(map(str, legal))}" if legal else
               "make cim.columns a multiple of 8 x cim.mux")
        yield "postproc.lanes", (f"must be 8, 16 or 32 and a divisor of the {columns // mux} ADCs "
                                 f"(cim.columns / cim.mux), not {lanes}; {fix}")


def _digital(v: Values) -> Faults:
    macro = v["cim.macro"]
    if macro == "digital" and (bits := v["cim.adc_bits"]) is not None:
        yield "cim.adc_bits", (f"must be null for the digital macro, whose codes are exact, not "
                               f"{bits}; remove it")
    if macro == "pcm" and v["cim.early_stop"]:
        yield "cim.early_stop", ("must be false for macro pcm, whose pulses have one length, not "
                                 "true; set it to false")


def _fragment(v: Values) -> Faults:
    fragment, rows = v["cim.fragment"], v["cim.rows"]
    if fragment and v["cim.macro"] != "digital":
        yield "cim.fragment", (f"must be 0 for macro {v['cim.macro']}, whose weights have signs of "
                               f"their own, not {fragment}; set it to 0")
    elif fragment and rows % fragment:
        yield "cim.fragment", (f"must be a divisor of the {rows} rows, not {fragment}; make "
                               f"cim.rows a multiple of {fragment}")


def _codes(v: Values) -> Faults:
    bits, adc = v["cim.code_bits"], v["cim.adc_bits"]
    if adc is not None and adc > bits:
        yield "cim.adc_bits", (f"must be at most cim.code_bits, {bits}, not {adc}; make "
                               "cim.code_bits larger")


def _sources(v: Values) -> Faults:
    if v["cim.macro"] in ("digital", "pcm") and v["cim.sources"]:
        yield "cim.sources", (f"must be [] for macro {v['cim.macro']}, whose Verilog comes with "
                              "it; remove them, or set cim.macro to your module's name")


macro_rules: tuple[Callable[[Values], Faults], ...] = (
    _shape, _accumulators, _columns, _digital, _fragment, _codes, _sources)
