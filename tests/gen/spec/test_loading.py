# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.spec import SpecFault, load, names
from systolith.gen.spec.loading import MAX_BYTES

NAMED = ("named specs are cim-digital, cim-pcm, demo, demo-icebreaker, demo-tang-nano-20k, "
         "demo-ulx3s, kws-a7-35t, kws-edge, kws-s2ta-aw, kws-s2ta-w, kws-sa, "
         "kws-sta, kws-ulx3s, kws-vdbb, sa-64x64, sta-64x64, tinyml-vdbb, tinyml-vdbb-1024, "
         "tinyml-vdbb-external, tinyml-z7020, vww-fixy")
GOOD = "name: x\nengine: {kind: sta, tpe: {a: 4, b: 8, c: 4}, grid: {m: 2, n: 2}}\n"


@pytest.fixture
def faults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def read(text):
        (tmp_path / "s.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(SpecFault) as caught:
            load("s.yaml")
        return list(caught.value.messages)

    return read


@pytest.mark.parametrize(("name", "rows", "columns", "multipliers", "effective"), [
    ("demo", 4, 8, 128, 256),
    ("kws-edge", 8, 8, 256, 512),
    ("sa-64x64", 64, 64, 4096, 4096),
    ("tinyml-vdbb", 16, 16, 256, 256),
    ("tinyml-vdbb-1024", 32, 32, 1024, 1024),
    ("sta-64x64", 64, 64, 32768, 32768),
])
def test_named_spec(name, rows, columns, multipliers, effective):
    spec = load(name)
    assert spec.name == name
    assert (spec.rows, spec.columns) == (rows, columns)
    assert (spec.multipliers, spec.effective_macs_per_cycle) == (multipliers, effective)


def test_names_are_all_that_ships():
    assert names() == ["cim-digital", "cim-pcm", "demo", "demo-icebreaker", "demo-tang-nano-20k",
                       "demo-ulx3s",
                       "kws-a7-35t", "kws-edge", "kws-s2ta-aw", "kws-s2ta-w",
                       "kws-sa", "kws-sta", "kws-ulx3s", "kws-vdbb", "sa-64x64",
                       "sta-64x64", "tinyml-vdbb", "tinyml-vdbb-1024", "tinyml-vdbb-external",
                       "tinyml-z7020", "vww-fixy"]


def test_defaults(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(GOOD)
    spec = load(path)
    assert (spec.memory.activations, spec.memory.program) == (65536, 16384)
    assert (spec.vector.lanes, spec.postproc.lanes, spec.engine.weights.nnz) == (16, 16, 8)
    assert (spec.bus.window, spec.bus.dma, spec.engine.accumulator_bits) == ("axi4", "axi4", 32)


def test_default_nnz_of_sparse_engine_is_four(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(GOOD.replace("sta,", "sta-dbb,"))
    assert load(path).engine.weights.nnz == 4


def test_default_postproc_lanes_divide_the_columns(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(GOOD.replace("n: 2", "n: 6"))
    assert load(path).postproc.lanes == 8


@pytest.mark.parametrize(("memory", "schedule"), [
    ("", 4), ("memory: {activations: 32 KiB}\n", 4), ("memory: {weights: 1 KiB}\n", 1),
    ("memory: {weights: 100 KiB}\n", 7), ("memory: {weights: 16 MiB}\n", 1024),
    ("memory: {weights: 100 KiB, schedule: 3 KiB}\n", 3)])
def test_default_schedule_memory_is_a_sixteenth_of_the_weights(tmp_path, memory, schedule):
    path = tmp_path / "s.yaml"
    path.write_text(GOOD + memory)
    assert load(path).memory.schedule == schedule * 1024


def test_byte_order_mark_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path).name == "x"


def test_hash_is_stable():
    assert load("demo").hash == 0xE1001E42650CE733


def test_hash_sees_hardware_only():
    spec = load("demo")
    assert load("demo", ["name=other", "target.clock_mhz=7"]).hash == spec.hash
    assert load("demo", ["arithmetic={multiplier: booth, final_adder: ripple}"]).hash == spec.hash
    assert load("demo", ["memory.weights=32 KiB"]).hash != spec.hash
    assert load("demo", ["postproc.float_rounding=true"]).hash != spec.hash
    assert 0 <= spec.hash < 2**64


def test_wrong_arithmetic_is_said_where_it_stands(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(GOOD + "arithmetic:\n  multiplier: wallace\n  final_adder: Prefix\n")
    line = GOOD.count("\n") + 2
    with pytest.raises(SpecFault) as caught:
        load(path)
    first, second = str(caught.value).splitlines()
    assert first == (f"{path}:{line}:15: arithmetic.multiplier: must be inferred, rows, "
                     "baugh-wooley, radix-4, booth, distributed or mixed, not 'wallace'")
    assert second == (f"{path}:{line + 1}:16: arithmetic.final_adder: must be ripple or prefix, "
                      "not 'Prefix'; did you mean prefix?")


def test_unknown_name_lists_the_names():
    with pytest.raises(SpecFault) as caught:
        load("kws")
    assert str(caught.value) == f"kws: no such spec; {NAMED}, or give the path of a file"


def test_missing_file_lists_the_names(tmp_path):
    with pytest.raises(SpecFault, match=f"no such file; {NAMED}, or give the path of a file"):
        load(tmp_path / "none.yaml")


def test_folder_is_no_spec(tmp_path):
    with pytest.raises(SpecFault, match="must be a file, not a folder"):
        load(tmp_path)


def test_path_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SpecFault, match="cannot be read: Not a directory"):
        load(tmp_path / "file" / "s.yaml")


FIELDS = {
    "unknown key": (
        GOOD + "memry: {}\n",
        ("s.yaml:3:1: memry: key must be one of name, engine, memory, vector, drain, postproc, "
         "bus, arithmetic, front_end, cim, target, not 'memry'; did you mean 'memory'?")),
    "unknown inner key": (
        GOOD + "vector:\n  lane: 8\n",
        ("s.yaml:4:3: vector.lane: key must be one of lanes, taps, fused_channels, not 'lane'; "
         "did you mean 'lanes'?")),
    "wrong type": (
        GOOD.replace("m: 2", "m: two"),
        "s.yaml:2:56: engine.grid.m: must be an integer from 1 to 256, not 'two'"),
    "float for an integer": (
        GOOD.replace("m: 2", "m: 2.0"),
        "s.yaml:2:56: engine.grid.m: must be an integer from 1 to 256, not 2.0"),
    "truth for an integer": (
        GOOD + "drain: {rows_per_cycle: true}\n",
        "s.yaml:3:25: drain.rows_per_cycle: must be 1, not true"),
    "float for a choice": (
        GOOD + "vector: {lanes: 8.0}\n",
        "s.yaml:3:17: vector.lanes: must be 0, 8, 16 or 32, not 8.0"),
    "out of range": (
        GOOD.replace("m: 2", "m: 257"),
        ("s.yaml:2:56: engine.grid.m: must be an integer from 1 to 256, not 257; the nearest is "
         "256")),
    "wrong multiple": (
        GOOD + "postproc: {lanes: 20}\n",
        ("s.yaml:3:19: postproc.lanes: must be a multiple of 8 from 8 to 256, not 20; the nearest "
         "is 16")),
    "misspelt choice": (
        GOOD.replace("sta", "stadbb"),
        ("s.yaml:2:16: engine.kind: must be sa, sta, sta-dbb, vdbb, s2ta-w, s2ta-aw, "
         "simd or cim, not 'stadbb'; did you mean sta-dbb?")),
    "optional choice": (
        GOOD + "bus: {dma: ahb}\n", "s.yaml:3:12: bus.dma: must be axi4 or null, not 'ahb'"),
    "missing key": (
        GOOD.replace(", b: 8", ""),
        "s.yaml:2:21: engine.tpe.b: is missing: must be 1, 2, 4 or 8; add it"),
    "empty section": (
        GOOD + "bus:\n",
        ("s.yaml:3:5: bus: must be a mapping with the keys control, window, dma, data_width, not "
         "null")),
    "list for a section": (
        GOOD + "bus: [axi4]\n",
        ("s.yaml:3:6: bus: must be a mapping with the keys control, window, dma, data_width, not "
         "a list")),
    "bad name": (
        GOOD.replace("name: x", "name: 7up"),
        ("s.yaml:1:7: name: must be a name of 1 to 64 letters, digits, - and _ that begins with a "
         "letter, not '7up'")),
    "size without a unit of bytes": (
        GOOD + "memory: {weights: 64 KB}\n",
        ("s.yaml:3:19: memory.weights: must be a size from 1 KiB to 16 MiB in steps of 1 KiB, such "
         "as 64 KiB, not '64 KB'")),
    "size between steps": (
        GOOD + "memory: {weights: 1500}\n",
        ("s.yaml:3:19: memory.weights: must be a size from 1 KiB to 16 MiB in steps of 1 KiB, such "
         "as 64 KiB, not 1500; the nearest is 1 KiB")),
    "size out of range": (
        GOOD + "memory: {weights: 17 MiB}\n",
        ("s.yaml:3:19: memory.weights: must be a size from 1 KiB to 16 MiB in steps of 1 KiB, such "
         "as 64 KiB, not '17 MiB'")),
    "narrow accumulator": (
        GOOD.replace("kind: sta", "kind: sta, accumulator_bits: 8"),
        ("s.yaml:2:39: engine.accumulator_bits: must be an integer from 16 to 32, not 8; the "
         "nearest is 16")),
    "key given twice": (
        GOOD + "name: y\n", ("s.yaml:3:1: name: key must be given once, not again after line 1; "
                             "remove one")),
    "not a mapping": (
        "- 1\n", ("s.yaml:1:1: must be a mapping with the keys name, engine, memory, vector, "
                  "drain, postproc, bus, arithmetic, front_end, cim, target, not a list")),
    "empty file": (
        "# nothing\n", ("s.yaml: file must hold a spec, but it is empty; begin with name: and "
                        "engine:")),
    "not UTF-8": (
        b"name: \xe4", "s.yaml:1:7: text must be UTF-8, not byte 0xe4; save the file as UTF-8"),
    "too large": (
        "#" * (MAX_BYTES + 1), "s.yaml: file must be at most 65536 bytes"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_fault(case, faults):
    text, sentence = FIELDS[case]
    assert faults(text) == [sentence]


def test_all_faults_come_in_one_go_in_the_order_of_the_file(faults):
    found = faults("""\
name: x
engine:
  kind: sta
  tpe: {a: yes, b: 3, c: 4}
  grid: {m: 1:30, n: 3}
  grid: {m: 1}
memory: {weights: 3 GiB}
front: 1
""")
    assert [message.split(": ")[:2] for message in found] == [
        ["s.yaml:4:12", "engine.tpe.a"],
        ["s.yaml:4:20", "engine.tpe.b"],
        ["s.yaml:5:13", "engine.grid.m"],
        ["s.yaml:5:22", "engine.grid.n"],
        ["s.yaml:6:3", "engine.grid"],
        ["s.yaml:7:19", "memory.weights"],
        ["s.yaml:8:1", "front"],
    ]
