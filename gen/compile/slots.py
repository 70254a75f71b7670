# SPDX-License-Identifier: Apache-2.0
"""An input that is streamed in: two slots in the activation memory, that take turns."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...rtl.frames.handoff import SlotLayout
from ...rtl.parameters import AcceleratorParameters
from .allocate import alike_for_addition, best_layout, extent, lifetimes
from .fault import CompileFault
from .layout import TensorLayout
from .lower import Lowered
from .placed import PlacedLayer
from .plan import BlockPlan

__all__ = ["check_slots", "in_second_slot", "slot_layout"]


def slot_layout(lowered: Lowered, plans: Mapping[int, BlockPlan],
                p: AcceleratorParameters) -> SlotLayout:
    """Slots for the input of ``lowered`` in the layout that its readers lose least by."""
    shape = lowered.shapes[lowered.input]
    lives = lifetimes(lowered)
    alike = alike_for_addition(lowered, list(lives.members))[lowered.input]
    consumers = [(lowered.layers[i], lowered.shapes[inner], lives.places[inner][1])
                 for member in alike for inner in lives.members[member]
                 for i in lives.readers[inner]]
    layout = best_layout(shape, consumers, plans, p)
    return SlotLayout(
        height=layout.height, width=layout.width, channels=layout.channels,
        step_x=layout.steps_x, step_y=layout.steps_y, plane=layout.plane,
        slot_step=-(-extent(layout, p) // p.banks) * p.banks)


def check_slots(lowered: Lowered, slots: SlotLayout) -> None:
    """Raises CompileFault where the input is not what the slots hold."""
    shape = lowered.shapes[lowered.input]
    if shape != (slots.height, slots.width, slots.channels):
        raise CompileFault("the tensor that the front end hands off must be "
                           f"{slots.height}x{slots.width}x{slots.channels}, as in "
                           f"front_end.network, not {'x'.join(map(str, shape))}")


def in_second_slot(lowered: Lowered, placed: Sequence[PlacedLayer],
                   slots: SlotLayout) -> list[PlacedLayer]:
    """``placed``, whose input is in slot 0, with the input in slot 1."""
    places = lifetimes(lowered).places

    def moved(tensor: int | None, layout: TensorLayout | None) -> TensorLayout | None:
        if tensor is None or layout is None or places[tensor][0] != lowered.input:
            return layout
        return replace(layout, base=layout.base + slots.slot_step)

    return [replace(layer, source=moved(layer.lowered.source, layer.source),
                    second=moved(layer.lowered.second, layer.second)) for layer in placed]
