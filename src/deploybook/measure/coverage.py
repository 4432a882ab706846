"""
What of a window was observed: samples found and expected, the share of time seen, gaps, resets.

Who is expected. A series that has a row before the window and one in or after it is expected all along. One that first appears
inside the window, while others of the metric were there at its start, is new (a new pod, a first error): nothing
is missing before it appeared, and it takes the place of one that ended within a quarter of an hour of that. One
that ended without such a successor is missed until the end of the window. What ended before the window or began
after it is not expected: that it is gone is a finding, not a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from ..model import Coverage, Samples
from ..times import Window, from_ms
from .prepared import FRESH, Prepared, prepared

SUCCESSION_MS = 15 * 60_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """
    The increments of one series inside a window: after row `low`, up to row `high`; none where they are equal.

    head_ms, tail_ms: time at the window's edges that no row speaks for. born, ended: the series has no row before
    the window's start, or none after its last one here.
    """

    rows: Prepared
    low: int
    high: int
    head_ms: int
    tail_ms: int
    gap_ms: int
    lost: int
    born: bool
    ended: bool

    @property
    def found(self) -> int:
        return self.high - self.low


def span(rows: Prepared, start_ms: int, end_ms: int) -> Span | None:
    """The increments of a counter inside a window; None where the series is not expected in it at all."""
    high = rows.state(end_ms)
    low = rows.state(start_ms)
    ended = high == len(rows.times) - 1
    if high < 0 or (ended and high == low and not rows.fresh(low, start_ms)):
        return None
    head = 0
    born = low < 0
    if not rows.fresh(low, start_ms):
        low += 1
        if low > high:  # rows before and after, none inside: all of the window is a gap
            whole = end_ms - start_ms
            lost = max(1, round(whole / max(int(rows.steps[high]), 1)))
            return Span(
                rows=rows, low=high, high=high, head_ms=whole, tail_ms=0, gap_ms=0, lost=lost, born=False, ended=False
            )
        head = int(rows.times[low]) - start_ms
    tail = 0 if rows.fresh(high, end_ms) else end_ms - max(start_ms, int(rows.times[high]))
    gap = int(rows.gap_ms[high] - rows.gap_ms[low])
    if high > low and rows.gap_ms[low + 1] > rows.gap_ms[low]:
        gap -= max(0, start_ms - int(rows.times[low]))
    lost = int(rows.lost[high] - rows.lost[low])
    return Span(
        rows=rows, low=low, high=high, head_ms=head, tail_ms=tail, gap_ms=gap, lost=lost, born=born, ended=ended
    )


def spans(samples: Samples, window: Window) -> list[Span]:
    found = (span(prepared(series), window.start_ms, window.end_ms) for series in samples.series)
    return [one for one in found if one is not None]


def coverage(many: Sequence[Span], window: Window) -> Coverage:
    """Increments found and expected, and the share of the expected time that they speak for."""
    length = window.end_ms - window.start_ms
    lone_start = not any(not one.born for one in many)
    births = sorted(int(one.rows.times[one.low]) for one in many if one.born)
    found = expected = 0
    seen_ms = expected_ms = 0
    for one in sorted(many, key=lambda one: int(one.rows.times[one.high])):
        head = one.head_ms if not one.born or lone_start else 0
        tail, life = one.tail_ms, length - (one.head_ms - head)
        if one.ended and tail and (heir := _successor(births, int(one.rows.times[one.high]))) is not None:
            births.remove(heir)
            kept = min(max(0, heir - int(one.rows.times[one.high])), tail)
            life, tail = life - (tail - kept), kept
        step = max(1, int(one.rows.steps[one.high]))
        missing = one.lost if one.head_ms == length else one.lost + round(head / step) + tail // step
        found += one.found
        expected += one.found + missing
        seen_ms += life - head - tail - one.gap_ms
        expected_ms += life
    return Coverage(found=found, expected=expected, seen=seen_ms / expected_ms if expected_ms > 0 else 0.0)


def _successor(births: list[int], ended_ms: int) -> int | None:
    return next((birth for birth in births if abs(birth - ended_ms) <= SUCCESSION_MS), None)


def coverage_of_rows(samples: Samples, window: Window) -> Coverage:
    """The same for gauges: rows with start <= t < end; a row speaks for one step, or up to the next row in time."""
    found = expected = 0
    seen: list[float] = []
    length = window.end_ms - window.start_ms
    for series in samples.series:
        rows = prepared(series)
        low, high = np.searchsorted(rows.times, [window.start_ms, window.end_ms], side="left")
        step = max(1, int(np.median(rows.steps[low:high]))) if high > low else 0
        if not step:
            if 0 < low < len(rows.times):
                expected, seen = expected + max(1, round(length / max(int(rows.steps[low]), 1))), [*seen, 0.0]
            continue
        edges = np.concatenate([[window.start_ms - step], rows.times[low:high], [window.end_ms]])
        limits = FRESH * np.concatenate([rows.steps[low:high], rows.steps[high - 1 : high]])
        between = np.diff(edges)
        unseen = np.where(between > limits, between - limits / FRESH, 0.0)
        found += int(high - low)
        expected += int(high - low) + int(np.rint(unseen / (limits / FRESH)).sum())
        seen.append(1 - float(unseen.sum()) / length)
    return Coverage(found=found, expected=expected, seen=max(0.0, float(np.mean(seen))) if seen else 0.0)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stretch in which a series that was there before and after, or should have been, has no samples."""

    start: datetime
    end: datetime
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A counter that started again, or a series that begins or ends inside a window, all its rows considered."""

    at: datetime
    kind: Literal["reset", "begins", "ends"]
    labels: tuple[tuple[str, str], ...]


def _sorted_labels(labels) -> tuple[tuple[str, str], ...]:  # type: ignore[no-untyped-def]
    return tuple(sorted(labels.items()))


def gaps(samples: Samples, window: Window) -> list[Gap]:
    """
    Where a series has no samples for longer than one and a half of its steps, cut to the window, by time.

    A change of step is no gap. Before its first and after its last row a series has begins and ends, not gaps
    (see resets), unless no other series of the metric was there either.
    """
    start, end = window.start_ms, window.end_ms
    found = []
    all_rows = [prepared(series) for series in samples.series]
    first = min((int(rows.times[0]) for rows in all_rows if len(rows.times)), default=end)
    last = max((int(rows.times[-1]) for rows in all_rows if len(rows.times)), default=start)
    for series, rows in zip(samples.series, all_rows, strict=True):
        if not len(rows.times):
            continue
        places = np.flatnonzero(np.diff(rows.gap_ms) > 0)
        stretches = [(int(rows.times[place]), int(rows.times[place + 1])) for place in places]
        if first - start > FRESH * rows.steps[0] and rows.times[0] == first:
            stretches.insert(0, (start, first))
        if end - last > FRESH * rows.steps[-1] and rows.times[-1] == last:
            stretches.append((last, end))
        found += [
            Gap(start=from_ms(max(low, start)), end=from_ms(min(high, end)), labels=_sorted_labels(series.labels))
            for low, high in stretches
            if low < end and high > start and max(low, start) < min(high, end)
        ]
    return sorted(found, key=lambda gap: (gap.start, gap.labels))


def resets(samples: Samples, window: Window) -> list[Turn]:
    """
    Counter resets (at the first row after), and series that begin or end, with start < t <= end, by time.

    A series begins where it has no row before and another one, or the window, is older; it ends where it has no row
    after although the window, or another series, goes on. Of a gauge only begins and ends mean something.
    """
    start, end = window.start_ms, window.end_ms
    found = []
    for series in samples.series:
        rows = prepared(series)
        if not len(rows.times):
            continue
        turns = [(int(rows.times[row]), "reset") for row in rows.drops] if samples.kind != "gauge" else []
        if rows.times[0] - start > FRESH * rows.steps[0]:
            turns.append((int(rows.times[0]), "begins"))
        if end - rows.times[-1] > FRESH * rows.steps[-1]:
            turns.append((int(rows.times[-1]), "ends"))
        found += [
            Turn(at=from_ms(at), kind=kind, labels=_sorted_labels(series.labels))  # type: ignore[arg-type]
            for at, kind in turns
            if start < at <= end
        ]
    return sorted(found, key=lambda turn: (turn.at, turn.kind, turn.labels))
