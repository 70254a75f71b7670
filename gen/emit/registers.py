# SPDX-License-Identifier: Apache-2.0
"""The register map as a document and as a C header."""

from ...rtl.bus.register_map import LAYER_CYCLES, REGISTERS
from ...rtl.memory.map import REGIONS
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.sequencer import Cause

__all__ = ["c_header", "markdown"]

ACCESS = {"rw": "read/write", "ro": "read only", "pulse": "write 1 to strobe",
          "w1c": "write 1 to clear"}


def markdown(name: str, p: AcceleratorParameters) -> str:
    """``registers.md``: registers, fields, error causes and the window's address map."""
    lines = [f"# Registers of {name}", "",
             "32-bit words on the AXI4-Lite port `s_axil`.", "",
             "| offset | register | access | reset | meaning |", "|---|---|---|---|---|"]
    for register in REGISTERS:
        lines.append(f"| `0x{register.offset:03x}` | {register.name} | "
                     f"{ACCESS[register.access]} | `0x{register.reset:x}` | {register.doc} |")
    lines.append(f"| `0x{LAYER_CYCLES.offset:03x}` | {LAYER_CYCLES.name}[{LAYER_CYCLES.words}] | "
                 f"read only | | {LAYER_CYCLES.doc} |")
    for register in REGISTERS:
        if register.fields:
            lines += ["", f"## {register.name}", "", "| bits | field | meaning |", "|---|---|---|"]
            for field in register.fields:
                last = field.offset + field.width - 1
                bits = f"{last}:{field.offset}" if field.width > 1 else f"{last}"
                lines.append(f"| {bits} | {field.name} | {field.doc} |")
    lines += ["", "## STATUS.cause", "", "| code | cause |", "|---|---|"]
    lines += [f"| {cause.value} | {cause.name.lower().replace('_', ' ')} |" for cause in Cause]
    lines += ["", "## Window", "",
              "Byte addresses on the AXI4 port `s_axi`, and local addresses of the DMA.", "",
              "| address | region | 64-bit words |", "|---|---|---|"]
    lines += [f"| `0x{p.region_address(index):06x}` | {region} | {p.region_words[index]} |"
              for index, region in enumerate(REGIONS)]
    return "\n".join(lines) + "\n"


def c_header(name: str, p: AcceleratorParameters) -> str:
    """A freestanding C header: offsets, field masks and shifts, causes, regions."""
    lines = ["/* SPDX-License-Identifier: Apache-2.0 */", f"/* Registers of {name}. */",
             "#ifndef SYSTOLITH_H", "#define SYSTOLITH_H", "",
             f"#define SYSTOLITH_SPEC_HASH 0x{p.spec_hash:016x}ULL", ""]
    for register in REGISTERS:
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
