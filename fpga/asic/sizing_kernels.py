# SPDX-License-Identifier: Apache-2.0
"""Kernels of sizing: what a picosecond is worth where, and the moves that this price suggests.

Timing is priced by a flow: each end of a path asks for an amount that grows with its lack of
slack, and the flow runs backwards through the arcs, most of it through the latest ones. It is the
gradient of a smooth maximum of all paths' delays, in um² per ps, so that a change's worth is the
sum of (flow x change of delay) plus its area.
"""

import numpy as np
from numba import njit

from .timing_kernels import NEVER, both, slopes

__all__ = ["buffer_moves", "removals", "resize", "swap_pins", "weigh"]

MAX_SLOTS, MAX_OUTPUTS = 512, 8
WAYS = (1, 2, 3, 4, 6, 8)


@njit(cache=True)
def weigh(order, kind, pin_first, pin_net, inputs, arc_of, arcs, tables, data, arrival, slew, load,
          steepest, delay_first, delay, tau, flow, arc_flow, pin_flow, pin_slope, per_slew,
          per_load):
    """Prices: ``flow`` [nets, 2] holds what the ends ask for and gets all else; per arc and per
    pin; ``per_slew`` and ``per_load`` [nets, 2] of a net's slew and of load on it;
    ``pin_slope`` [pins, 2] is each sink's part of ``per_slew``."""
    total = np.zeros(2 * (pin_first[1:] - pin_first[:-1]).max())
    pin_flow[:] = 0.0
    pin_slope[:] = 0.0
    per_slew[:] = 0.0
    per_load[:] = 0.0
    arc_flow[:] = 0.0
    for n in range(len(order) - 1, -1, -1):
        g = order[n]
        c = kind[g]
        base, shift = pin_first[g], delay_first[g] - arc_of[c]
        total[:] = 0.0
        for a in range(arc_of[c], arc_of[c + 1]):
            pin, before, to, after = arcs[a, 0], arcs[a, 1], arcs[a, 2], arcs[a, 3]
            source, out = pin_net[base + pin], pin_net[base + to]
            if out < 0 or arrival[source, before] <= -NEVER or flow[out, after] <= 0.0:
                continue
            late = arrival[out, after] - arrival[source, before] - delay[shift + a]
            if late < 12.0 * tau:
                total[2 * (to - inputs[c]) + after] += np.exp(-late / tau)
        for a in range(arc_of[c], arc_of[c + 1]):
            pin, before, to, after = arcs[a, 0], arcs[a, 1], arcs[a, 2], arcs[a, 3]
            source, out = pin_net[base + pin], pin_net[base + to]
            if out < 0 or arrival[source, before] <= -NEVER or flow[out, after] <= 0.0:
                continue
            late = arrival[out, after] - arrival[source, before] - delay[shift + a]
            if late < 12.0 * tau:
                part = flow[out, after] * np.exp(-late / tau) / total[2 * (to - inputs[c]) + after]
                arc_flow[shift + a] = part
                flow[source, before] += part
                pin_flow[base + pin, before] += part
                by_slew, by_load = slopes(tables, data, arcs[a, 4], slew[source, before],
                                           load[out, after])
                per_load[out, after] += part * by_load
                pin_slope[base + pin, before] += part * by_slew
                per_slew[source, before] += part * by_slew
            if steepest[out, after] == a and per_slew[out, after] > 0.0:
                by_slew, by_load = slopes(tables, data, arcs[a, 5], slew[source, before],
                                           load[out, after])
                per_load[out, after] += per_slew[out, after] * by_load
                pin_slope[base + pin, before] += per_slew[out, after] * by_slew
                per_slew[source, before] += per_slew[out, after] * by_slew


