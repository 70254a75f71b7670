# SPDX-License-Identifier: Apache-2.0
"""Sums of many values as balanced trees, each node as wide as it must be."""

from collections.abc import Iterable

from amaranth import Value

__all__ = ["total"]


def total(values: Iterable[Value]) -> Value:
    """The sum of at least one value, ``ceil(log2(count))`` additions deep and bits wider."""
    terms = list(values)
    while len(terms) > 1:
        terms = [left + right for left, right in zip(terms[::2], terms[1::2], strict=False)
                 ] + terms[len(terms) // 2 * 2:]
    return terms[0]
