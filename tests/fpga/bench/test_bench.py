# SPDX-License-Identifier: Apache-2.0
from systolith.fpga.bench import bench
from systolith.fpga.bench.arrays import Array
from systolith.fpga.bench.bench import kept_arrays
from systolith.fpga.bench.store import Store

from .canned import area


def test_arrays_are_synthesised_once(monkeypatch, tmp_path):
    calls = []

    def counted(array):
        calls.append(array)
        return area(array)

    small = Array(a=1, depth=1, c=1)
    monkeypatch.setattr(Array, "area", counted)
    monkeypatch.setattr(bench, "PAIRS", ())
    first, second = (kept_arrays(Store(tmp_path), arrays=[small]) for _ in range(2))
    assert first == second
    assert calls == [small]
    kept_arrays(Store(tmp_path), arrays=[Array(a=1, depth=1, c=1, pipelined=True)])
    assert len(calls) == 2
