# SPDX-License-Identifier: Apache-2.0
"""What fields must hold together. A rule whose fields are unknown says nothing."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ...rtl.facts import BLOCK, Encoding
from ...rtl.kinds import ALL_KINDS, CIM, COMPACT, KINDS
from .macro_rules import macro_rules
from .size import KIB, format_size

__all__ = ["check"]

Values = Mapping[str, Any]
Faults = Iterator[tuple[str, str]]

MAX_EDGE = 256
MIN_ROWS = 4
WINDOW_COLUMNS = 3
FABRIC = ("inferred", "rows")
"""Multipliers that do not state an ASIC's trees."""
MIN_COMPACT_BITS = 20
MAX_COMPACT_BYTES = 512 * KIB
"""Words that the addresses of a compact descriptor reach."""


def check(values: Values) -> Faults:
    """Faults (path, sentence) of ``values``: dotted path to valid value; invalid ones left out."""
    for rule in _RULES.get(values.get("engine.kind"), _MESH_RULES):
        with suppress(KeyError):
            yield from rule(values)


def _shape(v: Values) -> Faults:
    kind, a, b, c = (v[f"engine.{name}"] for name in ("kind", "tpe.a", "tpe.b", "tpe.c"))
    if ALL_KINDS[kind].scalar and (a, b, c) != (1, 1, 1):
        yield "engine.tpe", (f"must be {{a: 1, b: 1, c: 1}} for kind {kind}, not a {a}x{b}x{c} "
                             "TPE; write the array's size in engine.grid, or use kind sta")
    if ALL_KINDS[kind].depths == (BLOCK,) and b != BLOCK:
        fix = ("engine.weights.nnz sets its multipliers"
               if ALL_KINDS[kind].encoding is Encoding.MASK else "set it to 8")
        yield "engine.tpe.b", f"must be 8, the block, for kind {kind}, not {b}; {fix}"


def _density(v: Values) -> Faults:
    nnz, block = v["engine.weights.nnz"], v["engine.weights.block"]
    if nnz > block:
        yield "engine.weights.nnz", (f"NNZ must be at most the block of {block}, not {nnz}; "
                                     f"set it to 1..{block}")
    elif not ALL_KINDS[kind := v["engine.kind"]].bounded and nnz != block:
        what = "any density at run time" if ALL_KINDS[kind].encoding is Encoding.INDEX else "dense"
        yield "engine.weights.nnz", (f"must be {block} ({what}) for kind {kind}, not {nnz}; remove "
                                     "engine.weights, or use kind sta-dbb")


def _rows(v: Values) -> Faults:
    a, m = v["engine.tpe.a"], v["engine.grid.m"]
    rows = a * m
    if rows & rows - 1 or not MIN_ROWS <= rows <= MAX_EDGE:
        legal = [m for m in range(1, MAX_EDGE + 1)
                 if MIN_ROWS <= a * m <= MAX_EDGE and not a * m & a * m - 1]
        yield "engine.grid.m", (f"rows (tpe.a x grid.m) must be a power of two from {MIN_ROWS} to "
                                f"{MAX_EDGE}, not {a} x {m} = {rows}; "
                                + _advice("grid.m", legal, m, "make tpe.a a power of two"))
    elif rows * (b := v["engine.tpe.b"]) < BLOCK:
        yield "engine.grid.m", (f"rows x tpe.b must be at least {BLOCK}, one block of "
                                f"activations, not {rows} x {b} = {rows * b}; set grid.m to "
                                f"{-(-BLOCK // (a * b))} or more")


def _columns(v: Values) -> Faults:
    c, n = v["engine.tpe.c"], v["engine.grid.n"]
    columns = c * n
    if columns % 8 or not 8 <= columns <= MAX_EDGE:
        legal = [n for n in range(1, MAX_EDGE + 1) if c * n <= MAX_EDGE and c * n % 8 == 0]
        yield "engine.grid.n", (f"columns (tpe.c x grid.n) must be a multiple of 8 from 8 to "
                                f"{MAX_EDGE}, not {c} x {n} = {columns}; "
                                + _advice("grid.n", legal, n, "make tpe.c smaller"))


def _advice(name: str, legal: list[int], value: int, otherwise: str) -> str:
    if not legal:
        return otherwise
    near = sorted(sorted(legal, key=lambda item: abs(item - value))[:2])
    return f"set {name} to {' or '.join(map(str, near))}"