@njit(cache=True)
def resize(order, kind, pin_first, pin_net, inputs, area, pin_of, pin_loads, limits, arc_of,
           arcs, tables, data, arrival, slew, load, max_slew, delay_first, arc_flow, per_slew,
           per_load, first, size, members, hold):
    """Exchange cells for those of their family that cost least; returns how many changed.

    ``hold``: what a change must gain, as a part of the cell's area. Loads are kept up to date.
    """
    flows = np.zeros(MAX_SLOTS)
    worst = np.zeros(MAX_SLOTS)
    slews = np.zeros(2 * MAX_OUTPUTS)
    changed = 0
    flow_of = kind.copy()  # arc_flow belongs to the cells as they were
    for n in range(len(order) - 1, -1, -1):
        g = order[n]
        now = kind[g]
        count = size[now]
        if count < 2:
            continue
        base, pins = pin_first[g], inputs[now]
        outs = pin_first[g + 1] - base - pins
        slots = pins * outs * 4
        if slots > MAX_SLOTS or outs > MAX_OUTPUTS:
            continue
        flows[:slots] = 0.0
        c = flow_of[g]
        for a in range(arc_of[c], arc_of[c + 1]):
            slot = ((arcs[a, 0] * outs + arcs[a, 2] - pins) * 2 + arcs[a, 1]) * 2 + arcs[a, 3]
            flows[slot] += arc_flow[delay_first[g] + a - arc_of[c]]
        best, least, kept = -1, np.inf, np.inf
        steep, steepness = now, np.inf
        for m in range(first[now], first[now] + count):
            c = members[m]
            cost, legal = area[c], True
            worst[:slots] = 0.0
            slews[:2 * outs] = 0.0
            for j in range(outs):
                out = pin_net[base + pins + j]
                if out >= 0 and max(load[out, 0], load[out, 1]) > limits[pin_of[c] + pins + j]:
                    legal = False
            for a in range(arc_of[c], arc_of[c + 1]):
                source, out = pin_net[base + arcs[a, 0]], pin_net[base + arcs[a, 2]]
                if out < 0 or arrival[source, arcs[a, 1]] <= -NEVER:
                    continue
                after = arcs[a, 3]
                took, edge = both(tables, data, arcs[a, 4], arcs[a, 5], slew[source, arcs[a, 1]],
                                  load[out, after])
                slot = ((arcs[a, 0] * outs + arcs[a, 2] - pins) * 2 + arcs[a, 1]) * 2 + after
                worst[slot] = max(worst[slot], took)
                at = 2 * (arcs[a, 2] - pins) + after
                slews[at] = max(slews[at], edge)
            for slot in range(slots):
                cost += flows[slot] * worst[slot]
            for j in range(outs):
                out = pin_net[base + pins + j]
                if out >= 0:
                    for edge in range(2):
                        cost += per_slew[out, edge] * slews[2 * j + edge]
                        legal = legal and slews[2 * j + edge] <= max_slew
            for k in range(pins):
                net = pin_net[base + k]
                for edge in range(2):
                    cost += per_load[net, edge] * pin_loads[pin_of[c] + k, edge]
            if c == now:
                kept = cost if legal else np.inf
            if slews[:2 * outs].max() < steepness:
                steep, steepness = c, slews[:2 * outs].max()
            if legal and cost < least:
                best, least = c, cost
        if best < 0:
            best = steep
        if best != now and (least < kept - hold * area[now] or kept == np.inf):
            kind[g] = best
            changed += 1
            for k in range(pins):
                net = pin_net[base + k]
                for edge in range(2):
                    load[net, edge] += (pin_loads[pin_of[best] + k, edge]
                                        - pin_loads[pin_of[now] + k, edge])
    return changed


@njit(cache=True)
def swap_pins(order, kind, pin_first, pin_net, pin_of, pin_loads, arc_of, arcs, tables, data,
              arrival, slew, load, delay_first, arc_flow, per_load, swap_of, swaps, least):
    """Let equal inputs change places where that gains more than ``least``; returns how many did.

    A gate is looked at once per call, since its prices hold for its present places.
    """
    changed = 0
    for g in order:
        c = kind[g]
        base = pin_first[g]
        best, gain = -1, least
        for s in range(swap_of[c], swap_of[c + 1]):
            one, two = swaps[s]
            first, second = pin_net[base + one], pin_net[base + two]
            if first == second:
                continue
            change = 0.0
            for a in range(arc_of[c], arc_of[c + 1]):
                pin = arcs[a, 0]
                if pin != one and pin != two:
                    continue
                flow = arc_flow[delay_first[g] + a - arc_of[c]]
                if flow <= 0.0:
                    continue
                # the same net through the other pin: the arc of equal edges and output
                source, out = pin_net[base + pin], pin_net[base + arcs[a, 2]]
                other = two if pin == one else one
                here, there = 0.0, 0.0
                for b in range(arc_of[c], arc_of[c + 1]):
                    if arcs[b, 1] == arcs[a, 1] and arcs[b, 2] == arcs[a, 2] and \
                            arcs[b, 3] == arcs[a, 3] and (arcs[b, 0] == pin
                                                          or arcs[b, 0] == other):
                        took, _ = both(tables, data, arcs[b, 4], arcs[b, 5],
                                       slew[source, arcs[a, 1]], load[out, arcs[a, 3]])
                        if arcs[b, 0] == pin:
                            here = max(here, took)
                        else:
                            there = max(there, took)
                change += flow * (there - here)
            for edge in range(2):
                more = pin_loads[pin_of[c] + two, edge] - pin_loads[pin_of[c] + one, edge]
                change += (per_load[first, edge] - per_load[second, edge]) * more
            if -change > gain:
                best, gain = s, -change
        if best >= 0:
            one, two = swaps[best]
            first, second = pin_net[base + one], pin_net[base + two]
            pin_net[base + one], pin_net[base + two] = second, first
            for edge in range(2):
                more = pin_loads[pin_of[c] + two, edge] - pin_loads[pin_of[c] + one, edge]
                load[first, edge] += more
                load[second, edge] -= more
            changed += 1
    return changed


