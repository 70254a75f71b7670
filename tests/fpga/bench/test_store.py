# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.bench import store as storing
from systolith.fpga.bench.store import Store


def test_what_was_made_is_not_made_again(tmp_path):
    store = Store(tmp_path / "new")
    assert store.get(("a", 1), lambda: {"x": 2}) == {"x": 2}
    assert store.get(("a", 1), lambda: {"x": 3}) == {"x": 2}
    assert store.get(("a", 2), lambda: {"x": 3}) == {"x": 3}


def test_other_tools_make_it_anew(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.get("a", lambda: 1)
    monkeypatch.setattr(storing, "_version", lambda package: "2")
    assert store.get("a", lambda: 2) == 2


def test_without_a_folder_nothing_is_kept():
    assert [Store().get("a", lambda value=value: value) for value in (1, 2)] == [1, 2]


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        Store(tmp_path).get("a", lambda: 1 / 0)
    assert not list(tmp_path.iterdir())
