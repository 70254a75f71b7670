# SPDX-License-Identifier: Apache-2.0
import json

from systolith.fpga.bench.report import as_dict, write

from .canned import BENCH


def test_data_have_figures_and_where_they_are_from():
    told = json.loads(json.dumps(as_dict(BENCH)))
    assert told["networks"] == "unmodified" and told["seeds"] == [1, 2, 3]
    routed, synthesised, unfit = told["specs"]
    assert routed["routed"] and routed["fmax_mhz"] == [25.0, 40.0, 26.5]
    assert routed["usage"]["lut"] == {"used": 40_000, "available": 83_640}
    assert round(routed["inferences"][0]["milliseconds"], 4) == 0.7547
    assert routed["inferences"][1]["milliseconds"] is None
    assert synthesised["parts_fmax_mhz"]["TPE"]["median"] == synthesised["clock_mhz"] == 100.0
    assert unfit["clock_mhz"] is None and unfit["unfit"]
    assert {each["lut_ratio"] for each in told["pairs"]} == {0.5}
    assert told["peers"][0]["source"]


def test_files(tmp_path):
    write(BENCH, tmp_path)
    assert (tmp_path / "fpga.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "fpga.json").read_text()) == as_dict(BENCH)
