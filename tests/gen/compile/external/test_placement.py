# SPDX-License-Identifier: Apache-2.0
"""Buffers that live at the same time lie apart; groups are as their nodes say."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.build import parameters
from systolith.gen.compile.allocate import extent
from systolith.gen.compile.external.placement import Buffer, Node, place_buffers
from systolith.gen.compile.layout import TensorLayout

from ....external import external_spec

P = parameters(external_spec("sta-dbb", activations=2))


@st.composite
def buffers(draw, first=0):
    """Buffers of chains of nodes, with lives of their own."""
    nodes, found = [], []
    for _ in range(draw(st.integers(1, 9))):
        nodes.append(Node(draw(st.sampled_from([None, *nodes]))))
        height = draw(st.integers(1, 5))
        born = first + draw(st.integers(0, 9))
        dies = born + draw(st.integers(0, 4))
        found.append(Buffer(
            rows=(0, height), layout=TensorLayout.plan(height, draw(st.integers(1, 6)), 8),
            node=draw(st.sampled_from(nodes)), born=born, dies=dies,
            early=draw(st.sampled_from([None, max(born - 2, 0)])),
            late=draw(st.sampled_from([None, dies + 2]))))
    return found


def _check(placed):
    for buffer in placed:
        assert buffer.layout.group == buffer.node.settle()
        assert buffer.node.parent is None or (
            buffer.node.settle() == 1 - buffer.node.parent.settle())
        assert 0 <= buffer.layout.base <= P.group_words - extent(buffer.layout, P)
        assert buffer.layout.base % P.banks == 0
    for one, other in combinations(placed, 2):
        if one.born <= other.dies and other.born <= one.dies:
            assert not one.shares(other, P)


@settings(deadline=None, derandomize=True)
@given(buffers(), buffers(first=6))
def test_no_two_share_a_word_at_a_time(first, second):
    lives = {id(buffer): (buffer.born, buffer.dies) for buffer in first + second}
    placed = []
    for group in (first, second):
        if not place_buffers(group, placed, P):
            break
        placed += group
        _check(placed)
    for buffer in placed:
        born, dies = lives[id(buffer)]
        assert buffer.born in (born, buffer.early) and buffer.dies in (dies, buffer.late)


def test_one_that_is_too_large_does_not_fit():
    layout = TensorLayout.plan(P.group_words + 1, 1, 8)
    assert not place_buffers([Buffer(rows=(0, layout.height), layout=layout, node=Node(),
                                     born=0, dies=0)], [], P)


def test_room_to_load_early_is_given_up_before_the_place():
    half = TensorLayout.plan(P.group_words, 1, 8)
    one = Buffer(rows=(0, half.height), layout=half, node=Node(), born=0, dies=0)
    node = Node(one.node)
    same = Buffer(rows=(0, half.height), layout=half, node=Node(node), born=1, dies=1, early=0)
    assert place_buffers([one, same], [], P)
    assert one.layout.group == same.layout.group and same.born == 1


def test_rows_of_a_buffer_lie_where_they_do_in_it():
    layout = TensorLayout.plan(6, 5, 20)
    buffer = Buffer(rows=(10, 16), layout=layout, node=Node(), born=0, dies=0)
    view = buffer.view((12, 15), (8, 20))
    assert (view.addresses() == layout.addresses()[2:5, :, 1:]).all()
    assert buffer.view((10, 16)) == layout