@njit(cache=True)
def _buffer(c, arc_of, arcs, tables, data, slew, load, took, edge):
    """Delays and slews of a buffer per edge."""
    took[:] = 0.0
    edge[:] = 0.0
    for a in range(arc_of[c], arc_of[c + 1]):
        after = arcs[a, 3]
        delay, out = both(tables, data, arcs[a, 4], arcs[a, 5], slew[arcs[a, 1]], load[after])
        took[after] = max(took[after], delay)
        edge[after] = max(edge[after], out)


@njit(cache=True)
def buffer_moves(nets, sink_first, sinks, pin_cap, slew, load, most, max_slew, pin_flow,
                 pin_slope, per_load, buffers, pin_of, pin_loads, limits, area, arc_of, arcs,
                 tables, data, hold):
    """For each of ``nets`` the best buffers in front of some of its sinks.

    Returns per net the gain, the buffer's number, how many sinks go behind buffers and how many
    buffers share them: the first so many of ``sinks`` (rows ``sink_first[n]`` to
    ``sink_first[n + 1]``), which are put in the order of their flow per capacitance. ``most``:
    load that the driver may have; beyond it or ``max_slew``, any buffer is a gain.
    """
    gains = np.full(len(nets), -np.inf)
    which = np.full(len(nets), -1)
    counts, ways = np.zeros(len(nets), np.int64), np.zeros(len(nets), np.int64)
    took, edge, moved, part = np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2)
    flow, slope = np.zeros(2), np.zeros(2)
    for i in range(len(nets)):
        n = nets[i]
        low, high = sink_first[n], sink_first[n + 1]
        count = high - low
        keys = np.empty(count)
        for k in range(count):
            pin = sinks[low + k]
            keys[k] = (pin_flow[pin, 0] + pin_flow[pin, 1]) / (
                pin_cap[pin, 0] + pin_cap[pin, 1] + 1e-9)
        places = np.argsort(keys, kind="mergesort")
        sinks[low:high] = sinks[low:high][places]
        broken = max(load[n, 0], load[n, 1]) > most[n] or max(slew[n, 0], slew[n, 1]) > max_slew
        for b in buffers:
            own = max(pin_loads[pin_of[b], 0], pin_loads[pin_of[b], 1])
            moved[:] = 0.0
            flow[:] = 0.0
            slope[:] = 0.0
            for k in range(count):
                pin = sinks[low + k]
                for e in range(2):
                    moved[e] += pin_cap[pin, e]
                    flow[e] += pin_flow[pin, e]
                    slope[e] += pin_slope[pin, e]
                if k < count - 1 and count > 12 and (k + 1) % (count // 6) and (
                        k % 2 or count > 24):
                    continue
                for m in WAYS:
                    if m > 1 and (k + 1 < 2 * m or (count > 12 and (k + 1) % (count // 6)
                                                    and k < count - 1)):
                        break
                    part[:] = moved / m
                    if max(part[0], part[1]) <= own:
                        break
                    if max(part[0], part[1]) > limits[pin_of[b] + 1]:
                        continue
                    gain = -area[b] * m * (1.0 + hold)
                    for e in range(2):
                        gain += per_load[n, e] * (moved[e] - m * pin_loads[pin_of[b], e])
                    if gain <= gains[i] and not broken:
                        continue
                    _buffer(b, arc_of, arcs, tables, data, slew[n], part, took, edge)
                    for e in range(2):
                        gain -= flow[e] * took[e] + slope[e] * (edge[e] - slew[n, e])
                    if broken:
                        if max(edge[0], edge[1]) > max_slew:
                            continue
                        gain += max(moved[0], moved[1]) - m * own
                    if gain > gains[i]:
                        gains[i], which[i], counts[i], ways[i] = gain, b, k + 1, m
    return gains, which, counts, ways


@njit(cache=True)
def removals(found, kind, pin_first, pin_net, pin_of, pin_loads, slew, load, drive, max_slew,
             flow, per_slew, per_load, area, arc_of, arcs, tables, data, hold):
    """Gain of each buffer in ``found`` if its sinks joined the net before it."""
    gains = np.full(len(found), -np.inf)
    took, edge = np.zeros(2), np.zeros(2)
    for i in range(len(found)):
        g = found[i]
        b = kind[g]
        before, after = pin_net[pin_first[g]], pin_net[pin_first[g] + 1]
        _buffer(b, arc_of, arcs, tables, data, slew[before], load[after], took, edge)
        gain = area[b] * (1.0 - hold)
        legal = True
        for e in range(2):
            more = load[after, e] - pin_loads[pin_of[b], e]
            legal = legal and load[before, e] + more <= drive[before]
            ratio = (load[before, e] + more) / max(load[before, e], 1e-9)
            legal = legal and slew[before, e] * max(ratio, 1.0) <= max_slew
            gain -= per_load[before, e] * more
            gain += flow[after, e] * took[e] + per_slew[after, e] * (edge[e] - slew[before, e])
        if legal:
            gains[i] = gain
    return gains
