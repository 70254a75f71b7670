# SPDX-License-Identifier: Apache-2.0
import json
import re

import pytest
from systolith.fpga.fabric.devices import DEVICES
from systolith.fpga.fabric.idle import FULL, hold_rows, idle_period

ECP5 = DEVICES["LFE5U-85F"]


@pytest.mark.parametrize("used, period", [
    (0, None), (19, None), (20, 3), (34, 3), (35, 4), (43, 4), (44, 5), (51, 6), (52, None),
    (68, None), (99, None),
])
def test_as_many_rows_as_leave_room(used, period):
    assert idle_period(used, 100) == period
    if period:
        assert used / 100 + 1 / period <= FULL


def test_rows_of_logic_are_held_and_nothing_else_changes(tmp_path):
    netlist = tmp_path / "netlist.json"
    cells = {"lut": {"type": "LUT4", "connections": {"Z": [2]}}}
    netlist.write_text(json.dumps({"creator": "c", "modules": {
        "top": {"ports": {}, "cells": cells}, "box": {"cells": {}}}}))
    count = hold_rows(netlist, "top", ECP5.tiles, 3)
    document = json.loads(netlist.read_text())
    assert document["creator"] == "c" and document["modules"]["box"] == {"cells": {}}
    found = document["modules"]["top"]["cells"]
    assert found.pop("lut") == cells["lut"]
    assert len(found) == count == pytest.approx(ECP5.capacity["lut"] / 3, rel=0.02)
    places = {each["attributes"]["BEL"] for each in found.values()}
    assert len(places) == count
    rows = {int(re.match(r"X\d+/Y(\d+)/", place)[1]) for place in places}
    assert not rows & set(ECP5.tiles.others)
