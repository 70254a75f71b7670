# SPDX-License-Identifier: Apache-2.0
"""Engines side by side: rows hold what was measured, and the page shows it."""

from pathlib import Path

import pytest
import systolith.gen.demo as demo
from systolith.gen.spec import load, to_yaml
from systolith.rtl.kinds import KINDS
from systolith.verif.bench import ENGINE_SPECS, bench_engines, markdown

DIGITS = Path(demo.__file__).parent


@pytest.mark.xdist_group("sta-dbb")
def test_rows(tmp_path):
    # The simulator of other tests: the spec ``demo`` gated, on another engine.
    spec = tmp_path / "demo.yaml"
    spec.write_text(to_yaml(load("demo", [
        "engine.kind=sta-dbb", "postproc.lanes=8", "engine.zero_gating=true",
        "memory.weights=128 KiB"])))
    models = [DIGITS / "digits_dense.tflite", DIGITS / "digits_dbb4.tflite"]
    rows = list(bench_engines(models, DIGITS / "digits_held_back.npz", 2, specs=[(str(spec), 8)],
                              quiet=True))
    assert [row["model"] for row in rows] == ["digits_dense", "digits_dbb4"]
    assert all(row["exact"] for row in rows)
    dense, sparse = rows
    assert sparse["cycles"] < dense["cycles"]
    assert sparse["macs_gated_weight"] < dense["macs_issued"]
    page = markdown(rows).splitlines()
    assert len(page) == 4
    assert f"{sparse['cycles']:,}" in page[-1]


def test_engines_have_equally_many_multipliers():
    specs = [load(name) for name, _ in ENGINE_SPECS]
    assert {spec.multipliers for spec in specs} == {256}
    assert {spec.engine.kind for spec in specs} == set(KINDS)
