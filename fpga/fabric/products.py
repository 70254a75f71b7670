# SPDX-License-Identifier: Apache-2.0
"""Which products go into LUTs where a device has too few DSPs for all of them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from .devices import Family

__all__ = ["Product", "in_luts", "products_of"]


@dataclass(frozen=True)
class Product:
    """A multiplication in a flat design, by its cell's name, and its operands' widths."""

    name: str
    widths: tuple[int, int]

    def dsps(self, family: Family) -> float:
        """DSPs that yosys takes for it: operands are cut into pieces of a DSP's width, each but
        the first a bit narrower, as they are signed; products of few bits take none."""
        if sum(self.widths) < family.dsp.least:
            return 0
        if family.dsp.half and max(self.widths) <= family.dsp.half:
            return 0.5
        pieces = 1
        for width, most in zip(sorted(self.widths), sorted(family.dsp.widths), strict=True):
            pieces *= 1 if width <= most else 1 + ceil((width - most) / (most - 1))
        return pieces


def products_of(document: str, top: str) -> list[Product]:
    """Multiplications of variables, of yosys' JSON of a flat design."""
    found = []
    module = json.loads(document)["modules"].get(top, {})  # none: nothing was selected
    for name, cell in module.get("cells", {}).items():
        pins = cell["connections"]
        if cell["type"] == "$mul" and all(any(isinstance(bit, int) for bit in pins[pin])
                                          for pin in "AB"):
            found.append(Product(name, (len(pins["A"]), len(pins["B"]))))
    return found


def in_luts(products: Iterable[Product], family: Family, dsps: float) -> list[Product]:
    """Those products that must go into LUTs so that the others take at most ``dsps``: first those
    that save fewest LUTs a DSP."""
    ordered = sorted((each for each in products if each.dsps(family)), key=lambda each: (
        each.widths[0] * each.widths[1] / each.dsps(family), each.name))
    excess = sum(each.dsps(family) for each in ordered) - dsps
    chosen = []
    for each in ordered:
        if excess <= 0:
            break
        chosen.append(each)
        excess -= each.dsps(family)
    return chosen
