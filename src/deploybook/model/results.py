"""What measuring and judging give: numbers with their doubt, and words with their reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from ..times import Window
from .metric import Metric

Scale = Literal["relative", "points", "value"]
Severity = Literal["info", "warn"]
Strength = Literal["firm", "provisional"]


class Verdict(StrEnum):
    """The closed list of verdicts, by their name in JSON."""

    PASS = "pass"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no_data"
    FAIL = "fail"
    PENDING = "pending"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"

    @property
    def counts(self) -> bool:
        """True where the verdict says something about production and so takes part in the whole."""
        return self in WORST_FIRST


WORST_FIRST = (Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.WARN, Verdict.PASS)


def worst(verdicts: list[Verdict] | tuple[Verdict, ...], none: Verdict = Verdict.NO_DATA) -> Verdict:
    """The worst of those that count (fail, no_data, inconclusive, warn, pass); `none` where none does."""
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), none)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """
    Samples found and expected, in increments (counters) or rows (gauges), summed over series.

    seen: share of the window's time that was observed, 0 to 1, mean over series; what the coverage rules use.
    """

    found: int
    expected: int
    seen: float


@dataclass(frozen=True, kw_only=True)
class Interval:
    """low <= high, in the scale that it is of: a fraction (relative), points, or the metric's unit (value)."""

    low: float
    high: float

    @property
    def half(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """
    A number with its doubt.

    value: the number judged, in `scale`. at90, at95, at98: two-sided intervals, None where there is no honest one.
    blocked: why at best nothing can be told, in a few words ('only 4 effective samples'), '' otherwise.
    effective: effective samples (now, baseline); baseline None for a figure on its own.
    against: what a change is against where that is not the baseline's window ('9 earlier days (57.1 ms on average)').
    method: how, in words for the page. needed: how long a window would have to be to tell, where that is known.
    """

    value: float
    scale: Scale
    at90: Interval | None = None
    at95: Interval | None = None
    at98: Interval | None = None
    effective: tuple[float | None, float | None] = (None, None)
    method: str = ""
    blocked: str = ""
    needed: timedelta | None = None
    against: str = ""

    def mapped(self, rule: Callable[[float], float], **about: Any) -> Estimate:
        """The estimate with `rule`, which must rise, applied to its value and to both ends of its intervals."""
        names = ("at90", "at95", "at98")
        intervals = {
            name: Interval(low=rule(it.low), high=rule(it.high)) for name in names if (it := getattr(self, name))
        }
        return replace(self, **{"value": rule(self.value), **intervals, **about})

    @property
    def resolvable(self) -> float | None:
        """Half the 90 % interval: the smallest change this window can tell."""
        return self.at90.half if self.at90 else None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """
    One figure: a metric over a window.

    value: in the metric's unit, unrounded; None where there is none, and `missing` says why in a sentence.
    own: the value with its doubt. bracket: edges of the bucket a quantile lies in, in the metric's unit.
    worst_hour: the largest increase in any hour inside the window (counters), None for shorter windows.
    traffic: requests or runs behind the figure. good, total: of a ratio.
    """

    metric: str
    window: Window
    value: float | None
    unit: str
    coverage: Coverage
    missing: str = ""
    own: Estimate | None = None
    bracket: tuple[float, float] | None = None
    worst_hour: float | None = None
    traffic: float | None = None
    good: float | None = None
    total: float | None = None
    labels: tuple[tuple[str, str], ...] = ()
    arithmetic: str = "raw"
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Delta:
    """now - baseline: absolute in the unit (points for %), relative as a fraction; None where undefined."""

    absolute: float | None = None
    relative: float | None = None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """
    The word for one metric over one window, and all that led to it.

    reason: one sentence, all that was looked at. headline: the clause of it that decided, short.
    figure: what the reader sees: of a metric that shows its change, the relative change.
    judged: the estimate that the tolerance or the target was held against (the one that decided).
    decided_by: 'target' | 'tolerance' | 'watch' | 'coverage' | 'traffic' | 'baseline' | 'data' | 'checkin' | 'success'.
    limit: the criterion that was used (the success criterion at a checkpoint), as text.
    """

    metric: Metric
    verdict: Verdict
    strength: Strength | None
    reason: str
    now: Measurement
    baseline: Measurement | None = None
    delta: Delta | None = None
    figure: float | None = None
    judged: Estimate | None = None
    change: Estimate | None = None
    decided_by: str = ""
    limit: str = ""
    by: tuple[Judgement, ...] = ()
    checkins: tuple[Checkin, ...] = ()
    bound: str = ""
    headline: str = ""


@dataclass(frozen=True, kw_only=True)
class Checkin:
    """One look inside the deployment window; at is its end."""

    at: datetime
    judgement: Judgement


@dataclass(frozen=True, kw_only=True)
class GateResult:
    name: str
    at: datetime
    judgement: Judgement


@dataclass(frozen=True, kw_only=True)
class CheckpointResult:
    """A checkpoint: its word, its metrics, when it was or is due. late: how long after due it was made, if it was."""

    after: timedelta
    due: datetime
    verdict: Verdict
    reason: str = ""
    metrics: tuple[Judgement, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that was noticed in the data: its kind (a closed list), place and times, and one sentence."""

    kind: str
    severity: Severity
    text: str
    metric: str = ""
    start: datetime | None = None
    end: datetime | None = None
    labels: tuple[tuple[str, str], ...] = ()
    checkpoint: str = ""
    detail: tuple[tuple[str, str], ...] = field(default=())
