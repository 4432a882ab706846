"""
What was noticed in the data, as sentences: plain values in, Findings out.

Info: what was planned or declared, exact duplicates, a coarse bucket away from the limit.
Warn: what a person should look at; it raises the whole to Watch, never a metric.
"""

from __future__ import annotations

from .buckets import Layout, from_layouts
from .log import from_log, joined
from .moves import (
    Other,
    anomaly,
    baseline_anomaly,
    disagrees,
    from_split,
    from_traffic,
    improved,
    onset,
    onset_finding,
    poor_baseline,
    small_sample,
    trend,
    trend_finding,
)
from .rows import from_gaps, from_notes, from_resets, nothing, renamed, stale, undeclared
from .series import from_series
from .surroundings import clock_change, no_baseline, not_judged, overlap

# The closed list; docs/reference/findings.md says of each what it means and how severe it is.
KINDS = (
    "gap", "data_quality", "reset", "restarts", "series_gone", "series_new", "renamed", "bucket_layout", "coarse_buckets",
    "traffic", "baseline_anomaly", "onset", "trend", "breakdown", "disagreement", "empty_export", "stale", "overlap",
    "improved", "small_sample", "refused", "history_changed", "partial", "reference", "not_judged", "no_baseline",
    "clock_change", "log_order", "log_gap",
)  # fmt: skip
