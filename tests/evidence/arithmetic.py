# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Explicit trees of every form, width and number of products are proven to add up."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from pathlib import Path

from rich.progress import track
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.partial_products import Multiplier
from systolith.verif.formal.summation import Proof, Refuted, Undecided, emitted, prove

from .table import Result, Section

__all__ = ["SECTIONS"]

TAPS = range(1, 10)
WIDTHS = range(16, 33)
FORMS = list(product(Multiplier, FinalAdder, (False, True)))


def _prove(case: tuple[Multiplier, FinalAdder, bool, int, int]) -> Proof | str:
    multiplier, final, inverting, taps, bits = case
    form = Arithmetic(multiplier=multiplier, final=final, inverting=inverting)
    try:
        return prove(emitted(DotProduct(taps=taps, accumulator_bits=bits), form))
    except (Refuted, Undecided) as fault:
        return f"{multiplier} {final} inverting={inverting} {taps} taps {bits} bits: {fault}"


def arithmetic_proof(_: Path | None) -> Iterator[Result]:
    """A proof of every form with 1 to 9 products and accumulators of 16 to 32 bits (an hour of
    processor time)."""
    cases = [(*form, taps, bits) for form, taps, bits in product(FORMS, TAPS, WIDTHS)]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = list(track(pool.map(_prove, cases, chunksize=4), "proofs", len(cases)))
    proofs = [result for result in results if isinstance(result, Proof)]
    faults = [result for result in results if not isinstance(result, Proof)]
    adders, tried = sum(p.adders for p in proofs), sum(p.cases for p in proofs)
    reached = f"{len(proofs)} proofs, {adders} adders, {tried} cases of leaves"
    yield (f"explicit trees: {len(FORMS)} forms, 1 to 9 products, 16 to 32 bits",
           f"{len(cases)} proofs", "; ".join([reached, *faults[:1]]), not faults)


SECTIONS: tuple[Section, ...] = ((arithmetic_proof, False),)
