"""What the buckets of a histogram can and cannot tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import wording
from ..model import Finding, Measurement, Metric
from .tell import note, warn

Edges = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The bucket edges of a window, in the metric's unit: those that every scrape has, and those that some have."""

    every: Edges = ()
    some: Edges = ()


def from_layouts(
    metric: Metric, now: Layout, baseline: Layout, measurement: Measurement, tolerance: float
) -> list[Finding]:
    """
    Layouts that differ, a quantile above the last edge, a bucket too wide for the tolerance, a target inside it.

    Only quantiles need buckets.
    """
    if metric.quantile is None:
        return []
    return [
        *layouts(metric, now, baseline),
        *(coarse(metric, measurement.bracket, tolerance) if measurement.bracket else []),
    ]


def layouts(metric: Metric, now: Layout, baseline: Layout) -> list[Finding]:
    if now.some == baseline.some == now.every == baseline.every or not now.some or not baseline.some:
        return []
    common = sum(math.isfinite(edge) for edge in set(now.every) & set(baseline.every))
    where = "changed within the window" if now.every != now.some else "changed within the baseline"
    if now.every == now.some and baseline.every == baseline.some:
        where = "are not those of the baseline"
    how = f"only the {common} that are always there are used" if common > 1 else "too few are in both to tell a change"
    return [warn("bucket_layout", f"{metric.title}: the bucket edges {where}; {how}.", metric.id)]


def coarse(metric: Metric, bracket: tuple[float, float], tolerance: float) -> list[Finding]:
    low, high = bracket
    last, upper = (wording.with_unit(f"{edge:g}", metric.unit) for edge in bracket)
    if math.isinf(high):
        text = f"{metric.title} lies above the last bucket edge, {last}; how far above is not known."
        return [warn("coarse_buckets", text, metric.id)]
    target = metric.target.value if metric.target and metric.target.unit in ("", metric.unit) else None
    is_wide = low > 0 and high / low - 1 > 2 * tolerance
    if target is not None and low < target < high:
        where = f"lie in one bucket, {low:g} to {upper}"
        text = f"{metric.title} and its target {where}; whether it is met rests on how requests spread inside it."
        return [(warn if is_wide else note)("coarse_buckets", text, metric.id)]
    if is_wide:
        where = f"between the bucket edges {low:g} and {upper}, further apart than twice the tolerance"
        text = f"{metric.title} is read {where}; smaller moves can be an artefact."
        return [note("coarse_buckets", text, metric.id)]
    return []
