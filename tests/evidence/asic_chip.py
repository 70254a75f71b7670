# SPDX-License-Identifier: Apache-2.0
"""Whole chips on two technologies: area by part, energy of an inference, TOPS/W, engine by engine.

Goals are those of the issue that asks for these figures: no floor, but all must rest on netlists
that are golden's equal and add up.
"""

from collections.abc import Iterator
from pathlib import Path

from systolith.fpga.asic.flow import Request, measure

from .table import Result, Section

__all__ = ["SECTIONS"]

ENGINES = ("sa", "sta", "sta-dbb", "vdbb", "s2ta-w", "s2ta-aw")
NETWORKS = {
    "kws_ref_model": ("kws_public100.npz", ()),
    "kws_dbb4_ft": ("kws_public100.npz", ()),
    "pretrainedResnet_quant": (None, ("memory.activations=65 KiB", "memory.weights=114 KiB")),
}
"""Inputs, and what ``kws-edge`` must be given for the network to fit, on every engine."""
LIBRARIES = {"asap7": "asap7*.lib.gz", "sg13g2": "sg13g2_stdcell*.lib.gz"}


def asic_chip(networks: Path, pdk: Path) -> Iterator[Result]:
    """Every engine, network and technology."""
    for technology, pattern in LIBRARIES.items():
        files = tuple(sorted((pdk / technology).glob(pattern)))
        for engine in ENGINES:
            for network, (inputs, overrides) in NETWORKS.items():
                yield from _one(technology, files, engine, networks / f"{network}.tflite",
                                None if inputs is None else networks / inputs, overrides)


def _one(technology: str, files: tuple[Path, ...], engine: str, model: Path,
         inputs: Path | None, overrides: tuple[str, ...]) -> Iterator[Result]:
    pruned = engine == "s2ta-aw" and model.stem == "kws_dbb4_ft"
    gated = ("engine.zero_gating=true",) if engine.startswith("s2ta") else ()
    chip, energy = measure(Request(
        spec="kws-edge", overrides=(f"engine.kind={engine}", *gated, *overrides), liberty=files,
        model=model, inputs=inputs, activation_nnz=("4",) if pruned else ()))
    assert energy is not None
    parts = ", ".join(f"{part} {100 * area / chip.area:.1f} %"
                      for part, area in chip.parts.most_common(5))
    name = f"{technology}: kws-edge, {engine}, {model.stem}"
    cells = sum(count * chip.blocks[module].netlist.area(chip.library)
                for (_, module), count in chip.hierarchy.blocks.items() if module in chip.blocks)
    logic = chip.area - chip.parts["memories"]
    yield (f"{name}: area", "logic: all its cells", f"{chip.area:,.0f} um2: {parts}",
           abs(logic - cells) < 1e-6 * cells)
    scaled = "" if technology == "sg13g2" else (
        f"; SRAM at half {energy.tops_per_watt(0.5):.2f}, at twice "
        f"{energy.tops_per_watt(2.0):.2f}")
    reached = (f"{energy.total():,.0f} nJ (logic {energy.logic:,.0f}, SRAM {energy.memory:,.0f}), "
               f"{energy.tops_per_watt():.2f} TOPS/W{scaled}")
    yield f"{name}: energy of an inference", "TPE = golden", reached, energy.compared > 0
    yield (f"{name}: slowest block", f"{chip.spec.target.clock_mhz:g} MHz",
           f"{chip.worst.block}, {1e6 / (chip.worst.period or 1):.0f} MHz",
           bool(chip.met) or technology == "sg13g2")


SECTIONS: tuple[Section, ...] = ((asic_chip, "pdk"),)
