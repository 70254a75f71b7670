# SPDX-License-Identifier: Apache-2.0
"""Everything that ``systolith generate`` writes for a spec."""

import dataclasses
import json
import re
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path

from ...rtl.memory.map import REGIONS
from ..build import accelerator
from ..spec import Spec, to_yaml
from .platform import EmittingPlatform
from .registers import c_header, markdown

__all__ = ["generate", "leaves_first", "split_modules"]

TOP = "systolith"
WAIVERS = Path(__file__).with_name("waivers.vlt")


def split_modules(source: str) -> dict[str, str]:
    """The modules of a Verilog text, by name, in its order."""
    return {match[1]: match[0] + "\n"
            for match in re.finditer(r"^module (\w+)\b.*?^endmodule", source, re.M | re.S)}


def leaves_first(modules: dict[str, str]) -> list[str]:
    """Names of ``modules`` (as of ``split_modules``), each after those that it instantiates."""
    uses = {name: [child for child in re.findall(r"^  (\w+) \S+ \($", text, re.M)
                   if child in modules] for name, text in modules.items()}
    return list(TopologicalSorter(uses).static_order())


def generate(spec: Spec, directory: Path) -> dict:
    """Write the package of ``spec`` into the folder ``directory``; returns the manifest.

    ``rtl/<module>.v`` one file a module, ``filelist.f`` (leaves first), ``lint.vlt`` (Verilator
    waivers with reasons), ``registers.md``, ``<top>.h``, ``spec.yaml``, ``manifest.json``. The
    same spec gives the same bytes.
    """
    top = accelerator(spec)
    source, ports = EmittingPlatform(TOP).convert(top, TOP)
    modules = split_modules(source)
    (directory / "rtl").mkdir()
    for name, text in modules.items():
        (directory / "rtl" / f"{name}.v").write_text(
            f"// SPDX-License-Identifier: Apache-2.0\n// {spec.name}: {name}\n{text}")
    files = [f"rtl/{name}.v" for name in leaves_first(modules)]
    (directory / "filelist.f").write_text("\n".join(files) + "\n")
    (directory / "lint.vlt").write_text(WAIVERS.read_text())
    p = top.parameters
    (directory / "registers.md").write_text(markdown(spec.name, p))
    (directory / f"{TOP}.h").write_text(c_header(spec.name, p))
    (directory / "spec.yaml").write_text(to_yaml(spec))
    facts = p.facts
    manifest = {
        "generator": f"systolith {version('systolith')}",
        "spec": spec.name,
        "spec_hash": f"0x{spec.hash:016x}",
        "top": TOP,
        "ports": ports,
        "modules": {name: len(text) for name, text in modules.items()},
        "engine": dataclasses.asdict(facts) | {
            "rows": facts.rows, "columns": facts.columns, "multipliers": facts.multipliers,
            "latency": facts.latency, "drain_start": facts.drain_start,
            "drain_latency": facts.drain_latency},
        "memories": {
            "activation_banks": p.banks, "activation_group_words": p.group_words,
            "weight_banks": p.weight_banks, "weight_rows": p.weight_rows,
            "program_rows": p.program_rows * p.program_width,
            "schedule_words": p.schedule_words,
            "regions": {name: p.region_address(index) for index, name in enumerate(REGIONS)}},
    }
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
