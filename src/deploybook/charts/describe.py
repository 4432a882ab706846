"""A chart in words and in a table, from the same numbers as the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .axis import STEPS, find_band
from .shapes import Chart, Limit, Table, clean, print_number, print_time, print_value, print_zone
from .thin import find_gaps, find_samples

if TYPE_CHECKING:
    from .shapes import Numbers

MOST_ROWS = 18


def describe(chart: Chart) -> str:
    """Median, extremes, limit, baseline, gaps, checkpoints and events, in sentences."""
    times, values = find_samples(chart.now, chart.start_ms, chart.end_ms)
    parts = [
        f"{_between(chart, chart.start_ms, chart.end_ms)} {print_zone(chart)}.",
        _describe_now(chart, times, values),
        *(_describe_limit(chart, limit, times, values) for limit in chart.limits),
        _describe_baseline(chart),
        _describe_tolerance(chart, values),
        *(f"{clean(gap.label)} from {_between(chart, gap.start_ms, gap.end_ms)}." for gap in find_gaps(chart)),
    ]
    if chart.until_ms is not None and chart.until_ms < chart.end_ms:
        parts.append(f"Not yet measured after {print_time(chart, chart.until_ms)}.")
    for point in chart.checkpoints:
        value = "no value" if point.value is None else _value(chart, point.value)
        parts.append(f"{clean(point.label)}: {value}, {clean(point.verdict)}.")
    events = [(m.at_ms, f"{print_time(chart, m.at_ms)} {clean(m.label)}") for m in chart.marks]
    events += [(s.start_ms, f"{_between(chart, s.start_ms, s.end_ms)} {clean(s.label)}") for s in chart.spans]
    if events:
        parts.append("Events: " + "; ".join(text for _, text in sorted(events)) + ".")
    return " ".join(part[0].upper() + part[1:] for part in parts if part)


def _between(chart: Chart, start: int, end: int) -> str:
    return f"{print_time(chart, start)} to {print_time(chart, end)}"


def _value(chart: Chart, value: float) -> str:
    return print_value(value, chart.unit, chart.decimals, sign=chart.kind == "variance")


def _describe_now(chart: Chart, times: Numbers, values: Numbers) -> str:
    """'22 Jan: median 58.4 ms, lowest ..., last 58.1 ms at 15:30; 67 samples, 23 missing between them.'"""
    import numpy as np

    name = clean(chart.now.label) or "Values"
    if len(values) == 0:
        return f"{name}: no data, 0 samples."
    named = {"lowest": int(np.argmin(values)), "highest": int(np.argmax(values)), "last": -1}
    said = ", ".join(
        f"{word} {_value(chart, values[at])} at {print_time(chart, int(times[at]))}" for word, at in named.items()
    )
    missing = int(np.sum(np.round(np.diff(times) / chart.now.step_ms) - 1)) if chart.now.step_ms else 0
    count = f"{len(times)} samples" + (f", {missing} missing between them" if missing > 0 else "")
    return f"{name}: median {_value(chart, float(np.median(values)))}, {said}; {count}."


def _describe_limit(chart: Chart, limit: Limit, times: Numbers, values: Numbers) -> str:
    outside = values > limit.value if limit.upper else values < limit.value
    said = f"{clean(limit.label)} (at {_value(chart, limit.value)}): "
    if not outside.any():
        return said + "no sample outside."
    first = print_time(chart, int(times[outside][0]))
    return f"{said}{int(outside.sum())} of {len(values)} samples outside, first at {first}."


def _describe_baseline(chart: Chart) -> str:
    import numpy as np

    if chart.baseline is None:
        return ""
    _, values = find_samples(chart.baseline, chart.start_ms, chart.end_ms)
    median = f"median {_value(chart, float(np.median(values)))}" if len(values) else "no data"
    return f"{clean(chart.baseline.label)}: {median}, {len(values)} samples."


def _describe_tolerance(chart: Chart, values: Numbers) -> str:
    band = find_band(chart)
    if band is None or chart.tolerance is None:
        return ""
    low, high = band
    outside = int(((values < low) | (values > high)).sum())
    share = print_number(100 * chart.tolerance, 0 if chart.tolerance * 100 % 1 < 1e-9 else 1)
    counted = f"{outside} of {len(values)} samples outside" if outside else "no sample outside"
    return f"Tolerance ±{share} %, {_value(chart, low)} to {_value(chart, high)}: {counted}."


def tabulate(chart: Chart) -> Table:
    """One row an interval, at most 18: median, lowest and highest of `now`, median of the baseline; "no data" if none."""
    import numpy as np

    def number(value: Any) -> str:
        return print_number(float(value), chart.decimals, sign=chart.kind == "variance")

    def inside(samples: tuple[Numbers, Numbers], start: int) -> Numbers:
        """The values of start < time <= start + step; of the first row those at its start too."""
        after = samples[0] >= start if start == chart.start_ms else samples[0] > start
        values: Numbers = samples[1][after & (samples[0] <= start + step)]
        return values

    unit = "" if chart.unit in ("", "1") else f" ({clean(chart.unit, 16)})"
    name, caption = clean(chart.now.label, 30) or "Value", clean(chart.title)
    if chart.kind == "history":
        pairs = zip(chart.now.times_ms.tolist(), chart.now.values.tolist(), strict=True)
        days = tuple((print_time(chart, ms), number(v) if np.isfinite(v) else "no data") for ms, v in pairs)
        return Table(caption=caption, columns=("Day", name + unit), rows=days)
    length = chart.end_ms - chart.start_ms
    step = next((s for s in STEPS if length / s <= MOST_ROWS), -(-length // MOST_ROWS))
    now, before = (
        find_samples(line, chart.start_ms, chart.end_ms) for line in (chart.now, chart.baseline or chart.now)
    )
    columns = [f"From ({print_zone(chart)})", f"{name}, median{unit}", "Lowest", "Highest"]
    columns += [f"{clean(chart.baseline.label, 30)}, median"] if chart.baseline else []
    rows = []
    for start in range(chart.start_ms, chart.end_ms, step):
        found, then = inside(now, start), inside(before, start)
        later = chart.until_ms is not None and start >= chart.until_ms
        cells = ["not yet measured" if later else "no data", "", ""]
        if len(found):
            cells = [number(np.median(found)), number(found.min()), number(found.max())]
        cells += [number(np.median(then)) if len(then) else "no data"] * bool(chart.baseline)
        rows.append((print_time(chart, start), *cells))
    return Table(caption=caption, columns=tuple(columns), rows=tuple(rows))
