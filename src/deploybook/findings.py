"""
What was noticed in the data, as sentences: plain values in, Findings out.

Info: what was planned or declared, exact duplicates, a coarse bucket away from the limit.
Warn: what a person should look at; it raises the whole to Watch, never a metric.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from . import wording
from .model import DataNote, Delta, Entry, Estimate, Finding, Judgement, Measurement, Metric, Verdict
from .times import Window, from_ms, length_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KINDS = (
    "gap",
    "data_quality",
    "reset",
    "restarts",
    "series_gone",
    "renamed",
    "bucket_layout",
    "coarse_buckets",
    "traffic",
    "baseline_anomaly",
    "onset",
    "trend",
    "breakdown",
    "disagreement",
    "empty_export",
    "stale",
    "overlap",
    "improved",
    "small_sample",
    "refused",
    "history_changed",
    "partial",
    "reference",
    "not_judged",
)

# Labels that name a target; where a series has one of them, the rest of its labels do not make another target.
TARGET_LABELS = ("pod", "instance", "container", "host", "node")
SHORT_GAP = timedelta(minutes=3)
NEAR = timedelta(minutes=5)
ANOMALY_POINTS = 2  # consecutive five-minute figures
ANOMALY_SIGMAS = 5.0
ONSET_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A time in which one series was not seen; restarted where its counter began again within it."""

    metric: str
    start: datetime
    end: datetime
    labels: tuple[tuple[str, str], ...]
    restarted: bool = False

    @property
    def length(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True)
class Reset:
    """A counter of one series that began again."""

    metric: str
    at: datetime
    labels: tuple[tuple[str, str], ...]