def _lanes(v: Values) -> Faults:
    lanes, columns = v["postproc.lanes"], _legal_columns(v)
    if lanes < columns and columns % lanes:
        legal = [item for item in range(8, columns + 1, 8) if columns % item == 0]
        yield "postproc.lanes", (f"must divide the {columns} columns or be at least as many, not "
                                 f"{lanes}; " + _advice("it", legal, lanes, ""))


def _legal_columns(v: Values) -> int:
    """Columns, unless they are at fault themselves."""
    columns = v["engine.tpe.c"] * v["engine.grid.n"]
    if columns % 8 or not 8 <= columns <= MAX_EDGE:
        raise KeyError("engine.grid.n")
    return columns


def _activations(v: Values) -> Faults:
    rows, columns = v["engine.tpe.a"] * v["engine.grid.m"], _legal_columns(v)
    need = max(rows * v["engine.tpe.b"] // BLOCK, WINDOW_COLUMNS * v["vector.lanes"] // BLOCK,
               min(columns, v["postproc.lanes"]) // BLOCK, 2)
    banks = 1 << (need - 1).bit_length()
    yield from _least("activations", 2 * 2 * 8 * banks, f"two groups of {banks} banks", v)


def _weights(v: Values) -> Faults:
    columns = _legal_columns(v)
    bits = ALL_KINDS[v["engine.kind"]].encoding.stored_bits(v["engine.tpe.b"],
                                                         v["engine.weights.nnz"])
    words = -(-columns * bits // 64)
    if v["memory.weight_source"] == "on-chip":
        yield from _least("weights", 2 * 8 * words, f"two steps of {columns} columns", v)
        return
    size = v["memory.weights"]
    banks = 1 << (2 * words - 1).bit_length()
    if size < 2 * 8 * banks:
        yield from _least("weights", 2 * 8 * banks, f"two lines of the ring's {banks} banks", v)
    elif size & size - 1:
        low = 1 << size.bit_length() - 1
        yield "memory.weights", (f"must be a power of two for memory.weight_source external, not "
                                 f"{format_size(size)}; set it to {format_size(low)} or "
                                 f"{format_size(2 * low)}")


def _least(name: str, size: int, why: str, v: Values) -> Faults:
    size = -(-size // KIB) * KIB
    if (value := v[f"memory.{name}"]) < size:
        yield f"memory.{name}", (f"must be at least {format_size(size)} for {why}, "
                                 f"not {format_size(value)}; make it larger")


def _bus(v: Values) -> Faults:
    if v["bus.window"] is None and v["bus.dma"] is None:
        yield "bus", ("window or dma must be there, not both null: nothing could reach the core's "
                      "memories; set bus.window or bus.dma to axi4")
    elif v["bus.dma"] is None and v["memory.weight_source"] == "external":
        yield "bus.dma", ("must be axi4 for memory.weight_source external, not null: weights come "
                          "through it; set bus.dma to axi4")


def _fusion(v: Values) -> Faults:
    if not v["vector.lanes"] and v["vector.fused_channels"]:
        yield "vector.fused_channels", (f"must be 0 without a vector unit, not "
                                        f"{v['vector.fused_channels']}; set vector.lanes to 8")


def _front_end(v: Values) -> Faults:
    layers = v["front_end.layers"]
    if layers is None:
        if v["front_end.network"] is not None:
            yield "front_end.network", ("must be null without front_end.layers, not "
                                        f"{v['front_end.network']!r}; set front_end.layers")
        return
    if layers != "none":
        first, last = map(int, layers.split(".."))
        if first or last < first:
            yield "front_end.layers", (f"must begin with 0, the operator that reads the network's "
                                       f"input, and not end before it, not {layers}; set it to "
                                       f"0..{max(first, last)}")
        elif v["front_end.folds"] and len(v["front_end.folds"]) != last + 1:
            yield "front_end.folds", (f"must be one for each of the {last + 1} layers "
                                      f"{layers}, not {len(v['front_end.folds'])}")
    elif v["front_end.folds"]:
        yield "front_end.folds", ("must be [] where no layers are fixed, not "
                                  f"{list(v['front_end.folds'])}; remove them")
    if v["memory.weight_source"] != "on-chip":
        yield "memory.weight_source", ("must be on-chip with a front_end, not "
                                       f"{v['memory.weight_source']}; set it to on-chip")


def _arithmetic(v: Values) -> Faults:
    multiplier = v["arithmetic.multiplier"]
    if v["arithmetic.pipelined"] and multiplier not in FABRIC:
        yield "arithmetic.multiplier", (f"must be {' or '.join(FABRIC)} if arithmetic.pipelined, "
                                        f"not {multiplier}; explicit trees have no registers")
    if v["arithmetic.dsp_products"] and multiplier != "rows":
        yield "arithmetic.dsp_products", (f"must be 0 for arithmetic.multiplier {multiplier}, not "
                                          f"{v['arithmetic.dsp_products']}; set multiplier to rows")
    if v["arithmetic.pipelined"] and v["postproc.float_rounding"]:
        yield "arithmetic.pipelined", ("must be false with postproc.float_rounding, not true; "
                                       "remove one of them")


def _compact_shape(v: Values) -> Faults:
    kind = v["engine.kind"]
    a, b, c = (v[f"engine.tpe.{name}"] for name in ("a", "b", "c"))
    if (a, b, c) != (1, 1, 8):
        yield "engine.tpe", (f"must be {{a: 1, b: 1, c: 8}} for kind {kind}, not a {a}x{b}x{c} "
                             "TPE; write that, or use kind sta")
    m, n = v["engine.grid.m"], v["engine.grid.n"]
    if (m, n) != (1, 1):
        yield "engine.grid", (f"must be {{m: 1, n: 1}} for kind {kind}, not {m}x{n}; write that, "
                              "or use kind sta")


def _compact_accumulators(v: Values) -> Faults:
    kind, bits = v["engine.kind"], v["engine.accumulator_bits"]
    if bits < MIN_COMPACT_BITS:
        yield "engine.accumulator_bits", (f"must be at least {MIN_COMPACT_BITS} for kind {kind}, "
                                          f"whose biases are added in them, not {bits}; set it to "
                                          f"{MIN_COMPACT_BITS} or more")


def _absent(path: str, wanted: object, written: str, why: str) -> Callable[[Values], Faults]:
    """A rule: ``path`` must be ``wanted`` for the kind."""
    def rule(v: Values) -> Faults:
        if v[path] != wanted:
            yield path, (f"must be {written} for kind {v['engine.kind']}, {why}; set it to "
                         f"{written}")
    return rule


def _compact_memory(v: Values) -> Faults:
    size = sum(v[f"memory.{name}"] for name in ("activations", "weights", "program"))
    if size > MAX_COMPACT_BYTES:
        yield "memory", (f"activations, weights and program must be at most "
                         f"{format_size(MAX_COMPACT_BYTES)} together for kind {v['engine.kind']}, "
                         f"not {format_size(size)}; make them smaller")


def _no_macro(v: Values) -> Faults:
    if "cim.macro" in v:
        yield "cim", (f"must be null for kind {v['engine.kind']}, which has no macro; remove it, "
                      "or set engine.kind to cim")


_MESH_RULES: tuple[Callable[[Values], Faults], ...] = (
    _shape, _density, _rows, _columns, _lanes, _activations, _weights, _bus, _fusion,
    _arithmetic, _front_end, _no_macro)
_COMPACT_RULES: tuple[Callable[[Values], Faults], ...] = (
    _compact_shape, _density, _compact_accumulators, _compact_memory,
    _absent("engine.zero_gating", False, "false", "whose accumulators have no gates"),
    _absent("memory.weight_source", "on-chip", "on-chip", "which has no DMA"),
    _absent("vector.fused_channels", 0, "0", "which has no vector unit"),
    _absent("postproc.float_rounding", False, "false", "whose requantisers round as TFLite does"),
    _absent("bus.control", "axi4-lite", "axi4-lite", "whose registers have no other bus"),
    _absent("bus.window", "axi4", "axi4", "whose memory is reached through it"),
    _absent("bus.dma", None, "null", "which has none"),
    _absent("arithmetic.multiplier", "inferred", "inferred", "whose lanes are DSP blocks"),
    _absent("front_end.layers", None, "null", "which takes no stream"),
    _absent("arithmetic.pipelined", False, "false", "whose stages are short anyway"), _no_macro)
_CIM_RULES: tuple[Callable[[Values], Faults], ...] = (
    *macro_rules, _density, _activations, _bus,
    _absent("engine.zero_gating", False, "false", "which has no accumulators to gate"),
    _absent("memory.weight_source", "on-chip", "on-chip", "whose weights are in the macro"),
    _absent("vector.fused_channels", 0, "0", "whose tiles are single pixels"),
    _absent("front_end.layers", None, "null", "which takes no stream"),
    _absent("arithmetic.pipelined", False, "false", "whose macro sets the pace"))
_RULES = dict.fromkeys(KINDS, _MESH_RULES) | {COMPACT.name: _COMPACT_RULES, CIM.name: _CIM_RULES}
