"""Means: of a histogram (the ratio of summed sums and counts), of a gauge, and against many earlier windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from ...model import Estimate, Increments, Interval
from .noise import Figure, difference_of, error_of_mean, few, own_of, ratio_of, t_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

EARLIER = 7  # earlier windows from which a prediction interval is made
MEAN = "mean of all requests, correlation between scrapes allowed for, t interval on the logarithm"
MEAN_HISTORY = f"{MEAN}, noise and memory from the longer stretch"
GAUGE = "mean of the samples, correlation between samples allowed for, t interval"


def change_of_mean(now: Increments, base: Increments, *, history: Increments | None = None) -> Estimate:
    """
    The relative change of the mean of a histogram.

    history: increments over a longer stretch of the same series (the baseline day, the observation so far); noise and
    memory are estimated there, so that an hour of twelve five-minute rows can be judged. Without it, fewer than 10
    effective samples in either window give an estimate that is `blocked`.
    """
    return ratio_of(mean_of(now, history), mean_of(base, history), method=MEAN_HISTORY if history else MEAN)


def own_mean(now: Increments, *, history: Increments | None = None, scale: float = 1.0) -> Estimate:
    """The mean itself, times `scale` (source unit to page unit), with its intervals."""
    return own_of(mean_of(now, history), method=MEAN_HISTORY if history else MEAN, scale=scale)


def mean_of(window: Increments, history: Increments | None) -> Figure:
    sums, counts = window.sums, window.counts
    if sums is None:
        raise ValueError("a mean needs the sums of a histogram")
    seconds = float(window.seconds.sum()) if len(window.seconds) else 0.0
    requests = float(counts.sum())
    if requests <= 0 or len(counts) < 2:
        return Figure(value=math.nan, seconds=seconds, blocked="no requests")
    value = float(sums.sum()) / requests
    if value <= 0:
        return Figure(value=value, seconds=seconds, blocked="a mean that is not above zero")
    past = mean_residuals(history) if history is not None else None
    residuals = mean_residuals(window)
    if residuals is None:
        return Figure(value=value, seconds=seconds, blocked="no requests")
    error, effective, df = error_of_mean(*residuals, past)
    return Figure(
        value=value,
        error=error,
        effective=effective,
        df=df,
        seconds=seconds,
        blocked="" if past is not None and df > 20 else few(effective),
    )


def mean_residuals(window: Increments) -> tuple[Array, Array] | None:
    """
    (residuals, seconds): what each increment adds to the relative deviation of the mean, in seconds.

    Linearised ratio: sum minus mean times count, over the mean sum a second. None where there is nothing to go by.
    """
    if window.sums is None or len(window.counts) < 2 or window.counts.sum() <= 0 or window.sums.sum() <= 0:
        return None
    mean = window.sums.sum() / window.counts.sum()
    pace = window.sums.sum() / window.seconds.sum()
    return (window.sums - mean * window.counts) / pace, window.seconds


Gauge = Literal["mean", "median"]


def change_of_gauge(
    now: Array,
    base: Array,
    *,
    history: Array | None = None,
    step: float = 15.0,
    difference: bool = False,
    scale: float = 1.0,
) -> Estimate:
    """
    The relative change of a gauge's mean; with `difference`, or where a mean is not above zero, the plain difference
    in its unit times `scale`. now, base, history: (n,) samples, one each `step` seconds.
    """
    log = not difference and len(now) > 0 and len(base) > 0 and now.mean() > 0 and base.mean() > 0
    figures = (gauge_of(now, history, step, log=log), gauge_of(base, history, step, log=log))
    return ratio_of(*figures, method=GAUGE) if log else difference_of(*figures, method=GAUGE, scale=scale)


def own_gauge(now: Array, *, history: Array | None = None, step: float = 15.0, scale: float = 1.0) -> Estimate:
    """The mean of a gauge itself, times `scale`, with its intervals."""
    return own_of(gauge_of(now, history, step, log=False), method=GAUGE, scale=scale)


def gauge_of(samples: Array, history: Array | None, step: float, *, log: bool) -> Figure:
    import numpy as np

    if len(samples) < 2:
        return Figure(value=math.nan, blocked="no samples", log=log)
    value = float(samples.mean())

    def residuals(of: Array) -> tuple[Array, Array]:
        pace = float(of.mean()) if log else 1.0
        return (of - of.mean()) * step / pace, np.full(len(of), step)

    usable = history is not None and len(history) > len(samples) and (not log or history.mean() > 0)
    error, effective, df = error_of_mean(
        *residuals(samples), residuals(history) if usable and history is not None else None
    )
    return Figure(
        value=value,
        error=error,
        effective=effective,
        df=df,
        seconds=step * len(samples),
        log=log,
        blocked="" if usable and df > 20 else few(effective),
    )


def change_from_history(value: float, earlier_values: Sequence[float]) -> Estimate:
    """
    The relative change of `value` against the mean of at least 7 earlier comparable windows.

    A prediction interval on the logarithm, s·sqrt(1+1/K), t with K-1: it sees the wobble from day to day, which no
    single baseline window can.
    """
    method = f"prediction interval over {len(earlier_values)} earlier windows"
    logs = [math.log(earlier) for earlier in earlier_values if earlier > 0]
    if len(logs) < EARLIER or len(logs) < len(earlier_values) or value <= 0:
        blocked = (
            f"{len(logs)} earlier windows of the {EARLIER} that are needed" if value > 0 else "no value above zero"
        )
        return Estimate(value=math.nan, scale="relative", method=method, blocked=blocked)
    k, middle = len(logs), math.fsum(logs) / len(logs)
    spread = math.sqrt(math.fsum((x - middle) ** 2 for x in logs) / (k - 1) * (1 + 1 / k))
    change = math.log(value) - middle

    def interval(confidence: float) -> Interval:
        half = t_value(confidence, k - 1) * spread
        return Interval(low=math.expm1(change - half), high=math.expm1(change + half))

    return Estimate(
        value=math.expm1(change),
        scale="relative",
        at90=interval(0.90),
        at95=interval(0.95),
        effective=(1.0, float(k)),
        method=method,
    )