def target_of(labels: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What identifies the thing that restarted: its pod, instance … where it has one, otherwise all labels."""
    labels = tuple(labels)
    return tuple(pair for pair in labels if pair[0] in TARGET_LABELS) or labels


def target_text(labels: Iterable[tuple[str, str]]) -> str:
    target = target_of(labels)
    return ", ".join(value for _, value in target) or "the target"


def from_gaps(stretches: Sequence[Stretch], window: Window, zone: ZoneInfo, step: timedelta) -> list[Finding]:
    """One finding per metric and stretch of time; a short one around a restart belongs to the restart."""
    short = max(SHORT_GAP, step * 4)
    groups: dict[tuple[str, datetime], list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        if stretch.length <= short and stretch.restarted:
            continue
        minute = stretch.start.replace(second=0, microsecond=0)
        groups[(stretch.metric, minute)].append(stretch)
    found = []
    for (metric, _), group in sorted(groups.items()):
        start, end = min(each.start for each in group), max(each.end for each in group)
        long = end - start > max(timedelta(minutes=1), step * 3)
        found.append(
            Finding(
                kind="gap",
                severity="warn" if long else "info",
                metric=metric,
                start=start,
                end=end,
                labels=group[0].labels if len(group) == 1 else (),
                text=f"{metric}: no samples for {length_text(end - start)} from {wording.local(start, zone)} "
                f"({wording.plural(len(group), 'series', 'series')}); what happened then was not observed.",
            )
        )
    return merge_small(found)


def merge_small(found: list[Finding]) -> list[Finding]:
    """Many single lost scrapes of one metric as one line."""
    kept = [each for each in found if each.severity == "warn"]
    small: dict[str, list[Finding]] = defaultdict(list)
    for each in found:
        if each.severity == "info":
            small[each.metric].append(each)
    for metric, group in sorted(small.items()):
        if len(group) == 1:
            kept += group
            continue
        kept.append(
            Finding(
                kind="gap",
                severity="info",
                metric=metric,
                start=group[0].start,
                end=group[-1].end,
                text=f"{metric}: {len(group)} single scrapes were lost.",
            )
        )
    return kept


def from_resets(
    resets: Sequence[Reset], rollout: Window, looked_at: Window, journal: Sequence[Entry], zone: ZoneInfo
) -> list[Finding]:
    """
    The first restart of each target inside the deployment window belongs to the rollout; each further one, and
    each one after it that no journal line about a restart stands near, is news.
    """
    by_target: dict[tuple[tuple[str, str], ...], list[Reset]] = defaultdict(list)
    for reset in sorted(resets, key=lambda each: each.at):
        seen = by_target[target_of(reset.labels)]
        if not seen or reset.at - seen[-1].at > timedelta(minutes=1):
            seen.append(reset)
    planned_at = [entry.at for entry in journal if entry.kind == "restart"]
    planned: list[Reset] = []
    news: dict[tuple[tuple[str, str], ...], list[Reset]] = defaultdict(list)
    for target, each in by_target.items():
        inside = [reset for reset in each if rollout.start <= reset.at <= rollout.end]
        for reset in each:
            if not looked_at.start <= reset.at <= looked_at.end:
                continue
            is_first = bool(inside) and reset is inside[0]
            if is_first or any(
                abs(reset.at - at) <= NEAR and not rollout.start <= at <= rollout.end for at in planned_at
            ):
                planned.append(reset)
            else:
                news[target].append(reset)
    found = []
    if planned:
        names = sorted({target_text(reset.labels) for reset in planned})
        found.append(
            Finding(
                kind="restarts",
                severity="info",
                start=min(reset.at for reset in planned),
                end=max(reset.at for reset in planned),
                text=f"Planned restarts of {wording.listed(names)} between "
                f"{wording.local(min(reset.at for reset in planned), zone)} and "
                f"{wording.local(max(reset.at for reset in planned), zone)}; their counters began again and were added up.",
            )
        )
    for target, each in sorted(news.items()):
        times = wording.listed([wording.local(reset.at, zone) for reset in each[:6]])
        more = f" and {len(each) - 6} more times" if len(each) > 6 else ""
        found.append(
            Finding(
                kind="restarts",
                severity="warn",
                metric=each[0].metric,
                labels=target,
                start=each[0].at,
                end=each[-1].at,
                text=f"{target_text(target)} restarted {wording.plural(len(each), 'time')} outside the plan: {times}{more}.",
            )
        )
    return found


def from_notes(notes: Sequence[DataNote]) -> list[Finding]:
    """One finding an export about the state of its rows; empty exports, refused files and changed history apart."""
    own_kind = {
        "empty": "empty_export",
        "missing": "empty_export",
        "unreadable": "empty_export",
        "refused": "refused",
        "history_changed": "history_changed",
        "partial": "partial",
        "warning": "partial",
    }
    found = []
    quality: dict[str, list[DataNote]] = defaultdict(list)
    for note in notes:
        if note.kind in own_kind:
            place = f"{note.place}: " if note.place else ""
            found.append(
                Finding(kind=own_kind[note.kind], severity="warn", metric=note.metric, text=f"{place}{note.text}")
            )
        else:
            quality[note.metric].append(note)
    words = {
        "duplicates": "{} that stood there twice, counted once",
        "conflicts": "{} that contradicted another one, the larger taken",
        "unsorted": "{} out of order, sorted",
        "zoneless": "{} without a zone, refused",
        "non_numbers": "{} that are no number, their whole scrape left out",
        "negative": "{} with a negative counter, left out",
    }
    harmless = {"duplicates", "unsorted"}
    for metric, group in sorted(quality.items()):
        counts: dict[str, int] = defaultdict(int)
        for note in group:
            counts[note.kind] += note.count
        parts = [
            words.get(kind, "{} of note").format(wording.plural(count, "row")) for kind, count in sorted(counts.items())
        ]
        places = sorted({note.place for note in group if note.place})
        found.append(
            Finding(
                kind="data_quality",
                severity="info" if set(counts) <= harmless else "warn",
                metric=metric,
                text=f"{metric}: {'; '.join(parts)}" + (f" (first at {places[0]})." if places else "."),
            )
        )
    return found


def from_layouts(
    metric: Metric, now: Sequence[float], baseline: Sequence[float], measurement: Measurement
) -> list[Finding]:
    """Bucket layouts that differ, a bucket too wide for the tolerance, a limit inside the bucket of the quantile."""
    found = []
    if now and baseline and tuple(now) != tuple(baseline):
        found.append(
            Finding(
                kind="bucket_layout",
                severity="warn",
                metric=metric.id,
                text=f"{metric.title}: the buckets of the two windows differ ({len(now)} against {len(baseline)} edges); "
                "the comparison uses the edges that both have.",
            )
        )
    if metric.quantile is None or measurement.bracket is None or metric.tolerance.relative is None:
        return found
    low, high = measurement.bracket
    edges = f"{low:g} and {high:g} {metric.unit}"
    if high == float("inf"):
        return [
            *found,
            Finding(
                kind="coarse_buckets",
                severity="warn",
                metric=metric.id,
                text=f"{metric.title}: the figure lies above the highest bucket, {low:g} {metric.unit}; how far above is not known.",
            ),
        ]
    if low > 0 and high / low - 1 > 2 * metric.tolerance.relative:
        limit = metric.target.value if metric.target else None
        at_limit = limit is not None and low < limit < high
        found.append(
            Finding(
                kind="coarse_buckets",
                severity="warn" if at_limit else "info",
                metric=metric.id,
                text=f"{metric.title}: the figure is interpolated between the bucket edges {edges}, which is wider than "
                "twice the tolerance" + ("; the target lies between them too." if at_limit else "."),
            )
        )
    return found


def from_traffic(metric: Metric, now: Measurement, baseline: Measurement | None) -> list[Finding]:
    """Request volume below half or above twice the baseline's, per hour."""
    if baseline is None or not now.traffic or not baseline.traffic:
        return []
    ratio = (now.traffic / now.window.hours) / (baseline.traffic / baseline.window.hours)
    if 0.5 <= ratio <= 2:
        return []
    return [
        Finding(
            kind="traffic",
            severity="warn",
            metric=metric.id,
            text=f"{metric.title}: {wording.rounded(now.traffic, 0)} requests against {wording.rounded(baseline.traffic, 0)} "
            f"in the baseline ({wording.share(ratio)} of its rate); the two windows are hardly the same load.",
        )
    ]


def anomaly(
    times_ms: NDArray[np.int64], values: NDArray[np.float64], tolerance: float
) -> tuple[datetime, datetime, float] | None:
    """
    The first stretch of at least two five-minute figures that lie well away from the median of the rest.

    Away: by more than three tolerances and five robust standard deviations (1.4826 times the median absolute
    deviation). Returns its start, end and the relative distance; None where the series is calm.
    """
    import numpy as np

    known = np.isfinite(values)
    if known.sum() < 6:
        return None
    times, figures = times_ms[known], values[known]
    middle = float(np.median(figures))
    if middle <= 0:
        return None
    spread = 1.4826 * float(np.median(np.abs(figures - middle)))
    away = np.abs(figures - middle) > max(3 * tolerance * middle, ANOMALY_SIGMAS * spread)
    run = 0
    for index, is_away in enumerate([*away.tolist(), False]):
        if is_away:
            run += 1
            continue
        if run >= ANOMALY_POINTS:
            first, last = index - run, index - 1
            distance = float(np.mean(figures[first : last + 1])) / middle - 1
            return from_ms(times[first]), from_ms(times[last]), distance
        run = 0
    return None


def baseline_anomaly(metric: Metric, start: datetime, end: datetime, distance: float, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="baseline_anomaly",
        severity="warn",
        metric=metric.id,
        start=start,
        end=end,
        text=f"{metric.title}: the baseline itself moved by {wording.percent(distance)} around "
        f"{wording.window_text(Window(start=start - timedelta(minutes=5), end=end), zone)}; it is a poor measure of normal.",
    )


def poor_baseline(metric: Metric, baseline: Measurement) -> Finding:
    return Finding(
        kind="baseline_anomaly",
        severity="warn",
        metric=metric.id,
        start=baseline.window.start,
        end=baseline.window.end,
        text=f"{metric.title}: the baseline has {wording.value_text(metric, baseline.value)} and misses the target itself; "
        "a comparison with it says little.",
    )


def onset(times_ms: NDArray[np.int64], ratios: NDArray[np.float64], tolerance: float) -> datetime | None:
    """
    When a lasting change began: the split of the ratios to the baseline, minute by minute or so, that explains most
    of their variance (least squares), where the later part lies beyond the tolerance and the earlier one does not.

    The start of the later part; None where the change was there from the beginning, or there is none.
    """
    import numpy as np

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
    rest = float(np.sum((values - np.where(np.arange(count) < left[best], before, after)) ** 2)) / max(1, count - 2)
    noise = (rest * (1 / left[best] + 1 / (count - left[best]))) ** 0.5
    if jump <= tolerance * ONSET_SHARE or jump <= 4 * noise or abs(after) <= tolerance or abs(before) > tolerance:
        return None
    return from_ms(times[left[best] - 1])


def onset_finding(metric: Metric, at: datetime, change: float, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="onset",
        severity="warn",
        metric=metric.id,
        start=at,
        text=f"{metric.title}: the change began at about {wording.local(at.replace(second=0), zone)}; since then {wording.percent(change)} "
        "against the baseline.",
    )


def trend(hours: Sequence[float], changes: Sequence[float], tolerance: float) -> tuple[float, float] | None:
    """
    Slope per hour and the total it comes to, where the changes climb steadily: a straight line through them has a
    slope of more than five standard errors (doubled for memory between neighbours) and moves by more than half the tolerance.
    """
    import numpy as np

    x, y = np.asarray(hours, float), np.asarray(changes, float)
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 8:
        return None
    x_mid = x - x.mean()
    slope = float((x_mid * (y - y.mean())).sum() / (x_mid**2).sum())
    residual = y - y.mean() - slope * x_mid
    error = 2 * (float((residual**2).sum()) / (len(x) - 2) / float((x_mid**2).sum())) ** 0.5
    total = slope * float(x[-1] - x[0])
    if abs(slope) <= 5 * error or abs(total) <= tolerance / 2:
        return None
    return slope, total


def trend_finding(metric: Metric, slope: float, total: float, window: Window) -> Finding:
    return Finding(
        kind="trend",
        severity="warn",
        metric=metric.id,
        start=window.start,
        end=window.end,
        text=f"{metric.title}: it moves steadily by {wording.percent(slope, 2)} an hour, {wording.percent(total)} over "
        f"{length_text(window.length)}.",
    )


def from_split(judgement: Judgement) -> list[Finding]:
    """The label values of a split that moved although the total may look fine."""
    moved = [each for each in judgement.by if each.verdict == Verdict.FAIL and each.decided_by == "tolerance"]
    return [
        Finding(
            kind="breakdown",
            severity="warn",
            metric=judgement.metric.id,
            labels=each.now.labels,
            start=each.now.window.start,
            end=each.now.window.end,
            text=f"{judgement.metric.title}: {', '.join(f'{label} {value}' for label, value in each.now.labels)} moved "
            f"{wording.delta_text(each.metric, each.delta)}, the total {wording.delta_text(judgement.metric, judgement.delta)}.",
        )
        for each in moved
    ]


def disagrees(
    metric: Metric, own: Delta | None, other: str, change: Estimate | None, tolerance: float
) -> list[Finding]:
    """
    Another statistic of the same histogram moved: its 95 % interval excludes no change and the change itself
    lies beyond the tolerance, while the judged statistic is inside.
    """
    if change is None or change.at95 is None or own is None or own.relative is None:
        return []
    clear = change.at95.low > 0 or change.at95.high < 0
    apart = abs(change.value) > tolerance and abs(change.value - own.relative) > tolerance / 2
    if not clear or not apart or abs(own.relative) > tolerance:
        return []
    return [
        Finding(
            kind="disagreement",
            severity="warn",
            metric=metric.id,
            text=f"{metric.title}: {wording.percent(own.relative)} and quiet, but its {other} moved {wording.percent(change.value)}.",
        )
    ]


def renamed(metric: Metric, present: Mapping[str, tuple[datetime, datetime]], zone: ZoneInfo) -> list[Finding]:
    """A declared rename: more than one of the metric's names has samples in what was looked at."""
    names = [name for name in (metric.name, *metric.also_named) if name in present]
    if len(names) < 2:
        return []
    names.sort(key=lambda name: present[name][0])
    at = present[names[1]][0]
    return [
        Finding(
            kind="renamed",
            severity="info",
            metric=metric.id,
            start=at,
            text=f"{metric.title}: called {names[0]} at first and {names[1]} from {wording.local(at, zone)} on; both were joined, as declared.",
        )
    ]


def gone(metric: str, labels: tuple[tuple[str, str], ...], last: datetime, replaced: bool, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="series_gone",
        severity="info" if replaced else "warn",
        metric=metric,
        labels=labels,
        start=last,
        text=f"{metric}: {target_text(labels)} was last seen at {wording.local(last, zone)}"
        + (" and was replaced by another." if replaced else "; if it was renamed, write 'also_named'."),
    )


def stale(metric: str, last: datetime, window: Window, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="stale",
        severity="warn",
        metric=metric,
        start=last,
        end=window.end,
        text=f"{metric}: the export ends at {wording.local_full(last, zone)}, {length_text(window.end - last)} before the window does.",
    )


def overlap(title: str, ticket: str, window: Window, where: str, zone: ZoneInfo) -> Finding:
    return Finding(
        kind="overlap",
        severity="warn",
        start=window.start,
        end=window.end,
        text=f"{title} ({ticket}) of the same service was deployed {wording.window_text(window, zone)}, inside the {where}; "
        "what moved may be its doing.",
    )


def improved(judgement: Judgement) -> list[Finding]:
    """A change to the good side beyond the tolerance: nobody's fault, and still worth a look."""
    if judgement.verdict != Verdict.WARN or judgement.decided_by != "improved":
        return []
    return [
        Finding(
            kind="improved",
            severity="info",
            metric=judgement.metric.id,
            text=f"{judgement.metric.title}: clearly better than the tolerance allows, "
            f"{wording.delta_text(judgement.metric, judgement.delta) or wording.percent(judgement.figure or 0)}.",
        )
    ]


def small_sample(judgement: Judgement) -> list[Finding]:
    if not judgement.judged or not judgement.judged.blocked:
        return []
    return [
        Finding(
            kind="small_sample",
            severity="info",
            metric=judgement.metric.id,
            text=f"{judgement.metric.title}: {judgement.judged.blocked}; too few to tell a change from noise.",
        )
    ]
