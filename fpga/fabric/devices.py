# SPDX-License-Identifier: Apache-2.0
"""FPGA families, and how much of everything a device has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["DEVICES", "FAMILIES", "TARGET_DEVICES", "Device", "Dsp", "Family", "LogicTiles",
           "Resource", "Usage", "family_of"]

Resource = str
"""``lut`` ``ff`` ``carry`` ``dsp`` ``bram`` ``spram``, and of what nextpnr packs ``logic``."""
Usage = dict[Resource, float]
"""How much of each resource; a RAMB18 is half a ``bram``."""


@dataclass(frozen=True)
class Dsp:
    """Operand ``widths`` of a DSP, signed; products of fewer than ``least`` bits take none; two
    whose operands have at most ``half`` bits share one."""

    widths: tuple[int, int]
    least: int
    half: int = 0


@dataclass(frozen=True, kw_only=True)
class Family:
    """How yosys synthesises for a family, and what its cells count as.

    ``synthesis``: yosys' command. ``cells``: for the beginning of a cell's type, resources it
    takes. ``dsp``: what a DSP multiplies. ``bels``: what nextpnr calls resources. ``names``: what
    a reader calls them.
    """

    name: str
    synthesis: str
    cells: Mapping[str, Mapping[Resource, float]]
    dsp: Dsp
    bels: Mapping[str, Resource]
    names: Mapping[Resource, str]

    def count(self, cells: Mapping[str, int]) -> Usage:
        """Resources that ``cells`` (number by type) take; of the longest beginning known."""
        found: Usage = dict.fromkeys(self.names, 0)
        for kind, number in cells.items():
            known = max((start for start in self.cells if kind.startswith(start)), key=len,
                        default=None)
            for resource, each in self.cells[known].items() if known is not None else ():
                found[resource] = found.get(resource, 0) + each * number
        return {resource: round(value) if value == round(value) else value
                for resource, value in found.items()}


@dataclass(frozen=True, kw_only=True)
class LogicTiles:
    """Where a device has logic: ``columns``, and ``rows`` but for ``others`` (of memories and
    multipliers); a tile's LUTs, as nextpnr calls them, are ``luts``, of the type ``cell``."""

    columns: range
    rows: range
    others: range
    luts: tuple[str, ...]
    cell: str


@dataclass(frozen=True, kw_only=True)
class Device:
    """A part: its ``family``, what it has (``capacity``), and how nextpnr is told of it, if it can
    be placed and routed; ``database``: the packer's name for it, where it wants one; ``tiles``:
    of a device large enough that wires can run short."""

    name: str
    family: str
    capacity: Mapping[Resource, int]
    nextpnr: Sequence[str] = ()
    database: str = ""
    tiles: LogicTiles | None = None


def _table(**entries: Mapping[Resource, float]) -> Mapping[str, Mapping[Resource, float]]:
    return MappingProxyType(entries)


