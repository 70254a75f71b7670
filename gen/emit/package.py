# SPDX-License-Identifier: Apache-2.0
"""Everything that ``systolith generate`` writes for a spec."""

import dataclasses
import json
import re
import shutil
from collections.abc import Iterable
from graphlib import TopologicalSorter
from importlib.metadata import version
from pathlib import Path

from ...rtl.memory.map import REGIONS
from ..build import accelerator, arithmetic
from ..memory import MacroMap
from ..spec import Spec, to_yaml
from .asic import AsicPlatform, describe_memories
from .cim import macro_sources
from .driver import write_driver
from .platform import EmittingPlatform
from .registers import markdown

__all__ = ["TARGETS", "generate", "leaves_first", "split_modules"]

TARGETS = ("generic", "asic")
TOP = "systolith"
WAIVERS = Path(__file__).with_name("waivers.vlt")
ASIC_WAIVERS = Path(__file__).with_name("asic_waivers.vlt")


def split_modules(source: str) -> dict[str, str]:
    """The modules of a Verilog text, by name, in its order."""
    return {match[1]: match[0] + "\n"
            for match in re.finditer(r"^(?:\(\* [^\n]* \*\)\n)*module (\w+)\b.*?^endmodule", source,
                                     re.M | re.S)}


def leaves_first(modules: dict[str, str]) -> list[str]:
    """Names of ``modules`` (as of ``split_modules``), each after those that it instantiates."""
    uses = {name: [child for child in re.findall(r"^  (\w+) \S+ +\($", text, re.M)
                   if child in modules] for name, text in modules.items()}
    return list(TopologicalSorter(uses).static_order())


def _with_files(spec: Spec, directory: Path, sources: Iterable[str]) -> Spec:
    """``spec``, of which what it names lies in ``directory``: a copy of its front end's model, and
    of its own macro's ``sources``."""
    if spec.cim is not None and spec.cim.sources:
        spec = spec.model_copy(update={"cim": spec.cim.model_copy(update={
            "sources": tuple(sources)})})
    section = spec.front_end
    if section.network is None:
        return spec
    name = f"front_end{Path(section.network).suffix}"
    shutil.copyfile(section.network, directory / name)
    return spec.model_copy(update={"front_end": section.model_copy(update={"network": name})})


def generate(spec: Spec, directory: Path, *, target: str = "generic",
             macros: MacroMap | None = None) -> dict:
    """Write the package of ``spec`` into the folder ``directory``; returns the manifest.

    ``rtl/<module>.v`` one file a module, ``filelist.f`` (leaves first), ``lint.vlt`` (Verilator
    waivers with reasons), ``registers.md``, ``spec.yaml`` (with ``front_end.tflite`` or
    ``front_end.onnx`` where it names a model), ``manifest.json``, and in C ``systolith.h`` and the
    driver. The same spec gives the same bytes. A macro that is not generated is a black box:
    ``macro/`` has its simulation model or the user's Verilog, at the head of ``filelist.f``; where
    there is none, ``blackboxes/`` declares it.

    With ``target`` "asic" memories are black boxes, or made of ``macros``, which then are:
    ``blackboxes/<module>.v`` declare them, ``blackboxes.f`` lists these files, ``memories.json``
    says what every memory is and does.
    """
    if target not in TARGETS:
        raise ValueError(f"Target must be one of {', '.join(TARGETS)}, not {target!r}")
    asic = target == "asic"
    explicit = arithmetic(spec, asic=asic)
    platform = (AsicPlatform(TOP, macros, explicit) if asic else EmittingPlatform(TOP, explicit))
    top = accelerator(spec)
    source, ports = platform.convert(top, TOP)
    modules = split_modules(source)
    boxes = [name for name in modules if name in platform.black_boxes]
    sources = {f"macro/{name}": text for name, text in macro_sources(spec).items()}
    if sources and not asic:  # which have their bodies
        modules = {name: text for name, text in modules.items() if name not in boxes}
        boxes = []
    for folder in ("rtl", *(["blackboxes"] if asic or boxes else []),
                   *(["macro"] if sources else [])):
        (directory / folder).mkdir()
    for name, text in sources.items():
        (directory / name).write_text(text)
    for name, text in modules.items():
        (directory / ("blackboxes" if name in boxes else "rtl") / f"{name}.v").write_text(
            f"// SPDX-License-Identifier: Apache-2.0\n// {spec.name}: {name}\n{text}")
    files = [f"rtl/{name}.v" for name in leaves_first(modules) if name not in boxes]
    files[:0] = [] if asic else sources
    (directory / "filelist.f").write_text("\n".join(files) + "\n")
    (directory / "lint.vlt").write_text(
        WAIVERS.read_text() + (ASIC_WAIVERS.read_text() if asic else ""))
    p = top.parameters
    (directory / "registers.md").write_text(markdown(spec.name, p))
    write_driver(spec.name, p, directory)
    (directory / "spec.yaml").write_text(to_yaml(_with_files(spec, directory, sources)))
    facts = p.facts
    manifest = {
        "generator": f"systolith {version('systolith')}",
        "spec": spec.name,
        "spec_hash": f"0x{p.spec_hash:016x}",
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
    if p.macro is not None:
        manifest["macro"] = dataclasses.asdict(p.macro) | {
            "timing": list(p.macro.timing), "sources": list(sources)}
    if asic or boxes:
        (directory / "blackboxes.f").write_text(
            "".join(f"blackboxes/{name}.v\n" for name in sorted(boxes)))
    if asic:
        memories = describe_memories(TOP, p, macros)
        (directory / "memories.json").write_text(json.dumps(memories, indent=2) + "\n")
        manifest |= {"target": target, "black_boxes": sorted(boxes)}
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest
