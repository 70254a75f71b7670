# SPDX-License-Identifier: Apache-2.0
"""Runs yosys in a process of its own, which a fault of yosys or abc may end.

Called by its path with a folder that holds ``job.json``; knows nothing of the package.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from pyosys import libyosys

LOG = "log.txt"


def main(folder: Path) -> None:
    """Do the folder's job: commands before, simplification of adders, commands after."""
    job = json.loads((folder / "job.json").read_text())
    design = libyosys.Design()

    def run(command: str) -> None:
        libyosys.run_pass(f"tee -q -a {LOG} {command}", design)

    for command in job["before"]:
        run(command)
    if job["adders"]:
        for _ in range(job["rounds"]):
            run("write_json adders.json")
            plain = degenerate(json.loads((folder / "adders.json").read_text()), job["top"],
                               set(job["adders"]))
            if not plain:
                break
            for kind, names in plain.items():
                run(f"copy \\{kind} \\{kind}$plain")
                run(f"setattr -mod -unset keep_hierarchy \\{kind}$plain")
                (folder / "adders.sel").write_text(
                    "".join(f"{job['top']}/{name}\n" for name in names))
                run("select -read adders.sel")
                run(f"chtype -set {kind}$plain")
                run("select -clear")
            run("flatten")
            run("opt")
            run("opt_clean -purge")
    for command in job["after"]:
        run(command)


def degenerate(netlist: dict, top: str, adders: set[str]) -> dict[str, list[str]]:
    """Full adders with a constant input or an output that nothing reads, by their module: logic
    does for less what a cell cannot be rid of."""
    module = netlist["modules"][top]
    read: Counter = Counter()
    for port in module["ports"].values():
        if port["direction"] != "input":
            read.update(port["bits"])
    for cell in module["cells"].values():
        for pin, bits in cell["connections"].items():
            if cell["port_directions"].get(pin) != "output":
                read.update(bits)
    found: dict[str, list[str]] = {}
    for name, cell in module["cells"].items():
        if cell["type"] in adders:
            for pin, bits in cell["connections"].items():
                output = cell["port_directions"][pin] == "output"
                unread = output and not (bits and read[bits[0]])
                if unread or (not output and isinstance(bits[0], str)):
                    found.setdefault(cell["type"], []).append(name)
                    break
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
