# SPDX-License-Identifier: Apache-2.0
"""Decoding inverts encoding: what the mask decoder makes of a density-bound block."""

from amaranth import Cat, Module, Mux, Value
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ...rtl.engine.decompressor import MaskDecoder
from ...rtl.facts import BLOCK, PAIR_BITS

__all__ = ["DecodingInvertsEncoding", "encode"]


def encode(block: list[Value], filling: list[Value]) -> Value:
    """The stored word {mask, values} of ``block`` for as many values as there is ``filling``.

    Bit p of the mask: position p is not zero. Value s: the element of the s-th set bit in
    ascending position, or ``filling[s]`` where there is none (the packer writes zeros).
    """
    present = [element.any() for element in block]
    values = []
    for s, spare in enumerate(filling):
        value = spare
        for position, element in enumerate(block):
            rank = sum(present[:position])
            value = Mux(present[position] & (rank == s), element, value)
        values.append(value)
    return Cat(present, values)


class DecodingInvertsEncoding(wiring.Component):
    """Of any block of at most NNZ non-zeros, the decoder's pairs sum up to the block again.

    The sum of a position is that of the values s whose index and s make it, and the values of a
    position without a non-zero are 0, whatever the stored word holds in its unused slots.

    *Timing*: combinational; a depth of 1 is a complete proof.

    *Parameters*: ``decoder``, with ``i`` and ``o`` of a ``MaskDecoder``.

    *Members*: ``block``, ``filling`` (of unused slots).
    """

    def __init__(self, decoder: MaskDecoder):
        self.decoder = decoder
        super().__init__({
            "block": In(data.ArrayLayout(8, BLOCK)),
            "filling": In(data.ArrayLayout(8, decoder.nnz)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.decoder = decoder = self.decoder
        nnz = decoder.nnz
        block = [self.block[position] for position in range(BLOCK)]
        non_zeros = sum(element.any() for element in block)
        pairs = [decoder.o.word_select(s, PAIR_BITS) for s in range(nnz)]
        m.d.comb += [
            Assume(non_zeros <= nnz),
            decoder.i.eq(encode(block, [self.filling[s] for s in range(nnz)])),
            Cover(non_zeros == nnz, "full block"),
            Cover(non_zeros == 0, "empty block"),
        ]
        for position in range(BLOCK):
            total = sum(Mux(pair[8:] + s == position, pair[:8].as_signed(), 0)
                        for s, pair in enumerate(pairs))
            m.d.comb += Assert(total == block[position].as_signed(),
                               f"position {position} comes back")
        return m
