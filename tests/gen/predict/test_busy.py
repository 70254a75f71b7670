# SPDX-License-Identifier: Apache-2.0
"""Spans of busy units; that they are the RTL's, cycle for cycle, is shown in ``tests/verif``."""

import numpy as np
import pytest
from systolith.gen.compiler import compile_network
from systolith.gen.predict import Busy, Timeline, predict
from systolith.gen.spec import load
from systolith.rtl.core import UNITS

from ...random_designs import random_network


def test_spans_that_meet_become_one():
    busy = Busy()
    for start, end in ((3, 5), (5, 6), (8, 8), (9, 12), (10, 11)):
        busy.add("engine", start, end)
    assert busy.spans["engine"] == [(3, 6), (9, 12)]
    assert busy.cycles("engine") == 6 and busy.cycles("vector") == 0


def test_reads_for_the_vector_unit_reach_it_later():
    busy = Busy()
    busy.read(2, 4)
    busy.read(7, 7, vector=True)
    assert busy.spans["operands"] == [(2, 5), (7, 8)]
    assert busy.spans["vector"] == [(8, 9)]


def test_layers_of_no_cycles_are_named_with_the_next():
    timeline = Timeline.of("predicted", 30, 5, [("a", 10), ("b", 0), ("c", 12)], Busy())
    assert timeline.layers == [("1", "a", 5, 15), ("2+3", "b + c", 15, 27)]


@pytest.mark.parametrize("seed", range(3))
def test_a_run_in_which_no_unit_is_busy_outside_it(seed):
    program = compile_network(load("demo"), random_network(np.random.default_rng(seed)))
    prediction = predict(program)
    timeline = prediction.timeline
    assert set(timeline.busy.spans) == set(UNITS)
    for spans in timeline.busy.spans.values():
        edges = [edge for span in spans for edge in span]
        assert edges == sorted(set(edges))
        assert not edges or (edges[0] >= 0 and edges[-1] <= prediction.cycles)
    assert timeline.layers[-1][-1] == prediction.cycles - 1
    steps = sum(-(-layer.lowered.output_shape[0] * layer.lowered.output_shape[1]
                  // program.parameters.facts.rows) * int(layer.plan.steps.sum())
                for layer in program.layers if layer.plan)
    assert timeline.busy.cycles("engine") == steps
