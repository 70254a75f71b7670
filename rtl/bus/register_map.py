# SPDX-License-Identifier: Apache-2.0
"""The core's control and status registers."""

from ..cim.fields import GDC_ONE, SCALE_BITS
from .registers import Field, Register, Table

__all__ = [
    "ADDRESS_WIDTH",
    "ARRAY_REGISTERS",
    "ID",
    "LAYER_CYCLES",
    "REGISTERS",
    "STREAM_REGISTERS",
    "VERSION",
]

ADDRESS_WIDTH = 12
ID = int.from_bytes(b"SYST", "little")
VERSION = 0x0000_0100  # 0.1.0: major, minor, patch in bits 31:16, 15:8, 7:0

_COUNTERS = (
    ("CYCLES", "Cycles of the latest run."),
    ("MACS_ISSUED_LO", "Multiply-accumulate slots that the array stepped through, bits 31:0."),
    ("MACS_ISSUED_HI", "Multiply-accumulate slots that the array stepped through, bits 63:32."),
    ("STALL_OPERANDS", "Cycles in which the array waited for activations or weights."),
    ("STALL_DRAIN", "Cycles in which the array waited for results to drain."),
    ("STALL_PARAMETERS", "Cycles in which work waited for per-channel parameters."),
    ("BANK_CONFLICTS", "Cycles that reads lost to conflicts in the activation memory."),
    ("ACTIVATION_READS", "64-bit words read from the activation memory; see COUNTED_BANK."),
    ("ACTIVATION_WRITES", "64-bit words written to the activation memory; see COUNTED_BANK."),
    ("WEIGHT_READS", "Rows read from the weight memory."),
    ("DMA_BYTES", "Bytes that the DMA moved over its AXI port, by the latest command or run."),
    ("DMA_STALLS", "Cycles in which the DMA waited for its AXI port only."),
    ("MACS_GATED_ACTIVATION_LO", "Issued slots whose activation alone is zero, bits 31:0."),
    ("MACS_GATED_ACTIVATION_HI", "Issued slots whose activation alone is zero, bits 63:32."),
    ("MACS_GATED_WEIGHT_LO", "Issued slots whose weight is zero, bits 31:0."),
    ("MACS_GATED_WEIGHT_HI", "Issued slots whose weight is zero, bits 63:32."),
    ("STALL_TRANSFER", "Cycles in which a layer waited for transfers of weights or activations."),
)

REGISTERS = (
    Register("ID", 0x00, "ro", reset=ID, doc='The bytes of "SYST", lowest first.'),
    Register("VERSION", 0x04, "ro", reset=VERSION, doc="Version of the register map.", fields=(
        Field("patch", 0, 8, "Corrections."),
        Field("minor", 8, 8, "Additions."),
        Field("major", 16, 16, "Incompatible changes."),
    )),
    Register("SPEC_HASH_LO", 0x08, "ro",
             doc="Hash of the spec that the core was generated from, bits 31:0."),
    Register("SPEC_HASH_HI", 0x0C, "ro",
             doc="Hash of the spec that the core was generated from, bits 63:32."),
    Register("CONTROL", 0x10, "pulse", doc="Commands to the core.", fields=(
        Field("start", 0, doc="Run the program image at PROGRAM_BASE."),
        Field("soft_reset", 1, doc="Complete outstanding bursts, then stop run and DMA."),
    )),
    Register("IRQ_ENABLE", 0x14, "rw", doc="Interrupt enable.", fields=(
        Field("enable", 0, doc="Raise the interrupt while STATUS shows done or error."),
    )),
    Register("STATUS", 0x18, "ro", doc="State of the run.", fields=(
        Field("busy", 0, doc="A run is going on."),
        Field("done", 1, doc="A run ended well; until cleared."),
        Field("error", 2, doc="A run ended with an error; until cleared."),
        Field("cause", 8, 8, doc="Code of the error."),
        Field("layer", 16, 16, doc="Layer that runs, or that ran last."),
    )),
    Register("STATUS_CLEAR", 0x1C, "pulse", doc="Clears bits of STATUS.", fields=(
        Field("done", 0, doc="Clear STATUS.done."),
        Field("error", 1, doc="Clear STATUS.error and its cause."),
    )),
    Register("PROGRAM_BASE", 0x20, "rw",
             doc="Word of the program memory that holds the image header; a multiple of the words "
                 "that one of its rows holds."),
    Register("WEIGHT_BASE", 0x24, "rw", doc="Weight memory row that the image's weights start at."),
    Register("LAST_LAYER", 0x28, "rw", reset=0xFFFF, doc="Where a run ends.", fields=(
        Field("layer", 0, 16, doc="Stop after this layer; if it runs with the next, after that."),
    )),
    Register("WATCHDOG", 0x2C, "rw", doc="Cycles after which a run is stopped; 0: never."),
    Register("DMA_ADDRESS_LO", 0x30, "rw",
             doc="External byte address, bits 31:0; a multiple of 8."),
    Register("DMA_ADDRESS_HI", 0x34, "rw", doc="External byte address, bits 63:32."),
    Register("DMA_LOCAL", 0x38, "rw",
             doc="Local byte address, as seen through the window; a multiple of 8."),
    Register("DMA_LENGTH", 0x3C, "rw", doc="Bytes to move; a multiple of 8."),
    Register("DMA_CONTROL", 0x40, "pulse", doc="Commands to the DMA.", fields=(
        Field("read_in", 0, doc="Copy from external to local memory."),
        Field("write_out", 1, doc="Copy from local to external memory."),
    )),
    Register("DMA_STATUS", 0x44, "ro", doc="State of the DMA.", fields=(
        Field("busy", 0, doc="A transfer is going on: the latest command's, or what is left of a "
                             "run that failed."),
        Field("done", 1, doc="The latest transfer ended."),
        Field("error", 2, doc="The latest transfer ended with an error."),
    )),
    Register("SCHEDULE_BASE", 0x48, "rw",
             doc="Word of the schedule memory that the image's schedule starts at."),
    Register("COUNTED_BANK", 0x4C, "rw",
             doc="Which words ACTIVATION_READS and ACTIVATION_WRITES count: all, or one bank's.",
             fields=(
                 Field("bank", 0, 8, "The bank."),
                 Field("group", 8, doc="Its bank group."),
                 Field("one", 9, doc="Count this bank only."),
             )),
    Register("EXTERNAL_BASE_LO", 0x50, "rw",
             doc="External byte address of the image's weights and spilled activations, bits 31:0; "
                 "a multiple of 8."),
    Register("EXTERNAL_BASE_HI", 0x54, "rw",
             doc="External byte address of the image's weights and spilled activations, "
                 "bits 63:32."),
    Register("CONDITIONS", 0x58, "rw", doc="Flags with which a run starts.", fields=(
        Field("flags", 0, 16, doc="Layers may run, or be skipped, depending on one of them."),
    )),
    Register("FLAGS", 0x5C, "ro", doc="Flags as layers of the latest run left them.", fields=(
        Field("flags", 0, 16, doc="One set or cleared by a layer says whether a result was above "
                                  "its threshold."),
    )),
    *(Register(name, 0x80 + 4 * index, "ro", doc=doc)
      for index, (name, doc) in enumerate(_COUNTERS)),
)

