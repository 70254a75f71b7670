# SPDX-License-Identifier: Apache-2.0
"""What the area of everything but TPEs and memories is proportional to, by kind of component."""

from ....rtl.facts import Encoding
from ....rtl.parameters import AcceleratorParameters
from .tpe import Terms

__all__ = ["GROUPS", "block_terms"]

GROUPS = {
    "edges of the array": ("core_engine", "delay", "core_decompressor", "mask_decoder",
                           "core_drain"),
    "operand fetch": ("core_fetch", "core_fetch_gather", "bank_arbiter", "lane_select",
                      "core_fetch_im2col", "im2col_row", "core_fetch_schedule",
                      "core_fetch_window", "core_fetch_addition", "core_fetch_tile_buffer",
                      "core_issuer", "fill_row", "operand_row"),
    "post-processor": ("core_post", "post_lane", "core_post_parameters", "core_post_writer"),
    "vector unit": ("core_vector", "vector_lane", "window_row", "core_vector_parameters",
                    "core_vector_writer", "parameter_register"),
    "logic of memories": ("core_map", "core_activations", "activation_bank", "core_weights",
                          "core_program", "core_schedule", "layer_table"),
    "sequencer and counters": ("core", "core_sequencer", "core_transfers", "core_counters",
                               "core_gating"),
    "buses and registers": ("top", "registers", "window", "dma", "arbiter"),
}
"""Kinds of components as they are shown."""


def block_terms(p: AcceleratorParameters) -> dict[str, Terms]:
    """Terms of each kind of component, of all that an accelerator has of it."""
    f = p.facts
    words = max(p.drain_lanes, p.vector_lanes) // 8
    bank_bits = p.address_width
    one: Terms = {"each": 1}
    found: dict[str, Terms] = {
        "top": one | {"DMA": p.dma}, "registers": one, "layer_table": one, "core_map": one,
        "core_sequencer": one, "core_drain": one, "core_schedule": one,
        "core": one | {"lanes": p.drain_lanes + p.vector_lanes},
        "core_activations": {"banks": p.banks, "banks, words": p.banks * words},
        "activation_bank": {"banks": 2 * p.banks, "banks, words": 2 * p.banks * words},
        "core_weights": {"banks": p.weight_banks,
                         "banks of a ring": p.weight_banks if p.external_weights else 0},
        "core_program": {"banks": 2 * p.program_width},
        "core_fetch": one | {"banks": p.banks},
        "core_fetch_gather": {"lanes": p.banks, "lanes, bits": p.banks * bank_bits},
        "bank_arbiter": {"banks": p.banks, "banks, lanes": p.banks**2,
                         "banks, lanes, bits": p.banks**2 * (bank_bits - p.banks.bit_length())},
        "lane_select": {"sources": p.banks**2 + (
            p.matrix_lanes * 2 * p.vector_blocks if p.fused_blocks else 0)},
        "core_fetch_im2col": one | {"rows": f.rows},
        "im2col_row": {"rows": f.rows, "rows, bits": f.rows * bank_bits},
        "core_fetch_schedule": one, "core_fetch_window": one | {"blocks": p.vector_blocks},
        "core_fetch_addition": one | {"blocks": p.vector_blocks},
        "core_issuer": one | {"rows": f.rows}, "fill_row": {"rows": f.rows},
        "operand_row": {"rows": f.rows, "held": f.rows * f.holds_weights,
                        "bytes": f.rows * f.depth},
        "core_vector": one | {"lanes": p.vector_lanes},
        "vector_lane": {"lanes": p.vector_lanes, "float": p.vector_lanes * p.float_rounding},
        "window_row": {"blocks": p.vector_blocks},
        "core_vector_parameters": one | {"lanes": p.vector_lanes},
        "parameter_register": {"registers": f.columns + 2 * p.vector_lanes},
        "core_vector_writer": one | {"blocks": p.vector_blocks},
        "core_decompressor": {"columns": f.columns, "dense rows": (
            f.columns if p.dense_words is not None else 0)},
        "core_engine": {"rows": f.m, "bits": 0 if f.overlapped else (
            f.columns * f.operand_bits if f.holds_activations else f.rows * f.activation_bits)},
        "delay": {"bits": (f.rows * f.activation_bits * (f.m - 1) + f.columns * (
            f.operand_bits + f.accumulator_bits) * (f.n - 1)) / 2},
        "core_post_parameters": one | {"columns": f.columns},
        "core_post": one | {"columns": f.columns * (p.beats > 1)},
        "post_lane": {"lanes": p.drain_lanes, "bits": p.drain_lanes * f.accumulator_bits,
                      "choices": (p.beats - 1) * p.drain_lanes,
                      "float": p.drain_lanes * p.float_rounding},
        "core_post_writer": one | {"words": p.drain_lanes // 8, "beats": p.beats > 1},
        "core_counters": one | {"banks": p.banks, "words": words},
    }
    if f.encoding is Encoding.MASK:
        found["mask_decoder"] = {"columns": f.columns, "values": f.columns * f.nnz,
                                 "places": f.columns * f.nnz * (f.reach - 1),
                                 "values, pairs": f.columns * f.nnz**2}
    if f.zero_gating:
        found["core_gating"] = {"rows": f.rows * f.depth, "columns": f.columns * f.products,
                                "products": f.rows * f.columns * f.products}
    if p.fused_blocks:
        found["core_fetch_tile_buffer"] = one | {"banks": p.matrix_lanes * p.vector_blocks}
    if p.external_weights:
        found["core_transfers"] = one
    if p.window:
        found["window"] = one
    if p.dma:
        found["dma"] = one | {"stream": p.external_weights}
    if p.window and p.dma:
        found["arbiter"] = one
    return {kind: {name: float(count) for name, count in terms.items()}
            for kind, terms in found.items()}
