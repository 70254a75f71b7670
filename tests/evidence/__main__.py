# SPDX-License-Identifier: Apache-2.0
"""Every stated goal, measured: required, reached, pass.

Run by ``python -m tests.evidence --networks DIR --pdk DIR``.

Slow (tens of minutes): whole networks over all samples, fifty random designs, timings of cold
processes. Exits with 1 if a goal is missed.
"""

import argparse
import sys
from pathlib import Path

from . import (
    arithmetic,
    asic_chip,
    asic_prediction,
    benchmark_suite,
    boards,
    cim_asic,
    cim_cycles,
    cim_networks,
    compute_in_memory,
    constants,
    external,
    first_light,
    fixed_energy,
    fpga,
    front_end,
    fuzzing,
    onnx_networks,
    ppa,
    slow,
    sparse_family,
    streaming,
)
from .table import show

__all__ = ["main"]

SECTIONS = (first_light.SECTIONS + sparse_family.SECTIONS + benchmark_suite.SECTIONS
            + streaming.SECTIONS + onnx_networks.SECTIONS + fuzzing.SECTIONS + external.SECTIONS
            + arithmetic.SECTIONS + constants.SECTIONS + front_end.SECTIONS + boards.SECTIONS
            + fpga.SECTIONS + ppa.SECTIONS + asic_chip.SECTIONS + asic_prediction.SECTIONS
            + fixed_energy.SECTIONS + cim_cycles.SECTIONS + cim_asic.SECTIONS
            + cim_networks.SECTIONS + compute_in_memory.SECTIONS + slow.SECTIONS)


def main() -> int:
    """Measure all sections, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=Path)
    parser.add_argument("--pdk", type=Path)
    parser.add_argument("--only", choices=[section.__name__ for section, _ in SECTIONS])
    options = parser.parse_args()
    chosen = tuple(item for item in SECTIONS if options.only in (None, item[0].__name__))
    return 0 if show(chosen, options.networks, options.pdk) else 1


if __name__ == "__main__":
    sys.exit(main())
