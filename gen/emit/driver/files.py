# SPDX-License-Identifier: Apache-2.0
"""The driver's files, as they lie beside the Verilog of a core."""

from pathlib import Path

from ....rtl.parameters import AcceleratorParameters
from ..registers import c_header

__all__ = ["DRIVER", "write_driver"]

DRIVER = ("systolith_driver.h", "systolith_driver.c")
"""The same for every spec; what differs is in ``systolith.h``."""


def write_driver(name: str, p: AcceleratorParameters, directory: Path) -> None:
    """Write ``systolith.h`` and the driver for the spec ``name`` into ``directory``."""
    (directory / "systolith.h").write_text(c_header(name, p))
    for file in DRIVER:
        (directory / file).write_text(Path(__file__).with_name(file).read_text())