FAMILIES = {family.name: family for family in (
    # A CCU2C takes both LUTs of a slice, a TRELLIS_DPR16X4 four LUTs of memory (Lattice TN1265).
    Family(name="ecp5", synthesis="synth_ecp5 -nowidelut",
           cells=_table(LUT4={"lut": 1}, CCU2C={"carry": 1, "lut": 2},
                        TRELLIS_DPR16X4={"lut": 4}, TRELLIS_FF={"ff": 1},
                        MULT18X18D={"dsp": 1}, DP16KD={"bram": 1}, PDPW16KD={"bram": 1}),
           dsp=Dsp((18, 18), 9),
           bels={"TRELLIS_COMB": "lut", "TRELLIS_FF": "ff", "MULT18X18D": "dsp", "DP16KD": "bram"},
           names={"lut": "LUT4", "ff": "flip-flops", "carry": "CCU2C",
                  "dsp": "18x18 multipliers", "bram": "18 kbit block RAMs"}),
    Family(name="ice40", synthesis="synth_ice40 -device u -dsp -spram",
           cells=_table(SB_LUT4={"lut": 1}, SB_CARRY={"carry": 1}, SB_DFF={"ff": 1},
                        SB_MAC16={"dsp": 1}, SB_RAM40_4K={"bram": 1},
                        SB_SPRAM256KA={"spram": 1}),
           dsp=Dsp((16, 16), 11),
           bels={"ICESTORM_LC": "logic", "ICESTORM_DSP": "dsp", "ICESTORM_RAM": "bram",
                 "ICESTORM_SPRAM": "spram"},
           names={"logic": "logic cells", "lut": "LUT4", "ff": "flip-flops", "carry": "SB_CARRY",
                  "dsp": "SB_MAC16", "bram": "4 kbit block RAMs", "spram": "256 kbit SPRAMs"}),
    # An ALU takes a LUT, a RAM16SDP4 four, as nextpnr places them (shadow RAM: a slice pair).
    Family(name="gowin", synthesis="synth_gowin -nowidelut",
           cells=_table(LUT1={"lut": 1}, LUT2={"lut": 1}, LUT3={"lut": 1}, LUT4={"lut": 1},
                        ALU={"carry": 1, "lut": 1}, DFF={"ff": 1}, RAM16SDP={"lut": 8},
                        MULT9X9={"dsp": 0.5}, MULT18X18={"dsp": 1}, MULT36X36={"dsp": 4},
                        MULTALU18X18={"dsp": 2}, MULTALU36X18={"dsp": 2},
                        MULTADDALU18X18={"dsp": 2}, PADD9={"dsp": 0},
                        DPB={"bram": 1}, DPX9B={"bram": 1}, SDPB={"bram": 1}, SDPX9B={"bram": 1},
                        SP={"bram": 1}, SPX9={"bram": 1}, pROM={"bram": 1}),
           dsp=Dsp((18, 18), 9, half=9),
           bels={"LUT4": "lut", "DFF": "ff", "ALU": "carry", "BSRAM": "bram"},
           names={"lut": "LUT4", "ff": "flip-flops", "carry": "ALU",
                  "dsp": "18x18 multipliers", "bram": "18 kbit block RAMs"}),
    # RAMB18 halves of a RAMB36; a RAM32M or RAM64M takes four LUTs (UG474). Module by module, which
    # is many times faster, and since nothing is routed does no harm.
    Family(name="xc7", synthesis="synth_xilinx -family xc7 -noiopad",
           cells=_table(LUT={"lut": 1}, CARRY4={"carry": 1}, FD={"ff": 1}, DSP48E1={"dsp": 1},
                        RAMB36={"bram": 1}, RAMB18={"bram": 0.5}, SRL16E={"lut": 1},
                        SRLC32E={"lut": 1}, RAM32M={"lut": 4}, RAM64M={"lut": 4},
                        RAM32X1D={"lut": 2}, RAM64X1D={"lut": 2}, RAM128X1D={"lut": 4},
                        RAM32X1S={"lut": 1}, RAM64X1S={"lut": 1}, RAM128X1S={"lut": 2},
                        RAM256X1S={"lut": 4}),
           dsp=Dsp((25, 18), 9),
           bels={}, names={"lut": "LUT", "ff": "flip-flops", "carry": "CARRY4",
                           "dsp": "DSP48E1", "bram": "36 kbit block RAMs"}),
)}

DEVICES = {device.name: device for device in (
    # Capacities: Lattice FPGA-DS-02012 and -02008, Gowin DS226 and DS117, Xilinx DS180 and DS190.
    Device(name="LFE5U-85F", family="ecp5",
           capacity={"lut": 83_640, "ff": 83_640, "dsp": 156, "bram": 208},
           # The default placer strews multipliers over whole rows of the device: half as much
           # wire again. The default router does not come to an end where wires are short.
           nextpnr=("--85k", "--placer", "static", "--router", "router2"),
           tiles=LogicTiles(columns=range(3, 124), rows=range(2, 94), others=range(10, 95, 12),
                            luts=tuple(f"SLICE{slice_}.K{lut}" for slice_ in "ABCD"
                                       for lut in (0, 1)), cell="LUT4")),
    Device(name="iCE40UP5K", family="ice40",
           capacity={"logic": 5_280, "lut": 5_280, "ff": 5_280, "dsp": 8, "bram": 30, "spram": 4},
           nextpnr=("--up5k", "--package", "sg48")),
    Device(name="GW2AR-18", family="gowin",
           capacity={"lut": 20_736, "ff": 15_552, "dsp": 48, "bram": 46},
           nextpnr=("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
           database="GW2A-18C"),
    Device(name="GW1NR-9", family="gowin",
           capacity={"lut": 8_640, "ff": 6_480, "dsp": 20, "bram": 26},
           nextpnr=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
           database="GW1N-9C"),
    Device(name="XC7A35T", family="xc7",
           capacity={"lut": 20_800, "ff": 41_600, "dsp": 90, "bram": 50}),
    Device(name="XC7Z010", family="xc7",
           capacity={"lut": 17_600, "ff": 35_200, "dsp": 80, "bram": 60}),
    Device(name="XC7Z020", family="xc7",
           capacity={"lut": 53_200, "ff": 106_400, "dsp": 220, "bram": 140}),
)}

TARGET_DEVICES = {"ecp5": "LFE5U-85F", "ice40": "iCE40UP5K", "gowin": "GW2AR-18",
                  "xc7": "XC7Z020"}
"""The device whose capacity a family's figures are set against where no board is named."""


def family_of(device: Device) -> Family:
    """The device's family."""
    return FAMILIES[device.family]
