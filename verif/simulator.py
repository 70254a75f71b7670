# SPDX-License-Identifier: Apache-2.0
"""Verilator simulators, built once per design and kept by content hash."""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import cocotb_tools.config
from cocotb_tools.runner import Verilator

from .toolchain import simulation_environment

__all__ = ["Simulator", "build", "cache_folder"]

FLAGS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal"]
RUNTIME = ["verilated.o", "verilated_threads.o", "verilated_vpi.o"]
"""Objects of Verilator's own, the same in every simulator."""


class _LeanVerilator(Verilator):
    """cocotb's runner, with three changes.

    Objects in ``ready`` lie in the build folder already. Only the top-level ports are public (no
    ``--public-flat-rw``). The simulator holds no path of cocotb's libraries, which are those of
    the environment that runs it: one cache serves many.
    """

    def __init__(self, ready: Sequence[str] = ()):
        super().__init__()
        self.ready = ready

    def _build_command(self):
        verilate, make = super()._build_command()
        verilate.remove("--public-flat-rw")
        rpath = f"-Wl,-rpath,{cocotb_tools.config.libs_dir} "
        return [[argument.replace(rpath, "") for argument in verilate],
                make + [f"--old-file={name}" for name in self.ready]]


class Simulator:
    """A built simulator of module ``top`` in ``folder``.

    ``run`` starts one cocotb test module in a process of its own; several may run at once.
    """

    def __init__(self, folder: Path, top: str):
        self.folder = folder
        self.top = top

    def run(self, module: str, *, job: Path, work: Path) -> None:
        """Run every test of ``module`` with ``+job=`` as its argument, logs into ``work``.

        Raises RuntimeError with the end of the log when a test fails or the simulator dies.
        """
        runner = _LeanVerilator()
        work.mkdir(parents=True, exist_ok=True)
        log = work / "simulation.log"
        with _environment():
            results = runner.test(
                test_module=module, hdl_toplevel=self.top, hdl_toplevel_lang="verilog",
                build_dir=self.folder, test_dir=work, plusargs=[f"+job={job}"],
                log_file=log, results_xml=str(work / "results.xml"))
        report = Path(results).read_text() if Path(results).exists() else "<error"
        if "<failure" in report or "<error" in report:
            tail = "\n".join(log.read_text().splitlines()[-30:])
            raise RuntimeError(f"simulation of {module} failed:\n{tail}")


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    with patch.dict(os.environ, simulation_environment()):
        yield


def cache_folder() -> Path:
    """Where simulators are kept: ``systolith`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "systolith" / "simulators"


def build(verilog: str, *, top: str, ports: list[str], cache: Path | None = None) -> Simulator:
    """The simulator of ``verilog``, from the cache or built now (tens of seconds).

    Only the ``ports`` of module ``top`` are public to the test bench.

    The key covers the Verilog, the flags and the versions of Verilator, cocotb and the compiler.
    Verilator's own objects are compiled once for all designs.
    """
    public = "".join(["`verilator_config\n"] + [
        f'public_flat_rw -module "{top}" -var "{port}"\n' for port in ports])
    with _environment():
        compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True,
                                  check=True).stdout
        tools = [*FLAGS, os.environ["MAKEFLAGS"], compiler, importlib.metadata.version("verilator"),
                 importlib.metadata.version("cocotb")]
        key = _key(verilog, public, *tools)
        folder = (cache or cache_folder()) / key
        runtime = folder.parent / f"runtime-{_key(*tools)}"
        if (folder / top).exists():
            return Simulator(folder, top)
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=folder.parent))
        try:
            (scratch / "design.v").write_text(verilog)
            (scratch / "public.vlt").write_text(public)
            ready = RUNTIME if runtime.exists() else []
            for name in ready:
                shutil.copyfile(runtime / name, scratch / name)
            _LeanVerilator(ready).build(
                sources=[scratch / "public.vlt", scratch / "design.v"], hdl_toplevel=top,
                build_dir=scratch, build_args=FLAGS, always=True, timescale=("1ns", "1ps"),
                log_file=scratch / "build.log")
            with contextlib.suppress(OSError):  # another process may have been faster
                _keep(scratch, RUNTIME, runtime)
            with contextlib.suppress(OSError):
                _keep(scratch, [top, "design.v", "public.vlt", "build.log"], folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return Simulator(folder, top)


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _keep(scratch: Path, names: list[str], folder: Path) -> None:
    """Move these files of ``scratch`` to ``folder``, all at once; OSError if that has files."""
    part = Path(tempfile.mkdtemp(dir=scratch))
    for name in names:
        (scratch / name).rename(part / name)
    part.chmod(0o755)
    part.rename(folder)
