"""Counted events and success ratios: exact Poisson bounds, quasi-Poisson comparison, Wilson and Newcombe intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...model import Estimate, Increments, Interval
from .noise import t_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PARTS = 12  # sub-intervals of a window that show whether events come in bursts
COUNT = "quasi-Poisson, the spread of {parts} sub-intervals a window, exact limits recombined"


def rate_bound(events: float, hours: float) -> float:
    """The rate an hour that the true one lies below with 95 % confidence (exact, Garwood 1936): 2.0 for 0 in 90 min."""
    return poisson_limits(events, 0.90)[1] / hours if hours > 0 else math.inf


def poisson_limits(events: float, confidence: float) -> tuple[float, float]:
    """Exact two-sided limits of a Poisson mean; the lower is 0 for no events."""
    from scipy.special import gammaincinv

    tail = (1 - confidence) / 2
    low = float(gammaincinv(events, tail)) if events > 0 else 0.0
    return low, float(gammaincinv(events + 1, 1 - tail))


def own_count(events: float, hours: float) -> Estimate:
    """Events an hour with exact Poisson limits; the upper end of the 90 % interval is the 95 % bound."""

    def interval(confidence: float) -> Interval:
        low, high = poisson_limits(events, confidence)
        return Interval(low=low / hours, high=high / hours)

    if hours <= 0:
        return Estimate(value=math.nan, scale="value", method="exact Poisson", blocked="no time observed")
    return Estimate(
        value=events / hours,
        scale="value",
        at90=interval(0.90),
        at95=interval(0.95),
        effective=(events, None),
        method="exact Poisson",
    )


def change_of_count(now: Increments, base: Increments, *, relative: bool = False) -> Estimate:
    """
    now - base in events, base scaled to the length of now; with `relative`, the relative change of the rate.

    Errors come in bursts: the exact limits of each count are widened by the root of the dispersion, never below 1,
    of the sums of 12 sub-intervals of both windows, and recombined (MOVER, Zou and Donner 2008).
    """
    a, b = float(now.counts.sum()), float(base.counts.sum())
    hours = (float(now.seconds.sum()), float(base.seconds.sum()))
    if min(hours) <= 0:
        return Estimate(value=math.nan, scale="value", method=COUNT.format(parts=PARTS), blocked="no time observed")
    weight = hours[0] / hours[1]
    spread, df = dispersion(now, base)
    method = COUNT.format(parts=PARTS)
    if relative:
        return relative_count(a, b * weight, spread * (1 / a + 1 / b) if a and b else math.nan, df, method)
    value = a - b * weight

    def interval(confidence: float) -> Interval:
        (la, ua), (lb, ub) = (widened(x, confidence, spread, df) for x in (a, b))
        return Interval(
            low=value - math.hypot(a - la, (ub - b) * weight), high=value + math.hypot(ua - a, (b - lb) * weight)
        )

    return Estimate(
        value=value, scale="value", at90=interval(0.90), at95=interval(0.95), effective=(a, b), method=method
    )


def relative_count(a: float, b: float, variance: float, df: float, method: str) -> Estimate:
    if not b or not a:
        value = a / b - 1 if b else math.nan
        blocked = "no events in one of the windows"
        return Estimate(value=value, scale="relative", effective=(a, b), method=method, blocked=blocked)

    def interval(confidence: float) -> Interval:
        half = t_value(confidence, df) * math.sqrt(variance)
        return Interval(low=math.expm1(math.log(a / b) - half), high=math.expm1(math.log(a / b) + half))

    return Estimate(
        value=a / b - 1,
        scale="relative",
        at90=interval(0.90),
        at95=interval(0.95),
        effective=(a, b),
        method=method,
    )


def widened(events: float, confidence: float, spread: float, df: float) -> tuple[float, float]:
    """Exact limits moved away from the count by the root of the dispersion, and by t where that was estimated."""
    low, high = poisson_limits(events, confidence)
    factor = math.sqrt(spread) * (t_value(confidence, df) / t_value(confidence, 1e9) if spread > 1 else 1.0)
    return max(0.0, events - (events - low) * factor), events + (high - events) * factor


def dispersion(*windows: Increments) -> tuple[float, float]:
    """(variance over mean of the sub-interval sums, pooled over the windows, never below 1; degrees of freedom)."""
    chi2, df = 0.0, 0
    for window in windows:
        sums, seconds = parts_of(window.counts, window.seconds)
        total = float(sums.sum())
        if total <= 0 or len(sums) < 2:
            continue
        expected = total * seconds / seconds.sum()
        chi2 += float(((sums - expected) ** 2 / expected).sum())
        df += len(sums) - 1
    return (max(1.0, chi2 / df), float(df)) if df else (1.0, 2.0 * (PARTS - 1))


def parts_of(counts: Array, seconds: Array) -> tuple[Array, Array]:
    """Counts and lengths of up to 12 stretches of about the same length."""
    import numpy as np

    ends = np.cumsum(seconds)
    group = np.minimum(np.ceil(ends / ends[-1] * PARTS - 1e-9), PARTS)
    starts = np.flatnonzero(np.diff(group, prepend=-1.0))
    return np.add.reduceat(counts, starts), np.add.reduceat(seconds, starts)


def wilson(good: float, total: float, confidence: float) -> tuple[float, float]:
    """Limits of a share (Wilson 1927), each within 0 and 1."""
    z = t_value(confidence, 1e9)
    middle = (good + z * z / 2) / (total + z * z)
    half = z / (total + z * z) * math.sqrt(good * (total - good) / total + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def own_ratio(good: float, total: float, *, scale: float = 100.0) -> Estimate:
    """The share of good runs, in percent (`scale` 100), with Wilson limits."""
    if total <= 0:
        return Estimate(value=math.nan, scale="value", method="Wilson", blocked="no runs")

    def interval(confidence: float) -> Interval:
        low, high = wilson(good, total, confidence)
        return Interval(low=low * scale, high=high * scale)

    return Estimate(
        value=good / total * scale,
        scale="value",
        at90=interval(0.90),
        at95=interval(0.95),
        effective=(total, None),
        method="Wilson",
    )


def change_of_ratio(now: Increments, base: Increments) -> Estimate:
    """The difference of two shares of good runs in points, with Newcombe's hybrid score limits (1998, method 10)."""
    runs = (float(now.counts.sum()), float(base.counts.sum()))
    good = tuple(float(window.good.sum()) if window.good is not None else math.nan for window in (now, base))
    if min(runs) <= 0:
        return Estimate(value=math.nan, scale="points", effective=runs, method="Newcombe", blocked="no runs")
    p, q = good[0] / runs[0], good[1] / runs[1]

    def interval(confidence: float) -> Interval:
        (lp, up), (lq, uq) = wilson(good[0], runs[0], confidence), wilson(good[1], runs[1], confidence)
        return Interval(
            low=100 * (p - q - math.hypot(p - lp, uq - q)),
            high=100 * (p - q + math.hypot(up - p, q - lq)),
        )

    return Estimate(
        value=100 * (p - q),
        scale="points",
        at90=interval(0.90),
        at95=interval(0.95),
        effective=runs,
        method="Newcombe",
    )
