# SPDX-License-Identifier: Apache-2.0
"""Files whose bytes lie: every one ends in a network or in one sentence, soon."""

import resource

import numpy as np
import onnx
import pytest
from systolith.gen.importer import ImportFault, load

from ....onnx_networks import NETWORKS
from ..survival import survive


def truncations(content: bytes, rng) -> list[bytes]:
    return [content[:size] for size in rng.integers(0, len(content), 120)]


def changed_bytes(content: bytes, rng) -> list[bytes]:
    changed = []
    for _ in range(120):
        raw = np.frombuffer(content, np.uint8).copy()
        count = int(rng.integers(1, 12))
        raw[rng.integers(0, len(raw), count)] = rng.integers(0, 256, count)
        changed.append(raw.tobytes())
    return changed


def changed_graphs(content: bytes, rng) -> list[bytes]:
    """Well-formed messages with other numbers, names and operands."""
    changed = []
    for _ in range(120):
        model = onnx.ModelProto.FromString(content)
        graph = model.graph
        for _ in range(int(rng.integers(1, 4))):
            node = graph.node[int(rng.integers(len(graph.node)))]
            tensor = graph.initializer[int(rng.integers(len(graph.initializer)))]
            match int(rng.integers(6)):
                case 0 if node.input:
                    other = graph.node[int(rng.integers(len(graph.node)))]
                    node.input[int(rng.integers(len(node.input)))] = other.output[0]
                case 1 if node.input:
                    node.input[int(rng.integers(len(node.input)))] = tensor.name
                case 2:
                    node.op_type = graph.node[int(rng.integers(len(graph.node)))].op_type
                case 3:
                    tensor.dims[:] = [int(v) for v in rng.choice([0, 1, 3, 2**31, -1], 2)]
                case 4:
                    for attribute in node.attribute:
                        attribute.i = int(rng.choice([-1, 0, 2**62]))
                        attribute.ints[:] = [int(rng.choice([-1, 0, 7, 2**62]))
                                             for _ in attribute.ints]
                case _ if node.input:
                    del node.input[-1]
        changed.append(model.SerializeToString())
    return changed


@pytest.mark.parametrize("damage", [truncations, changed_bytes, changed_graphs])
@pytest.mark.parametrize("name", ["digits", "residual"])
def test_damaged_network(tmp_path, name, damage):
    content = NETWORKS[name](tmp_path).read_bytes()
    rng = np.random.default_rng(1)
    outcomes = [survive(tmp_path / "net.onnx", bad) for bad in damage(content, rng)]
    assert any(outcomes)


def test_random_bytes(tmp_path):
    rng = np.random.default_rng(2)
    for size in rng.integers(0, 4000, 200):
        assert survive(tmp_path / "net.onnx", rng.bytes(int(size)))


def field(number: int, content: bytes) -> bytes:
    size, head = len(content), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + content


@pytest.mark.parametrize("content", [
    field(7, field(1, b"") * (1 << 20)),                       # nodes
    field(7, field(5, b"") * (1 << 20)),                       # initializers
    field(7, field(1, field(5, b"") * (8 << 20))),             # attributes of one node
    field(7, field(11, b"") * (8 << 20)),                      # inputs
    field(7, field(5, b"\x0a\x00" * (8 << 20))),               # names of one tensor
    b"\x08" * (8 << 20),
    b"\xff" * (8 << 20),
], ids=["nodes", "tensors", "attributes", "inputs", "names", "varints", "ones"])
def test_many_small_messages(tmp_path, content):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert survive(tmp_path / "net.onnx", content)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 << 10


def test_file_that_is_too_long(tmp_path):
    path = tmp_path / "net.onnx"
    with path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(ImportFault, match="model must be at most 64 MiB"):
        load(path)
