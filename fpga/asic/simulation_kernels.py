# SPDX-License-Identifier: Apache-2.0
"""The inner loops of gate-level simulation, compiled and kept on disk by numba.

Row t of ``stimulus`` takes effect just after the edge that begins cycle t; flip-flops take at that
edge what cycle t - 1 ended with. Cycle 0 has no edge and starts settled. ``counted``: first and
last (exclusive) cycle whose events are counted.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from .circuit import Gates, State

__all__ = ["Counts", "Delays", "timed", "zero_delay"]


class Counts(NamedTuple):
    """``rises`` and ``falls`` of every net, edges that each flop and each clock gate saw pass,
    ``opens``: changes of each flop input's stored value while its master latch is open;
    ``settled`` [cycle]: time of the last event, in units of time."""

    rises: np.ndarray
    falls: np.ndarray
    clocked: np.ndarray
    passed: np.ndarray
    opens: np.ndarray
    settled: np.ndarray


class Delays(NamedTuple):
    """In units of time, all at least 1: of every gate input entry until its output rises or
    falls, of every flop until ``q`` and until ``qn`` does, and of the netlist's inputs."""

    rise: np.ndarray
    fall: np.ndarray
    q_rise: np.ndarray
    q_fall: np.ndarray
    qn_rise: np.ndarray
    qn_fall: np.ndarray
    arrival: int


@njit(cache=True)
def _evaluate(gates, value):
    """All gates in order, without counting."""
    for g in range(gates.output.size):
        bits = 0
        first = gates.first[g]
        for k in range(first, gates.first[g + 1]):
            bits |= np.int64(value[gates.nets[k]]) << (k - first)
        value[gates.output[g]] = gates.truth[gates.table[g] + bits]


@njit(cache=True)
def _settle(gates, state, stimulus, inputs, value, stored):
    """Values at the end of cycle 0."""
    value[1] = 1
    for k in range(inputs.size):
        value[inputs[k]] = stimulus[0, k]
    for f in range(stored.size):
        if state.q[f] >= 0:
            value[state.q[f]] = stored[f]
        if state.qn[f] >= 0:
            value[state.qn[f]] = 1 - stored[f]
    _evaluate(gates, value)


@njit(cache=True)
def _edge(state, value, stored, following, open_gate):
    """What flops hold after the edge, in ``following``; which clock gates let it pass."""
    for k in range(state.parent.size):
        enabled = False
        for e in range(state.enable_first[k], state.enable_first[k + 1]):
            enabled |= value[state.enables[e]] == 1
        parent = state.parent[k]
        open_gate[k] = enabled and (parent < 0 or open_gate[parent])
    for f in range(stored.size):
        following[f] = stored[f]
        gate = state.gate[f]
        if gate < 0 or open_gate[gate]:
            bits = 0
            first = state.first[f]
            for k in range(first, state.first[f + 1]):
                bits |= np.int64(value[state.nets[k]]) << (k - first)
            following[f] = state.truth[state.table[f] + bits]


@njit(cache=True)
def _count_clock(state, open_gate, clocked, passed):
    for k in range(passed.size):
        passed[k] += open_gate[k]
    for f in range(clocked.size):
        gate = state.gate[f]
        clocked[f] += gate < 0 or open_gate[gate]


@njit(cache=True)
def _set(net, new, value, rises, falls, counting):
    if value[net] != new:
        value[net] = new
        if counting:
            if new:
                rises[net] += 1
            else:
                falls[net] += 1


@njit(cache=True)
def zero_delay(gates: Gates, state: State, stimulus, inputs, outputs, stored, counts: Counts,
               counted):
    """Every net changes at most once a cycle. Returns outputs [cycles, ...] as cycles end."""
    cycles = stimulus.shape[0]
    nets = counts.rises.size
    value = np.zeros(nets, np.uint8)
    following = np.zeros(stored.size, np.uint8)
    open_gate = np.zeros(state.parent.size, np.bool_)
    sampled = np.zeros((cycles, outputs.size), np.uint8)
    before = np.zeros(state.nets.size, np.uint8)
    _settle(gates, state, stimulus, inputs, value, stored)
    for t in range(cycles):
        counting = counted[0] <= t < counted[1]
        if t > 0:
            for k in range(before.size):
                before[k] = value[state.nets[k]]
            _edge(state, value, stored, following, open_gate)
            if counting:
                _count_clock(state, open_gate, counts.clocked, counts.passed)
            for f in range(stored.size):
                if following[f] != stored[f]:
                    stored[f] = following[f]
                    if state.q[f] >= 0:
                        _set(state.q[f], stored[f], value, counts.rises, counts.falls, counting)
                    if state.qn[f] >= 0:
                        _set(state.qn[f], 1 - stored[f], value, counts.rises, counts.falls,
                             counting)
            for k in range(inputs.size):
                _set(inputs[k], stimulus[t, k], value, counts.rises, counts.falls, counting)
            for g in range(gates.output.size):
                bits = 0
                first = gates.first[g]
                for k in range(first, gates.first[g + 1]):
                    bits |= np.int64(value[gates.nets[k]]) << (k - first)
                _set(gates.output[g], gates.truth[gates.table[g] + bits], value, counts.rises,
                     counts.falls, counting)
            if counting:
                for k in range(before.size):
                    counts.opens[k] += before[k] != value[state.nets[k]]
        for k in range(outputs.size):
            sampled[t, k] = value[outputs[k]]
    return sampled


