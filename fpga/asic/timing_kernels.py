# SPDX-License-Identifier: Apache-2.0
"""Kernels of static timing, compiled: delays forwards, required times backwards.

Arguments are the arrays of ``Model`` and ``Graph``. An edge's number is 0 for rise, 1 for fall;
-``NEVER`` is the arrival of what never moves, ``NEVER`` the required time of what nobody awaits.
"""

import numpy as np
from numba import njit

__all__ = ["NEVER", "backwards", "both", "ends", "forwards", "launch", "levelise", "lookup",
           "net_loads", "slopes"]

NEVER = 1e30


@njit(cache=True, inline="always")
def _place(data, first, count, at):
    """Interval of an axis and where in it; the outermost intervals go on beyond the axis."""
    if count == 1:
        return 0, 0.0
    k = 0
    while k < count - 2 and at > data[first + k + 1]:
        k += 1
    low = data[first + k]
    return k, (at - low) / (data[first + k + 1] - low)


@njit(cache=True, inline="always")
def _value(data, first, rows, columns, i, x, j, y):
    at = first + i * columns + j
    if columns == 1:
        low = data[at]
        return low if rows == 1 else low + (data[at + 1] - low) * x
    low = data[at] + (data[at + 1] - data[at]) * y
    if rows == 1:
        return low
    at += columns
    high = data[at] + (data[at + 1] - data[at]) * y
    return low + (high - low) * x


@njit(cache=True)
def lookup(tables, data, table, slew, load):
    """One table's value."""
    first, rows, columns, slews, loads = tables[table]
    i, x = _place(data, slews, rows, slew)
    j, y = _place(data, loads, columns, load)
    return _value(data, first, rows, columns, i, x, j, y)


@njit(cache=True)
def both(tables, data, delay, out, slew, load):
    """A delay and a slew, which as a rule have the same axes."""
    first, rows, columns, slews, loads = tables[delay]
    i, x = _place(data, slews, rows, slew)
    j, y = _place(data, loads, columns, load)
    took = _value(data, first, rows, columns, i, x, j, y)
    first, rows2, columns2, slews2, loads2 = tables[out]
    if slews2 != slews or rows2 != rows:
        i, x = _place(data, slews2, rows2, slew)
    if loads2 != loads or columns2 != columns:
        j, y = _place(data, loads2, columns2, load)
    return took, _value(data, first, rows2, columns2, i, x, j, y)


@njit(cache=True)
def net_loads(kind, pin_first, pin_net, inputs, pin_of, pin_loads, wire, extra, load):
    """Load of every net per edge: its sinks' pins, wire for each sink, and ``extra``."""
    load[:] = extra
    for g in range(len(kind)):
        c = kind[g]
        for k in range(inputs[c]):
            net = pin_net[pin_first[g] + k]
            for edge in range(2):
                load[net, edge] += pin_loads[pin_of[c] + k, edge] + wire


@njit(cache=True)
def slopes(tables, data, table, slew, load):
    """A table's derivatives by slew and by load."""
    first, rows, columns, slews, loads = tables[table]
    i, x = _place(data, slews, rows, slew)
    j, y = _place(data, loads, columns, load)
    at = first + i * columns + j
    by_slew = by_load = 0.0
    if columns > 1:
        width = data[loads + j + 1] - data[loads + j]
        by_load = (data[at + 1] - data[at]) / width
        if rows > 1:
            by_load += ((data[at + columns + 1] - data[at + columns]) / width - by_load) * x
    if rows > 1:
        height = data[slews + i + 1] - data[slews + i]
        by_slew = (data[at + columns] - data[at]) / height
        if columns > 1:
            by_slew += ((data[at + columns + 1] - data[at + 1]) / height - by_slew) * y
    return by_slew, by_load


@njit(cache=True)
def launch(nets, arcs, tables, data, clock_slew, load, arrival, slew, by_load, slew_by_load):
    """Arrivals and slews of ``nets`` as a flip-flop with ``arcs`` drives them, and how both grow
    with load."""
    for net in nets:
        arrival[net] = -NEVER
        slew[net] = 0.0
        for a in range(len(arcs)):
            after = arcs[a, 3]
            took, edge = both(tables, data, arcs[a, 4], arcs[a, 5], clock_slew, load[net, after])
            if took > arrival[net, after]:
                arrival[net, after] = took
                by_load[net, after] = slopes(tables, data, arcs[a, 4], clock_slew,
                                             load[net, after])[1]
            if edge > slew[net, after]:
                slew[net, after] = edge
                slew_by_load[net, after] = slopes(tables, data, arcs[a, 5], clock_slew,
                                                  load[net, after])[1]


