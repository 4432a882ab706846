"""What is noticed beside the verdicts: sick baselines, onsets, trends, splits, tails, overlaps, and what the rows show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .. import findings as found
from .. import measure, wording
from ..findings import Layout, Other
from ..model import CheckpointResult, Data, DataNote, Deployment, Entry, Finding, Judgement, Metric, Verdict
from ..times import Window, steps
from .rows import about_rows
from .window import noise_window, sick_baseline, tolerance_of

COURSE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
TREND_FROM = timedelta(hours=8)

Times = NDArray[np.int64]
Changes = NDArray[np.float64]


def notice(
    deployment: Deployment,
    data: Data,
    *,
    window_metrics: Sequence[Judgement],
    checkpoints: Sequence[CheckpointResult],
    as_of: datetime,
    entries: Sequence[Entry] = (),
    neighbours: Sequence[Deployment] = (),
) -> list[Finding]:
    """Every finding of the stretch that the report looks at, in a fixed order."""
    # After a rollback the old version runs: what it does is no news of this change.
    end = max(as_of if deployment.ended is None else min(as_of, deployment.closes), deployment.end)
    noticed: list[Finding] = [
        *found.from_notes(
            [note for note in data.notes if concerns(deployment, note.metric) and not declared(deployment, note)]
        ),
        *about_rows(deployment, data, end, entries),
        *about_windows(deployment, data, window_metrics),
        *trends(deployment, data, end),
        *overlaps(deployment, neighbours, end),
        *surroundings(deployment, window_metrics, end),
        *about_log(deployment, data, entries, end),
    ]
    for checkpoint in checkpoints:
        noticed += first_seen(about_checkpoint(deployment, data, checkpoint), noticed)
    moving = {each.metric for each in noticed if each.kind in ("onset", "trend")}
    noticed += later_onsets(deployment, data, checkpoints, end, moving)
    return distinct(noticed)


def concerns(deployment: Deployment, name: str) -> bool:
    return not name or name == "up" or any(name in (metric.id, *metric.names) for metric in deployment.metrics)


def declared(deployment: Deployment, note: DataNote) -> bool:
    """True where an empty export is what `missing: zero` was written for: the metric's own word says what it means."""
    silent = {name for metric in deployment.metrics if metric.missing_is_zero for name in metric.names}
    return note.kind in ("empty", "missing") and note.metric in silent


def distinct(noticed: Sequence[Finding]) -> list[Finding]:
    """Each sentence once, those that need a person first, otherwise as they came."""
    unique: dict[tuple[str, str], Finding] = {}
    for each in noticed:
        unique.setdefault((each.kind, each.text), each)
    return sorted(unique.values(), key=lambda each: each.severity != "warn")


def first_seen(new: Iterable[Finding], noticed: Sequence[Finding]) -> list[Finding]:
    """Without what was noticed of the same metric and part before: a checkpoint tells news."""
    known = {(each.kind, each.metric, each.labels) for each in noticed}
    return [each for each in new if (each.kind, each.metric, each.labels) not in known]


def about_windows(deployment: Deployment, data: Data, judged: Sequence[Judgement]) -> Iterator[Finding]:
    """What concerns one metric over the deployment window; what concerns its samples alone, once."""
    asked: set[tuple[object, ...]] = set()
    for judgement in judged:
        metric = judgement.metric
        key = (metric.kind, metric.total_name or metric.name, metric.where)
        yield from about_judgement(deployment, data, judgement, traffic=key not in asked)
        yield from found.small_sample(judgement)
        if judgement.baseline is None:
            continue
        if metric.kind in ("histogram", "gauge"):
            yield from onset_in(deployment, data, metric, judgement.now.window)
        if metric.kind == "histogram":
            yield from layouts(data, judgement)
        if metric.kind == "histogram" and key not in asked:
            yield from other_statistics(deployment, data, judgement)
        asked.add(key)


def about_checkpoint(deployment: Deployment, data: Data, checkpoint: CheckpointResult) -> Iterator[Finding]:
    name = wording.after_text(checkpoint.after)
    for judgement in checkpoint.metrics:
        for each in about_judgement(deployment, data, judgement):
            yield replace(each, checkpoint=name, text=f"{name}: {each.text}")


