"""Verdicts, numbers and times as a reader sees them. All rounding happens here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from .model import Delta, Metric, Verdict
from .times import Window, after_name, length_text, zone_name
from .units import SHARE, dimension

WORDS = {
    Verdict.PASS: "Pass",
    Verdict.WARN: "Watch",
    Verdict.INCONCLUSIVE: "Unclear",
    Verdict.NO_DATA: "No data",
    Verdict.FAIL: "Breach",
    Verdict.PENDING: "Pending",
    Verdict.NOT_APPLICABLE: "Not applicable",
    Verdict.ERROR: "Not produced",
}
ENDED = {"rolled_back": "Rolled back", "aborted": "Aborted", "postponed": "Postponed"}  # stands for the verdict
MINUS = "−"
GAP = " "  # between number and unit; an ordinary space, so that text can be searched
ON_TIME = timedelta(minutes=5)  # a scheduler's own delay; nothing is said of it
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def word(verdict: Verdict) -> str:
    """The reader's word: Pass, Watch, Unclear, No data, Breach, Pending, Not applicable, Not produced."""
    return WORDS[verdict]


def rounded(value: float, decimals: int) -> str:
    """The number with that many decimals, half to even on its exact binary value; a minus that rounds away is dropped."""
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: f"{MINUS}∞"}.get(value, "not a number")
    quantum = Decimal(1).scaleb(-decimals)
    number = Decimal(value).quantize(quantum, rounding=ROUND_HALF_EVEN)
    text = f"{abs(number):,.{decimals}f}".replace(",", " ")
    return f"{MINUS}{text}" if number < 0 else text


def decimals_for(metric: Metric, value: float) -> int:
    """How many decimals the value of this metric is printed with: its own, or what its unit asks for."""
    if metric.decimals is not None:
        return metric.decimals
    kind = dimension(metric.unit)
    if kind == "count" and metric.kind == "counter":
        return 0
    if metric.unit in SHARE:
        return 1 if metric.unit == "%" else 3
    magnitude = abs(value)
    if not magnitude or not math.isfinite(magnitude):
        return 0
    return max(0, min(6, 2 - math.floor(math.log10(magnitude) + 1e-12)))


def value_text(metric: Metric, value: float | None, decimals: int | None = None) -> str:
    """'58.4 ms', '0 errors', '96.8 %'; 'no data' for None."""
    if value is None:
        return "no data"
    number = rounded(value, decimals_for(metric, value) if decimals is None else decimals)
    return with_unit(number, metric.unit)


def with_unit(number: str, unit: str) -> str:
    """'58.4 ms', '2 errors', '1 error', '+1 error'; no unit for a bare number."""
    if unit in ("", "1"):
        return number
    return f"{number}{GAP}{singular(unit) if number.lstrip(f'+{MINUS}') == '1' else unit}"


def singular(unit: str) -> str:
    """'error' for 'errors', 'retry' for 'retries'; what is no plain word in the plural ('ms', 'rps', 'celsius') stays."""
    if len(unit) < 5 or not unit.isalpha() or not unit.endswith("s") or unit.endswith(("ss", "us", "is")):
        return unit
    for ending, one in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("xes", "x")):
        if unit.endswith(ending):
            return unit.removesuffix(ending) + one
    return unit.removesuffix("s")


def signed(value: float, decimals: int) -> str:
    """'+1.9', '−1.1', '0.0' without a sign."""
    text = rounded(value, decimals)
    return text if text.startswith(MINUS) or not text.strip("0.") else f"+{text}"


def percent(fraction: float, decimals: int = 1) -> str:
    """A relative change: '+1.9 %'."""
    return f"{signed(fraction * 100, decimals)}{GAP}%"


def share(fraction: float, decimals: int = 0) -> str:
    """A share without a sign: '78 %'."""
    return f"{rounded(fraction * 100, decimals)}{GAP}%"


def points(value: float, decimals: int = 1) -> str:
    return f"{signed(value, decimals)}{GAP}pts"


def delta_text(metric: Metric, delta: Delta | None) -> str:
    """'+1.9 %', '+3.6 pts', '0 errors': the comparison in the form the metric asks for; '' without one."""
    if delta is None:
        return ""
    if metric.delta == "percent":
        return "" if delta.relative is None else percent(delta.relative)
    if delta.absolute is None:
        return ""
    if metric.delta == "points":
        return points(delta.absolute)
    number = signed(delta.absolute, decimals_for(metric, delta.absolute))
    return number if not number.strip("0.") else with_unit(number, metric.unit)


def scaled(value: float, scale: str, unit: str = "", decimals: int = 1) -> str:
    """A judged number in its own scale: a fraction as '+2.3 %', points as '+3.6 pts', a value as '58.4 ms'."""
    if scale == "relative":
        return percent(value, decimals)
    if scale == "points":
        return points(value, decimals)
    return with_unit(rounded(value, decimals), unit)


def local(at: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    """'14:00' in the zone; with seconds where asked or where there are some."""
    moment = at.astimezone(zone)
    return moment.strftime("%H:%M:%S" if seconds or moment.second else "%H:%M")


def day_text(day: date, *, year: bool = False, weekday: bool = False) -> str:
    """'22 Jan', '22 Jan 2025', 'Wednesday 22 Jan': months are three letters everywhere."""
    text = f"{day.day} {MONTHS[day.month - 1]}" + (f" {day.year}" if year else "")
    return f"{WEEKDAYS[day.weekday()]} {text}" if weekday else text


def local_full(at: datetime, zone: ZoneInfo, *, year: bool = False) -> str:
    """'22 Jan 14:00 PT'."""
    moment = at.astimezone(zone)
    return f"{day_text(moment.date(), year=year)} {local(at, zone)} {zone_name(zone, at)}"


def window_text(window: Window, zone: ZoneInfo, *, day: bool = True, year: bool = False) -> str:
    """'22 Jan, 14:00 to 15:30 PT'; the second day too where the window crosses midnight."""
    start, end = window.start.astimezone(zone), window.end.astimezone(zone)
    first = f"{day_text(start.date(), year=year)}, " if day else ""
    second = f"{day_text(end.date())}, " if end.date() != start.date() else ""
    return f"{first}{local(window.start, zone)} to {second}{local(window.end, zone)} {zone_name(zone, window.start)}"


def relative_day(at: datetime, zone: ZoneInfo, labels: Sequence[tuple[str, date]]) -> str:
    """'Day 4 09:45 PT' where the records label that day, otherwise '23 Jan 09:45 PT'."""
    moment = at.astimezone(zone)
    label = next((name for name, day in labels if day == moment.date()), day_text(moment.date()))
    return f"{label} {local(at, zone)} {zone_name(zone, at)}"


def after_text(after: timedelta) -> str:
    """'+1h', '+48h'."""
    return f"+{after_name(after)}"


def how_long(length: timedelta) -> str:
    return length_text(length)


def late_text(late: timedelta) -> str:
    """'late by 3 h 10 min', 'late by 12 days'; '' for what a scheduler's own delay explains."""
    if late < ON_TIME:
        return ""
    if late >= timedelta(days=3):
        return f"late by {late.days} days"
    return f"late by {length_text(timedelta(minutes=late // timedelta(minutes=1)))}"


def listed(parts: Sequence[str], last: str = "and") -> str:
    """'a', 'a and b', 'a, b and c'."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def plural(count: int | float, noun: str, many: str = "") -> str:
    """'1 run', '2 runs', '2 entries' with many='entries'; a whole number with all its digits."""
    return f"{f'{count:g}' if isinstance(count, float) else count} {noun if count == 1 else many or noun + 's'}"
