# SPDX-License-Identifier: Apache-2.0
"""A program with transfers, replayed word by word: what every part finds where it reads."""

from collections.abc import Iterator, Sequence

import numpy as np
from systolith.gen.compile import Program
from systolith.gen.compile.external.transfers import Move
from systolith.gen.compile.layout import TensorLayout
from systolith.gen.compile.pack import ring_weights
from systolith.gen.compile.program import CompiledLayer
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.rtl.sequencer.transfers import RELEASE

__all__ = ["faults"]

NOTHING = -1


def faults(program: Program) -> list[str]:
    """What could go wrong, whenever each transfer happens to run between the moment in which it
    may begin and the one in which a part waits for it."""
    replay = _Replay(program)
    return [*replay.stuck(), *replay.collisions(), *replay.run(late=False),
            *replay.run(late=True)]


def _words(move: Move) -> tuple[np.ndarray, np.ndarray]:
    """Local and external words that ``move`` touches, in its order."""
    segments = np.arange(move.more + 1)[:, np.newaxis]
    words = np.arange(move.words)
    return ((move.local + segments * move.local_step + words).ravel(),
            (move.external + segments * move.external_step + words).ravel())


class _Replay:
    """Activation words hold the place that they come from: tensor, row, column, block."""

    def __init__(self, program: Program):
        self.program = program
        self.p = program.parameters
        self.parts: Sequence[CompiledLayer] = program.layers
        self.moves = program.moves
        self.group = self.p.region_words[0] // 2
        self.ring = self.p.region_address(1) // 8
        # The part in which each move may begin, and the first that needs it to be complete.
        begin = 0
        self.begins, self.ends = [], []
        for count, move in enumerate(self.moves, 1):
            begin = max(begin, move.after - bool(move.released))
            self.begins.append(begin)
            self.ends.append(next(number for number, part in enumerate(self.parts)
                                  if part.transfers >= count))

    def _places(self, tensor: int, rows: tuple[int, int], blocks: tuple[int, int]) -> np.ndarray:
        y, x, block = np.ogrid[slice(*rows), :self.program.lowered.shapes[tensor][1],
                               slice(*blocks)]
        return ((tensor << 16 | y) << 16 | x) << 16 | block

    def _local(self, layout: TensorLayout) -> np.ndarray:
        assert layout.addresses().max() < self.p.group_words, "within its bank group"
        return layout.group * self.group + layout.addresses()

    def _reads(self, part: CompiledLayer) -> list[tuple[int, np.ndarray]]:
        """Tensors, and the words where the part expects them."""
        low = part.lowered
        found = [(low.source, self._local(part.source))]
        if part.second is not None:
            found.append((low.second, self._local(part.second)))
        return found

    def _written(self, part: CompiledLayer) -> np.ndarray:
        """All words that change: of an ADD also those between its results."""
        target = part.destination
        if part.lowered.opcode is not Opcode.ADD:
            return self._local(target).ravel()
        blocks = self.p.vector_blocks
        end = target.base + part.source.word_groups(blocks) * blocks
        assert end <= self.p.group_words, "within its bank group"
        return target.group * self.group + np.arange(target.base, end)

    def _weights(self, part: CompiledLayer) -> tuple[np.ndarray, np.ndarray]:
        """Words of the ring that a part uses, in order, and what they must hold."""
        if part.plan is None:
            return np.zeros(0, int), np.zeros(0, np.uint64)
        values = np.concatenate(ring_weights(part.lowered, part.plan, self.p))
        return (part.weight_row + np.arange(values.size)) % self.p.weight_words, values

    def stuck(self) -> Iterator[str]:
        """Moves that wait for a part which waits for them."""
        for number, (move, begin, end) in enumerate(
                zip(self.moves, self.begins, self.ends, strict=True)):
            if begin > end or (begin == end == move.after - 1 and move.released):
                yield f"move {number} begins in part {begin}, which part {end} needs to begin"

    def collisions(self) -> Iterator[str]:
        """Moves beside parts that use the same words."""
        for number, (move, begin, end) in enumerate(
                zip(self.moves, self.begins, self.ends, strict=True)):
            local, _ = _words(move)
            for index in range(begin, end):
                part = self.parts[index]
                if local[0] >= self.ring:
                    words, _ = self._weights(part)
                    used = -(-move.released // RELEASE) * RELEASE \
                        if index == move.after - 1 else 0
                    if np.isin(local - self.ring, words[used:]).any():
                        yield f"load {number} over weights of part {index}"
                elif np.isin(local, self._written(part)).any():
                    yield f"move {number} where part {index} writes"
                elif not move.write_out and any(np.isin(local, words).any()
                                                for _, words in self._reads(part)):
                    yield f"load {number} over what part {index} reads"

    def run(self, *, late: bool) -> Iterator[str]:
        """Parts that do not find what they read, with moves as early, or as late, as can be."""
        program, lowered = self.program, self.program.lowered
        external = np.full(program.external_words, NOTHING)
        self.memory = np.full(2 * self.group, NOTHING)
        self.held = np.full(self.p.weight_words, NOTHING)  # external words in the ring
        entry = program.layouts[lowered.input]
        places = self._places(lowered.input, (0, entry.height), (0, entry.blocks))
        if lowered.input in program.spilled:
            external[program.spilled[lowered.input] + entry.addresses()] = places
        else:
            self.memory[self._local(entry)] = places
        done = 0
        for number, part in enumerate(self.parts):
            count = part.transfers
            while not late and count < len(self.moves) and self.begins[count] <= number:
                if self.moves[count].released and self.moves[count].after > number:
                    break  # it waits for weights that this part has yet to use
                count += 1
            for move in self.moves[done:count]:
                self._make(move, external)
            done = max(done, count)
            yield from self._compute(number, part)
        if done < len(self.moves):
            yield "moves are left over"
        layout = program.output_layout
        if (self.memory[self._local(layout)] != self._places(
                lowered.output, (0, layout.height), (0, layout.blocks))).any():
            yield "the output is not where it should be"

    def _make(self, move: Move, external: np.ndarray) -> None:
        local, there = _words(move)
        if local[0] >= self.ring:
            self.held[local - self.ring] = there
        elif move.write_out:
            external[there] = self.memory[local]
        else:
            self.memory[local] = external[there]

    def _compute(self, number: int, part: CompiledLayer) -> Iterator[str]:
        for tensor, words in self._reads(part):
            expected = self._places(tensor, part.part.source_rows, (0, words.shape[2]))
            if (self.memory[words] != expected).any():
                yield f"part {number} does not find tensor {tensor}"
        words, values = self._weights(part)
        if (self.held[words] == NOTHING).any() or (
                self.program.external_memory[self.held[words]] != values).any():
            yield f"part {number} does not find its weights"
        self.memory[self._written(part)] = NOTHING
        first, end = part.part.channels
        self.memory[self._local(part.destination)] = self._places(
            part.lowered.output, part.part.rows, (first // 8, -(-end // 8)))
