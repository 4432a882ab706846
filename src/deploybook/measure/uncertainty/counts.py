"""Counted events and success ratios: exact Poisson bounds, quasi-Poisson comparison, Wilson and Newcombe intervals."""

from __future__ import annotations

import math

import numpy as np

from ...model import Estimate, Increments
from .figures import intervals, t_value
from .noise import Array

PARTS = 12  # sub-intervals of a window that show whether events come in bursts
COUNT = f"quasi-Poisson, dispersion from {PARTS} sub-intervals of each window"


def poisson_limits(events: float, confidence: float) -> tuple[float, float]:
    """Exact two-sided limits of a Poisson mean (Garwood 1936); the lower is 0 for no events."""
    from .special import gammaincinv

    tail = (1 - confidence) / 2
    return (float(gammaincinv(events, tail)) if events > 0 else 0.0), float(gammaincinv(events + 1, 1 - tail))


def own_count(events: float, hours: float = 1.0) -> Estimate:
    """Events, or with `hours` events an hour, with exact Poisson limits; the upper end at 90 % is the 95 % bound."""

    def limits(confidence: float) -> tuple[float, float]:
        low, high = poisson_limits(events, confidence)
        return low / hours, high / hours

    return Estimate(
        value=events / hours, scale="value", **intervals(limits), effective=(events, None), method="exact Poisson"
    )


def change_of_count(now: Increments, base: Increments, *, relative: bool = False) -> Estimate:
    """
    now - base in events, base scaled to the length of now; with `relative`, the relative change of the rate.

    Errors come in bursts: the exact limits of each count are widened by the root of the dispersion, never below 1, and
    recombined (MOVER: Zou and Donner 2008), so that zero events have a limit too.
    """
    a, b = float(now.counts.sum()), float(base.counts.sum())
    if not (len(now.seconds) and len(base.seconds)):
        return Estimate(value=math.nan, scale="value", method=COUNT, blocked="no time observed")
    weight = float(now.seconds.sum() / base.seconds.sum())
    spread, df = dispersion(now, base)
    if relative and not (a and b):
        blocked = "a ratio needs events in both windows"
        value = a / b / weight - 1 if b else math.nan
        return Estimate(value=value, scale="relative", effective=(a, b), method=COUNT, blocked=blocked)

    def of_ratio(confidence: float) -> tuple[float, float]:
        half = t_value(confidence, df) * math.sqrt(spread * (1 / a + 1 / b))
        return math.expm1(math.log(a / b / weight) - half), math.expm1(math.log(a / b / weight) + half)

    def of_difference(confidence: float) -> tuple[float, float]:
        (la, ua), (lb, ub) = (widened(events, confidence, spread, df) for events in (a, b))
        down, up = math.hypot(a - la, (ub - b) * weight), math.hypot(ua - a, (b - lb) * weight)
        return a - b * weight - down, a - b * weight + up

    return Estimate(
        value=a / b / weight - 1 if relative else a - b * weight,
        scale="relative" if relative else "value",
        **intervals(of_ratio if relative else of_difference),
        effective=(a, b),
        method=COUNT,
    )


def widened(events: float, confidence: float, spread: float, df: float) -> tuple[float, float]:
    """Exact limits moved away from the count by the root of the dispersion, and by t because that was estimated."""
    low, high = poisson_limits(events, confidence)
    factor = math.sqrt(spread) * t_value(confidence, df) / t_value(confidence)
    return max(0.0, events - (events - low) * factor), events + (high - events) * factor


def dispersion(*windows: Increments) -> tuple[float, float]:
    """(variance over mean of the sub-interval sums, pooled over the windows, never below 1; degrees of freedom)."""
    chi2 = df = 0.0
    for window in windows:
        sums, seconds = parts_of(window.counts, window.seconds)
        df += len(sums) - 1
        if (total := float(sums.sum())) > 0:
            expected = total * seconds / seconds.sum()
            chi2 += float(((sums - expected) ** 2 / expected).sum())
    return (max(1.0, chi2 / df), df) if df else (1.0, 1.0)


def parts_of(counts: Array, seconds: Array) -> tuple[Array, Array]:
    """Counts and lengths of up to 12 stretches of about the same length."""
    ends = np.cumsum(seconds)
    starts = np.flatnonzero(np.diff(np.ceil(ends / ends[-1] * PARTS - 1e-9), prepend=-1.0))
    return np.add.reduceat(counts, starts), np.add.reduceat(seconds, starts)


def wilson(good: float, total: float, confidence: float) -> tuple[float, float]:
    """Limits of a share (Wilson 1927), each within 0 and 1."""
    z = t_value(confidence)
    middle = (good + z * z / 2) / (total + z * z)
    half = z / (total + z * z) * math.sqrt(good * (total - good) / total + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def together(window: Increments | None) -> float:
    """
    How many runs pass or fail as one: the dispersion of the failures of 12 sub-intervals, where it is beyond chance (0.1 %).

    1 otherwise, so that runs that are independent have the plain limits.
    """
    from .special import chdtri

    if window is None or window.good is None:
        return 1.0
    runs, _ = parts_of(window.counts, window.seconds)
    good, _ = parts_of(window.good, window.seconds)
    runs, failed = runs[runs > 0], (runs - good)[runs > 0]
    share = failed.sum() / runs.sum() if runs.sum() else 0.0
    if not 0 < share < 1 or len(runs) < 2:
        return 1.0
    chi2 = float(np.sum((failed - share * runs) ** 2 / (share * (1 - share) * runs)))
    df = len(runs) - 1
    return chi2 / df if chi2 > float(chdtri(df, 0.001)) else 1.0


def own_ratio(good: float, total: float, *, window: Increments | None = None, scale: float = 100.0) -> Estimate:
    """
    The share of good runs, in percent (`scale` 100), with Wilson limits.

    window: its runs in time; where they fail together, the limits are those of as many fewer runs.
    """
    if total <= 0:
        return Estimate(value=math.nan, scale="value", method="Wilson", blocked="no runs")
    group = together(window)

    def limits(confidence: float) -> tuple[float, float]:
        low, high = wilson(good / group, total / group, confidence)
        return low * scale, high * scale

    method = "Wilson" if group == 1 else f"Wilson, runs failing {group:.1f} together"
    return Estimate(
        value=good / total * scale,
        scale="value",
        **intervals(limits),
        effective=(total / group, None),
        method=method,
    )


def change_of_ratio(now: Increments, base: Increments) -> Estimate:
    """The difference of two shares of good runs in points, with Newcombe's hybrid score limits (1998, method 10)."""
    if now.good is None or base.good is None:
        raise ValueError("a ratio needs the good runs")
    groups = together(now), together(base)
    runs = float(now.counts.sum()) / groups[0], float(base.counts.sum()) / groups[1]
    good = float(now.good.sum()) / groups[0], float(base.good.sum()) / groups[1]
    if min(runs) <= 0:
        blocked = "no runs" if runs[0] <= 0 else "no runs in the baseline"
        return Estimate(value=math.nan, scale="points", effective=runs, method="Newcombe", blocked=blocked)
    p, q = good[0] / runs[0], good[1] / runs[1]

    def limits(confidence: float) -> tuple[float, float]:
        (lp, up), (lq, uq) = (wilson(g, n, confidence) for g, n in zip(good, runs, strict=True))
        down, rise = math.hypot(p - lp, uq - q), math.hypot(up - p, q - lq)
        return 100 * (p - q - down), 100 * (p - q + rise)

    return Estimate(value=100 * (p - q), scale="points", **intervals(limits), effective=runs, method="Newcombe")
