# SPDX-License-Identifier: Apache-2.0
"""The post-processor in its place: behind the engine, before the writer of its results."""

from amaranth import Module, Value

from .post_processor import PostProcessor
from .writer import Writer

__all__ = ["post_path"]


def post_path(m: Module, core, sequencer, fetch, begin_matrix: Value, *, accumulator_bits: int,
              tile_major: Value | int, tile_pixels: int) -> tuple[PostProcessor, Writer]:
    """Connect the post-processor of ``core``'s engine to its writer; returns both."""
    p, d = core.parameters, sequencer.descriptor
    m.submodules.post = post = PostProcessor(
        columns=p.facts.columns, lanes=p.drain_lanes, accumulator_bits=accumulator_bits,
        float_rounding=p.float_rounding, pipelined=p.facts.pipelined)
    m.submodules.post_writer = writer = Writer(
        words=p.drain_lanes // 8, beats=p.beats, address_width=fetch.address_width,
        tile_pixels=tile_pixels)
    m.d.comb += [
        post.descriptor.eq(d),
        writer.start.eq(begin_matrix),
        writer.tile_major.eq(tile_major),
        writer.descriptor.eq(d),
        writer.valid.eq(post.o_valid & sequencer.running),
        writer.values.eq(post.o),
        core.post_valid.eq(writer.valid),
        core.post_data.eq(post.o),
    ]
    return post, writer
