# SPDX-License-Identifier: Apache-2.0
"""From a routed design to a bitstream."""

from collections.abc import Sequence
from pathlib import Path

from .devices import Device
from .tools import ToolFault, run
from .yosys import last_error

__all__ = ["BITSTREAMS", "PACKERS", "pack", "routed_output"]

PACKERS = {"ecp5": "ecppack", "ice40": "icepack", "gowin": "gowin_pack"}
BITSTREAMS = {"ecp5": "top.bit", "ice40": "top.bin", "gowin": "top.fs"}
ROUTED = {"ecp5": "top.config", "ice40": "top.asc", "gowin": "routed.json"}
FLAGS = {"ecp5": "--textcfg", "ice40": "--asc", "gowin": "--write"}
LOG = "pack.log"


def routed_output(device: Device) -> Sequence[str]:
    """What nextpnr is told so that it writes what the packer reads."""
    return FLAGS[device.family], ROUTED[device.family]


def pack(device: Device, folder: Path) -> tuple[Path, float]:
    """The bitstream in ``folder``, and seconds of run time. Raises ToolMissing, ToolFault."""
    family = device.family
    routed, bitstream = ROUTED[family], BITSTREAMS[family]
    arguments = {"ecp5": ["--compress", "--input", routed, "--bit", bitstream],
                 "ice40": [routed, bitstream],
                 "gowin": ["-d", device.database, "-o", bitstream, routed]}[family]
    tool = PACKERS[family]
    done = run(tool, arguments, folder=folder, log=folder / LOG)
    written = folder / bitstream
    if done.code or not written.exists():
        raise ToolFault(f"{tool} must pack the design, but said: {last_error(done.text)}",
                        done.text)
    return written, done.seconds
