# SPDX-License-Identifier: Apache-2.0
"""What the area of everything but TPEs and memories is proportional to, by block of a chip."""

from ....rtl.facts import Encoding
from ....rtl.parameters import AcceleratorParameters
from .tpe import Terms

__all__ = ["PARTS", "block_terms"]

PARTS = ("engine", "decompressor", "operands", "post-processor", "vector unit",
         "access to memories", "sequencer", "counters", "buses", "core", "top")
"""Parts of an accelerator, as ``synth --target asic`` names them."""


def block_terms(p: AcceleratorParameters) -> dict[tuple[str, str], Terms]:
    """By part and kind of block the terms of all that an accelerator has of it."""
    found = {part: kinds(p) for part, kinds in {
        "engine": _engine, "decompressor": _decompressor, "operands": _operands,
        "post-processor": _post, "vector unit": _vector, "access to memories": _memories,
        "sequencer": _sequencer, "counters": _counters, "buses": _buses,
        "core": _core, "top": _top}.items()}
    return {(part, kind): {name: float(count) for name, count in terms.items()}
            for part, kinds in found.items() for kind, terms in kinds.items()}


ONE: Terms = {"each": 1}
Kinds = dict[str, Terms]


def _words(p: AcceleratorParameters) -> int:
    return max(p.drain_lanes, p.vector_lanes) // 8


def _engine(p: AcceleratorParameters) -> Kinds:
    f = p.facts
    return {"core_engine": {
        "rows": f.m,
        "bits read out": 0 if f.overlapped else (
            f.columns * f.operand_bits if f.holds_activations else f.rows * f.activation_bits),
        "bits delayed": (f.rows * f.activation_bits * (f.m - 1) + f.columns * (
            f.operand_bits + f.accumulator_bits) * (f.n - 1)) / 2}}


def _decompressor(p: AcceleratorParameters) -> Kinds:
    f = p.facts
    found: Kinds = {"core_decompressor": {"columns": f.columns, "dense rows": (
        f.columns if p.dense_words is not None else 0)}}
    if f.encoding is Encoding.MASK:
        found["mask_decoder"] = {"columns": f.columns, "values": f.columns * f.nnz,
                                 "places": f.columns * f.nnz * (f.reach - 1),
                                 "values, pairs": f.columns * f.nnz**2}
    return found


def _operands(p: AcceleratorParameters) -> Kinds:
    f, bits = p.facts, p.address_width
    found: Kinds = {
        "core_fetch": ONE | {"banks": p.banks},
        "core_fetch_gather": {"lanes": p.banks, "lanes, bits": p.banks * bits},
        "bank_arbiter": {"banks": p.banks, "banks, lanes": p.banks**2,
                         "banks, lanes, bits": p.banks**2 * (bits - p.banks.bit_length())},
        "lane_select": {"sources": p.banks**2 + (
            p.matrix_lanes * 2 * p.vector_blocks if p.fused_blocks else 0)},
        "core_fetch_im2col": ONE | {"rows": f.rows},
        "im2col_row": {"rows": f.rows, "rows, bits": f.rows * bits},
        "core_fetch_schedule": ONE, "core_fetch_window": ONE | {"blocks": p.vector_blocks},
        "core_fetch_addition": ONE | {"blocks": p.vector_blocks},
        "core_issuer": ONE | {"rows": f.rows}, "fill_row": {"rows": f.rows},
    }
    if p.fused_blocks:
        found["core_fetch_tile_buffer"] = ONE | {"banks": p.matrix_lanes * p.vector_blocks}
    if f.holds_weights:
        found["pruned_row"] = found["dap_maximum"] = {"rows": f.rows}
    else:
        found["operand_row"] = {"rows": f.rows, "bytes": f.rows * f.depth}
    return found


def _post(p: AcceleratorParameters) -> Kinds:
    f = p.facts
    return {
        "core_drain": ONE,
        "core_post": ONE | {"columns": f.columns * (p.beats > 1)},
        "core_post_parameters": ONE | {"columns": f.columns},
        "core_post_writer": ONE | {"words": p.drain_lanes // 8, "beats": p.beats > 1},
        "parameter_register": {"registers": f.columns},
        "post_lane": {"lanes": p.drain_lanes, "bits": p.drain_lanes * f.accumulator_bits,
                      "choices": (p.beats - 1) * p.drain_lanes,
                      "float": p.drain_lanes * p.float_rounding},
        _floating("requantiser", p): {"lanes": p.drain_lanes},
    }


def _vector(p: AcceleratorParameters) -> Kinds:
    return {
        "core_vector": ONE | {"lanes": p.vector_lanes},
        "core_vector_parameters": ONE | {"lanes": p.vector_lanes},
        "core_vector_writer": ONE | {"blocks": p.vector_blocks},
        "parameter_register": {"registers": 2 * p.vector_lanes},
        _floating("requantiser", p): {"lanes": p.vector_lanes},
        _floating("vector_lane", p): {"lanes": p.vector_lanes},
        "window_row": {"blocks": p.vector_blocks},
    }


def _floating(kind: str, p: AcceleratorParameters) -> str:
    return f"{kind}_float" if p.float_rounding else kind


def _memories(p: AcceleratorParameters) -> Kinds:
    words = _words(p)
    return {
        "activation_bank": {"banks": 2 * p.banks, "banks, words": 2 * p.banks * words},
        "core_activations": {"banks": p.banks, "banks, words": p.banks * words},
        "core_program": {"banks": 2 * p.program_width},
        "core_schedule": ONE,
        "core_weights": {"banks": p.weight_banks,
                         "banks of a ring": p.weight_banks if p.external_weights else 0},
    }


def _sequencer(p: AcceleratorParameters) -> Kinds:
    return {"core_sequencer": ONE} | ({"core_transfers": ONE} if p.external_weights else {})


def _counters(p: AcceleratorParameters) -> Kinds:
    f = p.facts
    found: Kinds = {"core_counters": ONE | {"banks": p.banks, "words": _words(p)},
                    "layer_table": ONE}
    if f.zero_gating:
        found["core_gating"] = {"rows": f.rows * f.depth, "columns": f.columns * f.products,
                                "products": f.rows * f.columns * f.products}
    return found


def _buses(p: AcceleratorParameters) -> Kinds:
    found: Kinds = {"registers": ONE, "core_map": ONE}
    if p.window and not p.wishbone_window:  # a Wishbone slave is too small to matter
        found["window"] = ONE
    if p.dma:
        found["dma"] = ONE | {"stream": p.external_weights}
    if p.window and p.dma:
        found["arbiter"] = ONE
    return found


def _core(p: AcceleratorParameters) -> Kinds:
    return {"core": ONE | {"lanes": p.drain_lanes + p.vector_lanes}}


def _top(p: AcceleratorParameters) -> Kinds:
    return {"top": ONE | {"DMA": p.dma}}
