# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.gen.cim.floor_plan import draw_floor_plan, floor_plans
from systolith.gen.cim.reference import array_cells
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.verif.networks import small_network


def program(*overrides):
    return compile_network(load("cim-digital", ["cim.rows=152", "postproc.lanes=8", *overrides]),
                           small_network(np.random.default_rng(1)))


@pytest.mark.parametrize("mux_map", ["interleaved", "adjacent"])
def test_rectangles_are_the_cells_in_use(mux_map):
    found = program("cim.columns=128", f"cim.mux_map={mux_map}")
    plan, = floor_plans(found)
    cells = np.zeros((152, 128), int)
    for _, row, rows, column, columns in plan.rectangles():
        cells[row:row + rows, column:column + columns] += 1
    assert cells.max() == 1
    assert cells.sum() == plan.cells == round(plan.utilisation * cells.size)
    assert array_cells(found)[1][cells == 1].all()


def test_a_plan_for_each_load():
    found = program("cim.columns=32", "cim.mux=2", "cim.residency=reloaded")
    plans = floor_plans(found)
    assert len(plans) == sum(layer.load_words > 0 for layer in found.layers) > 1


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_picture(suffix, tmp_path):
    path = tmp_path / "made" / f"plan{suffix}"
    plans = floor_plans(program("cim.columns=128"))
    draw_floor_plan(path, "small on cim-digital", plans)
    first = path.read_bytes()
    draw_floor_plan(path, "small on cim-digital", plans)
    assert first == path.read_bytes()
