# SPDX-License-Identifier: Apache-2.0
"""The parts whose clocks bound that of a whole accelerator, where it cannot be routed itself."""

from collections.abc import Callable

from amaranth.lib import wiring

from ...gen.build import parameters
from ...gen.spec import Spec
from ...rtl.fetch import OperandFetch
from ...rtl.memory.activation import ActivationBank
from ...rtl.operand.im2col import Im2col
from ...rtl.pe.tpe import Tpe
from ...rtl.postproc.post_processor import PostLane
from ...rtl.vector.unit import VectorLane

__all__ = ["parts_of"]


def parts_of(spec: Spec) -> dict[str, Callable[[], wiring.Component]]:
    """By name what makes each part as the accelerator of ``spec``, which has a mesh, has it."""
    p = parameters(spec)
    facts = p.facts
    found: dict[str, Callable[[], wiring.Component]] = {
        "TPE": lambda: Tpe(facts),
        "post-processor lane": lambda: PostLane(
            beats=p.beats, accumulator_bits=facts.accumulator_bits,
            float_rounding=p.float_rounding, pipelined=facts.pipelined),
        "im2col": lambda: Im2col(rows=facts.rows, lanes=p.matrix_lanes,
                                 address_width=p.address_width,
                                 tag_width=OperandFetch.tag_width_of(p)),
        "memory bank": lambda: ActivationBank(
            banks=p.banks, words=p.group_words,
            write_words=max(p.drain_lanes, p.vector_lanes) // 8, keeps=p.external_weights),
    }
    if p.vector_lanes:
        found["vector lane"] = lambda: VectorLane(float_rounding=p.float_rounding,
                                                  pipelined=facts.pipelined)
    return found
