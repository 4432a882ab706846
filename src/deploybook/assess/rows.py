"""What the samples behind the metrics show by themselves: nothing there, gaps, restarts, ends that come early, new names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .. import findings as found
from .. import measure
from ..model import Data, Deployment, Entry, Finding, Gap, Metric, Samples, Turn
from ..times import Window, from_ms

STALE = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The samples of one metric under the name that readers know, as they are joined, and their first and last time."""

    metric: Metric
    name: str
    samples: Samples

    @property
    def first(self) -> datetime:
        return from_ms(min(int(each.times[0]) for each in self.samples.series if len(each.times)))

    @property
    def last(self) -> datetime:
        return from_ms(max(int(each.times[-1]) for each in self.samples.series if len(each.times)))

    @property
    def step(self) -> timedelta:
        steps = [int(each.steps[-1]) for each in self.samples.series if len(each.steps)]
        return timedelta(milliseconds=max(steps, default=0) or 15_000)

    @property
    def patience(self) -> timedelta:
        """How long after its last row a metric still counts as going on."""
        return max(STALE, self.step * 2)


def about_rows(deployment: Deployment, data: Data, until: datetime, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Everything the rows show from the start of the deployment window until then, and gaps in the baseline."""
    window = Window(start=deployment.window.start, end=until)
    looked = looked_at(deployment, data)
    yield from absent(deployment, data, looked)
    for each in looked:
        yield from endings(each, data, window, deployment)
    turns = [(each, turn) for each in looked for turn in turns_of(each, window)]
    resets = [turn for _, turn in turns if turn.kind == "reset"]
    stretches = [
        gap for each in looked for part in (deployment.baseline, window) if part for gap in gaps_of(each, data, part)
    ]
    step = max((each.step for each in looked), default=timedelta(seconds=15))
    yield from found.from_gaps(stretches, resets, deployment.zone, step)
    yield from found.from_resets(
        resets, deployment.window, window, entries, deployment.zone, rolled_back=rolled_back(deployment)
    )
    yield from found.from_series([turn for each, turn in turns if is_news(each, turn)], deployment.zone)


def rolled_back(deployment: Deployment) -> list[datetime]:
    """When a deployment that did not go through was taken back, as far as anybody wrote it down."""
    closing = deployment.closing
    if closing is None or deployment.ended is None:
        return []
    return [deployment.ended, *([closing.actual.end] if closing.actual else [])]


def looked_at(deployment: Deployment, data: Data) -> list[Looked]:
    """Each set of series once, however many metrics are made from it."""
    looked: list[Looked] = []
    for metric in deployment.metrics:
        for each in behind(metric, data):
            if not any(is_same(each, other) for other in looked):
                looked.append(each)
    return sorted(looked, key=lambda each: each.name)


def behind(metric: Metric, data: Data) -> Iterator[Looked]:
    """What a metric is made from; of a ratio of two counters both."""
    if metric.kind == "query":
        return
    if samples := filled(measure.samples_of(metric, data)):
        yield Looked(metric=metric, name=metric.total_name or metric.name, samples=samples)
    good = data.samples.get(metric.name) if metric.total_name else None
    if good and (samples := filled(measure.select(good, metric.where))):
        yield Looked(metric=metric, name=metric.name, samples=samples)


def is_same(one: Looked, other: Looked) -> bool:
    """True for the same series, and for several names joined in the same way."""
    if one.samples.series == other.samples.series:
        return True
    ways = [(each.name, each.metric.names, each.metric.where, each.metric.missing_is_zero) for each in (one, other)]
    return ways[0] == ways[1]


def filled(samples: Samples | None) -> Samples | None:
    return samples if samples and any(len(each.times) for each in samples.series) else None


def absent(deployment: Deployment, data: Data, looked: Sequence[Looked]) -> Iterator[Finding]:
    """A metric of which there is not one sample under any of its names, where no export has said so."""
    noted = {note.metric for note in data.notes if note.kind in ("empty", "missing", "unreadable")}
    there = {each.metric.id for each in looked}
    for metric in deployment.metrics:
        if metric.id in there or filled(measure.samples_of(metric, data)) or {metric.id, *metric.names} & noted:
            continue
        yield found.nothing(metric, metric.names or (metric.id,))


def endings(each: Looked, data: Data, window: Window, deployment: Deployment) -> Iterator[Finding]:
    """A name that changed, as declared or perhaps without it; an export that ends before the report does."""
    zone, metric = deployment.zone, each.metric
    present = {name: Looked(metric=metric, name=name, samples=one) for name, one in named(metric, data)}
    yield from found.renamed(metric, {name: (one.first, one.last) for name, one in present.items()}, zone)
    if window.end - each.last <= each.patience:
        return
    others = {
        name: Looked(metric=metric, name=name, samples=samples).first
        for name, one in data.samples.items()
        if name not in metric.names and one.kind == each.samples.kind and name != "up"
        if (samples := filled(measure.select(one, metric.where)))
    }
    undeclared = found.undeclared(metric, each.last, others, zone)
    yield from undeclared or [found.stale(each.name, each.last, window.end, zone)]


def named(metric: Metric, data: Data) -> Iterator[tuple[str, Samples]]:
    """The samples under each name that the metric itself has."""
    for name in (metric.name, *metric.also_named):
        if name in data.samples and (samples := filled(measure.select(data.samples[name], metric.where))):
            yield name, samples


def turns_of(each: Looked, window: Window) -> list[Turn]:
    return [replace(turn, metric=each.name) for turn in measure.resets(each.samples, window)]


def is_news(each: Looked, turn: Turn) -> bool:
    """True for a series that begins or ends while others of its metric were there, or go on."""
    return {"reset": False, "begins": turn.at - each.first > STALE, "ends": each.last - turn.at > STALE}[turn.kind]


def gaps_of(each: Looked, data: Data, window: Window) -> Iterator[Gap]:
    """Gaps, but not the time after the last row, which is an export that ends early."""
    for gap in measure.gaps(each.samples, window):
        if gap.start < each.last:
            yield replace(gap, metric=each.name, down=is_down(data, gap))


def is_down(data: Data, gap: Gap) -> bool:
    """True where `up` of the same target is there throughout the gap, and says 0."""
    labels = dict(gap.labels)
    window = Window(start=gap.start, end=gap.end)
    for series in data.samples["up"].series if "up" in data.samples else ():
        shared = set(labels) & set(series.labels)
        if shared and all(labels[name] == series.labels[name] for name in shared):
            inside = (series.times > window.start_ms) & (series.times < window.end_ms)
            if inside.any():
                return bool((series.values[inside] == 0).all())
    return False
