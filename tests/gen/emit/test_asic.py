# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""What ``generate`` writes for an ASIC: no contents of memories, no initial values."""

import json
import re
import subprocess

import pytest
from amaranth import Module, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from systolith.gen.build import parameters
from systolith.gen.emit import generate
from systolith.gen.emit.asic import MAX_QUEUE, AsicPlatform
from systolith.gen.memory import load_map, memories_of
from systolith.gen.spec import load
from systolith.rtl.memory.sram import SramBank
from systolith.verif.toolchain import simulation_environment


def _generate(tmp_path, name="demo", macros=None, overrides=()):
    folder = tmp_path / f"{name}-{macros}"
    folder.mkdir()
    manifest = generate(load(name, overrides), folder, target="asic",
                        macros=None if macros is None else load_map(macros))
    return folder, manifest


def _texts(folder) -> dict[str, str]:
    return {path.stem: path.read_text() for path in (folder / "rtl").glob("*.v")}


@pytest.mark.parametrize("macros", [None, "sg13g2"])
def test_nothing_has_an_initial_value(tmp_path, macros):
    folder, _ = _generate(tmp_path, macros=macros)
    for name, text in _texts(folder).items():
        assert not re.search(r"\binitial\b|^ *reg [^;]*=|^ *always @\*", text, re.M), name


@pytest.mark.parametrize(("overrides", "macros"), [
    ((), "sg13g2"), (("engine.kind=sa",), None), (("engine.kind=vdbb",), "sg13g2")])
@pytest.mark.slow
def test_lint_is_clean(tmp_path, overrides, macros):
    folder, _ = _generate(tmp_path, "demo", macros, overrides)
    _lint(folder)


def _lint(folder):
    result = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", "systolith", "lint.vlt",
         "-f", "filelist.f", "-f", "blackboxes.f"], cwd=folder, capture_output=True, text=True,
        env={**simulation_environment(), "HOME": str(folder)})
    assert result.returncode == 0 and not result.stderr, result.stderr[:2000]


def test_linter_sees_what_a_black_box_lacks(tmp_path):
    folder, _ = _generate(tmp_path, macros="sg13g2")
    box = folder / "blackboxes" / "RM_IHPSG13_1P_256x64_c2_bm_bist.v"
    box.write_text(box.read_text().replace("A_DLY", "A_DELAY"))
    with pytest.raises(AssertionError, match="A_DLY|A_DELAY"):
        _lint(folder)


def test_memories_are_black_boxes_with_the_ports_of_a_bank(tmp_path):
    folder, manifest = _generate(tmp_path)
    banks = {f"systolith_{kind.module}": kind for kind in memories_of(parameters(load("demo")))}
    assert set(manifest["black_boxes"]) == set(banks)
    assert (folder / "blackboxes.f").read_text().split() == [
        f"blackboxes/{name}.v" for name in sorted(banks)]
    assert not set(_texts(folder)) & set(banks)
    for name, kind in banks.items():
        text = (folder / "blackboxes" / f"{name}.v").read_text()
        assert text.count("module") == 2 and "(* blackbox" in text and "assign" not in text
        found = {port: (way, int(high or 0) + 1) for way, high, port in re.findall(
            r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", text, re.M)}
        members = SramBank(depth=kind.words, width=kind.bits).signature.members
        assert found == {"clk": ("input", 1)} | {
            port: ("output" if member.flow == Out else "input", member.shape)
            for port, member in members.items()}


def test_memories_are_described(tmp_path):
    folder, _ = _generate(tmp_path)
    described = json.loads((folder / "memories.json").read_text())
    assert described["macros"] is None and "one cycle later" in described["contract"]["read"]
    rows = {row["module"]: row for row in described["memories"]}
    assert rows["systolith_sram_128x64"] == {
        "module": "systolith_sram_128x64", "words": 128, "bits": 64, "mask_bits": 8,
        "instances": 32, "memories": {"activations": 16, "program": 16}}
    assert sum(row["instances"] for row in rows.values()) == sum(
        kind.count for kind in memories_of(parameters(load("demo"))))


def test_macros_are_described_and_instantiated(tmp_path):
    folder, manifest = _generate(tmp_path, macros="sg13g2")
    described = json.loads((folder / "memories.json").read_text())
    assert described["macros"]["source"] == load_map("sg13g2").source
    texts, cells = _texts(folder), set()
    for row in described["memories"]:
        found = re.findall(r"^  (RM_IHPSG13_\w+) \w+ \($", texts[row["module"]], re.M)
        assert sorted(found) == sorted(
            cell for cell, count in row["macros"].items() for _ in range(count))
        assert row["registers"] == (not found)
        cells |= set(found)
    assert cells == set(manifest["black_boxes"])
    [table] = [row for row in described["memories"] if "layer_table" in row["memories"]]
    assert table["unused_bits"] == 256 * 16
    assert table["rows"] == [{"first_word": 0, "words": 256, "macros": [
        {"cell": "RM_IHPSG13_1P_256x48_c2_bm_bist", "first_bit": 0, "bits": 32}]}]


def test_the_rest_is_as_for_any_target(tmp_path):
    asic, _ = _generate(tmp_path)
    other = tmp_path / "generic"
    other.mkdir()
    generate(load("demo"), other)
    for name in ("registers.md", "systolith.h", "spec.yaml"):
        assert (asic / name).read_bytes() == (other / name).read_bytes()
    boxes = {path.stem for path in (asic / "blackboxes").glob("*.v")}
    own = {"systolith_sram_256x32", "systolith_full_adder", "systolith_half_adder"}
    assert set(_texts(other)) - {"systolith_layer_table"} == (
        set(_texts(asic)) | boxes) - {"systolith_layer_table", *own}
    assert not (other / "memories.json").exists()


def test_same_bytes_every_time(tmp_path):
    first, _ = _generate(tmp_path, macros="sg13g2")
    (tmp_path / "again").mkdir()
    second, _ = _generate(tmp_path / "again", macros="sg13g2")
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert len(files) > 100
    for file in files:
        assert (first / file).read_bytes() == (second / file).read_bytes(), file


def test_an_unknown_target_is_refused(tmp_path):
    with pytest.raises(ValueError, match="^Target must be one of generic, asic, not 'fpga'$"):
        generate(load("demo"), tmp_path, target="fpga")


class Storage(wiring.Component):
    """A memory that is no bank."""

    address: In(8)
    data: Out(8)

    def __init__(self, *, depth, domain):
        self.depth = depth
        self.domain = domain
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = storage = memory.Memory(shape=unsigned(8), depth=self.depth, init=[])
        read = storage.read_port(domain=self.domain)
        write = storage.write_port()
        m.d.comb += [read.addr.eq(self.address), self.data.eq(read.data),
                     write.addr.eq(self.address), write.data.eq(self.data), write.en.eq(1)]
        return m


@pytest.mark.parametrize(("depth", "domain"), [(4, "sync"), (MAX_QUEUE + 1, "comb")])
def test_a_memory_that_is_no_bank_is_refused(depth, domain):
    with pytest.raises(ValueError) as fault:
        AsicPlatform("x").convert(Storage(depth=depth, domain=domain), "x")
    assert str(fault.value) == (f"Memories of an ASIC must be SRAM banks, or queues of at most "
                                f"{MAX_QUEUE} words, not {depth} words")


def test_queues_stay_flip_flops():
    source, _ = AsicPlatform("x").convert(Storage(depth=MAX_QUEUE, domain="comb"), "x")
    assert f"[{MAX_QUEUE - 1}:0]" in source
