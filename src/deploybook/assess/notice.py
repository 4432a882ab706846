"""What is noticed beside the verdicts: gaps, restarts, sick baselines, onsets, trends, splits, overlaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from .. import findings as found
from .. import measure, wording
from ..findings import Reset, Stretch
from ..model import CheckpointResult, Data, Delta, Deployment, Entry, Finding, Judgement, Metric, Samples, Verdict
from ..times import Window, from_ms
from .window import DEFAULT_TOLERANCE, sick_baseline

COURSE = timedelta(minutes=5)
HOUR = timedelta(hours=1)
STALE = timedelta(minutes=2)


def notice(
    deployment: Deployment,
    data: Data,
    *,
    window_metrics: Sequence[Judgement],
    checkpoints: Sequence[CheckpointResult],
    after: timedelta | None,
    as_of: datetime,
    entries: Sequence[Entry] = (),
    neighbours: Sequence[Deployment] = (),
) -> list[Finding]:
    """Every finding of the stretch that the report looks at, in a fixed order."""
    end = max(as_of, deployment.end)
    looked_at = Window(start=deployment.window.start, end=end)
    noticed: list[Finding] = [
        *found.from_notes([note for note in data.notes if concerns(deployment, note.metric)]),
        *missing_exports(deployment, data),
        *outages(deployment, data, looked_at, entries),
        *about_windows(deployment, data, window_metrics),
        *trends(deployment, data, end),
        *overlaps(deployment, neighbours, end),
    ]
    for checkpoint in checkpoints:
        for judgement in checkpoint.metrics:
            name = wording.after_text(checkpoint.after)
            for each in (*found.from_split(judgement), *found.improved(judgement)):
                noticed.append(replace(each, checkpoint=name, text=f"{name}: {each.text}"))
    return distinct(noticed)


def concerns(deployment: Deployment, name: str) -> bool:
    return not name or name == "up" or any(name in (metric.id, *metric.names) for metric in deployment.metrics)


def distinct(noticed: Sequence[Finding]) -> list[Finding]:
    """Each sentence once, those that need a person first, otherwise as they came."""
    unique: dict[tuple[str, str], Finding] = {}
    for each in noticed:
        unique.setdefault((each.kind, each.text), each)
    return sorted(unique.values(), key=lambda each: each.severity != "warn")


def selected(metric: Metric, data: Data) -> Iterator[Samples]:
    """The samples under each of the metric's names that it looks at."""
    for name in metric.names:
        if name in data.samples:
            yield measure.select(data.samples[name], metric.where)


def missing_exports(deployment: Deployment, data: Data) -> Iterator[Finding]:
    """A metric of which there is not one sample under any of its names."""
    noted = {note.metric for note in data.notes if note.kind in ("empty", "missing", "unreadable")}
    for metric in deployment.metrics:
        if (
            metric.missing_is_zero
            or any(samples.series for samples in selected(metric, data))
            or {metric.id, *metric.names} & noted
        ):
            continue
        yield Finding(
            kind="empty_export",
            severity="warn",
            metric=metric.id,
            text=f"{metric.title}: no samples of {wording.listed(metric.names or (metric.id,), 'or')} in any export"
            + (
                "; if it appears only with its first error, write 'missing: zero'." if metric.kind == "counter" else "."
            ),
        )


