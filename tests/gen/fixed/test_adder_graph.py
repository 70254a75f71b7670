# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st
from pyosys import libyosys
from systolith.fpga.fabric.harness import area_of
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.fixed.adder_graph import adder_graph
from systolith.rtl.constants.plan import Form
from systolith.rtl.constants.products import FixedProducts

WEIGHTS = st.one_of(st.just(0), st.sampled_from([1, -1, 2, -64, 64, 127, -127, -128]),
                    st.integers(-128, 127), st.integers(-70000, 70000))


@st.composite
def problems(draw):
    """A matrix, ranges, and inputs at their ends and between."""
    outputs, inputs = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    matrix = draw(st.lists(st.lists(WEIGHTS, min_size=inputs, max_size=inputs),
                           min_size=outputs, max_size=outputs))
    ranges = [tuple(sorted(draw(st.tuples(st.integers(-300, 300), st.integers(-300, 300)))))
              for _ in range(inputs)]
    vectors = draw(st.lists(st.tuples(*(st.one_of(st.sampled_from(ends), st.integers(*ends))
                                        for ends in ranges)), min_size=1, max_size=4))
    return np.array(matrix), ranges, [*vectors, [low for low, _ in ranges],
                                      [high for _, high in ranges]]


@settings(max_examples=150, deadline=None)
@given(problems())
def test_the_graph_is_the_matrix(problem):
    matrix, ranges, vectors = problem
    graph = adder_graph(matrix, ranges)
    assert graph.matrix == tuple(map(tuple, matrix.tolist()))
    for vector in vectors:
        assert graph.evaluate(vector) == tuple((matrix @ vector).tolist())


def test_the_same_again():
    matrix = np.random.default_rng(1).integers(-128, 128, (6, 9))
    assert adder_graph(matrix, [(-128, 127)] * 9) == adder_graph(matrix, [(-128, 127)] * 9)


def test_nothing_is_added_for_zeros_and_powers_of_two():
    graph = adder_graph(np.array([[0, 64], [0, 0], [-2, 0]]), [(-128, 127)] * 2)
    assert graph.nodes == ()
    assert graph.matrix == ((0, 64), (0, 0), (-2, 0))


def test_matrix_must_fit_the_ranges():
    with pytest.raises(ValueError, match=r"^Matrix must be \[outputs, 2\] for 2 ranges, not \[3\]"):
        adder_graph(np.zeros(3, int), [(0, 1)] * 2)


RNG = np.random.default_rng(7)
INT8 = (-128, 127)
MATRICES = {
    "dense": RNG.integers(-128, 128, (4, 8)),
    "sparse": RNG.integers(-128, 128, (5, 6)) * (RNG.random((5, 6)) < 0.4),
    "one row": RNG.integers(-128, 128, (1, 12)),
    "one column": RNG.integers(-128, 128, (9, 1)),
    "zeros": np.zeros((2, 3), int),
    "powers of two": np.array([[1, -2, 4], [0, 64, 0], [-128, 0, 0], [8, 8, 8]]),
    "extremes": np.array([[-128] * 5, [127] * 5, [-128, 127, -128, 127, -128]]),
    "equal rows": np.array([[3, -5]] * 3 + [[-3, 5], [6, -10]]),
    "negative": -RNG.integers(1, 128, (2, 5)),
}


@pytest.mark.parametrize(("levels", "form"), [
    (None, Form.ROWS), (1, Form.ROWS), (3, Form.ROWS), (1, Form.TREES)])
@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_hardware_multiplies_by_the_matrix(matrix, levels, form):
    inputs = matrix.shape[1]
    ranges = [INT8 if place % 3 else (0, 255) for place in range(inputs)]
    rng = np.random.default_rng(3)
    constants = rng.integers(-5000, 5000, len(matrix))
    dut = FixedProducts(adder_graph(matrix, ranges, constants=constants), levels, form=form)
    found, expected = [], []

    async def bench(ctx):
        while len(expected) < 25 + dut.latency:
            x = [int(rng.choice([low, high, rng.integers(low, high + 1)])) for low, high in ranges]
            enable = int(rng.random() < 0.6)
            ctx.set(dut.i, x)
            ctx.set(dut.enable, enable)
            if enable or not dut.latency:
                expected.append((matrix @ x + constants).tolist())
                found.append([ctx.get(dut.o[place]) for place in range(len(matrix))])
            await (ctx.tick() if dut.latency else ctx.delay(1e-6))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6, if_exists=True)
    simulator.add_testbench(bench)
    simulator.run()
    assert found[dut.latency:] == expected[:len(expected) - dut.latency]


def test_sharing_and_dropping_pay():
    matrix = np.random.default_rng(0).integers(-127, 128, (8, 16))
    shared, alone = (FixedProducts(adder_graph(matrix, [INT8] * 16, effort=effort)).plan
                     for effort in (1, 0))
    assert shared.size < 0.85 * alone.size
    assert shared.size < 13 * matrix.size
    halved = FixedProducts(adder_graph(matrix * (matrix % 2), [INT8] * 16)).plan
    assert halved.size < 0.75 * shared.size


def test_constants_cost_next_to_nothing():
    matrix = MATRICES["dense"]
    plain, moved = (FixedProducts(adder_graph(matrix, [INT8] * 8, constants=constants)).plan
                    for constants in ((), [12345, -777, 99, 54321]))
    assert moved.size < plain.size + 4 * 8


@pytest.mark.parametrize("form", Form)
def test_more_tries_are_never_worse(form):
    sizes = [FixedProducts(adder_graph(MATRICES["dense"], [INT8] * 8, effort=effort, form=form),
                           form=form).plan.size for effort in (0, 1, 2, 5)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] < 0.9 * sizes[0]


def test_yosys_counts_what_is_predicted():
    part = FixedProducts(adder_graph(MATRICES["dense"][:1], [INT8] * 8))
    lut = area_of(part, "xc7", flags="-nodsp")["lut"]
    assert abs(lut - part.plan.size) <= 0.05 * part.plan.size


def test_no_multiplier_is_emitted(tmp_path):
    part = FixedProducts(adder_graph(MATRICES["dense"], [INT8] * 8), 2)
    text, _ = EmittingPlatform("part").convert(part, "part")
    (tmp_path / "part.v").write_text(text)
    design = libyosys.Design()
    for command in (f"read_verilog -sv {tmp_path}/part.v", "hierarchy -top part", "proc",
                    f"tee -q -o {tmp_path}/cells.json stat -json"):
        libyosys.run_pass(command, design)
    cells = json.loads((tmp_path / "cells.json").read_text())["design"]["num_cells_by_type"]
    assert cells["$sub"] == len(part.plan.rows)
    assert not {"$mul", "$macc", "$div"} & set(cells)
