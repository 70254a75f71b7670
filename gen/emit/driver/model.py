# SPDX-License-Identifier: Apache-2.0
"""A compiled model as C: its image, and where its input and output lie."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ....golden.network import Tensor
from ...compile.cim import pair_places
from ...compile.compact.layout import PixelLayout
from ...compile.layout import TensorLayout
from ...compile.program import Program

__all__ = ["symbol_of", "write_model"]

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
FLIP = {"int8": 0, "uint8": 0x80}


def symbol_of(name: str) -> str:
    """The C name of a model's image, and of its files: ``model_`` and letters, digits and _."""
    return "model_" + re.sub(r"[^A-Za-z0-9_]", "_", name)


def write_model(program: Program, directory: Path) -> list[str]:
    """Write ``<symbol>.h`` and ``<symbol>.c`` into ``directory``; returns their names.

    The header declares the image and says what input and output are; the source holds the image,
    to be linked into memory that need not be writable.
    """
    symbol = symbol_of(program.network.name)
    (directory / f"{symbol}.h").write_text(_header(program, symbol))
    (directory / f"{symbol}.c").write_text(_source(program, symbol))
    return [f"{symbol}.c", f"{symbol}.h"]


def _header(program: Program, symbol: str) -> str:
    macro = symbol.upper()
    lines = [(f"/* The model {_plain(program.network.name)}, compiled. A value q of a tensor is "
             "scale * (q - zero point). */")]
    if program.lowered.host:
        names = ", ".join(layer.kind for layer in program.lowered.host)
        lines.append(f"/* Left to the host, after the output: {_plain(names)}. */")
    lines += [f"#ifndef {macro}_H", f"#define {macro}_H", "", '#include "systolith_driver.h"', "",
              f"#define {macro}_BATCH {program.lowered.batch}u"]
    for role, index in (("INPUT", program.lowered.input), ("OUTPUT", program.lowered.output)):
        tensor = program.network.tensors[index]
        size = program.lowered.batch * int(np.prod(tensor.shape))
        lines += [(f"#define {macro}_{role}_BYTES {size}u /* {tensor.dtype}, "
                  f"{' x '.join(map(str, tensor.model_shape))} */"),
                  f"#define {macro}_{role}_SCALE {float(np.float32(tensor.scale))!r}f",
                  (f"#define {macro}_{role}_ZERO_POINT "
                  f"({tensor.zero_point + FLIP[tensor.dtype]})")]
    lines += ["", "#ifdef __cplusplus", 'extern "C" {', "#endif",
              f"extern const struct systolith_image {symbol};", "#ifdef __cplusplus", "}",
              "#endif", "", "#endif"]
    return LICENCE + "\n".join(lines) + "\n"


def _source(program: Program, symbol: str) -> str:
    p, image = program.parameters, program.memory_image
    program_address, weights_address, schedule_address = (
        p.region_address(region) for region in (2, 1, 3))
    head = image.program.size - image.trailer_words
    # As Image says: what makes it whole comes last.
    parts = [(program_address, 1, image.program[:head], 0),
             (schedule_address, 1, image.schedule, 0),
             *_weights(program, weights_address),
             (program_address + 8 * head, 1, image.program[head:], 0)]
    parts = [part for part in parts if part[2].size]
    sections = [f"    {{0x{address:x}, {count}, {words.size // count}, {stride}}},"
                for address, count, words, stride in parts]
    lines = [f'#include "{symbol}.h"', "",
             _array("uint64_t", "words", (
                 f"0x{word:x}" for _, _, words, _ in parts for word in words.ravel().tolist())),
             "static const struct systolith_section sections[] = {", *sections, "};"]
    if image.external.size:
        lines.append(_array("uint64_t", "external",
                            (f"0x{word:x}" for word in image.external.tolist())))
    tensors = []
    for role, index in (("input", program.lowered.input), ("output", program.lowered.output)):
        layout = program.layouts[index]
        _, order = _strides(program.network.tensors[index], layout)
        if order:
            lines.append(_array("uint32_t", f"{role}_order", map(str, order)))
        tensors.append(_tensor(program, role, index))
    external = "external" if image.external.size else "0"
    lines += ["", f"const struct systolith_image {symbol} = {{",
              (f"    0x{p.spec_hash:016x}, words, sections, {len(parts)}, "
              f"{image.external.size}, {external}, {8 * program.external_words},"),
              *(f"    {tensor}," for tensor in tensors), "};"]
    return LICENCE + "\n".join(lines) + "\n"


def _weights(program: Program, address: int) -> list[tuple[int, int, np.ndarray, int]]:
    """Sections of weights: address, rows, their words, bytes from row to row; of an array, whose
    words have places, one for every stretch of them."""
    image = program.memory_image
    if image.weight_stride != image.PLACED:
        rows = image.weights.reshape(-1, image.weight_stride)[:, :program.parameters.weight_banks]
        return [(address, len(rows), rows, 8 * image.weight_stride)]
    pairs = image.weights.reshape(-1, 2)
    places = pair_places(pairs, program.parameters.macro)
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    return [(address + 8 * int(places[words[0]]), 1, pairs[words, 1], 0)
            for words in np.split(np.arange(len(places)), starts[1:])]


def _tensor(program: Program, role: str, index: int) -> str:
    """A ``struct systolith_tensor``."""
    layout: TensorLayout = program.layouts[index]
    tensor = program.network.tensors[index]
    outside = index in program.spilled
    address = (8 * (program.spilled[index] + layout.base) if outside
               else program.parameters.group_address(layout.group, layout.base))
    strides, order = _strides(tensor, layout)
    step = layout.step if isinstance(layout, PixelLayout) else 1
    fields = (f"0x{address:x}", layout.height, layout.width, layout.channels, layout.split,
              layout.pitch, step, layout.phase_x, layout.phase_y, layout.plane, *strides,
              f"{role}_order" if order else 0, FLIP[tensor.dtype], int(outside))
    return "{" + ", ".join(map(str, fields)) + "}"


def _strides(tensor: Tensor, layout: TensorLayout) -> tuple[tuple[int, int], Sequence[int]]:
    """Bytes from pixel to pixel and from channel to channel as the model has them, and the model's
    channel of each in memory, if they are not the same."""
    if tensor.channels_first is None:
        return (layout.channels, 1), layout.order
    height, width, channels = tensor.channels_first
    if (layout.height, layout.width, layout.channels) == (height, width, channels):
        return (1, height * width), layout.order
    places = np.arange(layout.channels).reshape(channels, height, width).transpose(1, 2, 0)
    return (layout.channels, 1), layout.arrange(places.ravel()).tolist()


def _array(kind: str, name: str, values: Iterable[str]) -> str:
    """An array whose lines are no longer than they need be."""
    lines, line = [], ""
    for value in values:
        if len(line) + len(value) >= 99:
            lines.append(line)
            line = ""
        line += f"{value},"
    return "\n".join([f"static const {kind} {name}[] = {{", *lines, line, "};"])


def _plain(text: str) -> str:
    """Text that ends no comment."""
    return re.sub(r"[^ -)+-.0-~]", "_", text)
