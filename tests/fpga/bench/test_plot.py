# SPDX-License-Identifier: Apache-2.0
from systolith.fpga.bench.plot import draw

from .canned import BENCH


def test_times_of_specs_and_peers_are_drawn(tmp_path):
    draw(BENCH, tmp_path / "fpga.svg")
    text = (tmp_path / "fpga.svg").read_text()
    for label in ("kws-ulx3s, LFE5U-85F", "fpgaConvNet, XC7Z020", "CFU-Playground, XC7A35T",
                  "0.755", "0.324", "98", "KWS", "AD", "unmodified"):
        assert f"<!-- {label}" in text or label in text
    assert "9.49" not in text  # of VWW, which is not compared


def test_the_same_figures_give_the_same_picture(tmp_path):
    for name in ("a.svg", "b.svg"):
        draw(BENCH, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