def about_judgement(
    deployment: Deployment, data: Data, judgement: Judgement, *, traffic: bool = True
) -> Iterator[Finding]:
    """What one comparison shows beside its word."""
    metric, baseline = judgement.metric, judgement.baseline
    if traffic:
        yield from found.from_traffic(metric, judgement.now, baseline)
    yield from found.from_split(judgement, tolerance_of(metric))
    yield from found.improved(judgement)
    if baseline is None or not (sick := sick_baseline(data, metric, baseline)):
        return
    window, distance = sick
    if metric.kind in ("counter", "ratio"):
        yield found.poor_baseline(metric, baseline)
    else:
        yield found.baseline_anomaly(metric, window, distance, deployment.zone)


def layouts(data: Data, judgement: Judgement) -> list[Finding]:
    metric, now, baseline = judgement.metric, judgement.now, judgement.baseline
    if baseline is None or metric.quantile is None:
        return []
    here, before = (layout_in(metric, data, window) for window in (now.window, baseline.window))
    return found.from_layouts(metric, here, before, now, tolerance_of(metric))


def layout_in(metric: Metric, data: Data, window: Window) -> Layout:
    samples = measure.samples_of(metric, data)
    if samples is None:
        return Layout()
    inside = [
        series.values[(series.times >= window.start_ms) & (series.times <= window.end_ms), : len(samples.edges)]
        for series in samples.series
    ]
    there = ~np.isnan(np.concatenate(inside))
    edges = np.array(samples.edges) * metric.scale
    if not len(there):
        return Layout()
    return Layout(every=tuple(edges[there.all(axis=0)].tolist()), some=tuple(edges[there.any(axis=0)].tolist()))


def later_onsets(
    deployment: Deployment, data: Data, checkpoints: Sequence[CheckpointResult], end: datetime, known: set[str]
) -> Iterator[Finding]:
    """When a change began up to now, for what broke a criterion of change at a checkpoint and is not known to have begun or to climb."""
    if deployment.baseline is None or end <= deployment.end:
        return
    broken = {
        judgement.metric.id: judgement.metric
        for checkpoint in checkpoints
        for judgement in checkpoint.metrics
        if judgement.verdict is Verdict.FAIL and judgement.baseline is not None
    }
    for metric in broken.values():
        if metric.kind in ("histogram", "gauge") and metric.id not in known:
            yield from onset_in(deployment, data, metric, Window(start=deployment.window.start, end=end))


def onset_in(deployment: Deployment, data: Data, metric: Metric, window: Window) -> Iterator[Finding]:
    """When a change that lasts began, inside the window."""
    times, changes = course(deployment, data, metric, window, COURSE)
    at = found.onset(times, changes, tolerance_of(metric))
    if at is not None:
        later = changes[(times > at.timestamp() * 1000) & np.isfinite(changes)]
        yield found.onset_finding(metric, at, float(np.mean(later)), deployment.zone)


