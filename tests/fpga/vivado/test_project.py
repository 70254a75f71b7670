# SPDX-License-Identifier: Apache-2.0
"""Projects run in a stand-in for Vivado: every file, port and bus that they name is there.

In Vivado itself they have not been run.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree
from systolith.fpga.vivado import VIVADO_BOARDS, VivadoFault, write_vivado_project
from systolith.gen.spec import load
from systolith.verif.toolchain import simulation_environment

STAND_IN = Path(__file__).with_name("vivado.tcl")
SPIRIT = {"s": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
CASES = [("arty-a7", ("bus.dma=null",)), ("zybo-z7", ()), ("zybo-z7", ("bus.dma=null",)),
         ("pynq-z2", ("bus.window=null",))]
needs_tcl = pytest.mark.skipif(shutil.which("tclsh") is None, reason="needs tclsh")


@pytest.fixture(scope="module", params=CASES, ids=str)
def project(request, tmp_path_factory):
    board, overrides = request.param
    folder = tmp_path_factory.mktemp("project")
    files = write_vivado_project(load("demo", [*overrides, "target.clock_mhz=75"]), board, folder)
    return folder, board, files


def _run(folder: Path, script="build.tcl", installed=True) -> list[list[str]]:
    """The commands that Vivado would have been given, word by word."""
    log = folder / "log"
    subprocess.run(["tclsh", STAND_IN, log, script, str(int(installed))], cwd=folder, check=True)
    return [[word.strip("{}") for word in re.findall(r"\{[^{}]*\}|\S+", line)]
            for line in log.read_text().splitlines()]


def test_says_what_it_wrote(project):
    folder, _, files = project
    assert sorted(files) == sorted(path.relative_to(folder).as_posix()
                                   for path in folder.rglob("*") if path.is_file()
                                   and path.name not in ("log", "top.bit", "system_wrapper.bit")
                                   and not path.name.startswith("systolith_demo."))


@needs_tcl
def test_every_script_is_whole(project):
    folder, _, files = project
    for file in files:
        if file.endswith((".tcl", ".xdc")):
            code = f"set f [open {{{folder / file}}}]; exit [expr {{![info complete [read $f]]}}]"
            subprocess.run(["tclsh"], input=code, text=True, check=True)


@needs_tcl
@pytest.mark.parametrize("installed", [True, False])
def test_every_file_that_is_named_is_there(project, installed):
    folder, board, files = project
    commands = _run(folder, installed=installed)
    added = [words[-1] for words in commands if words[0] == "add_files"]
    named = [path for path in added if path != "wrapper.v"]
    assert str(folder / "board.xdc") in named and all(Path(path).is_file() for path in named)
    verilog = {str(folder / file) for file in files if file.endswith(".v")}
    if board == "arty-a7":
        assert verilog < set(named)
    else:
        assert ["set_property", "ip_repo_paths", str(folder / "ip"),
                ""] in [words[:3] + [""] for words in commands]
    assert (folder / "systolith_demo.bit").is_file()
    runs = [words for words in commands if words[0] == "launch_runs"]
    assert [words[1] for words in runs] == ["synth_1", "impl_1"]
    assert runs[1][2:4] == ["-to_step", "write_bitstream"]


@needs_tcl
def test_block_design_names_what_the_core_has(project):
    folder, board, _ = project
    if board == "arty-a7":
        return
    tree = etree.parse(str(folder / "ip" / "component.xml"))

    def texts(path):
        return {found.text for found in tree.xpath(path, namespaces=SPIRIT)}

    commands = _run(folder)
    pins = {words[1].removeprefix("core/") for words in commands
            if words[0] == "get_bd_pins" and words[1].startswith("core/")}
    buses = {words[1].removeprefix("core/") for words in commands
             if words[0] == "get_bd_intf_pins" and words[1].startswith("core/")}
    assert pins == {"clk", "rst", "irq"} <= texts("//s:model/s:ports/s:port/s:name")
    assert buses == texts("//s:busInterface/s:name") - {"clk", "rst", "irq"}
    segments = {words[-1] for words in commands
                if words[0] == "get_bd_addr_segs" and words[-1].startswith("core/")}
    assert segments == {f"core/{bus}/{usage}" for bus, usage in (
        ("s_axil", "register"), ("s_axi", "memory")) if bus in buses}
    core, = [words for words in commands if words[0] == "create_bd_cell" and words[-1] == "core"]
    identity = [texts(f"/s:component/s:{part}").pop()
                for part in ("vendor", "library", "name", "version")]
    assert core[-2] == ":".join(identity)


@needs_tcl
def test_every_cell_is_clocked_and_reset(project):
    folder, board, _ = project
    if board == "arty-a7":
        return
    commands = _run(folder)
    cells = {words[-1] for words in commands if words[0] == "create_bd_cell"} - {"ps"}
    joined = [words for words in commands if words[0] == "connect_bd_net"]
    clocked = {words[-1].split("/")[0] for words in joined if words[1] == "ps/FCLK_CLK0"}
    reset = {words[-1].split("/")[0] for words in joined if words[1].startswith("reset/")}
    assert cells == clocked - {"ps"}
    assert cells - {"reset"} == reset


def test_pins_are_ports_of_the_top(project):
    folder, board, _ = project
    ports = set(re.findall(r"get_ports (\w+)", (folder / "board.xdc").read_text()))
    if board == "arty-a7":
        text = (folder / "rtl" / "top.v").read_text()
        declared = set(re.search(r"^module top\((.*?)\);", text, re.M)[1].split(", "))
        assert ports == declared == {"clk", "rx", "tx", "busy", "failed"}
    else:
        assert ports == {"irq"}
        assert "create_bd_port -dir O irq" in (folder / "design.tcl").read_text()


def test_uart_design_is_whole(tmp_path):
    files = write_vivado_project(load("demo", ["bus.dma=null", "target.clock_mhz=75"]), "arty-a7",
                                 tmp_path)
    (tmp_path / "cells.v").write_text(
        "module BUFG(input I, output O); assign O = I; endmodule\n"
        "module MMCME2_BASE #(parameter CLKIN1_PERIOD = 0.0, DIVCLK_DIVIDE = 0,\n"
        "  CLKFBOUT_MULT_F = 0.0, CLKOUT0_DIVIDE_F = 0.0) (input CLKIN1, CLKFBIN, RST, PWRDWN,\n"
        "  output CLKFBOUT, CLKOUT0, LOCKED); endmodule\n")
    result = subprocess.run(
        ["verilator", "--lint-only", "-Wno-fatal", "--top-module", "top", "cells.v",
         *(file for file in files if file.endswith(".v"))], cwd=tmp_path,
        env={**simulation_environment(), "HOME": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "PINMISSING" not in result.stderr and "MODMISSING" not in result.stderr
    top = (tmp_path / "rtl" / "top.v").read_text()
    # 100 MHz x 12 / 16: the oscillator at 1200 MHz.
    for parameter in (".CLKFBOUT_MULT_F(12", ".CLKOUT0_DIVIDE_F(16", ".CLKIN1_PERIOD(10"):
        assert parameter in top


@pytest.mark.parametrize(("board", "overrides", "sentence"), [
    ("ulx3s", (), "Board must be arty-a7, zybo-z7, pynq-z2, not 'ulx3s'"),
    ("arty-a7", (), "arty-a7: Accelerator of a board must have no DMA; set bus.dma to null"),
    ("arty-a7", ("front_end.layers=none",), (
        "front_end.layers must be null for a project in Vivado, where nothing sends frames, not "
        "none; set it to null")),
    ("zybo-z7", ("bus.window=wishbone",), "bus must be AXI for a project in Vivado, not Wishbone"),
    ("pynq-z2", ("memory.weights=16 MiB",),
     "memory must be within a window of 64 MiB, not 128 MiB")])
def test_refusals(tmp_path, board, overrides, sentence):
    with pytest.raises(VivadoFault, match=f"^{re.escape(sentence)}"):
        write_vivado_project(load("demo", overrides), board, tmp_path)


def test_boards():
    assert VIVADO_BOARDS == ("arty-a7", "zybo-z7", "pynq-z2")
