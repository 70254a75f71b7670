# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.asic.boolean import truth_table, unateness, variables


@pytest.mark.parametrize("function, table", [
    ("A*B", 0b1000), ("A & B", 0b1000), ("(A B)", 0b1000), ("A+B", 0b1110), ("A|B", 0b1110),
    ("A^B", 0b0110), ("!(A B)", 0b0111), ("A'", 0b0101), ("(A B)'", 0b0111), ("!A'", 0b1010),
    ("~A & !B", 0b0001), ("1", 0b1111), ("0", 0), ("A", 0b1010), ("B", 0b1100),
    ("A + A^B B", 0b1110), ("B A^B", 0b0100),
])
def test_every_notation(function, table):
    assert truth_table(function, ["A", "B"]) == table


def test_inversion_binds_before_xor_before_and_before_or():
    names = ["A", "B", "C", "D"]
    assert truth_table("A + B C ^ D'", names) == truth_table("A + (B * (C ^ (!D)))", names)


def test_a_full_adder_of_three_libraries_is_one_function():
    inverted = truth_table("(!A * !B) + (!A * !CI) + (!B * !CI)", ["A", "B", "CI"])
    assert inverted == truth_table("(((A B)+(B C))+(C A))", ["A", "B", "C"]) ^ 0xff


@pytest.mark.parametrize("function", ["A +", "(A", "A)", "A $ B", "Z", "", "()", "A + * B"])
def test_what_is_no_function_is_refused(function):
    with pytest.raises(ValueError, match="function must be a Boolean expression"):
        truth_table(function, ["A", "B"])


def test_deep_nesting_and_many_inputs_are_refused():
    with pytest.raises(ValueError, match="nest at most 64 deep"):
        truth_table("(" * 5000 + "A" + ")" * 5000, ["A"])
    with pytest.raises(ValueError, match="at most 16 inputs, not 17"):
        truth_table("A0", [f"A{k}" for k in range(17)])
    with pytest.raises(ValueError, match="at most 20000 characters"):
        truth_table("A" * 20_001, ["A"])


def test_variables_come_once_in_order():
    assert variables("B + A[3]*B + 1") == ("B", "A[3]")


@pytest.mark.parametrize("function, name, sense", [
    ("A !B", "A", "positive"), ("A !B", "B", "negative"), ("A^B", "A", "either"),
    ("A B + !A B", "A", "either")])
def test_unateness(function, name, sense):
    assert unateness(function, ["A", "B"], name) == sense