def course(
    deployment: Deployment, data: Data, metric: Metric, window: Window, every: timedelta
) -> tuple[Times, Changes]:
    """(ends in ms, relative changes): each `every` of the window against the same local clock time of the baseline day."""
    times, changes = [], []
    ends = [window.start, *steps(window, max(every, HOUR))]
    for start, end in pairwise(ends):
        part = Window(start=start, end=end)
        baseline = deployment.baseline_of(part)
        assert baseline is not None
        at, now = measure.path(metric, data, part, every)
        _, before = measure.path(metric, data, baseline, every)
        if len(before) != len(now):  # a baseline of another length has no same minute: its middle stands for all
            before = np.full(len(now), np.nanmedian(before) if np.isfinite(before).any() else np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            changes.append(np.where(before > 0, now / before - 1, np.nan))
        times.append(at)
    return np.concatenate(times), np.concatenate(changes)


def other_statistics(deployment: Deployment, data: Data, judgement: Judgement) -> list[Finding]:
    """The tail, the middle and the mean of the same histogram, unless a metric of their own judges them."""
    metric, baseline = judgement.metric, judgement.baseline
    if baseline is None or judgement.verdict is Verdict.NO_DATA or deployment.judge == "point":
        return []
    same = [each for each in deployment.metrics if (each.name, each.where) == (metric.name, metric.where)]
    history, others = noise_window(deployment, data, metric), []
    for statistic in [each for each in ("p50", "p95", "mean") if each not in {each.statistic for each in same}]:
        other = replace(metric, statistic=statistic, show_change=False, delta="percent", by=())
        now, before, _, change = measure.compare(other, data, judgement.now.window, baseline.window, history=history)
        if change is not None:
            others.append(Other(statistic=statistic, change=change, now=now.bracket, before=before.bracket))
    return found.disagrees(judgement, others, tolerance_of(metric))


def trends(deployment: Deployment, data: Data, end: datetime) -> Iterator[Finding]:
    """A steady climb of the hourly change over the observation."""
    if end - deployment.end < TREND_FROM or deployment.baseline is None:
        return
    whole_hours = Window(start=deployment.end, end=deployment.end + HOUR * int((end - deployment.end) / HOUR))
    seen: set[tuple[object, ...]] = set()
    for metric in deployment.metrics:
        key = (metric.names, metric.where, metric.statistic)
        if metric.kind not in ("histogram", "gauge") or key in seen:
            continue
        seen.add(key)
        _, changes = course(deployment, data, metric, whole_hours, HOUR)
        hours = [float(hour) for hour in range(len(changes))]
        if climbing := found.trend(hours, changes.tolist(), tolerance_of(metric)):
            yield found.trend_finding(metric, *climbing, whole_hours)


def overlaps(deployment: Deployment, neighbours: Sequence[Deployment], end: datetime) -> Iterator[Finding]:
    """Another deployment of the same service in the window, the observation or the baseline."""
    stretches = [("deployment window", deployment.window)]
    if end > deployment.end:
        stretches.append(("observation", Window(start=deployment.end, end=end)))
    if deployment.baseline:
        stretches.append(("baseline", deployment.baseline))
    for other in neighbours:
        ran = window_of(other)
        if other.slug == deployment.slug or ran is None or not is_same_service(deployment, other):
            continue
        for name, stretch in stretches:
            if ran.overlaps(stretch):
                yield found.overlap(other.title, other.ticket, ran, name, deployment.zone, service=other.service)
                break


def window_of(deployment: Deployment) -> Window | None:
    """When it really ran; None for one that was postponed, or that ended before its window."""
    closing, ended = deployment.closing, deployment.ended
    if closing and closing.actual:
        return closing.actual
    never = closing and (closing.outcome == "postponed" or (ended and ended <= deployment.window.start))
    return None if never else deployment.window


def is_same_service(one: Deployment, other: Deployment) -> bool:
    """True for the same service; where neither names one, for two that are judged by the same series."""
    if one.service or other.service:
        return one.service == other.service
    mine, theirs = ({(each.name, each.where) for each in both.metrics} for both in (one, other))
    return bool(mine & theirs)


def about_log(deployment: Deployment, data: Data, entries: Sequence[Entry], end: datetime) -> Iterator[Finding]:
    """Where the journal and what other systems recorded contradict each other."""
    return found.from_log(
        [entry for entry in entries if entry.at <= end],
        deployment.window,
        deployment.zone,
        partial={note.place for note in data.notes if note.kind == "failed"},
        rolled_back=deployment.closing is not None and deployment.closing.outcome == "rolled_back",
    )


def surroundings(deployment: Deployment, judged: Sequence[Judgement], end: datetime) -> Iterator[Finding]:
    """No baseline, clocks that changed, metrics that nothing is asked of."""
    if deployment.baseline is None:
        yield found.no_baseline()
    else:
        yield from found.clock_change(deployment.baseline.start, end, deployment.zone)
    for judgement in judged:
        if judgement.verdict is Verdict.NOT_APPLICABLE and not judgement.metric.advisory and deployment.baseline:
            yield found.not_judged(judgement.metric)
