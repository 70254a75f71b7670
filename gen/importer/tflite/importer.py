# SPDX-License-Identifier: Apache-2.0
"""TFLite int8 models into golden networks."""

from pathlib import Path

from ....golden import network as golden
from ..fault import ImportFault
from ..remedies import remedy
from .flatbuffer import DAMAGE, read_graph
from .operators import SUPPORTED, Operators

__all__ = ["ImportFault", "load"]


def load(path: str | Path) -> golden.Network:
    """Read a fully quantised int8 model of batch 1 with one input and one output.

    Requantisation constants come from the scales in double precision, as in LiteRT. Raises
    ImportFault where the file is damaged or holds something unsupported, OSError where it cannot
    be read.
    """
    path = Path(path)
    graph = read_graph(path)
    return _Importer(path, graph).network()


class _Importer(Operators):
    def network(self) -> golden.Network:
        graph = self.graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise self.fault(f"network must have one input and one output, not "
                             f"{len(graph.inputs)} and {len(graph.outputs)}")
        layers: list[golden.Layer] = []
        self.known = {graph.inputs[0]}
        self.where = "input"
        tensors = {graph.inputs[0]: self.activation(graph.inputs[0])}
        for number, operator in enumerate(graph.operators):
            output = operator.outputs[0] if operator.outputs else -1
            name = graph.tensors[output].name if output >= 0 else "no output"
            self.where = f"layer {number} ({operator.kind}, {name})"
            if operator.kind not in SUPPORTED:
                raise self.fault(f"operator {operator.kind} is not supported; "
                                 f"{remedy(operator.kind)}; supported are {', '.join(SUPPORTED)}")
            if len(operator.outputs) != 1 or output < 0:
                raise self.fault(f"operator must have one output, not {len(operator.outputs)}")
            if output in self.known:
                raise self.fault("its output is written twice, or is an input")
            tensors[output] = self.activation(output)
            try:
                layer = self.layer(operator)
            except ImportFault:
                raise
            except DAMAGE as error:
                raise self.fault("operator is truncated or damaged") from error
            layers.append(layer)
            self.known.add(output)
        self.where = "output"
        if graph.outputs[0] not in self.known or not layers:
            raise self.fault("no layer computes it")
        return golden.Network(name=self.path.stem, tensors=tensors, layers=tuple(layers),
                              inputs=graph.inputs, outputs=graph.outputs)
