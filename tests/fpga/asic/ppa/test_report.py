# SPDX-License-Identifier: Apache-2.0
import json
import re
from dataclasses import replace

from systolith.fpga.asic.ppa.report import as_dict, write

from .test_tables import full


def test_files_of_a_folder(tmp_path):
    write(full(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ppa.html", "ppa.json", "ppa.png", "ppa.svg"]
    assert json.loads((tmp_path / "ppa.json").read_text()) == json.loads(
        json.dumps(as_dict(full())))
    assert (tmp_path / "ppa.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_needs_nothing_else(tmp_path):
    write(full(), tmp_path)
    text = (tmp_path / "ppa.html").read_text()
    assert "<svg" in text and text.count("<table>") == 12
    assert not re.search(r"(src|href)\s*=\s*\"(?!#)|url\(\s*[\"']?(?!#)|@import|<script", text)


def test_text_of_libraries_is_no_markup(tmp_path):
    write(replace(full(), library="<b>&"), tmp_path)
    text = (tmp_path / "ppa.html").read_text()
    assert "&lt;b&gt;&amp;" in text and "<b>&" not in text


def test_data_say_what_was_reached():
    goals = {(each["engine"], each["quantity"], each["relaxed"]): each
             for each in as_dict(full())["goals"]}
    assert goals["STA-DBB", "area", True]["reached"] == 3.0
    assert goals["STA-DBB", "area", True]["state"] == "missed"
    assert goals["STA-DBB", "area", False]["reached"] is None