def outages(deployment: Deployment, data: Data, looked_at: Window, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Gaps, restarts, series that went away, exports that end early."""
    names: dict[str, Samples] = {}
    for metric in deployment.metrics:
        for samples in selected(metric, data):
            names.setdefault(samples.name, samples)
    resets: list[Reset] = []
    stretches: list[Stretch] = []
    for name, samples in sorted(names.items()):
        last = max((int(series.times[-1]) for series in samples.series if len(series.times)), default=None)
        if last is None:
            continue
        if (
            looked_at.end - from_ms(last) > max(STALE, step_of(samples) * 2)
            and from_ms(last) >= deployment.window.start
        ):
            yield found.stale(name, from_ms(last), looked_at, deployment.zone)
        turns = measure.resets(samples, looked_at)
        own = [Reset(metric=name, at=turn.at, labels=turn.labels) for turn in turns if turn.kind == "reset"]
        resets += own
        for gap in measure.gaps(samples, looked_at):
            if gap.end >= looked_at.end and gap.start >= from_ms(last):
                continue
            restarted = any(gap.start <= each.at <= gap.end + STALE and each.labels == gap.labels for each in own)
            stretches.append(Stretch(metric=name, start=gap.start, end=gap.end, labels=gap.labels, restarted=restarted))
        yield from departures(name, turns, from_ms(last), deployment)
    step = max((step_of(samples) for samples in names.values()), default=timedelta(seconds=15))
    yield from found.from_gaps(stretches, looked_at, deployment.zone, step)
    yield from found.from_resets(resets, deployment.window, looked_at, entries, deployment.zone)


def departures(name: str, turns: Sequence[measure.Turn], last: datetime, deployment: Deployment) -> Iterator[Finding]:
    """Series that ended while others of the metric went on; replaced where one began within a quarter of an hour."""
    begun = [turn.at for turn in turns if turn.kind == "begins"]
    for turn in turns:
        if turn.kind != "ends" or last - turn.at <= STALE:
            continue
        replaced = any(abs(at - turn.at) <= timedelta(minutes=15) for at in begun)
        yield found.gone(name, turn.labels, turn.at, replaced, deployment.zone)


def step_of(samples: Samples) -> timedelta:
    steps = [int(series.steps[-1]) for series in samples.series if len(series.steps)]
    return timedelta(milliseconds=max(steps, default=15_000) or 15_000)


def about_windows(deployment: Deployment, data: Data, judged: Sequence[Judgement]) -> Iterator[Finding]:
    """What concerns one metric over the deployment window."""
    zone = deployment.zone
    asked: set[tuple[str, str]] = set()
    for judgement in judged:
        metric, baseline = judgement.metric, judgement.baseline
        tolerance = metric.tolerance.relative or DEFAULT_TOLERANCE
        yield from found.from_traffic(metric, judgement.now, baseline)
        yield from found.from_split(judgement)
        yield from found.improved(judgement)
        yield from found.small_sample(judgement)
        yield from found.renamed(metric, seen_names(metric, data, deployment), zone)
        if metric.kind == "histogram":
            now_edges, base_edges = (
                edges_in(metric, data, window)
                for window in (judgement.now.window, baseline.window if baseline else None)
            )
            yield from found.from_layouts(metric, now_edges, base_edges, judgement.now)
        if baseline is None:
            continue
        if sick := sick_baseline(deployment, data, metric, baseline):
            window, distance = sick
            if metric.kind in ("counter", "ratio"):
                yield found.poor_baseline(metric, baseline)
            else:
                yield found.baseline_anomaly(metric, window.start, window.end, distance, zone)
        if metric.kind in ("histogram", "gauge"):
            yield from begins(deployment, data, judgement, tolerance)
        if metric.kind == "histogram" and (metric.name, str(metric.where)) not in asked:
            asked.add((metric.name, str(metric.where)))
            yield from other_statistics(deployment, data, judgement, tolerance)


def seen_names(metric: Metric, data: Data, deployment: Deployment) -> dict[str, tuple[datetime, datetime]]:
    """Each name of the metric that has samples, with its first and last time."""
    seen = {}
    for name in (metric.name, *metric.also_named):
        samples = data.samples.get(name)
        times = (
            [each.times for each in measure.select(samples, metric.where).series if len(each.times)] if samples else []
        )
        if times:
            seen[name] = (from_ms(min(int(each[0]) for each in times)), from_ms(max(int(each[-1]) for each in times)))
    return seen


def edges_in(metric: Metric, data: Data, window: Window | None) -> tuple[float, ...]:
    """The bucket edges that every scrape of the window has."""
    import numpy as np

    if window is None:
        return ()
    for samples in selected(metric, data):
        present = np.ones(len(samples.edges), dtype=bool)
        seen = False
        for series in samples.series:
            inside = (series.times >= window.start_ms) & (series.times <= window.end_ms)
            if inside.any():
                seen = True
                present &= ~np.isnan(series.values[inside][:, : len(samples.edges)]).any(axis=0)
        if seen:
            return tuple(edge for edge, there in zip(samples.edges, present.tolist(), strict=True) if there)
    return ()


def begins(deployment: Deployment, data: Data, judgement: Judgement, tolerance: float) -> Iterator[Finding]:
    """When a change that lasts began."""
    import numpy as np

    metric, window = judgement.metric, judgement.now.window
    assert judgement.baseline is not None
    times, values = measure.path(metric, data, window, COURSE)
    _, before = measure.path(metric, data, judgement.baseline.window, COURSE)
    size = min(len(values), len(before))
    if size < 6:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(before[:size] > 0, values[:size] / before[:size] - 1, np.nan)
    at = found.onset(times[:size], ratios, tolerance)
    if at is None:
        return
    later = ratios[(times[:size] > at.timestamp() * 1000) & np.isfinite(ratios)]
    yield found.onset_finding(metric, at, float(np.mean(later)) if len(later) else 0.0, deployment.zone)


def other_statistics(deployment: Deployment, data: Data, judgement: Judgement, tolerance: float) -> Iterator[Finding]:
    """The tail, the middle and the mean of the same histogram, where the judged one is quiet."""
    metric = judgement.metric
    if (
        judgement.verdict in (Verdict.NO_DATA, Verdict.FAIL)
        or judgement.baseline is None
        or deployment.judge == "point"
    ):
        return
    for statistic in ("p50", "p95", "mean"):
        if statistic == metric.statistic:
            continue
        other = replace(metric, statistic=statistic, show_change=False, by=())
        _, _, _, change = measure.compare(other, data, judgement.now.window, judgement.baseline.window)
        yield from found.disagrees(metric, own_delta(judgement), statistic, change, tolerance)


def own_delta(judgement: Judgement) -> Delta | None:
    if judgement.delta is not None:
        return judgement.delta
    return Delta(relative=judgement.figure) if judgement.metric.show_change else None


def trends(deployment: Deployment, data: Data, end: datetime) -> Iterator[Finding]:
    """A steady climb of the hourly change over the observation."""
    if end - deployment.end < timedelta(hours=8) or deployment.baseline is None:
        return
    hours = int((end - deployment.end) / HOUR)
    seen: set[tuple[str, str, str]] = set()
    for metric in deployment.metrics:
        key = (metric.name, str(metric.where), metric.statistic)
        if metric.kind not in ("histogram", "gauge") or key in seen:
            continue
        seen.add(key)
        changes = []
        for hour in range(hours):
            window = Window(start=deployment.end + hour * HOUR, end=deployment.end + (hour + 1) * HOUR)
            changes.append(hourly_change(deployment, data, metric, window))
        tolerance = metric.tolerance.relative or DEFAULT_TOLERANCE
        if climbing := found.trend([float(hour) for hour in range(hours)], changes, tolerance):
            yield found.trend_finding(metric, *climbing, Window(start=deployment.end, end=end))


def hourly_change(deployment: Deployment, data: Data, metric: Metric, window: Window) -> float:
    baseline = deployment.baseline_of(window)
    assert baseline is not None
    _, now = measure.path(metric, data, window, HOUR)
    _, before = measure.path(metric, data, baseline, HOUR)
    if not len(now) or not len(before) or not before[0] > 0:
        return float("nan")
    return float(now[0] / before[0] - 1)


def overlaps(deployment: Deployment, neighbours: Sequence[Deployment], end: datetime) -> Iterator[Finding]:
    """Another deployment of the same service in the window, the observation or the baseline."""
    stretches = [("deployment window", deployment.window)]
    if end > deployment.end:
        stretches.append(("observation", Window(start=deployment.end, end=end)))
    if deployment.baseline:
        stretches.append(("baseline", deployment.baseline))
    for other in neighbours:
        if other.slug == deployment.slug or other.service != deployment.service:
            continue
        for name, stretch in stretches:
            if other.window.overlaps(stretch):
                yield found.overlap(other.title, other.ticket, other.window, name, deployment.zone)
                break
