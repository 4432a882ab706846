"""Which samples are drawn: missing ones break the line, and no more points than a reader can see."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from .shapes import Chart, Gap, Line, print_length

if TYPE_CHECKING:
    from .shapes import Numbers

MOST_POINTS = 400
LATE = 1.5  # steps between two samples from which one counts as missing
SHORT_GAP = 0.03  # of the axis: what lasts less leaves no room for a hatch and its label


def find_samples(line: Line, start_ms: int, end_ms: int) -> tuple[Numbers, Numbers]:
    """The finite samples inside the axis, both ends included: times (int64) and values (float64, below 1e100)."""
    import numpy as np

    times = np.asarray(line.times_ms, dtype=np.int64)
    values = np.asarray(line.values, dtype=np.float64)
    if len(times) != len(values):
        raise ValueError(f"{line.label}: {len(times)} times but {len(values)} values")
    kept = (np.abs(values) < 1e100) & (times >= start_ms) & (times <= end_ms)
    return times[kept], values[kept]


def find_gaps(chart: Chart) -> tuple[Gap, ...]:
    """
    Stretches without a sample of `now` that are long enough to see; shorter ones only break the line.

    A sample stands for the step before it. At the two ends a single missing one says nothing: where the first or last
    sample stands depends on who made the series.
    """
    if chart.gaps is not None:
        return chart.gaps
    step = chart.now.step_ms
    start = chart.start_ms if chart.since_ms is None else max(chart.since_ms, chart.start_ms)
    end = chart.end_ms if chart.until_ms is None else min(chart.until_ms, chart.end_ms)
    times, _ = find_samples(chart.now, start, end)
    if chart.kind == "history":
        days = pairwise([start, *times.tolist(), end])
        return tuple(_name_days(before, after, step) for before, after in days if after - before > LATE * step)
    least = SHORT_GAP * (chart.end_ms - chart.start_ms)
    stretches = list(pairwise([start, *times.tolist(), end + step]))
    ends = (0, len(stretches) - 1)
    return tuple(
        Gap(start_ms=before, end_ms=after - step, label=f"no data {print_length(after - step - before)}")
        for i, (before, after) in enumerate(stretches)
        if after - step - before > max(least, step if i in ends else step / 2)
    )


def _name_days(before: int, after: int, day: int) -> Gap:
    """Missing days, half a day to each side of them."""
    days = round((after - before) / day) - 1
    label = "no data" if days == 1 else f"no data {days} days"
    return Gap(start_ms=before + day // 2, end_ms=after - day // 2, label=label)


def thin(times: Numbers, values: Numbers, step_ms: int, most: int = MOST_POINTS) -> tuple[Numbers, Numbers]:
    """
    At most `most` samples (first, last, and the lowest and highest of equal slices of time), NaN where the line breaks.

    Each side of a break keeps its own extremes, unless the breaks are so many that the points would not be few.
    """
    import numpy as np

    if len(times) == 0:
        return times, values
    runs = np.concatenate(([0], np.cumsum(np.diff(times) > LATE * step_ms)))
    kept = np.arange(len(times))
    if len(times) > most:
        whole = most // 2 - 1
        room = whole - 2 * int(runs[-1] + 1)
        slices = (times - times[0]) * (room if room > whole // 2 else whole) // (times[-1] - times[0] + 1)
        kept = _extremes(values, slices * (runs[-1] + 1) + runs if room > whole // 2 else slices)
    return _break(times[kept], values[kept], runs[kept])


def _extremes(values: Numbers, groups: Numbers) -> Numbers:
    """Indexes of the lowest and highest value of each group, and of the first and last sample; groups ascend."""
    import numpy as np

    order = np.lexsort((values, groups))
    edges = np.flatnonzero(np.diff(groups[order]))
    lowest = order[np.concatenate(([0], edges + 1))]
    highest = order[np.concatenate((edges, [len(order) - 1]))]
    return np.unique(np.concatenate((lowest, highest, [0, len(values) - 1])))


def _break(times: Numbers, values: Numbers, runs: Numbers) -> tuple[Numbers, Numbers]:
    """NaN between two runs; a run of one sample is doubled, so that it is drawn as a dot and not lost."""
    import numpy as np

    parts = []
    for run in np.split(np.stack((times, values)).astype(float), np.flatnonzero(np.diff(runs)) + 1, axis=1):
        parts += [run, run] if run.shape[1] == 1 else [run]
        parts.append(np.array([[run[0, -1]], [np.nan]]))
    times, values = np.concatenate(parts[:-1], axis=1)
    return times, values
