# SPDX-License-Identifier: Apache-2.0
"""The digital macro's Verilog: what a linter says, on either target."""

import subprocess

import pytest
from systolith.gen.emit import package
from systolith.gen.emit.asic import AsicPlatform
from systolith.gen.emit.platform import EmittingPlatform
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.macro import macro_of
from systolith.verif.toolchain import simulation_environment


@pytest.mark.parametrize("platform", [EmittingPlatform, AsicPlatform])
@pytest.mark.parametrize("changes", [
    {}, {"mux": 1}, {"adjacent": True}, {"mux": 16, "columns": 128, "adjacent": True},
    {"fragment": 8, "early_stop": True},
], ids=str)
def test_lint_is_clean(platform, changes, tmp_path):
    p = MacroParameters(**{"macro": "digital", "rows": 24, "columns": 32, "mux": 4} | changes)
    source, _ = platform("test").convert(macro_of(p), "macro")
    (tmp_path / "macro.v").write_text(source)
    (tmp_path / "lint.vlt").write_text(
        package.WAIVERS.read_text() + package.ASIC_WAIVERS.read_text())
    result = subprocess.run(
        ["verilator", "--lint-only", "-Wall", "--top-module", "macro", "lint.vlt", "macro.v"],
        cwd=tmp_path, env={**simulation_environment(), "HOME": str(tmp_path)},
        capture_output=True, text=True)
    assert result.returncode == 0 and not result.stderr, result.stderr[:2000]
