"""
What of a window was observed: samples found and expected, the share of time seen, gaps, resets.

Who is expected. A series that has a row before the window and one in or after it is expected all along. One that
first appears inside the window, while others of the metric were there at its start, is new (a new pod, a first
error): nothing is missing before it appeared, and it takes the place of one that ended within a quarter of an hour
of that. One that ended without such a successor is missed until the end of the window. What ended before the window
or began after it is not expected: that it is gone is a finding, not a gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..model import Coverage, Gap, Samples, Series, Turn
from ..times import Window, from_ms, to_ms
from .prepared import FRESH, Prepared, ready

SUCCESSION_MS = 15 * 60_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Span:
    """
    What one series has inside a window: the increments (counters) or rows (gauges) after row `low`, up to row `high`.

    first_ms, last_ms: of the rows it was seen at. head_ms, tail_ms, gap_ms: time at the window's edges and between
    rows that no row speaks for; lost: rows missing there between rows. born, ended: there is no row before the
    window's start, or none after the last one here.
    """

    rows: Prepared
    low: int
    high: int
    first_ms: int
    last_ms: int
    head_ms: int = 0
    tail_ms: int = 0
    gap_ms: int = 0
    lost: int = 0
    born: bool = False
    ended: bool = False

    @property
    def found(self) -> int:
        return self.high - self.low

    @property
    def step_ms(self) -> int:
        return max(1, int(self.rows.steps[self.high]))


def spans(samples: Samples, window: Window) -> list[Span]:
    """Of each series that is expected inside the window what it has there."""
    of = _rows if samples.kind == "gauge" else _increments
    start, end = window.start_ms, window.end_ms
    found = (of(rows, start, end) for rows in ready(samples) if len(rows.times))
    return [one for one in found if one is not None]


def _increments(rows: Prepared, start: int, end: int) -> Span | None:
    """From the state at the start (else the first row inside) to the state at the end."""
    low, high = int(rows.state(start)), int(rows.state(end))
    ended = high == len(rows.times) - 1
    born, fresh = low < 0, bool(rows.fresh(low, start))
    if high < 0 or (ended and high == low and not fresh):
        return None
    if high == low and not fresh:
        return _unseen(rows, high, start, end)
    low += not fresh
    first, last = int(rows.times[low]), int(rows.times[high])
    gap = int(rows.gap_ms[high] - rows.gap_ms[low])
    if high > low and rows.gap_ms[low + 1] > rows.gap_ms[low]:
        gap -= max(0, start - first)
    return Span(
        rows=rows,
        low=low,
        high=high,
        first_ms=first,
        last_ms=last,
        head_ms=max(0, first - start),
        tail_ms=0 if rows.fresh(high, end) else end - max(start, last),
        gap_ms=gap,
        lost=int(rows.lost[high] - rows.lost[low]),
        born=born and bool(first - start > FRESH * rows.steps[low]),
        ended=ended,
    )


def _rows(rows: Prepared, start: int, end: int) -> Span | None:
    """Rows with start <= t < end; each speaks for one step."""
    low, high = (int(place) - 1 for place in np.searchsorted(rows.times, [start, end], side="left"))
    if low == high:
        return _unseen(rows, high, start, end) if 0 <= high < len(rows.times) - 1 else None
    first, last = int(rows.times[low + 1]), int(rows.times[high])
    lost = int(rows.lost[high] - rows.lost[low + 1])
    step = int(rows.steps[high])
    late = bool(first - start > FRESH * rows.steps[low + 1])
    return Span(
        rows=rows,
        low=low,
        high=high,
        first_ms=first,
        last_ms=last,
        head_ms=first - start if late else 0,
        tail_ms=0 if rows.fresh(high, end) else end - last - step,
        gap_ms=lost * step,
        lost=lost,
        born=low < 0 and late,
        ended=high == len(rows.times) - 1,
    )


def _unseen(rows: Prepared, row: int, start: int, end: int) -> Span:
    """A series with rows before and after the window and none inside."""
    return Span(rows=rows, low=row, high=row, first_ms=start, last_ms=end, head_ms=end - start)


def coverage(many: Sequence[Span], window: Window) -> Coverage:
    """Samples found and expected, and the share of the expected time that they speak for."""
    length = window.end_ms - window.start_ms
    some_at_start = any(not one.born for one in many)
    births = sorted(one.first_ms for one in many if one.born)
    found = expected = seen_ms = expected_ms = 0
    for one in sorted(many, key=lambda one: one.last_ms):
        head, tail, life = one.head_ms, one.tail_ms, length
        if one.born and some_at_start:
            head, life = 0, life - head
        if one.ended and tail and (heir := _successor(births, one.last_ms)) is not None:
            births.remove(heir)
            tail = min(max(0, heir - one.last_ms), one.tail_ms)
            life -= one.tail_ms - tail
        found += one.found
        expected += one.found + one.lost + round(head / one.step_ms) + tail // one.step_ms
        seen_ms += life - head - tail - one.gap_ms
        expected_ms += life
    return Coverage(found=found, expected=expected, seen=max(0, seen_ms) / expected_ms if expected_ms > 0 else 0.0)


def _successor(births: list[int], ended_ms: int) -> int | None:
    return next((birth for birth in births if abs(birth - ended_ms) <= SUCCESSION_MS), None)


def gaps(samples: Samples, window: Window) -> list[Gap]:
    """
    Where a series has no samples for longer than one and a half of its steps, cut to the window, by time.

    A change of step is no gap. Before its first and after its last row a series has begins and ends, not gaps
    (see resets), unless no other series of the metric was there either.
    """
    start, end = window.start_ms, window.end_ms
    found = []
    pairs = _with_rows(samples)
    first = min((int(rows.times[0]) for _, rows in pairs), default=end)
    last = max((int(rows.times[-1]) for _, rows in pairs), default=start)
    for series, rows in pairs:
        places = np.flatnonzero(np.diff(rows.gap_ms) > 0)
        stretches = [(int(rows.times[place]), int(rows.times[place + 1])) for place in places]
        if first - start > FRESH * rows.steps[0] and rows.times[0] == first:
            stretches.insert(0, (start, first))
        if end - last > FRESH * rows.steps[-1] and rows.times[-1] == last:
            stretches.append((last, end))
        inside = ((max(low, start), min(high, end)) for low, high in stretches)
        parts = [(from_ms(low), from_ms(high)) for low, high in inside if low < high]
        found += [Gap(metric=samples.name, start=low, end=high, labels=series.key) for low, high in parts]
    return sorted(found, key=lambda gap: (gap.start, gap.labels))


def _with_rows(samples: Samples) -> list[tuple[Series, Prepared]]:
    return [(series, rows) for series, rows in zip(samples.series, ready(samples), strict=True) if len(rows.times)]


def resets(samples: Samples, window: Window) -> list[Turn]:
    """
    Counter resets (at the first row after), and series that begin or end, with start < t <= end, by time.

    A series begins where it has no row before and another one, or the window, is older; it ends where it has no row
    after although the window, or another series, goes on. Of a gauge only begins and ends mean something.
    """
    start, end = window.start_ms, window.end_ms
    found = []
    for series, rows in _with_rows(samples):
        turns = [(row, "reset") for row in rows.drops] if samples.kind != "gauge" else []
        if rows.times[0] - start > FRESH * rows.steps[0]:
            turns.append((0, "begins"))
        if end - rows.times[-1] > FRESH * rows.steps[-1]:
            turns.append((len(rows.times) - 1, "ends"))
        for row, kind in turns:
            since, at = (from_ms(rows.times[place]) for place in (max(0, row - 1), row))
            if start < to_ms(at) <= end:
                turn = Turn(metric=samples.name, since=since, at=at, kind=kind, labels=series.key)  # type: ignore[arg-type]
                found.append(turn)
    return sorted(found, key=lambda turn: (turn.at, turn.kind, turn.labels))
