"""
Quantiles of a histogram: read from the summed bucket increases, their doubt from resampled scrapes.

Blocks of consecutive scrapes are drawn with replacement, the series closed to a circle (Politis and Romano 1992), as long
as the series' memory asks for. Blocks undercover in short windows, so the error is at least that of the share of requests
below the quantile (Woodruff 1952), whose long-run variance is known as for a mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...model import Estimate, Increments, Interval
from .noise import Figure, error_of_mean, even, few, noise_of, own_of, ratio_of, typical_step

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SEED = 20250122
DRAWS = 400


def method_of(draws: int = DRAWS) -> str:
    return f"quantile of the summed buckets, {draws} circular block resamples of the scrapes, seed {SEED}"


def change_of_quantile(
    now: Increments, base: Increments, *, edges: Sequence[float], q: float, history: Increments | None = None
) -> Estimate:
    """
    The relative change of the q-quantile. edges: upper bounds of the buckets of both windows, the last one +Inf.

    The interval ends at what the buckets that the resamples reach allow: no finer and no wider.
    """
    (first, span), (second, other) = (quantile_figure(window, edges, q, history) for window in (now, base))
    estimate = ratio_of(first, second, method=method_of())
    if estimate.at90 is None or min(other) <= 0:
        return estimate
    low, high = span[0] / other[1] - 1, span[1] / other[0] - 1 if other[0] else math.inf
    return clipped(estimate, low, high)


def own_quantile(
    now: Increments,
    *,
    edges: Sequence[float],
    q: float,
    history: Increments | None = None,
    scale: float = 1.0,
) -> Estimate:
    """The q-quantile itself, times `scale`, its interval inside the buckets that the resamples reach."""
    figure, span = quantile_figure(now, edges, q, history)
    return clipped(own_of(figure, method=method_of(), scale=scale), span[0] * scale, span[1] * scale)


def clipped(estimate: Estimate, low: float, high: float) -> Estimate:
    def cut(interval: Interval | None) -> Interval | None:
        if interval is None:
            return None
        return Interval(
            low=min(max(interval.low, low), estimate.value), high=max(min(interval.high, high), estimate.value)
        )

    return replace(estimate, at90=cut(estimate.at90), at95=cut(estimate.at95))


def quantiles(buckets: Array, edges: Array, q: float | Array) -> Array:
    """
    The q-quantile of each row of (m, edges) bucket counts, linear inside its bucket, as histogram_quantile does.

    NaN without requests; the highest finite bound where it lies in the +Inf bucket.
    """
    import numpy as np

    cumulative = np.cumsum(buckets, axis=1)
    rank = q * cumulative[:, -1]
    at = np.minimum((cumulative < rank[:, None]).sum(axis=1), len(edges) - 1)
    rows = np.arange(len(buckets))
    below = np.where(at > 0, cumulative[rows, at - 1], 0.0)
    inside = buckets[rows, at]
    low = np.where(at > 0, edges[at - 1], min(0.0, edges[0]))
    high = np.where(np.isinf(edges[at]), low, edges[at])
    with np.errstate(invalid="ignore", divide="ignore"):
        value = low + (high - low) * np.where(inside > 0, (rank - below) / inside, 1.0)
    answer: Array = np.where(cumulative[:, -1] > 0, value, np.nan)
    return answer


def quantile_figure(
    window: Increments, edges: Sequence[float], q: float, history: Increments | None
) -> tuple[Figure, tuple[float, float]]:
    """The quantile with its error, and the edges of the buckets that 95 % of the resamples lie in."""
    import numpy as np

    if window.buckets is None:
        raise ValueError("a quantile needs the buckets of a histogram")
    bounds = np.asarray(edges, dtype=np.float64)
    seconds = float(window.seconds.sum()) if len(window.seconds) else 0.0
    total = window.buckets.sum(axis=0)
    if total.sum() <= 0 or len(window.counts) < 2:
        return Figure(value=math.nan, seconds=seconds, blocked="no requests"), (math.nan, math.nan)
    value = float(quantiles(total[None, :], bounds, q)[0])
    last = len(bounds) - 2  # the last bucket that ends
    if np.cumsum(total)[last] < q * total.sum() or value <= 0:
        return Figure(value=value, seconds=seconds, blocked="the quantile is above the last bucket"), (value, math.inf)
    past = share_residuals(history, bounds, value, q) if history is not None else None
    share, effective, df = error_of_mean(*share_residuals(window, bounds, value, q), past)
    drawn = resampled(window, bounds, q, value)
    low, high = np.quantile(drawn, (0.025, 0.975))
    reach = quantiles(np.repeat(total[None, :], 2, axis=0), bounds, np.clip([q - 2 * share, q + 2 * share], 0.0, 1.0))
    woodruff = abs(math.log(max(reach[1], 1e-300) / max(reach[0], 1e-300))) / 4
    block = float(np.std(np.log(np.maximum(drawn, 1e-300))))
    figure = Figure(
        value=value,
        error=woodruff if past is not None and df > 20 else max(block, woodruff),
        effective=effective,
        df=df,
        seconds=seconds,
        blocked="" if past is not None and df > 20 else few(effective),
    )
    return figure, (edge_below(bounds, min(low, value)), edge_above(bounds, max(high, value)))


def edge_below(bounds: Array, value: float) -> float:
    at = int(bounds.searchsorted(value, side="left"))
    return float(bounds[at - 1]) if at else 0.0


def edge_above(bounds: Array, value: float) -> float:
    return float(bounds[min(int(bounds.searchsorted(value, side="left")), len(bounds) - 1)])


def share_residuals(window: Increments, bounds: Array, value: float, q: float) -> tuple[Array, Array]:
    """(residuals, seconds): what each increment adds to the share of requests below `value`, in seconds."""
    import numpy as np

    assert window.buckets is not None
    below = np.cumsum(window.buckets, axis=1)
    at = int(bounds.searchsorted(value, side="left"))
    low = bounds[at - 1] if at else 0.0
    part = (value - low) / (bounds[at] - low) if np.isfinite(bounds[at]) and bounds[at] > low else 1.0
    under = (below[:, at - 1] if at else 0.0) + window.buckets[:, at] * part
    counts = window.buckets.sum(axis=1)
    share = under.sum() / counts.sum() if counts.sum() > 0 else q
    pace = counts.sum() / window.seconds.sum()
    return (under - share * counts) / pace, window.seconds


def resampled(window: Increments, bounds: Array, q: float, value: float) -> Array:
    """(400,) quantiles of resampled scrapes."""
    import numpy as np

    assert window.buckets is not None
    n = len(window.counts)
    residuals, seconds = share_residuals(window, bounds, value, q)
    step = typical_step(seconds)
    memory = noise_of(even(residuals, seconds, step), step).memory
    length = int(np.clip(math.ceil(max(n ** (1 / 3), 2 * memory)), 1, max(n // 4, 1)))
    circle = np.concatenate([np.zeros((1, len(bounds))), np.cumsum(np.tile(window.buckets, (2, 1)), axis=0)])
    blocks = circle[length : length + n] - circle[:n]
    count = math.ceil(n / length)
    starts = np.random.default_rng(SEED).integers(0, n, size=(DRAWS, count))
    picks = np.apply_along_axis(np.bincount, 1, starts, minlength=n).astype(np.float64)
    drawn: Array = quantiles(picks @ blocks, bounds, q)
    return drawn[np.isfinite(drawn)] if np.isfinite(drawn).any() else np.full(DRAWS, value)
