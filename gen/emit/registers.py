# SPDX-License-Identifier: Apache-2.0
"""The register map as a document and as a C header."""

from ...rtl.bus.register_map import (
    ARRAY_REGISTERS,
    ID,
    LAYER_CYCLES,
    REGISTERS,
    STREAM_REGISTERS,
    VERSION,
)
from ...rtl.compact.accelerator import PRESENT
from ...rtl.compact.parameters import CompactParameters
from ...rtl.memory.map import REGIONS
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.sequencer import Cause

__all__ = ["c_header", "markdown"]

ACCESS = {"rw": "read/write", "ro": "read only", "pulse": "write 1 to strobe",
          "w1c": "write 1 to clear"}


def markdown(name: str, p: AcceleratorParameters) -> str:
    """``registers.md``: registers, fields, error causes and the window's address map."""
    control = ("Wishbone port `s_wb`, whose addresses are these without their low two bits"
               if p.wishbone_control else "AXI4-Lite port `s_axil`")
    lines = [f"# Registers of {name}", "",
             f"32-bit words on the {control}.", "",
             "| offset | register | access | reset | meaning |", "|---|---|---|---|---|"]
    compact = isinstance(p, CompactParameters)
    there = [register for register in REGISTERS if not compact or register.name in PRESENT]
    if p.slots is not None:
        there += STREAM_REGISTERS
    if p.macro is not None:
        there += ARRAY_REGISTERS
    for register in there:
        lines.append(f"| `0x{register.offset:03x}` | {register.name} | "
                     f"{ACCESS[register.access]} | `0x{register.reset:x}` | {register.doc} |")
    lines.append(f"| `0x{LAYER_CYCLES.offset:03x}` | {LAYER_CYCLES.name}[{LAYER_CYCLES.words}] | "
                 f"read only | | {LAYER_CYCLES.doc} |")
    if compact:
        lines += ["", "Any other word reads zero, and ignores what is written."]
    for register in there:
        if register.fields:
            lines += ["", f"## {register.name}", "", "| bits | field | meaning |", "|---|---|---|"]
            for field in register.fields:
                last = field.offset + field.width - 1
                bits = f"{last}:{field.offset}" if field.width > 1 else f"{last}"
                lines.append(f"| {bits} | {field.name} | {field.doc} |")
    lines += ["", "## STATUS.cause", "", "| code | cause |", "|---|---|"]
    lines += [f"| {cause.value} | {cause.name.lower().replace('_', ' ')} |" for cause in Cause]
    ports = ["local addresses of the DMA"] if p.dma else []
    if p.window:
        ports.insert(0, "on the 32-bit Wishbone port `s_wb_window` (without their low two bits)"
                     if p.wishbone_window else "on the AXI4 port `s_axi`")
    lines += ["", "## Window", "", f"Byte addresses {', and '.join(ports)}.", "",
              "| address | region | 64-bit words |", "|---|---|---|"]
    lines += [f"| `0x{p.region_address(index):06x}` | {region} | {p.region_words[index]} |"
              for index, region in enumerate(REGIONS)]
    if p.slots is not None:
        lines += _frames(p)
    return "\n".join(lines) + "\n"


def _frames(p: AcceleratorParameters) -> list[str]:
    """What port ``s_axis`` takes, and where it comes to lie."""
    height, width, channels = p.frame
    assert p.slots is not None
    return ["", "## Input stream", "", (
            f"AXI4-Stream port `s_axis`: frames of {height} x {width} pixels in raster order, a "
            f"pixel a transfer. `tdata`: its {channels} channels, int8, the first in bits 7:0; "
            "`tlast`: the last pixel of a frame. The tensor of "
            f"{p.slots.height} x {p.slots.width} x {p.slots.channels} that is handed off to the "
            f"core lies at `0x{p.group_address(0, 0):06x}` and "
            f"`0x{p.group_address(0, p.slots.slot_step):06x}` in turn.")]


def c_header(name: str, p: AcceleratorParameters) -> str:
    """A freestanding C header: ports, offsets, field masks and shifts, causes, regions; of the
    registers of all cores, so that one driver serves them."""
    lines = ["/* SPDX-License-Identifier: Apache-2.0 */", f"/* Registers of {name}. */",
             "#ifndef SYSTOLITH_H", "#define SYSTOLITH_H", "",
             f"#define SYSTOLITH_SPEC_HASH 0x{p.spec_hash:016x}ULL",
             f"#define SYSTOLITH_ID_VALUE 0x{ID:08x}u",
             f"#define SYSTOLITH_VERSION_VALUE 0x{VERSION:08x}u",
             f"#define SYSTOLITH_WINDOW {int(p.window)}", f"#define SYSTOLITH_DMA {int(p.dma)}", ""]
    for register in REGISTERS + STREAM_REGISTERS + ARRAY_REGISTERS:
        lines.append(f"#define SYSTOLITH_{register.name} 0x{register.offset:03x}u")
        for field in register.fields:
            full = f"SYSTOLITH_{register.name}_{field.name.upper()}"
            mask = (1 << field.width) - 1 << field.offset
            lines += [f"#define {full}_SHIFT {field.offset}u",
                      f"#define {full}_MASK 0x{mask:08x}u"]
    lines += [f"#define SYSTOLITH_{LAYER_CYCLES.name} 0x{LAYER_CYCLES.offset:03x}u", ""]
    lines += [f"#define SYSTOLITH_CAUSE_{cause.name} {cause.value}u" for cause in Cause]
    lines.append("")
    lines += [f"#define SYSTOLITH_REGION_{region.upper()} 0x{p.region_address(index):08x}u"
              for index, region in enumerate(REGIONS)]
    return "\n".join([*lines, "", "#endif", ""])
