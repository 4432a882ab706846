"""What the figures did: when a change began, whether it climbs, who moved, what moved beside the judged statistic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from .. import wording
from ..model import Estimate, Finding, Judgement, Measurement, Metric, Verdict
from ..times import Window, from_ms, length_text
from .tell import note, warn

ANOMALY_POINTS = 2  # consecutive five-minute figures
ANOMALY_SIGMAS = 5.0
ONSET_SHARE = 0.5
TREND_ERRORS, LEAST_MEMORY = 4.5, 0.3
QUIET, BUSY = 0.5, 2.0


def from_traffic(metric: Metric, now: Measurement, baseline: Measurement | None) -> list[Finding]:
    """Request volume below half or above twice the baseline's, per hour."""
    if baseline is None or not now.traffic or not baseline.traffic:
        return []
    ratio = (now.traffic / now.window.hours) / (baseline.traffic / baseline.window.hours)
    if QUIET <= ratio <= BUSY:
        return []
    noun = "runs" if metric.kind == "ratio" else "requests"
    counts = f"{wording.rounded(now.traffic, 0)} {noun} against {wording.rounded(baseline.traffic, 0)} in the baseline"
    text = f"{metric.title}: {counts}, {wording.share(ratio)} of its rate; the two are hardly the same load."
    return [warn("traffic", text, metric.id, now.window.start, now.window.end)]


def anomaly(
    times_ms: NDArray[np.int64], values: NDArray[np.float64], tolerance: float
) -> tuple[datetime, datetime, float] | None:
    """
    The first stretch of at least two five-minute figures that lie well away from the median of the rest.

    Away: by more than three tolerances and five robust standard deviations (1.4826 times the median absolute
    deviation). Returns its start, end and the relative distance; None where the series is calm.
    """
    known = np.isfinite(values)
    if known.sum() < 6:
        return None
    times, figures = times_ms[known], values[known]
    middle = float(np.median(figures))
    if middle <= 0:
        return None
    spread = 1.4826 * float(np.median(np.abs(figures - middle)))
    away = np.abs(figures - middle) > max(3 * tolerance * middle, ANOMALY_SIGMAS * spread)
    for first, end in np.flatnonzero(np.diff(away.astype(int), prepend=0, append=0)).reshape(-1, 2).tolist():
        if end - first >= ANOMALY_POINTS:
            return from_ms(times[first]), from_ms(times[end - 1]), float(np.mean(figures[first:end])) / middle - 1
    return None


def baseline_anomaly(metric: Metric, window: Window, distance: float, zone: ZoneInfo) -> Finding:
    how = f"{wording.percent(distance)} ({wording.window_text(window, zone)})"
    text = f"{metric.title}: the baseline itself moved by {how}; it is a poor measure of normal."
    return warn("baseline_anomaly", text, metric.id, window.start, window.end)


def poor_baseline(metric: Metric, baseline: Measurement) -> Finding:
    value = wording.value_text(metric, baseline.value)
    text = f"{metric.title}: the baseline has {value} and misses the target itself; a comparison with it says little."
    return warn("baseline_anomaly", text, metric.id, baseline.window.start, baseline.window.end)


def onset(times_ms: NDArray[np.int64], ratios: NDArray[np.float64], tolerance: float) -> datetime | None:
    """
    When a lasting change began: the split of the changes against the baseline, every five minutes say, that explains
    most of their variance (least squares), where the later part lies beyond the tolerance and the earlier one does not.

    times_ms: ends of the stretches. The start of the later part; None where the change was there from the beginning,
    or there is none.
    """
    known = np.isfinite(ratios)
    times, values = times_ms[known], ratios[known]
    count = len(values)
    if count < 6:
        return None
    sums = np.cumsum(values)
    left = np.arange(2, count - 1)
    mean_left = sums[left - 1] / left
    mean_right = (sums[-1] - sums[left - 1]) / (count - left)
    gain = left * (count - left) / count * (mean_right - mean_left) ** 2
    best = int(np.argmax(gain))
    before, after = float(mean_left[best]), float(mean_right[best])
    jump = abs(after - before)
    rest = values - np.where(np.arange(count) < left[best], before, after)
    spread = float((rest**2).sum()) / max(1, count - 2) * inflation(rest)
    noise = (spread * (1 / left[best] + 1 / (count - left[best]))) ** 0.5
    if jump <= tolerance * ONSET_SHARE or jump <= 4 * noise or abs(after) <= tolerance or abs(before) > tolerance:
        return None
    return from_ms(times[left[best] - 1]) if lasts(values[left[best] :], after, tolerance) else None


