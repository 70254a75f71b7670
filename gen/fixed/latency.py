# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Exact cycles of a front end: its handshakes, one cycle after the other, without values."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...rtl.fixed.layer import FixedLayer
from ...rtl.fixed.parameters import FrontEndParameters, LayerParameters, WindowParameters
from ...rtl.fixed.window import Window

__all__ = ["Timing", "arrivals", "latency", "queue_depths"]

FRAMES = 4
"""Frames of a model run, of which the last two show the steady state."""
UNBOUNDED = 1 << 40


@dataclass(frozen=True)
class Timing:
    """``latency``: cycles from the one in which a frame's first pixel is taken to that in which its
    last pixel comes out. ``interval``: cycles a frame, of many back to back. Both where the source
    always has a pixel and the sink always takes one."""

    latency: int
    interval: int


class _Stream:
    """Handshake of one cycle."""

    def __init__(self):
        self.valid = self.ready = False

    @property
    def moves(self) -> bool:
        return self.valid and self.ready


class _Window:
    """``rtl.fixed.window.Window`` without its values; its output is valid where ``valid`` is."""

    def __init__(self, parameters: WindowParameters, i: _Stream):
        self.p = parameters
        self.i = i
        self.lag = Window(parameters).lag
        self.last_row = (parameters.out_height - 1) * parameters.stride[0]
        self.last_column = (parameters.out_width - 1) * parameters.stride[1]
        self.ahead = parameters.padding[0]
        self.in_column = self.row = self.column = 0
        self.asked = None               # whether its window is wanted, whether its row ends
        self.tags: list[tuple[bool, bool] | None] = [None] * (self.lag + 1)

    @property
    def valid(self) -> bool:
        return self.tags[-1] is not None and self.tags[-1][0]

    def _step(self) -> int:
        return self.p.height - self.last_row if self.row == self.last_row else self.p.stride[0]

    def room(self) -> bool:
        kernel = self.p.kernel[0]
        if self.p.single_port:
            return self.ahead < kernel + 1
        return self.ahead < kernel or (
            self.ahead < kernel + self._step() and self.in_column < self.column)

    def _readable(self) -> bool:
        present = min(self.p.kernel[0], self.p.height + self.p.padding[0] - self.row)
        if self.p.single_port:
            return self.ahead >= present
        return self.ahead >= present or (
            self.ahead == present - 1 and self.in_column > self.column)

    def clock(self, taken: bool) -> None:
        """One cycle; ``taken``: the window at the output is taken."""
        move = taken or not self.valid
        read = move and self._readable()
        ahead = self.ahead
        tags = self.tags
        if move:
            flush = (tags[0] is None or tags[0][1]) and any(tag is not None for tag in tags[:-1])
            if self.asked is not None or flush:
                self.tags = [self.asked, *tags[:-1]]
            else:
                tags[-1] = None
            self.asked = None
        if read:
            wanted = self.column % self.p.stride[1] == 0 and self.column <= self.last_column
            ends = self.column == self.p.width - 1
            self.asked = wanted, ends
            self.column += 1
            if ends:
                ahead -= self._step()
                self.column = 0
                self.row = 0 if self.row == self.last_row else self.row + self.p.stride[0]
        if self.i.moves:
            self.in_column += 1
            if self.in_column == self.p.width:
                self.in_column = 0
                ahead += 1
        self.ahead = ahead


class _Total:
    """``FrameTotal`` without its values."""

    def __init__(self, pixels: int, i: _Stream):
        self.pixels = pixels
        self.i = i
        self.count = 0
        self.valid = False

    def room(self) -> bool:
        return not self.valid

    def clock(self, taken: bool) -> None:
        if taken:
            self.valid = False
        if self.i.moves:
            self.count += 1
            if self.count == self.pixels:
                self.count, self.valid = 0, True


class _Layer:
    """``FixedLayer`` without its values."""

    def __init__(self, parameters: LayerParameters, i: _Stream, o: _Stream):
        layer = FixedLayer(parameters)
        self.i, self.o = i, o
        self.phases = layer.phases
        self.pipe = [False] * layer.operation.latency  # newest first
        self.phase = self.given = 0
        self.held = False
        self.part = None
        if parameters.total_of:
            self.part = _Total(parameters.total_of, i)
        elif parameters.window is not None:
            self.part = _Window(parameters.window, i)

    def offer(self) -> None:
        self.o.valid = self.pipe[-1] if self.phases == 1 else self.held

    def accept(self) -> None:
        full = self.pipe[-1] and self.given == self.phases - 1
        self.advance = self.o.ready or not (full and (self.phases == 1 or self.held))
        self.last = self.phase == self.phases - 1
        self.i.ready = self.advance and self.last if self.part is None else self.part.room()

    def clock(self) -> None:
        arrives = self.i.valid if self.part is None else self.part.valid
        if self.o.ready:
            self.held = False
        if self.advance:
            if self.pipe[-1]:
                self.held = self.phases > 1 and self.given == self.phases - 1 or self.held
                self.given = (self.given + 1) % self.phases
            self.pipe = [arrives, *self.pipe[:-1]]
            if arrives:
                self.phase = (self.phase + 1) % self.phases
        if self.part is not None:
            self.part.clock(arrives and self.advance and self.last)


class _Queue:
    """``Queue`` without its values; the largest ``level`` is kept."""

    def __init__(self, depth: int, i: _Stream, o: _Stream):
        self.depth, self.i, self.o = depth, i, o
        self.level = self.most = 0

    def offer(self) -> None:
        self.o.valid = self.level > 0

    def accept(self) -> None:
        self.i.ready = self.level < self.depth

    def clock(self) -> None:
        self.level += self.i.moves - self.o.moves
        self.most = max(self.most, self.level)


