# SPDX-License-Identifier: Apache-2.0
"""What a host writes into the address map and reads from it: image, inputs and outputs.

A run is (byte address, first word, count): words of an array that lie one behind the other.
"""

from itertools import groupby

import numpy as np

from ..rtl.frames.slots import SLOTS
from .compile.cim import pair_places
from .compile.image import Image
from .compile.layout import TensorLayout
from .compile.program import Program

__all__ = ["Run", "image_words", "pack_inputs", "slot_runs", "tensor_runs", "unpack_outputs",
           "unpack_slots"]

Run = tuple[int, int, int]


def _runs(addresses: list[int]) -> list[Run]:
    """Stretches of consecutive words at ``addresses``."""
    pairs = enumerate(addresses)
    runs = []
    for _, group in groupby(pairs, key=lambda pair: pair[1] - 8 * pair[0]):
        members = list(group)
        runs.append((members[0][1], members[0][0], len(members)))
    return runs


def image_words(program: Program) -> tuple[list[Run], np.ndarray]:
    """Runs, in the order of loading, and the uint64 words of a program's image on chip."""
    p, image = program.parameters, program.memory_image
    program_address, weight_address = p.region_address(2), p.region_address(1)
    places, weights = _weights(program)
    trailer = image.program.size - image.trailer_words
    addresses = [program_address + 8 * i for i in range(trailer)]
    addresses += [p.region_address(3) + 8 * i for i in range(image.schedule.size)]
    addresses += [weight_address + 8 * place for place in places]
    addresses += [program_address + 8 * i for i in range(trailer, image.program.size)]
    words = [image.program[:trailer], image.schedule, weights, image.program[trailer:]]
    return _runs(addresses), np.concatenate(words).astype("<u8")


def _weights(program: Program) -> tuple[list[int], np.ndarray]:
    """Words of the weight region that an image writes, and what."""
    p, image = program.parameters, program.memory_image
    stride = image.weight_stride
    if stride == Image.PLACED:
        pairs = image.weights.reshape(-1, 2)
        return pair_places(pairs, p.macro).tolist(), pairs[:, 1]
    rows = image.weights.size // stride
    return ([row * stride + bank for row in range(rows) for bank in range(p.weight_banks)],
            image.weights.reshape(rows, stride)[:, :p.weight_banks].ravel())


def tensor_runs(program: Program, tensor: int) -> list[Run]:
    """Runs of a tensor's words on chip, or as it lies in external memory."""
    p, layout = program.parameters, program.layouts[tensor]
    words = sorted(set(layout.addresses().ravel().tolist()))
    if tensor in program.spilled:
        return _runs([8 * (program.spilled[tensor] + word) for word in words])
    return _runs([p.group_address(layout.group, word) for word in words])


def slot_runs(program: Program) -> list[list[Run]]:
    """Runs of each slot's words, of a program whose input is streamed in."""
    p, layout = program.parameters, program.input_layout
    words = sorted(set(layout.addresses().ravel().tolist()))
    return [_runs([p.group_address(layout.group, slot * p.slots.slot_step + word)
                   for word in words]) for slot in range(SLOTS)]


def pack_inputs(program: Program, inputs: np.ndarray) -> np.ndarray:
    """int8 ``inputs`` [N, ...] as uint64 [N, words], in the order of the input's runs."""
    layout = program.input_layout
    shape = (layout.height, layout.width, layout.channels)
    return np.array([[word for _, word in sorted(layout.pack(x.reshape(shape)).items())]
                     for x in inputs], "<u8")


def unpack_outputs(program: Program, outputs: np.ndarray) -> np.ndarray:
    """int8 [N, h, w, c] of uint64 ``outputs`` [N, words], in the order of the output's runs."""
    return _unpack(program.output_layout, outputs)


def unpack_slots(program: Program, slots: np.ndarray) -> np.ndarray:
    """int8 [N, h, w, c] of uint64 ``slots`` [N, words], in the order of the slots' runs."""
    return _unpack(program.input_layout, slots)


def _unpack(layout: TensorLayout, outputs: np.ndarray) -> np.ndarray:
    order = sorted(set(layout.addresses().ravel().tolist()))
    words = np.zeros(max(order) + 1, np.uint64)
    tensors = []
    for row in outputs:
        words[order] = row
        tensors.append(layout.unpack(words))
    return np.array(tensors)
