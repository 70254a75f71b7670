# SPDX-License-Identifier: Apache-2.0
from systolith.rtl.bus.register_map import (
    ADDRESS_WIDTH,
    ARRAY_REGISTERS,
    ID,
    LAYER_CYCLES,
    REGISTERS,
    STREAM_REGISTERS,
)
from systolith.rtl.bus.registers import RegisterFile

from ..streams import simulate
from .test_registers import Host

BY_NAME = {register.name: register for register in REGISTERS}


def test_identifier_spells_its_name():
    assert ID == 0x54535953
    assert ID.to_bytes(4, "little") == b"SYST"


def test_offsets_and_accesses():
    assert {name: (register.offset, register.access) for name, register in BY_NAME.items()} == {
        "ID": (0x00, "ro"), "VERSION": (0x04, "ro"), "SPEC_HASH_LO": (0x08, "ro"),
        "SPEC_HASH_HI": (0x0C, "ro"), "CONTROL": (0x10, "pulse"), "IRQ_ENABLE": (0x14, "rw"),
        "STATUS": (0x18, "ro"), "STATUS_CLEAR": (0x1C, "pulse"), "PROGRAM_BASE": (0x20, "rw"),
        "WEIGHT_BASE": (0x24, "rw"), "LAST_LAYER": (0x28, "rw"), "WATCHDOG": (0x2C, "rw"),
        "DMA_ADDRESS_LO": (0x30, "rw"), "DMA_ADDRESS_HI": (0x34, "rw"),
        "DMA_LOCAL": (0x38, "rw"), "DMA_LENGTH": (0x3C, "rw"), "DMA_CONTROL": (0x40, "pulse"),
        "DMA_STATUS": (0x44, "ro"), "SCHEDULE_BASE": (0x48, "rw"),
        "COUNTED_BANK": (0x4C, "rw"), "EXTERNAL_BASE_LO": (0x50, "rw"),
        "EXTERNAL_BASE_HI": (0x54, "rw"), "CONDITIONS": (0x58, "rw"), "FLAGS": (0x5C, "ro"),
        "CYCLES": (0x80, "ro"),
        "MACS_ISSUED_LO": (0x84, "ro"),
        "MACS_ISSUED_HI": (0x88, "ro"), "STALL_OPERANDS": (0x8C, "ro"),
        "STALL_DRAIN": (0x90, "ro"), "STALL_PARAMETERS": (0x94, "ro"),
        "BANK_CONFLICTS": (0x98, "ro"), "ACTIVATION_READS": (0x9C, "ro"),
        "ACTIVATION_WRITES": (0xA0, "ro"), "WEIGHT_READS": (0xA4, "ro"),
        "DMA_BYTES": (0xA8, "ro"), "DMA_STALLS": (0xAC, "ro"),
        "MACS_GATED_ACTIVATION_LO": (0xB0, "ro"), "MACS_GATED_ACTIVATION_HI": (0xB4, "ro"),
        "MACS_GATED_WEIGHT_LO": (0xB8, "ro"), "MACS_GATED_WEIGHT_HI": (0xBC, "ro"),
        "STALL_TRANSFER": (0xC0, "ro"),
    }


def test_registers_of_a_macro():
    assert {register.name: (register.offset, register.access, register.reset)
            for register in ARRAY_REGISTERS} == {
        "GDC": (0x70, "rw", 0x2000), "CONVERSIONS": (0x100, "ro", 0),
        "CONVERSION_CYCLES": (0x104, "ro", 0), "ROWS_DRIVEN_LO": (0x108, "ro", 0),
        "ROWS_DRIVEN_HI": (0x10C, "ro", 0), "ADCS_CONVERTED_LO": (0x110, "ro", 0),
        "ADCS_CONVERTED_HI": (0x114, "ro", 0), "WEIGHTS_WRITTEN": (0x118, "ro", 0),
        "STALL_LOAD": (0x11C, "ro", 0),
    }
    assert all(register.doc.endswith(".") for register in ARRAY_REGISTERS)
    RegisterFile(REGISTERS + STREAM_REGISTERS + ARRAY_REGISTERS, table=LAYER_CYCLES,
                 address_width=ADDRESS_WIDTH)  # they lie apart


def test_field_positions():
    positions = {f"{name}.{field.name}": (field.offset, field.width)
                 for name, register in BY_NAME.items() for field in register.fields}
    assert positions == {
        "VERSION.patch": (0, 8), "VERSION.minor": (8, 8), "VERSION.major": (16, 16),
        "CONTROL.start": (0, 1), "CONTROL.soft_reset": (1, 1), "IRQ_ENABLE.enable": (0, 1),
        "STATUS.busy": (0, 1), "STATUS.done": (1, 1), "STATUS.error": (2, 1),
        "STATUS.cause": (8, 8), "STATUS.layer": (16, 16),
        "STATUS_CLEAR.done": (0, 1), "STATUS_CLEAR.error": (1, 1), "LAST_LAYER.layer": (0, 16),
        "DMA_CONTROL.read_in": (0, 1), "DMA_CONTROL.write_out": (1, 1),
        "DMA_STATUS.busy": (0, 1), "DMA_STATUS.done": (1, 1), "DMA_STATUS.error": (2, 1),
        "COUNTED_BANK.bank": (0, 8), "COUNTED_BANK.group": (8, 1), "COUNTED_BANK.one": (9, 1),
        "CONDITIONS.flags": (0, 16), "FLAGS.flags": (0, 16),
    }


def test_everything_is_documented():
    for register in REGISTERS:
        assert register.doc.endswith(".")
        assert all(field.doc for field in register.fields)
    assert LAYER_CYCLES.doc


def test_last_layer_resets_to_no_limit():
    assert BY_NAME["LAST_LAYER"].reset == 0xFFFF


def test_table_fills_its_region():
    assert LAYER_CYCLES.offset == 0x400
    assert LAYER_CYCLES.offset + LAYER_CYCLES.size - 1 == 0x7FF


def test_file_identifies_itself():
    dut = RegisterFile(REGISTERS, table=LAYER_CYCLES, address_width=ADDRESS_WIDTH)
    host = Host(dut)

    async def bench(ctx):
        assert (await host.read(ctx, BY_NAME["ID"].offset))[0] == 0x54535953
        assert (await host.read(ctx, BY_NAME["VERSION"].offset))[0] == 0x0000_0100
        assert (await host.read(ctx, BY_NAME["LAST_LAYER"].offset))[0] == 0xFFFF
        assert (await host.read(ctx, 0x7FC))[1] == 0
        assert (await host.read(ctx, 0x800))[1] == 2

    simulate(dut, bench)
