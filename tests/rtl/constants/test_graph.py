# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from systolith.rtl.constants.graph import AdderGraph, Operand

INT8 = (-128, 127)


def graph(**changes):
    """``5 a - 3 b``, 0, ``-12 b``."""
    parts = {
        "inputs": (INT8, (0, 255)),
        "nodes": ((Operand(0), Operand(0, 2)),
                  (Operand(1), Operand(1, 1)),
                  (Operand(2), Operand(3, 0, True))),
        "outputs": (Operand(4), None, Operand(3, 2, True)),
    }
    return AdderGraph(**{**parts, **changes})


def test_matrix_is_what_the_outputs_have_of_the_inputs():
    assert graph().matrix == ((5, -3), (0, 0), (0, -12))


def test_ranges_are_reached():
    assert graph().ranges == (INT8, (0, 255), (-640, 635), (0, 765), (-1405, 635))
    assert graph().output_ranges == ((-1405, 635), (0, 0), (-3060, 0))


def test_evaluate():
    assert graph().evaluate((-128, 255)) == (-1405, 0, -3060)


def test_constants_are_added():
    moved = graph(constants=(-7, 100, 60))
    assert moved.output_ranges == ((-1412, 628), (100, 100), (-3000, 60))
    assert moved.evaluate((-128, 255)) == (-1412, 100, -3000)


def test_levels():
    assert graph().levels == (0, 0, 1, 1, 2)
    assert graph().depth == 2
    assert graph(outputs=(None, Operand(1))).depth == 0


@pytest.mark.parametrize(("changes", "message"), [
    ({"inputs": (INT8, (1, 0))}, "Range must be lowest, highest, not (1, 0)"),
    ({"nodes": ((Operand(0),),)}, "Node must be of at least two operands, one of them positive"),
    ({"nodes": ((Operand(0, 0, True), Operand(1, 0, True)),)},
     "Node must be of at least two operands, one of them positive"),
    ({"nodes": ((Operand(0), Operand(2)),)},
     "Operand must be of one of 2 sources ahead of it and shifted by at least 0"),
    ({"nodes": ((Operand(0), Operand(1, -1)),)}, "Operand must be of one of 2 sources ahead"),
    ({"constants": (1,)}, "Constants must be 3, as outputs are, or none, not 1"),
    ({"outputs": (Operand(5),)}, "Operand must be of one of 5 sources ahead"),
])
def test_faults_are_named(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        graph(**changes)


def test_inputs_must_be_in_their_ranges():
    with pytest.raises(ValueError, match=r"^Input 1 must be 0 \.\.\. 255, not -1$"):
        graph().evaluate((0, -1))