@njit(cache=True)
def _link(net, time, due, head, after, before):
    due[net] = time
    after[net] = head[time]
    before[net] = -1
    if head[time] >= 0:
        before[head[time]] = net
    head[time] = net


@njit(cache=True)
def _unlink(net, due, head, after, before):
    if before[net] >= 0:
        after[before[net]] = after[net]
    else:
        head[due[net]] = after[net]
    if after[net] >= 0:
        before[after[net]] = before[net]
    due[net] = 0


@njit(cache=True)
def timed(gates: Gates, state: State, stimulus, inputs, outputs, stored, counts: Counts, counted,
          delays: Delays, horizon, half):
    """Event by event with inertial delays: a net has at most one change ahead of it, which is
    called off where its cause goes away before, and brought forward by a quicker one.

    ``horizon``: a time that no event reaches. ``half``: when the clock falls. Otherwise as
    ``zero_delay``.
    """
    cycles = stimulus.shape[0]
    nets = counts.rises.size
    value = np.zeros(nets, np.uint8)
    following = np.zeros(stored.size, np.uint8)
    open_gate = np.zeros(state.parent.size, np.bool_)
    sampled = np.zeros((cycles, outputs.size), np.uint8)
    head = np.full(horizon + 1, -1, np.int32)  # nets that change at a time
    after = np.full(nets, -1, np.int32)
    before = np.full(nets, -1, np.int32)
    due = np.zeros(nets, np.int32)  # when the net changes; 0: not
    early = np.zeros(nets, np.int32)  # changes of this cycle while the clock is high
    late = np.zeros(nets, np.int32)
    bits = np.zeros(gates.output.size, np.int64)
    _settle(gates, state, stimulus, inputs, value, stored)
    for g in range(gates.output.size):
        first = gates.first[g]
        for k in range(first, gates.first[g + 1]):
            bits[g] |= np.int64(value[gates.nets[k]]) << (k - first)
    for t in range(cycles):
        counting = counted[0] <= t < counted[1]
        if t > 0:
            ahead = 0
            _edge(state, value, stored, following, open_gate)
            if counting:
                _count_clock(state, open_gate, counts.clocked, counts.passed)
            for f in range(stored.size):
                if following[f] != stored[f]:
                    new = stored[f] = following[f]
                    if state.q[f] >= 0:
                        _link(state.q[f], delays.q_rise[f] if new else delays.q_fall[f], due,
                              head, after, before)
                        ahead += 1
                    if state.qn[f] >= 0:
                        _link(state.qn[f], delays.qn_fall[f] if new else delays.qn_rise[f], due,
                              head, after, before)
                        ahead += 1
            for k in range(inputs.size):
                if value[inputs[k]] != stimulus[t, k]:
                    _link(inputs[k], delays.arrival, due, head, after, before)
                    ahead += 1
            now = 0
            last = 0
            while ahead > 0:
                now += 1
                while head[now] >= 0:
                    net = head[now]
                    _unlink(net, due, head, after, before)
                    ahead -= 1
                    value[net] ^= 1
                    last = now
                    if counting:
                        if value[net]:
                            counts.rises[net] += 1
                        else:
                            counts.falls[net] += 1
                        if now < half:
                            early[net] += 1
                        else:
                            late[net] += 1
                    for k in range(gates.fan_first[net], gates.fan_first[net + 1]):
                        entry = gates.entries[k]
                        g = gates.owner[entry]
                        bits[g] ^= gates.mask[entry]
                        new = gates.truth[gates.table[g] + bits[g]]
                        target = gates.output[g]
                        if new == value[target]:
                            if due[target]:
                                _unlink(target, due, head, after, before)
                                ahead -= 1
                        else:
                            time = now + (delays.rise[entry] if new else delays.fall[entry])
                            if due[target] == 0:
                                _link(target, time, due, head, after, before)
                                ahead += 1
                            elif time < due[target]:
                                _unlink(target, due, head, after, before)
                                _link(target, time, due, head, after, before)
            counts.settled[t] = last
            if counting:
                for f in range(stored.size):
                    gate = state.gate[f]
                    high = gate < 0 or open_gate[gate]
                    for k in range(state.first[f], state.first[f + 1]):
                        net = state.nets[k]
                        counts.opens[k] += late[net] + (early[net] & 1 if high else early[net])
                early[:] = 0
                late[:] = 0
        for k in range(outputs.size):
            sampled[t, k] = value[outputs[k]]
    return sampled
