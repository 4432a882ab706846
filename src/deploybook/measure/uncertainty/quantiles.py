"""
Quantiles of a histogram: read from the summed bucket increases, their doubt from resampled scrapes.

Blocks of consecutive scrapes, as long as the memory of the series asks for, are drawn with replacement from the series
closed to a circle (Politis and Romano 1992). Blocks undercover in short windows, so the error is at least that of the
share of requests below the quantile (Woodruff 1952), whose long-run variance is found as for a mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from ...model import Estimate, Increments, Interval
from .figures import Figure, figure_of, own_of, ratio_of, t_value
from .noise import Array, doubt_of, even, noise_of, typical_step

SEED, DRAWS = 20250122, 400
MOST = 480  # scrapes that are resampled one by one; of a longer window neighbours go together
QUANTILE = f"quantile of the summed buckets, {DRAWS} circular block resamples of the scrapes (seed {SEED})"


def change_of_quantile(
    now: Increments, base: Increments, *, edges: Sequence[float], q: float, history: Increments | None = None
) -> Estimate:
    """
    The relative change of the q-quantile. edges: upper bounds of the buckets of both windows, the last one +Inf.

    The interval is clipped to what the edges of the buckets allow that the resamples and the 98 % limits reach.
    """
    (first, reach), (second, other) = (quantile_of_window(window, tuple(edges), q, history) for window in (now, base))
    estimate = ratio_of(first, second, QUANTILE)
    if not (other[0] > 0 and math.isfinite(reach[1])):
        return estimate
    return clipped(estimate, reach[0] / other[1] - 1, reach[1] / other[0] - 1)


def own_quantile(
    now: Increments, *, edges: Sequence[float], q: float, history: Increments | None = None, scale: float = 1.0
) -> Estimate:
    """The q-quantile itself, times `scale`, clipped to the edges of the buckets that it may lie in."""
    figure, (low, high) = quantile_of_window(now, tuple(edges), q, history)
    return clipped(own_of(figure, QUANTILE, scale), low * scale, high * scale)


def clipped(estimate: Estimate, low: float, high: float) -> Estimate:
    def cut(it: Interval | None) -> Interval | None:
        return Interval(low=max(it.low, low), high=min(it.high, high)) if it else None

    return replace(estimate, at90=cut(estimate.at90), at95=cut(estimate.at95), at98=cut(estimate.at98))


def quantiles(buckets: Array, edges: Array, q: float | Array) -> Array:
    """
    The q-quantile of each row of (m, edges) bucket counts, linear inside its bucket, as histogram_quantile has it.

    NaN without requests; the highest finite bound where it lies in the +Inf bucket.
    """
    cumulative = np.cumsum(buckets, axis=1)
    rank = q * cumulative[:, -1]
    at = np.minimum((cumulative < rank[:, None]).sum(axis=1), len(edges) - 1)
    rows = np.arange(len(buckets))
    below, inside = np.where(at > 0, cumulative[rows, at - 1], 0.0), buckets[rows, at]
    low = np.where(at > 0, edges[at - 1], min(0.0, edges[0]))
    high = np.where(np.isinf(edges[at]), low, edges[at])
    with np.errstate(invalid="ignore", divide="ignore"):
        value = low + (high - low) * np.where(inside > 0, (rank - below) / inside, 1.0)
    answer: Array = np.where(cumulative[:, -1] > 0, value, np.nan)
    return answer


@lru_cache(maxsize=2)  # a figure is asked for alone, then for the change from another one
def quantile_of_window(
    window: Increments, edges: tuple[float, ...], q: float, history: Increments | None
) -> tuple[Figure, tuple[float, float]]:
    """The quantile with the error of its logarithm, and the outer edges of the buckets that it may lie in."""
    if window.buckets is None:
        raise ValueError("a quantile needs the buckets of a histogram")
    bounds, total, seconds = (
        np.asarray(edges, dtype=np.float64),
        window.buckets.sum(axis=0),
        float(window.seconds.sum()),
    )
    nowhere = (math.nan, math.nan)
    if len(window.counts) < 2 or not total.sum() > 0:
        return Figure(value=math.nan, blocked="no requests"), nowhere
    value = float(quantiles(total[None, :], bounds, q)[0])
    if total[-1] > (1 - q) * total.sum() or value <= 0:
        return Figure(value=value, blocked="the quantile lies above the last bucket edge"), nowhere
    past = share_residuals(history, bounds, value) if history is not None and len(history.counts) else None
    residuals = share_residuals(window, bounds, value)
    doubt = doubt_of(*residuals, past)
    # The share of requests below the quantile two errors down and up, and as far as 98 % reach.
    far = t_value(0.98, doubt.df)
    shares = np.clip(q + doubt.error * np.array([-2.0, 2.0, -far, far]), 1e-9, 1.0)
    lower, upper, lowest, highest = quantiles(np.tile(total, (4, 1)), bounds, shares)
    drawn = resampled(window, bounds, q, noise_of(even(*residuals, typical_step(window.seconds))).memory)
    error = math.log(upper / max(lower, upper * 1e-6)) / 4
    if not doubt.from_history:
        error = max(error, float(np.std(np.log(np.maximum(drawn, upper * 1e-6)))))
    below, above = bounds.searchsorted([min(lowest, drawn.min()), max(highest, drawn.max())])
    span = (float(bounds[below - 1]) if below else 0.0, float(bounds[min(above, len(bounds) - 1)]))
    return figure_of(value, doubt, seconds, error), span


def share_residuals(window: Increments, bounds: Array, value: float) -> tuple[Array, Array]:
    """(residuals, seconds): what each increment adds to the share of requests below `value`, in seconds."""
    assert window.buckets is not None
    counts = window.buckets.sum(axis=1)
    at = int(bounds.searchsorted(value))
    low = bounds[at - 1] if at else 0.0
    part = (value - low) / (bounds[at] - low) if np.isfinite(bounds[at]) else 1.0
    under = window.buckets[:, :at].sum(axis=1) + window.buckets[:, at] * part
    requests = max(counts.sum(), 1.0)
    return (under - under.sum() / requests * counts) / (requests / window.seconds.sum()), window.seconds


def resampled(window: Increments, bounds: Array, q: float, memory: float) -> Array:
    """Up to (400,) quantiles of resampled scrapes; those without a request are left out."""
    assert window.buckets is not None
    together = math.ceil(len(window.buckets) / MOST)
    buckets = np.add.reduceat(window.buckets, np.arange(0, len(window.buckets), together), axis=0)
    n, memory = len(buckets), memory / together
    length = max(1, min(math.ceil(max(n ** (1 / 3), 2 * memory)), n // 4))
    circle = np.vstack([np.zeros(len(bounds)), np.cumsum(np.vstack([buckets, buckets]), axis=0)])
    blocks = circle[length : length + n] - circle[:n]
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, math.ceil(n / length)))
    drawn = quantiles(blocks[starts].sum(axis=1), bounds, q)
    return drawn[np.isfinite(drawn)]
