# SPDX-License-Identifier: Apache-2.0
"""Verilator simulators, built once per design and kept by content hash."""

import contextlib
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch
from xml.etree import ElementTree

import cocotb_tools.config
from cocotb_tools.runner import Verilator

from .toolchain import simulation_environment

__all__ = ["WIDE", "Processes", "SimulationFault", "Simulator", "build", "cache_folder", "recall"]

FLAGS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-Wno-fatal"]
WIDE = ("--expand-limit", "4")
"""For designs with many operations on long words, which are not to be written out."""
RUNTIME = ["verilated.o", "verilated_threads.o", "verilated_vpi.o"]
"""Objects of Verilator's own, the same in every simulator."""


class SimulationFault(RuntimeError):
    """A simulation failed; the text is the first failure's, and the end of the log."""


class Processes:
    """Processes of simulations that belong together: ``stop`` ends them all, and lets no other
    start."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._stopped = False

    def run(self, command: Sequence[str], **options) -> int:
        """As ``subprocess.call``; raises SimulationFault where ``stop`` came first."""
        with self._lock:
            if self._stopped:
                raise SimulationFault("stopped before it started")
            process = subprocess.Popen(command, **options)
            self._running.add(process)
        try:
            return process.wait()
        finally:
            process.kill()
            process.wait()
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """End every process."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


class _LeanVerilator(Verilator):
    """cocotb's runner, with four changes.

    Objects in ``ready`` lie in the build folder already. Only the top-level ports are public (no
    ``--public-flat-rw``). The simulator holds no path of cocotb's libraries, which are those of
    the environment that runs it: one cache serves many. Commands run as ``processes``, in an
    environment of their own, so that threads may run several.
    """

    def __init__(self, ready: Sequence[str] = (), processes: Processes | None = None):
        super().__init__()
        self.ready = ready
        self.processes = processes or Processes()

    def _set_env_common(self):
        super()._set_env_common()
        self.env |= simulation_environment()

    def _execute_cmds(self, cmds, cwd, stdout=None):
        for command in cmds:
            code = self.processes.run(command, cwd=cwd, env=self.env, stdout=stdout,
                                      stderr=None if stdout is None else subprocess.STDOUT)
            if code:
                raise RuntimeError(f"Command failed with return code: {code}")

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

    def run(self, module: str, *, job: Path, work: Path, processes: Processes | None = None,
            plusargs: Sequence[str] = ()) -> None:
        """Run every test of ``module`` with ``+job=`` and ``plusargs`` as its arguments, logs into
        ``work``.

        Raises SimulationFault when a test fails, the simulator dies or ``processes`` are stopped.
        """
        runner = _LeanVerilator(processes=processes)
        work.mkdir(parents=True, exist_ok=True)
        log, report = work / "simulation.log", work / "results.xml"
        try:
            runner.test(
                test_module=module, hdl_toplevel=self.top, hdl_toplevel_lang="verilog",
                build_dir=self.folder, test_dir=work, plusargs=[f"+job={job}", *plusargs],
                log_file=log, results_xml=str(report))
        except (RuntimeError, SystemExit) as fault:  # the runner exits under pytest
            raise SimulationFault(_failure(module, log, report)) from fault
        if _faults(report):
            raise SimulationFault(_failure(module, log, report))


def _faults(report: Path) -> list[str]:
    """What each failed test of a report says; one sentence where there is no report."""
    try:
        tree = ElementTree.parse(report)
    except (OSError, ElementTree.ParseError):
        return ["the simulator ended early"]
    return [fault.get("message") or "failed" for tag in ("failure", "error")
            for fault in tree.iter(tag)]


def _failure(module: str, log: Path, report: Path) -> str:
    reasons = _faults(report) or ["the simulator died"]
    tail = log.read_text().splitlines()[-30:] if log.exists() else []
    return "\n".join([f"simulation of {module} failed: {reasons[0]}", *tail])


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    with patch.dict(os.environ, simulation_environment()):
        yield


def cache_folder() -> Path:
    """Where simulators are kept: ``systolith`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "systolith" / "simulators"


def recall(origin: str, top: str, make: Callable[[], Simulator], *,
           cache: Path | None = None) -> Simulator:
    """The simulator that ``make`` built when this was last asked for ``origin``, or else now.

    ``origin`` states all that the design depends on: Verilog need not be written to find its
    simulator.
    """
    note = (cache or cache_folder()) / f"origin-{_key(origin, *_tools())}"
    with contextlib.suppress(OSError):
        folder = note.parent / note.read_text()
        if (folder / top).is_file():
            return Simulator(folder, top)
    simulator = make()
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=note.parent)
        with os.fdopen(handle, "w") as stream:
            stream.write(simulator.folder.name)
        os.replace(name, note)
    return simulator


def _tools() -> list[str]:
    """What else a simulator depends on: flags, and versions of the tools."""
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True,
                              check=True).stdout
    return [*FLAGS, simulation_environment()["MAKEFLAGS"], compiler,
            importlib.metadata.version("verilator"), importlib.metadata.version("cocotb")]


def build(verilog: str, *, top: str, ports: list[str], memories: Sequence[str] = (),
          variables: Sequence[tuple[str, str]] = (), flags: Sequence[str] = (),
          apart: Sequence[str] = (), cache: Path | None = None) -> Simulator:
    """The simulator of ``verilog``, from the cache or built now (tens of seconds); ``flags`` of
    Verilator beside ``FLAGS``; modules ``apart`` are compiled once for all of their instances.
    Raises SimulationFault where Verilator refuses the Verilog.

    Only the ``ports`` of module ``top`` are public to the test bench, the array ``storage`` of the
    modules ``memories``, and ``variables`` (module, name).

    The key covers the Verilog, the flags and the versions of Verilator, cocotb and the compiler.
    Verilator's own objects are compiled once for all designs.
    """
    public = "".join(["`verilator_config\n"] + [
        f'public_flat_rw -module "{module}" -var "{name}"\n'
        for module, name in [*((top, port) for port in ports),
                             *((memory, "storage") for memory in memories), *variables]]
        + [f'no_inline -module "{module}"\n' for module in apart])
    tools = _tools()
    with _environment():
        key = _key(verilog, public, *flags, *tools)
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
                build_dir=scratch, build_args=[*FLAGS, *flags], always=True,
                timescale=("1ns", "1ps"), log_file=scratch / "build.log")
            with contextlib.suppress(OSError):  # another process may have been faster
                _keep(scratch, RUNTIME, runtime)
            with contextlib.suppress(OSError):
                _keep(scratch, [top, "design.v", "public.vlt", "build.log"], folder)
        except (RuntimeError, SystemExit) as fault:  # the runner exits under pytest
            log = (scratch / "build.log").read_text().replace(f"{scratch}/", "")
            error = next((line for line in log.splitlines() if line.startswith("%Error")),
                         "the compiler failed")
            raise SimulationFault(f"no simulator of {top}: {error}\n{log}") from fault
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
