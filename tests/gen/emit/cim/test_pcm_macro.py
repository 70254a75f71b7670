# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The PCM macro's Verilog: what a linter says, and codes against golden over whole arrays."""

import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from systolith.gen.emit.cim import pcm_macro
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.macro import PCM, PCM_MODULE, ModuleMacro
from systolith.verif.cim.check import MacroBench, random_cells
from systolith.verif.cim.stimuli import draw_script
from systolith.verif.toolchain import simulation_environment

TIMING = (3, 4, 6, 10, 18, 34, 66, 130)
EXAMPLE = files("systolith.verif.cim").joinpath("example_macro.v")


def shape(**changes):
    return MacroParameters(**{"macro": PCM, "rows": 24, "columns": 32, "mux": 2,
                              "timing": TIMING} | changes)


@pytest.mark.parametrize("changes", [
    {}, {"rows": 8, "columns": 8, "mux": 1}, {"rows": 1024, "columns": 512, "mux": 4},
    {"columns": 256, "mux": 16, "adjacent": True, "lanes": 16, "adc_bits": 8, "code_bits": 8},
], ids=str)
@pytest.mark.parametrize("text", [pcm_macro(), EXAMPLE.read_text()], ids=["pcm", "example"])
def test_lint_is_clean(text, changes, tmp_path):
    name = PCM_MODULE if PCM_MODULE in text else "example_macro"
    macro = ModuleMacro(shape(**changes | {"macro": PCM if name == PCM_MODULE else name}))
    path = tmp_path / f"{name}.v"
    path.write_text(text)
    values = [f"-G{key}={value}" for key, value in macro.module_parameters.items()]
    result = subprocess.run(
        ["verilator", "--lint-only", "-Wall", *values, str(path)],
        env={**simulation_environment(), "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr[:2000]


@pytest.mark.xdist_group("macro")
@pytest.mark.parametrize("seed", range(5))
def test_codes_are_those_of_golden(seed, tmp_path):
    p = shape()
    bench = MacroBench(p, [pcm_macro()], cells=random_cells(p, seed))
    script = draw_script(p, bench.reference(), seed, rounds=2, conversions=30)
    found = bench.run(script, tmp_path)
    assert found.broken is None
    reads = 0
    for conversion, group, codes in found.reads:
        fired = script.conversions[conversion]
        adcs = np.arange(group * p.lanes, (group + 1) * p.lanes)
        columns = [p.column(adc, fired.phase) for adc in adcs]
        assert codes == (script.codes[conversion][columns] * fired.adcs[adcs]).tolist()
        reads += 1
    assert reads > 100
    # Far from all codes are at an end of the range, and noise moves them.
    bits = np.array([conversion.activation_bits for conversion in script.conversions])
    inside = [np.abs(codes).max() < 127 for codes in np.array(script.codes)[bits == 8]]
    assert any(inside)
    quiet = MacroBench(p, [pcm_macro()], cells=random_cells(p, seed + 1))
    others = draw_script(p, quiet.reference(), seed, rounds=2, conversions=30)
    assert not np.array_equal(script.codes, others.codes)


@pytest.mark.xdist_group("macro")
def test_without_a_file_cells_are_what_is_written(tmp_path):
    p = shape()
    bench = MacroBench(p, [pcm_macro()])
    script = draw_script(p, bench.reference(), 3, rounds=2, conversions=20)
    found = bench.run(script, tmp_path)
    assert found.broken is None
    for conversion, group, codes in found.reads:
        fired = script.conversions[conversion]
        for lane, code in enumerate(codes):
            adc = group * p.lanes + lane
            expected = script.codes[conversion][p.column(adc, fired.phase)] * fired.adcs[adc]
            assert code == expected


def test_module_is_shipped():
    assert Path(str(files("systolith.gen.emit.cim").joinpath(f"{PCM_MODULE}.v"))).exists()
    assert f"module {PCM_MODULE} #(" in pcm_macro()