@njit(cache=True)
def forwards(order, kind, pin_first, pin_net, arc_of, arcs, tables, data, load, arrival, slew,
             steepest, delay_first, delay):
    """Arrivals and slews of all nets that instances drive, every arc's delay, and by ``steepest``
    the row of ``arcs`` that a net's slew comes from."""
    for g in order:
        c = kind[g]
        base = pin_first[g]
        for a in range(arc_of[c], arc_of[c + 1]):
            out = pin_net[base + arcs[a, 2]]
            if out >= 0:
                arrival[out, arcs[a, 3]] = -NEVER
                slew[out, arcs[a, 3]] = 0.0
        for a in range(arc_of[c], arc_of[c + 1]):
            source, out = pin_net[base + arcs[a, 0]], pin_net[base + arcs[a, 2]]
            before, after = arcs[a, 1], arcs[a, 3]
            begin = arrival[source, before]
            if out < 0 or begin <= -NEVER:
                continue
            took, edge = both(tables, data, arcs[a, 4], arcs[a, 5], slew[source, before],
                              load[out, after])
            delay[delay_first[g] + a - arc_of[c]] = took
            if begin + took > arrival[out, after]:
                arrival[out, after] = begin + took
            if edge > slew[out, after]:
                slew[out, after] = edge
                steepest[out, after] = a


@njit(cache=True)
def backwards(order, kind, pin_first, pin_net, arc_of, arcs, arrival, delay_first, delay,
              required):
    """Required times; those of the ends must be set before."""
    for n in range(len(order) - 1, -1, -1):
        g = order[n]
        c = kind[g]
        base = pin_first[g]
        for a in range(arc_of[c], arc_of[c + 1]):
            source, out = pin_net[base + arcs[a, 0]], pin_net[base + arcs[a, 2]]
            before = arcs[a, 1]
            if out < 0 or arrival[source, before] <= -NEVER:
                continue
            latest = required[out, arcs[a, 3]] - delay[delay_first[g] + a - arc_of[c]]
            if latest < required[source, before]:
                required[source, before] = latest


@njit(cache=True)
def ends(kind, pin_first, pin_net, check_of, checks, tables, data, clock_slew, arrival, slew,
         period, required):
    """Required times at setup checks for ``period``; returns the shortest period they allow."""
    shortest = 0.0
    for g in range(len(kind)):
        c = kind[g]
        for k in range(check_of[c], check_of[c + 1]):
            net, edge = pin_net[pin_first[g] + checks[k, 0]], checks[k, 1]
            if arrival[net, edge] <= -NEVER:
                continue
            setup = lookup(tables, data, checks[k, 2], slew[net, edge], clock_slew)
            shortest = max(shortest, arrival[net, edge] + setup)
            required[net, edge] = min(required[net, edge], period - setup)
    return shortest


@njit(cache=True)
def levelise(kind, pin_first, pin_net, inputs, starts, drivers):
    """Order of instances in which every one comes after its drivers, and how many were placed.

    ``starts``: instances whose outputs do not wait for their inputs. ``drivers``: instance that
    drives each net, or -1.
    """
    count = len(kind)
    waits = np.zeros(count, np.int64)
    fanout = np.zeros(count + 1, np.int64)
    for g in range(count):
        if starts[g]:
            continue
        for k in range(inputs[kind[g]]):
            driver = drivers[pin_net[pin_first[g] + k]]
            if driver >= 0:
                waits[g] += 1
                fanout[driver + 1] += 1
    first = np.cumsum(fanout)
    at = first[:-1].copy()
    sinks = np.empty(first[-1], np.int64)
    for g in range(count):
        if starts[g]:
            continue
        for k in range(inputs[kind[g]]):
            driver = drivers[pin_net[pin_first[g] + k]]
            if driver >= 0:
                sinks[at[driver]] = g
                at[driver] += 1
    order = np.empty(count, np.int64)
    placed = 0
    for turn in range(2):
        for g in range(count):
            if waits[g] == 0 and starts[g] == (turn == 0):
                order[placed] = g
                placed += 1
    done = 0
    while done < placed:
        g = order[done]
        done += 1
        for k in range(first[g], first[g + 1]):
            sink = sinks[k]
            waits[sink] -= 1
            if waits[sink] == 0:
                order[placed] = sink
                placed += 1
    return order, placed
