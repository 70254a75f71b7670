# SPDX-License-Identifier: Apache-2.0
"""The largest of many values, as a balanced tree."""

from collections.abc import Iterable

from amaranth import Mux, Value

__all__ = ["largest"]


def largest(values: Iterable[Value]) -> Value:
    """The largest of at least one value, ``ceil(log2(count))`` comparisons deep."""
    terms = list(values)
    while len(terms) > 1:
        terms = [Mux(left > right, left, right)
                 for left, right in zip(terms[::2], terms[1::2], strict=False)
                 ] + terms[len(terms) // 2 * 2:]
    return terms[0]