class _Fork:
    def __init__(self, i: _Stream, o: list[_Stream]):
        self.i, self.o = i, o
        self.done = [False] * len(o)

    def offer(self) -> None:
        for o, done in zip(self.o, self.done, strict=True):
            o.valid = self.i.valid and not done

    def accept(self) -> None:
        self.i.ready = all(done or o.moves for o, done in zip(self.o, self.done, strict=True))

    def clock(self) -> None:
        self.done = [not self.i.ready and (done or o.moves)
                     for o, done in zip(self.o, self.done, strict=True)]


class _Join:
    def __init__(self, i: list[_Stream], o: _Stream):
        self.i, self.o = i, o

    def offer(self) -> None:
        self.o.valid = all(i.valid for i in self.i)

    def accept(self) -> None:
        for i in self.i:
            i.ready = self.o.moves

    def clock(self) -> None:
        pass


class _Model:
    """All parts of a front end, in the order of the stream."""

    def __init__(self, parameters: FrontEndParameters):
        layers = parameters.layers
        self.pixels = parameters.in_shape[0] * parameters.in_shape[1]
        self.results = parameters.out_shape[0] * parameters.out_shape[1]
        self.parts: list = []
        self.layers: list[_Layer] = []
        self.queues: dict[tuple[int, int], _Queue] = {}
        self.source = _Stream()
        ways = {-1: self._ways(layers, -1, self.source)}
        for place, layer in enumerate(layers):
            arriving = []
            for index, (number, depth) in enumerate(zip(layer.sources, layer.queues,
                                                        strict=True)):
                stream = ways[number].pop(0)
                if depth:
                    queue = _Queue(depth, stream, _Stream())
                    self.queues[place, index] = queue
                    self.parts.append(queue)
                    stream = queue.o
                arriving.append(stream)
            if len(arriving) > 1:
                join = _Join(arriving, _Stream())
                self.parts.append(join)
                arriving = [join.o]
            self.layers.append(_Layer(layer, arriving[0], _Stream()))
            self.parts.append(self.layers[-1])
            ways[place] = self._ways(layers, place, self.parts[-1].o)
        self.sink = ways[len(layers) - 1].pop()

    def _ways(self, layers: Iterable[LayerParameters], place: int,
              stream: _Stream) -> list[_Stream]:
        layers = list(layers)
        count = sum(layer.sources.count(place) for layer in layers) + (place == len(layers) - 1)
        if count == 1:
            return [stream]
        fork = _Fork(stream, [_Stream() for _ in range(count)])
        self.parts.append(fork)
        return list(fork.o)

    def run(self, frames: int, taken_by: list[list[int]] | None = None) -> list[tuple[int, int]]:
        """For each frame the cycles in which its first pixel is taken, and its last one comes
        out. ``taken_by``: of every layer, to be filled: the cycles in which it takes pixels."""
        cycle = taken = given = 0
        first, last = [], []
        while given < frames * self.results:
            self.source.valid = taken < frames * self.pixels
            self.sink.ready = True
            for part in self.parts:
                part.offer()
            for part in reversed(self.parts):
                part.accept()
            if self.source.moves:
                if taken % self.pixels == 0:
                    first.append(cycle)
                taken += 1
            if self.sink.valid:
                given += 1
                if given % self.results == 0:
                    last.append(cycle)
            for layer, cycles in zip(self.layers, taken_by or (), strict=False):
                if layer.i.moves:
                    cycles.append(cycle)
            for part in self.parts:
                part.clock()
            cycle += 1
        return list(zip(first, last, strict=True))


def latency(parameters: FrontEndParameters) -> Timing:
    """Exactly what the hardware takes."""
    (first, last), = _Model(parameters).run(1)
    frames = _Model(parameters).run(FRAMES)
    return Timing(latency=last - first, interval=frames[-1][1] - frames[-2][1])


def arrivals(parameters: FrontEndParameters) -> list[list[int]]:
    """Of every layer the cycles in which it takes its pixels, of ``FRAMES`` frames back to back,
    of which the last two show the steady state."""
    cycles: list[list[int]] = [[] for _ in parameters.layers]
    _Model(parameters).run(FRAMES, cycles)
    return cycles


def queue_depths(parameters: FrontEndParameters) -> FrontEndParameters:
    """``parameters`` with the queues that it needs.

    Two pixels between operations on pixels, so that ``ready`` passes through one of them at most;
    where two sources meet, as many as wait there at full rate.
    """
    layers = list(parameters.layers)
    for place, layer in enumerate(layers):
        source = layer.sources[0]
        if len(layer.sources) > 1:
            layers[place] = replace(layer, queues=(UNBOUNDED,) * len(layer.sources))
        elif source >= 0 and _on_pixels(layer) and _on_pixels(layers[source]):
            layers[place] = replace(layer, queues=(2,))
    parameters = replace(parameters, layers=tuple(layers))
    if all(len(layer.sources) == 1 for layer in layers):
        return parameters
    model = _Model(parameters)
    model.run(FRAMES)
    for (place, index), queue in model.queues.items():
        if queue.depth == UNBOUNDED:
            depths = list(layers[place].queues)
            depths[index] = queue.most + 1
            layers[place] = replace(layers[place], queues=tuple(depths))
    return replace(parameters, layers=tuple(layers))


def _on_pixels(layer: LayerParameters) -> bool:
    return layer.window is None and not layer.total_of
