# SPDX-License-Identifier: Apache-2.0
"""Banks of least area, against every other way to build them."""

from itertools import combinations_with_replacement, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.memory import Composition, CompositionFault, MacroMap, compose, load_map
from systolith.gen.memory.compose import RegisterBank

PORTS = {"clock": "c", "enable": "e", "write": "w", "address": "a", "write_data": "d",
         "read_data": "q", "holds": True}


def a_map(macros, *, row_um2=0.0, registers=None, **ports) -> MacroMap:
    return MacroMap.model_validate({
        "name": "test", "source": "a test", "row_um2": row_um2, "registers": registers,
        "ports": PORTS | ports, "macro": [
            {"cell": f"m{index}", "words": words, "bits": bits, "area_um2": area,
             "read_pj": area, "write_pj": 2 * area, "leakage_nw": 3 * area}
            for index, (words, bits, area) in enumerate(macros)]})


def cheapest(macros, words, bits, grain, row_um2) -> float:
    """By trying all rows, and all stacks of them."""
    def row(size):
        fit = [(macro_bits // grain * grain, area) for size_, macro_bits, area in macros
               if size_ >= size]
        return min(sum(area for _, area in chosen)
                   for count in range(1, 9)
                   for chosen in combinations_with_replacement(fit, count)
                   if sum(held for held, _ in chosen) >= bits)

    sizes = sorted({size for size, _, _ in macros})
    rows = {size: row(size) for size in sizes}
    return min(sum(rows[size] for size in stack) + row_um2 * (len(stack) - 1)
               for count in range(1, -(-words // sizes[0]) + 1)
               for stack in combinations_with_replacement(sizes, count)
               if sum(stack) >= words)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([2, 3, 4, 6, 8]), st.sampled_from([8, 12, 16, 24, 32]),
                          st.integers(1, 50).map(float)), min_size=1, max_size=3),
       st.integers(1, 14), st.sampled_from([16, 32]), st.sampled_from([1, 8]),
       st.sampled_from([0.0, 5.0]))
def test_no_other_composition_is_smaller(macros, words, bits, grain, row_um2):
    available = a_map(macros, row_um2=row_um2, mask="m", mask_bits=grain)
    bank = compose(available, words, bits)
    assert bank.area_um2 + row_um2 * (len(bank.rows) - 1) == pytest.approx(
        cheapest(macros, words, bits, grain, row_um2))


@pytest.mark.parametrize(("words", "bits"), product([1, 63, 64, 65, 1000, 2049, 5000, 20_000],
                                                    [8, 32, 64, 72, 128]))
def test_every_bit_lies_in_one_macro(words, bits):
    bank = compose(load_map("sg13g2").model_copy(update={"registers": None}), words, bits)
    assert [row.first for row in bank.rows] == [
        sum(row.words for row in bank.rows[:index]) for index in range(len(bank.rows))]
    assert sum(row.words for row in bank.rows) == words
    for row in bank.rows:
        assert row.words >= 1 and all(part.macro.words >= row.words for part in row.slices)
        places = [bit for part in row.slices for bit in range(part.first, part.first + part.bits)]
        assert places == list(range(bits))
        assert all(part.macro.bits >= part.bits for part in row.slices)
    assert bank.unused_bits >= 0


def test_a_macro_without_a_mask_holds_one_byte():
    bank = compose(a_map([(4, 64, 10.0), (4, 8, 9.0)]), 4, 32)
    assert bank.macros == {"m1": 4}
    assert [(part.first, part.bits) for part in bank.rows[0].slices] == [
        (0, 8), (8, 8), (16, 8), (24, 8)]


def test_macros_narrower_than_a_byte_are_refused():
    with pytest.raises(CompositionFault) as fault:
        compose(a_map([(4, 4, 1.0)]), 4, 32)
    assert str(fault.value) == ("test: macros must have at least 8 bits, since bytes are written, "
                                "not 4")


@pytest.mark.parametrize(("words", "bits"), [(0, 64), (4, 0), (4, 12)])
def test_a_bank_that_is_none_is_refused(words, bits):
    with pytest.raises(ValueError, match="^Bank must be of at least 1 word of whole bytes, not "):
        compose(load_map("sg13g2"), words, bits)


def test_what_is_small_stays_registers():
    registers = {"area_um2": 2.0, "read_pj": 0.5, "write_pj": 0.25, "leakage_nw": 4.0}
    available = a_map([(16, 32, 200.0)], registers=registers, mask="m", mask_bits=8)
    small, large = compose(available, 3, 32), compose(available, 4, 32)
    assert isinstance(small, RegisterBank) and isinstance(large, Composition)
    assert (small.area_um2, small.read_pj, small.write_pj, small.leakage_nw) == (
        192.0, 16.0, 8.0, 384.0)
    assert small.macros == {} and small.unused_bits == 0


def test_an_access_is_to_one_row():
    available = a_map([(8, 32, 10.0), (2, 32, 4.0)], mask="m", mask_bits=8)
    bank = compose(available, 10, 64)
    assert bank.macros == {"m0": 2, "m1": 2}
    assert bank.area_um2 == 28.0 and bank.leakage_nw == 84.0
    assert bank.read_pj == pytest.approx((8 * 20 + 2 * 8) / 10)
    assert bank.write_pj == pytest.approx(2 * bank.read_pj)


def test_what_is_not_known_of_a_macro_is_not_known_of_a_bank():
    available = a_map([(8, 32, 10.0)], mask="m", mask_bits=8)
    known = available.macro[0].model_copy(update={"read_pj": None, "leakage_nw": None})
    bank = compose(available.model_copy(update={"macro": [known]}), 8, 32)
    assert bank.read_pj is None and bank.leakage_nw is None and bank.write_pj == 20.0
