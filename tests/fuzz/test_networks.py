# SPDX-License-Identifier: Apache-2.0
"""Random models; ``make evidence`` takes many more."""

import pytest
from hypothesis import HealthCheck, given, settings
from systolith.gen.importer.tflite.operators import SUPPORTED
from systolith.gen.spec import load

from .networks import check_golden, run_random_models
from .strategies import models


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("models") / "net.tflite"


# Specs whose simulators other tests build too.
@pytest.mark.parametrize("kind", [
    pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in ("vdbb", "sta-dbb")])
def test_random_models_on_the_hardware(kind, path):
    spec = load("demo", [f"engine.kind={kind}", "postproc.lanes=8", "engine.zero_gating=true",
                         "memory.weights=256 KiB"])
    done = run_random_models([spec], 15, path)
    assert done["run"] == 15 and done["refused"] <= 2


def test_random_models_equal_litert(path):
    met = set()

    @settings(max_examples=250, derandomize=True, deadline=None, database=None,
              suppress_health_check=[HealthCheck.too_slow])
    @given(models())
    def search(model):
        check_golden(model, path)
        met.update(model.operators)

    search()
    assert met == set(SUPPORTED)
