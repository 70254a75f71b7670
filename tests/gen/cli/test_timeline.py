# SPDX-License-Identifier: Apache-2.0
"""Pictures of runs: what is drawn, where labels go, which files are refused."""

from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from systolith.gen.cli.inputs import InputFault
from systolith.gen.cli.timeline import _apart, _busy_share, check_timeline, draw_timeline
from systolith.gen.predict import Busy, Timeline


@pytest.fixture
def timeline():
    busy = Busy()
    busy.add("sequencer", 0, 4)
    busy.add("engine", 10, 60)
    return Timeline.of("predicted", 100, 4, [("first", 0), ("second", 60), ("third", 35)], busy)


def test_share_of_every_step_of_the_picture():
    edges = np.arange(0, 50, 10)
    np.testing.assert_allclose(_busy_share([(5, 25), (27, 28), (39, 45)], edges),
                               [0.5, 1, 0.6, 0.1])
    np.testing.assert_array_equal(_busy_share([], edges), np.zeros(4))


def test_shares_add_up_to_the_busy_cycles():
    rng = np.random.default_rng(0)
    bounds = np.sort(rng.choice(1000, 60, replace=False)).reshape(-1, 2).tolist()
    edges = np.arange(0, 1007, 7)
    shares = _busy_share([tuple(span) for span in bounds], edges)
    assert (7 * shares).sum() == pytest.approx(sum(end - start for start, end in bounds))
    assert shares.min() >= 0 and shares.max() <= 1


@pytest.mark.parametrize("count", [1, 2, 30, 300])
def test_labels_do_not_overlap(count):
    middles = np.sort(np.random.default_rng(count).random(count)).tolist()
    widths = [0.02] * count
    places = _apart(middles, widths)
    gap = min(0.02, 1 / count)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(places))
    assert places[-1] <= 1
    if count <= 2:
        assert places[0] == middles[0]


def test_svg_names_units_layers_and_cycles(tmp_path, timeline):
    path = tmp_path / "t.svg"
    draw_timeline(path, "model on spec", [timeline, timeline])
    text = path.read_text()
    ElementTree.fromstring(text)
    for words in ("model on spec", "predicted: 100 cycles", "engine   50 %", "1+2",
                  "first + second  60", "third  35"):
        assert f"<!-- {words}" in text or f"  {words} " in text, words
    before = path.read_bytes()
    draw_timeline(path, "model on spec", [timeline, timeline])
    assert path.read_bytes() == before


def test_png(tmp_path, timeline):
    draw_timeline(tmp_path / "new" / "t.png", "model on spec", [timeline])
    assert (tmp_path / "new" / "t.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "text"), [
    ("t.pdf", "t.pdf: --timeline must be a file .svg or .png"),
    ("t", "t: --timeline must be a file .svg or .png")])
def test_refusals(name, text, tmp_path):
    with pytest.raises(InputFault, match=text):
        check_timeline(tmp_path / name)


def test_no_timeline_is_no_fault(tmp_path):
    check_timeline(None)
    check_timeline(tmp_path / "t.svg")
    assert not (tmp_path / "t.svg").exists()
