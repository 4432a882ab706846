"""What the buckets of a histogram can and cannot tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import wording
from ..model import Finding, Measurement, Metric

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
    return [
        Finding(
            kind="bucket_layout",
            severity="warn",
            metric=metric.id,
            text=f"{metric.title}: the bucket edges {where}; {how}.",
        )
    ]


def coarse(metric: Metric, bracket: tuple[float, float], tolerance: float) -> list[Finding]:
    low, high = bracket
    if math.isinf(high):
        text = f"lies above the last bucket edge, {edge(low, metric)}; how far above is not known"
        return [finding(metric, "warn", text)]
    target = metric.target.value if metric.target and metric.target.unit in ("", metric.unit) else None
    is_wide = low > 0 and high / low - 1 > 2 * tolerance
    if target is not None and low < target < high:
        text = (
            f"and its target lie in one bucket, {low:g} to {edge(high, metric)}; whether it is met rests on how requests "
            "spread inside it"
        )
        return [finding(metric, "warn" if is_wide else "info", text)]
    if is_wide:
        text = (
            f"is read between the bucket edges {low:g} and {edge(high, metric)}, further apart than twice the tolerance; "
            "smaller moves can be an artefact"
        )
        return [finding(metric, "info", text)]
    return []


def edge(value: float, metric: Metric) -> str:
    return wording.with_unit(f"{value:g}", metric.unit)


def finding(metric: Metric, severity: str, text: str) -> Finding:
    return Finding(kind="coarse_buckets", severity=severity, metric=metric.id, text=f"{metric.title} {text}.")  # type: ignore[arg-type]