def lasts(later: NDArray[np.float64], after: float, tolerance: float) -> bool:
    """True where the change was there in each half of what came after: not an incident that passed."""
    halves = later[: len(later) // 2], later[len(later) // 2 :]
    return all(float(half.mean()) * (1 if after > 0 else -1) > tolerance for half in halves if len(half))


def onset_finding(metric: Metric, at: datetime, change: float, zone: ZoneInfo) -> Finding:
    at = at.replace(second=0, microsecond=0)
    since = f"since then {wording.percent(change)} against the baseline"
    return warn(
        "onset", f"{metric.title}: the change began at about {wording.local_full(at, zone)}; {since}.", metric.id, at
    )


def trend(hours: Sequence[float], changes: Sequence[float], tolerance: float) -> tuple[float, float] | None:
    """
    Slope per hour and the total it comes to, where the changes climb steadily.

    A straight line through them has a slope of more than 4.5 standard errors, widened for the memory between
    neighbours (AR(1), a lag-1 correlation of at least 0.3), and moves by more than half the tolerance.
    """
    x, y = np.asarray(hours, float), np.asarray(changes, float)
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 8:
        return None
    x_mid = x - x.mean()
    slope = float((x_mid * (y - y.mean())).sum() / (x_mid**2).sum())
    residual = y - y.mean() - slope * x_mid
    error = (float((residual**2).sum()) / (len(x) - 2) / float((x_mid**2).sum()) * inflation(residual)) ** 0.5
    total = slope * float(x[-1] - x[0])
    if abs(slope) <= TREND_ERRORS * error or abs(total) <= tolerance / 2:
        return None
    return slope, total


def inflation(rest: NDArray[np.float64]) -> float:
    """By how much the memory between neighbours widens a variance: AR(1), a lag-1 correlation of at least 0.3."""
    squares = float((rest**2).sum())
    memory = float((rest[1:] * rest[:-1]).sum()) / squares if squares > 0 else 0.0
    memory = min(max(memory, LEAST_MEMORY), 0.95)
    return (1 + memory) / (1 - memory)


def trend_finding(metric: Metric, slope: float, total: float, window: Window) -> Finding:
    climb = f"{wording.percent(slope, 2)} an hour, {wording.percent(total)} over {length_text(window.length)}"
    text = f"{metric.title}: against the baseline it moves steadily by {climb}."
    return warn("trend", text, metric.id, window.start, window.end)


def from_split(judgement: Judgement, tolerance: float) -> list[Finding]:
    """The label values of a split that moved further than the total: clearly so where the total is a breach itself."""
    metric, total, found = judgement.metric, relative(judgement) or 0.0, []
    apart = tolerance if judgement.verdict is Verdict.FAIL else tolerance / 2
    for each in judgement.by:
        change, window = beyond(each, tolerance), each.now.window
        if change is not None and abs(change - total) > apart:
            who = ", ".join(f"{label} {value}" if value else f"no {label}" for label, value in each.now.labels)
            text = f"{metric.title}: {who} moved {wording.percent(change)}, the total {wording.percent(total)}."
            found.append(warn("breakdown", text, metric.id, window.start, window.end, each.now.labels))
    return found


def beyond(judgement: Judgement, tolerance: float) -> float | None:
    """The relative change of a part that breached and moved to the bad side by more than chance; otherwise None."""
    change, better = judgement.change, judgement.metric.better
    if judgement.verdict is not Verdict.FAIL or change is None or change.scale != "relative":
        return None
    is_good = (better == "lower" and change.value < 0) or (better == "higher" and change.value > 0)
    return change.value if abs(change.value) > tolerance and is_clear(change) and not is_good else None


def is_clear(change: Estimate) -> bool:
    """True where the change is more than chance: its widest interval excludes none at all."""
    widest = change.at98 or change.at95
    return widest is not None and not widest.low <= 0 <= widest.high


def relative(judgement: Judgement) -> float | None:
    if judgement.metric.show_change:
        return judgement.figure
    return judgement.delta.relative if judgement.delta else None


@dataclass(frozen=True, kw_only=True)
class Other:
    """Another statistic of the judged histogram: its name, its change, the bucket it lies in now and before."""

    statistic: str
    change: Estimate
    now: tuple[float, float] | None = None
    before: tuple[float, float] | None = None

    def artefact(self, tolerance: float) -> float:
        """How much of a move the buckets may have made up: an eighth of a wide one, a quarter where an edge was crossed."""
        widths = [high / low - 1 if low > 0 else math.inf for low, high in filter(None, (self.now, self.before))]
        width = max(widths, default=0.0)
        return width / (8 if self.now == self.before else 4) if width > 2 * tolerance else 0.0


def disagrees(judgement: Judgement, others: Sequence[Other], tolerance: float) -> list[Finding]:
    """
    Another statistic moved while the judged one is quiet, or the middle is quiet while the judged one moved.

    Moved: by more than chance and beyond the tolerance, and in wide buckets beyond what these may have made up.
    """
    own = relative(judgement)
    if own is None or judgement.verdict is Verdict.NO_DATA:
        return []
    text = beside_quiet(own, others, tolerance) or beside_moved(judgement, own, others, tolerance)
    window = judgement.now.window
    title = judgement.metric.title
    return [warn("disagreement", f"{title}: {text}.", judgement.metric.id, window.start, window.end)] if text else []


def beside_quiet(own: float, others: Sequence[Other], tolerance: float) -> str:
    """The statistics that moved while the judged one did not; '' where none did."""
    if abs(own) > tolerance:
        return ""
    moved = [
        f"its {other.statistic} moved {wording.percent(other.change.value)}"
        for other in others
        if is_clear(other.change)
        and abs(other.change.value) > tolerance + other.artefact(tolerance)
        and abs(other.change.value - own) > tolerance / 2 + other.artefact(tolerance)
    ]
    return f"quiet at {wording.percent(own)}, but {wording.listed(moved)}" if moved else ""


def beside_moved(judgement: Judgement, own: float, others: Sequence[Other], tolerance: float) -> str:
    """The median that stayed while the judged tail or mean moved; '' where it did not."""
    quantile = judgement.metric.quantile
    median = next((other.change.value for other in others if other.statistic == "p50"), None)
    if median is None or (quantile is not None and quantile <= 0.5) or beyond(judgement, tolerance) is None:
        return ""
    if not abs(median) <= tolerance < abs(own - median):
        return ""
    return (
        f"moved {wording.percent(own)} while its median is quiet at {wording.percent(median)}; "
        "the slow requests moved, not all of them"
    )


def improved(judgement: Judgement) -> list[Finding]:
    """A change to the good side beyond the tolerance: nobody's fault, and still worth a look."""
    metric, window = judgement.metric, judgement.now.window
    if judgement.verdict is not Verdict.WARN or judgement.decided_by not in ("tolerance", "success"):
        return []
    change = (
        wording.percent(judgement.figure or 0.0) if metric.show_change else wording.delta_text(metric, judgement.delta)
    )
    text = f"{metric.title}: better than the baseline by more than the tolerance, {change}."
    return [note("improved", text, metric.id, window.start, window.end)]


def small_sample(judgement: Judgement) -> list[Finding]:
    """Why nothing could be told: too few effective samples, or so few runs that hardly any difference would show."""
    metric, judged, window = judgement.metric, judgement.judged, judgement.now.window
    if judgement.verdict is not Verdict.INCONCLUSIVE or judged is None:
        return []
    if judged.blocked and "effective samples" in judged.blocked:
        text = f"{judged.blocked}, too few to tell a change from noise"
    elif metric.kind == "ratio" and judged.at90 is not None and judgement.now.total is not None:
        can = wording.points(judged.at90.half) if metric.unit == "%" else wording.rounded(judged.at90.half, 3)
        text = f"{wording.plural(round(judgement.now.total), 'run')} cannot tell differences below {can.lstrip('+')}"
    else:
        return []
    return [note("small_sample", f"{metric.title}: {text}.", metric.id, window.start, window.end)]
