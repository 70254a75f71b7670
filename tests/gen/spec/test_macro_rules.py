# SPDX-License-Identifier: Apache-2.0
"""What a spec of a compute-in-memory macro must state."""

import pytest
from systolith.gen.build import parameters
from systolith.gen.spec import SpecFault, load, to_yaml

CASES = {
    "engine.tpe={a: 1, b: 8, c: 8}": "engine.tpe: must be {a: 1, b: 8, c: 16} for kind cim, a "
                                     "pixel at a time and postproc.lanes codes of it; remove it",
    "engine.grid={m: 2, n: 1}": "engine.grid: must be {m: 1, n: 1} for kind cim; remove it",
    "engine.accumulator_bits=24": "engine.accumulator_bits: must be 32 for kind cim, whose codes "
                                  "are scaled, not 24; remove it",
    "engine.weights.nnz=4": "engine.weights.nnz: must be 8 (dense) for kind cim, not 4; remove "
                            "engine.weights, or use kind sta-dbb",
    "engine.zero_gating=true": "engine.zero_gating: must be false for kind cim, which has no "
                               "accumulators to gate; set it to false",
    "cim.columns=504": "postproc.lanes: must be 8, 16 or 32 and a divisor of the 126 ADCs "
                       "(cim.columns / cim.mux), not 16; make cim.columns a multiple of 8 x "
                       "cim.mux",
    "cim.mux=3": "cim.mux: must be 1, 2, 4, 8 or 16, not 3",
    "cim={columns: 520, mux: 16}": "cim.mux: must be a divisor of the 520 columns, not 16; make "
                                   "cim.columns a multiple of 16",
    "postproc.lanes=24": "postproc.lanes: must be 8, 16 or 32 and a divisor of the 128 ADCs "
                         "(cim.columns / cim.mux), not 24; set it to 8 or 16 or 32",
    "cim.rows=1001": "cim.rows: must be a multiple of 8 from 8 to 4096, not 1001; the nearest is "
                     "1000",
    "cim.adc_bits=6": "cim.adc_bits: must be null for the digital macro, whose codes are exact, "
                      "not 6; remove it",
    "cim.adc_bits=99": "cim.adc_bits: must be an integer from 2 to 32, or null, not 99",
    "cim={macro: pcm, early_stop: true}": "cim.early_stop: must be false for macro pcm, whose "
                                          "pulses have one length, not true; set it to false",
    "cim={macro: pcm, adc_bits: 12, code_bits: 8}": "cim.adc_bits: must be at most cim.code_bits, "
                                                    "8, not 12; make cim.code_bits larger",
    "cim.fragment=5": "cim.fragment: must be 0, 4, 8 or 16, not 5",
    "cim={rows: 24, fragment: 16}": "cim.fragment: must be a divisor of the 24 rows, not 16; make "
                                    "cim.rows a multiple of 16",
    "cim={macro: pcm, fragment: 8}": "cim.fragment: must be 0 for macro pcm, whose weights have "
                                     "signs of their own, not 8; set it to 0",
    "cim.sources=[mine.v]": "cim.sources: must be [] for macro digital, whose Verilog comes with "
                            "it; remove them, or set cim.macro to your module's name",
    "cim.macro=my-macro": "cim.macro: must be digital, pcm, or the name of a Verilog module, not "
                          "'my-macro'",
    "cim.conversion.unit_ns=-1": "cim.conversion.unit_ns: must be a number of nanoseconds from 0 "
                                 "to 10000, not -1; the nearest is 0",
    "cim.activation_bits=9": "cim.activation_bits: must be an integer from 1 to 8, not 9; the "
                             "nearest is 8",
    "cim.row=8": "cim.row: key must be one of macro, rows, columns, mux, mux_map, code_bits, "
                 "residency, depthwise, activation_bits, weight_bits, early_stop, fragment, "
                 "adc_bits, adc_shift, conversion, sources, not 'row'; did you mean 'rows'?",
    "memory.weight_source=external": "memory.weight_source: must be on-chip for kind cim, whose "
                                     "weights are in the macro; set it to on-chip",
    "vector.fused_channels=8": "vector.fused_channels: must be 0 for kind cim, whose tiles are "
                               "single pixels; set it to 0",
    "front_end.layers=none": "front_end.layers: must be null for kind cim, which takes no stream; "
                             "set it to null",
    "arithmetic.pipelined=true": "arithmetic.pipelined: must be false for kind cim, whose macro "
                                 "sets the pace; set it to false",
}


@pytest.mark.parametrize("override", CASES)
def test_rule(override):
    with pytest.raises(SpecFault) as caught:
        load("cim-digital", [override])
    message, = caught.value.messages
    assert message.endswith(CASES[override])


def test_a_fault_says_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("name: x\nengine: {kind: cim}\ncim:\n  rows: 12\n")
    with pytest.raises(SpecFault) as caught:
        load("s.yaml")
    assert caught.value.messages == (
        "s.yaml:4:9: cim.rows: must be a multiple of 8 from 8 to 4096, not 12; the nearest is 8",)


@pytest.mark.parametrize("name", ["demo", "demo-icebreaker"])
def test_other_kinds_have_no_macro(name):
    with pytest.raises(SpecFault, match="cim: must be null for kind .* no macro; remove"):
        load(name, ["cim.rows=8"])


def test_a_kind_is_enough(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nengine: {kind: cim}\n")
    spec = load(path)
    assert spec.cim.macro == "digital"
    assert (spec.rows, spec.columns, spec.postproc.lanes) == (1, 8, 8)
    path.write_text(to_yaml(spec))
    assert load(path) == spec


def test_another_kind_becomes_it():
    spec = load("demo", ["engine.kind=cim", "vector.fused_channels=0"])
    assert (spec.rows, spec.columns) == (1, spec.postproc.lanes)


@pytest.mark.parametrize(("bits", "cycles", "tops"), [(8, 130, 2.016), (6, 34, 7.71),
                                                      (4, 10, 26.2)])
def test_conversion_times_and_peak_are_the_papers(bits, cycles, tops):
    spec = load("cim-pcm")
    macro = parameters(spec).macro
    assert (macro.rows, macro.columns, macro.adcs) == (1024, 512, 128)
    assert macro.conversion_cycles(bits, 8) == cycles
    assert spec.cim.peak_tops(bits, spec.target.clock_mhz) == pytest.approx(tops, rel=2e-3)


@pytest.mark.parametrize(("clock", "bits", "cycles"), [
    (500, 8, 65), (800, 8, 104), (999, 8, 130), (200, 4, 2), (200, 1, 2)])
def test_conversions_take_whole_cycles_and_at_least_two(clock, bits, cycles):
    assert load("cim-pcm").cim.conversion.cycles(bits, clock) == cycles


@pytest.mark.parametrize("override", ["cim.activation_bits=4", "cim.weight_bits=4",
                                      "cim.adc_shift=9", "cim.depthwise=vector"])
def test_what_the_compiler_decides_is_not_hardware(override):
    assert load("cim-pcm", [override]).hash == load("cim-pcm").hash


@pytest.mark.parametrize("override", ["cim.rows=512", "cim.mux_map=adjacent", "cim.adc_bits=8",
                                      "cim.conversion.unit_ns=2", "target.clock_mhz=500"])
def test_what_is_hardware_is_in_the_hash(override):
    assert load("cim-pcm", [override]).hash != load("cim-pcm").hash


def test_hashes_of_other_kinds_stay():
    assert load("demo").hash == 0xe1001e42650ce733
    assert load("demo-icebreaker").hash == 0x8dccc844b3709cc7
