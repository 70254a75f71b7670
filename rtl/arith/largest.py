# SPDX-License-Identifier: Apache-2.0
"""The largest of many values, as a balanced tree."""

from collections.abc import Iterable

from amaranth import Module, Mux, Signal, Value

__all__ = ["largest", "registered_largest"]


def largest(values: Iterable[Value]) -> Value:
    """The largest of at least one value, ``ceil(log2(count))`` comparisons deep."""
    terms = list(values)
    while len(terms) > 1:
        terms = _compared(terms)
    return terms[0]


def registered_largest(m: Module, values: Iterable[Value]) -> Value:
    """``largest``, ``1 + ceil(log2(count))`` cycles later: a register at each level."""
    terms = _registered(m, list(values))
    while len(terms) > 1:
        terms = _registered(m, _compared(terms))
    return terms[0]


def _compared(terms: list[Value]) -> list[Value]:
    return [Mux(left > right, left, right)
            for left, right in zip(terms[::2], terms[1::2], strict=False)
            ] + terms[len(terms) // 2 * 2:]


def _registered(m: Module, terms: list[Value]) -> list[Value]:
    registers = [Signal(len(term), name="larger", reset_less=True) for term in terms]
    m.d.sync += [register.eq(term) for register, term in zip(registers, terms, strict=True)]
    return registers