STREAM_REGISTERS = (
    Register("STREAM", 0x60, "rw", doc="How frames of the input stream are run.", fields=(
        Field("continuous", 0, doc="Run for each frame, without CONTROL.start, as soon as "
                                   "STATUS.done and STATUS.error are cleared."),
    )),
    Register("STREAM_CONTROL", 0x64, "pulse", doc="Commands to the input stream.", fields=(
        Field("abort", 0, doc="Forget all frames that no run has begun with; the next pixel is "
                              "the first of a frame. CONTROL.soft_reset does so, too."),
    )),
    Register("STREAM_STATUS", 0x68, "ro", doc="State of the input stream.", fields=(
        Field("frames", 0, 2, doc="Whole frames in the activation memory, that of a run among "
                                  "them."),
        Field("slot", 2, doc="Slot of the run's frame, or of the next run's."),
        Field("waiting", 3, doc="A run waits for its frame; STATUS.busy shows it as well."),
        Field("broken", 4, doc="tlast came too early or too late: frames on their way were "
                               "forgotten. Until STREAM_CONTROL.abort or CONTROL.soft_reset."),
    )),
    Register("STREAM_WORDS", 0x6C, "ro",
             doc="64-bit words of frames written to the activation memory during the latest run."),
)
"""Of accelerators with an input stream."""

ARRAY_REGISTERS = (
    Register("GDC", 0x70, "rw", reset=GDC_ONE, doc="Global drift compensation.", fields=(
        Field("factor", 0, SCALE_BITS, doc="Every digital scale of a macro's codes times this over "
                                           "2**13; what it is when a layer begins."),
    )),
    *(Register(name, 0x100 + 4 * index, "ro", doc=doc) for index, (name, doc) in enumerate((
        ("CONVERSIONS", "Conversions of the macro."),
        ("CONVERSION_CYCLES", "Cycles in which a conversion was under way."),
        ("ROWS_DRIVEN_LO", "Enabled rows of all conversions, bits 31:0."),
        ("ROWS_DRIVEN_HI", "Enabled rows of all conversions, bits 63:32."),
        ("ADCS_CONVERTED_LO", "Enabled ADCs of all conversions, bits 31:0."),
        ("ADCS_CONVERTED_HI", "Enabled ADCs of all conversions, bits 63:32."),
        ("WEIGHTS_WRITTEN", "Words of eight weights that the run wrote into the array."),
        ("STALL_LOAD", "Cycles in which conversions waited for weights to be written."),
    ))),
)
"""Of accelerators with a compute-in-memory macro."""

LAYER_CYCLES = Table("LAYER_CYCLES", 0x400, 256,
                     doc="Cycles of each of the first 256 layers of the latest run.")
