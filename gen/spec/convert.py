# SPDX-License-Identifier: Apache-2.0
"""Another kind of engine with the same number of multipliers."""

from collections.abc import Collection
from typing import Any

from ...rtl.facts import BLOCK, Encoding
from ...rtl.kinds import ALL_KINDS, CIM
from .defaults import fill_engine
from .rules import MAX_EDGE

__all__ = ["convert"]


def convert(engine: dict[str, Any], kind: str, explicit: Collection[str]) -> dict[str, Any]:
    """``engine`` as ``kind``: as many multipliers, and the same outputs where the kind allows.

    sta-dbb, s2ta-w and sta exchange ``nnz`` and ``b``; sa, vdbb and s2ta-aw, which have one
    multiplier per output, take the squarest grid of that many (wider than high), the latter two
    with TPEs of the source's ``a`` and ``c`` where they divide it; sa as a source counts as b = 1.
    simd, the compact core, is always the same size; cim has a macro.
    ``explicit`` names fields ("tpe.b", "grid", …) that are set afterwards and need no mapping.
    Plain data in and out; an engine whose fields are no integers is only renamed. Raises
    ValueError where no such engine exists.
    """
    filled = fill_engine(engine)
    try:
        tpe, grid = filled["tpe"], filled["grid"]
        a, b, c, m, n = (tpe["a"], tpe["b"], tpe["c"], grid["m"], grid["n"])
        nnz = filled["weights"]["nnz"]
    except (KeyError, TypeError):
        return engine | {"kind": kind}
    if any(type(value) is not int for value in (a, b, c, m, n, nnz)):
        return engine | {"kind": kind}

    def given(*fields: str) -> bool:
        return all(field in explicit or field.split(".")[0] in explicit for field in fields)

    per_output = ALL_KINDS[engine["kind"]].products(b, nnz)
    rest = {key: value for key, value in engine.items() if key != "weights"} | {"kind": kind}
    target = ALL_KINDS[kind]
    if target is CIM:  # as wide as its read-out, by default
        return {key: value for key, value in rest.items() if key not in ("tpe", "grid")}
    if not target.mesh:
        return rest | {"tpe": {"a": 1, "b": 1, "c": 8}, "grid": {"m": 1, "n": 1}}
    if target.scalar:
        if not given("grid.m", "grid.n"):
            m, n = _squarest(kind, a * m * c * n * per_output)
        return rest | {"tpe": {"a": 1, "b": 1, "c": 1}, "grid": {"m": m, "n": n}}
    match target.encoding:
        case Encoding.INDEX | Encoding.HELD:
            if not given("grid.m", "grid.n"):
                rows, columns = _squarest(kind, a * m * c * n * per_output)
                a, c = (a if rows % a == 0 else 1), (c if columns % c == 0 else 1)
                m, n = rows // a, columns // c
            return rest | {"tpe": {"a": a, "b": BLOCK, "c": c}, "grid": {"m": m, "n": n}}
        case Encoding.DENSE:
            if per_output not in target.depths and not given("tpe.b"):
                raise ValueError(
                    f"kind {kind} must have 1, 2, 4 or 8 multipliers for each output, not the "
                    f"{per_output} of NNZ {nnz}; set engine.tpe.b too")
            return rest | {"tpe": tpe | {"b": per_output}}
        case Encoding.MASK:
            if not 1 <= per_output <= BLOCK and not given("weights.nnz"):
                raise ValueError(
                    f"kind {kind} must have 1 to 8 multipliers for each output, not "
                    f"{per_output}; set engine.weights.nnz too")
            return rest | {"tpe": tpe | {"b": BLOCK},
                           "weights": {"block": BLOCK, "nnz": per_output}}
    raise AssertionError(f"no conversion to {target.encoding}")


def _squarest(kind: str, count: int) -> tuple[int, int]:
    """Rows and columns of the legal array of ``count`` multipliers with the least perimeter."""
    legal = [(m, count // m) for m in (8, 16, 32, 64, 128, 256)
             if count % (8 * m) == 0 and count // m <= MAX_EDGE]
    if not legal:
        raise ValueError(
            f"kind {kind} must have 8, 16, 32, 64, 128 or 256 rows and a multiple of 8 columns "
            f"up to {MAX_EDGE}, which {count} multipliers cannot make; set engine.grid too")
    return min(legal, key=lambda grid: (grid[0] + grid[1], grid[0]))
