"""What the two axes of a chart over time span, and where their ticks stand."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..times import from_ms
from .layout import ticks
from .shapes import MINUTE, Chart, Limit, covers_days, print_clock, print_day, print_number, print_value, print_zone
from .thin import find_samples

if TYPE_CHECKING:
    from .shapes import Numbers

HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEPS = tuple(n * MINUTE for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 4320, 10080))

Tick = tuple[int, str, str]  # when, its text, a second line


def find_band(chart: Chart) -> tuple[float, float] | None:
    """The lowest and highest value inside the tolerance."""
    import numpy as np

    if chart.tolerance is None:
        return None
    if chart.kind == "variance":
        return -100 * chart.tolerance, 100 * chart.tolerance
    middle = chart.baseline_value
    if middle is None and chart.baseline is not None:
        _, values = find_samples(chart.baseline, chart.start_ms, chart.end_ms)
        middle = float(np.median(values)) if len(values) else None
    return None if middle is None else (middle - abs(middle) * chart.tolerance, middle + abs(middle) * chart.tolerance)


def find_levels(chart: Chart) -> tuple[Limit, ...]:
    """The limits, and for a variance both sides of its tolerance."""
    if chart.kind != "variance" or not chart.tolerance:
        return chart.limits
    side = 100 * chart.tolerance
    decimals = 0 if abs(side - round(side)) < 1e-9 else 1
    return chart.limits + tuple(
        Limit(value=v, label=f"tolerance {print_value(v, '%', decimals, True)}", upper=v > 0) for v in (side, -side)
    )


def find_range(chart: Chart, values: Numbers, baseline: Numbers) -> tuple[float, float]:
    """
    Lowest and highest value of the axis: every sample, the band, every limit and checkpoint, and some room.

    At least a fifth of the typical value is spanned, so that noise does not look like movement; an axis that comes near
    zero starts there.
    """
    import numpy as np

    seen = [*values.tolist(), *baseline.tolist(), *(level.value for level in find_levels(chart))]
    seen += [point.value for point in chart.checkpoints if point.value is not None]
    seen += find_band(chart) or ()
    low, high = (min(seen), max(seen)) if seen else (0.0, 1.0)
    typical = abs(float(np.median(values))) if len(values) else 0.0
    least = max(0.2 * typical, 1e-9 * max(abs(low), abs(high)), 0.0 if low < high else 1.0)
    grow = max(0.0, least - (high - low)) / 2
    if low >= 0 and low - grow < 0.35 * (high + grow):
        low, high = 0.0, max(high, least)
    else:
        low, high = low - grow, high + grow
    room = 0.08 * (high - low)
    return low - room, high + room


def tick_values(chart: Chart, values: Numbers, low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Round values with their texts; none below zero where no sample is, none above 100 % for a share."""
    signed = chart.kind == "variance"
    step, places = ticks(low, high, most, whole=chart.decimals == 0 or (signed and high - low > 4))
    side = 100 * (chart.tolerance or 0)
    if signed and side * (most + 2) > high - low:  # the tolerance itself is the roundest number here
        step, places = side, [n * side for n in range(math.ceil(low / side), math.floor(high / side) + 1)]
    if not signed and all(values >= 0):
        places = [value for value in places if value >= 0]
    if not signed and chart.unit == "%" and all(values <= 100):
        places = [value for value in places if value <= 100]
    decimals = next((n for n in range(7) if abs(round(step, n) - step) < step * 1e-6), 7)
    end = " %" if signed else ""
    return [(value, print_number(value, decimals, signed) + end if value else "0") for value in places]


def tick_times(chart: Chart, most: float) -> list[Tick]:
    """Round local times, days of a history, or hours since the start of a long variance; at most about `most`."""
    length = chart.end_ms - chart.start_ms
    step = next((s for s in STEPS if length / s <= most), STEPS[-1] * max(1, round(length / STEPS[-1] / most)))
    if chart.kind == "variance" and length >= 6 * HOUR:
        return _tick_offsets(chart, max(step, HOUR))
    if chart.kind == "history":
        days = [(ms, *print_day(ms, chart.zone).split()) for ms in chart.now.times_ms[:: max(step // DAY, 1)]]
        months = ["", *(month for _, _, month in days)]
        return [
            (ms, day if month == last else f"{day} {month}", "")
            for (ms, day, month), last in zip(days, months, strict=False)
        ]
    grid = MINUTE if step < 15 * MINUTE else 15 * MINUTE  # every zone is whole quarters of an hour off
    moments = range(-(-chart.start_ms // grid) * grid, chart.end_ms + 1, grid)
    found: list[Tick] = []
    last = ""
    for ms in (ms for ms in moments if _wall(ms, chart.zone) % step == 0):
        day = print_day(ms, chart.zone) if covers_days(chart) else ""
        name = "" if found else f" {print_zone(chart)}"
        found.append((ms, print_clock(ms, chart.zone) + name, day if day != last else ""))
        last = day
    return found


def _wall(ms: int, zone: ZoneInfo) -> int:
    """Milliseconds since the epoch as the clock on the wall counts them."""
    return ms + (from_ms(ms).astimezone(zone).utcoffset() or timedelta()) // timedelta(milliseconds=1)


def _tick_offsets(chart: Chart, step: int) -> list[Tick]:
    """As the checkpoints are named; the clock at the start, the day at both ends."""
    begin, end = chart.start_ms, chart.end_ms
    first = (begin, f"{print_clock(begin, chart.zone)} {print_zone(chart)}", print_day(begin, chart.zone))
    later = range(begin + step, end + 1, step)
    return [
        first,
        *((ms, f"+{(ms - begin) // HOUR}h", print_day(end, chart.zone) if ms == end else "") for ms in later),
    ]
