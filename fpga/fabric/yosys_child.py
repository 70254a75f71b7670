# SPDX-License-Identifier: Apache-2.0
"""Runs yosys in a process of its own, which a fault of yosys or abc may end.

Called by its path with a file of commands, one a line; knows nothing of the package.
"""

import sys
from pathlib import Path

from pyosys import libyosys


def main(commands: Path) -> None:
    """Do the commands, in order."""
    design = libyosys.Design()
    for line in commands.read_text().splitlines():
        libyosys.run_pass(line, design)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
