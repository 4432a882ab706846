"""
A look at the sources: what each metric gives now, what it can tell, what stands in the way; and of figures that are
stored already, what the servers say now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from .. import exports, measure, records, sources, wording
from ..assess.window import noise_window
from ..errors import SourceError
from ..model import Data, Deployment, Estimate, Measurement, Metric, Pulled, Source
from ..sources.about import About, about
from ..times import Window, length_text
from . import machine
from .credentials import guard
from .crosscheck import Checked, crosscheck
from .load import windows_needed
from .machine import Line

SKEW = timedelta(seconds=2)
Limits = Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one length of window can tell, and what it is asked to tell. asked: in the estimate's scale, None for nothing."""

    length: timedelta
    size: str
    estimate: Estimate
    asked: float | None
    by: str
    remedy: str

    @property
    def text(self) -> str:
        return f"{length_text(self.length)} can tell {self.size}"

    @property
    def short(self) -> bool:
        """It cannot tell what it is asked to."""
        return self.asked is not None and (self.estimate.resolvable or 0.0) > self.asked


@dataclass(frozen=True, kw_only=True)
class Reading:
    """
    One metric. now: over the last minutes; baseline: over its window, None where it is not over yet. tells: the
    smallest change that each length of window can resolve. edges: of the buckets around the target.
    wrong: what a person has to do, in sentences. asked: its source answered.
    """

    metric: Metric
    series: int
    now: Measurement
    baseline: Measurement | None
    tells: tuple[Told, ...] = ()
    edges: tuple[float, ...] = ()
    wrong: tuple[str, ...] = ()
    asked: bool = True

    @property
    def has_data(self) -> bool:
        return self.series > 0 and (self.baseline is None or self.baseline.value is not None)


@dataclass(frozen=True, kw_only=True)
class Live:
    """
    readings: in the order of the metrics. lines: sources, then what is beside them. failed: a source did not answer.
    figures: the stored ones beside what their servers say.
    """

    deployment: Deployment
    readings: tuple[Reading, ...]
    lines: tuple[Line, ...]
    failed: bool
    figures: tuple[Checked, ...] = ()


def look(
    workspace: records.Workspace,
    deployment: Deployment,
    *,
    now: datetime,
    environ: Mapping[str, str],
    tool: str = "",
    by_clock: bool = True,
) -> Live:
    """
    Asks every source, stores what the windows need of it (the baseline above all), and reads each metric.

    by_clock: `now` is this machine's time, so that the clocks of servers can be held against it.
    """
    folder = workspace.folder(deployment.slug)
    now = now.replace(microsecond=0)
    recent = Window(start=now - deployment.checkins.every, end=now)
    lines: list[Line] = []
    latest: list[Pulled] = []
    failures: dict[str, str] = {}
    for source in deployment.sources:
        try:
            said = ask(source, folder, now, environ)
            lines += of_source(source.name, said if by_clock else replace(said, clock=None), deployment, now)
            got = pull(source, deployment, folder, now, environ, windows_needed(deployment))
            exports.store(folder / "exports", [got], tool=tool, check=guard(workspace.root, environ))
            lines.append(Line(what=source.name, text=got.failure or secured(got, deployment, now), ok=not got.failure))
            failures |= {source.name: got.failure} if got.failure else {}
            if source.kind != "files":
                latest.append(pull(source, deployment, folder, now, environ, (recent,), held=False))
        except SourceError as error:
            failures[source.name] = str(error).removeprefix(f"{source.name}: ")
            lines.append(Line(what=source.name, text=failures[source.name], ok=False))
    stored = exports.load(folder / "exports")
    data = exports.combine(stored, latest)
    if not latest and (until := last_sample(data)):
        recent = Window(start=until - deployment.checkins.every, end=until)
    lines += machine.look(workspace, now=now, environ=environ)
    readings = tuple(
        read(metric, deployment, data, recent, now, asked=not failures.keys() & names_of(metric, deployment))
        for metric in deployment.metrics
    )
    figures = crosscheck(workspace, deployment, now=now, environ=environ, failed=failures) if stored.samples else []
    return Live(
        deployment=deployment,
        readings=readings,
        lines=tuple(lines),
        failed=bool(failures) or any(one.word == "not answered" and not one.question for one in figures),
        figures=tuple(figures),
    )


def names_of(metric: Metric, deployment: Deployment) -> set[str]:
    """The sources that may have the metric."""
    return {each.name for each in deployment.sources if metric.source in ("", each.name)}


def pull(
    source: Source,
    deployment: Deployment,
    folder: Path,
    now: datetime,
    environ: Mapping[str, str],
    windows: tuple[Window, ...],
    *,
    held: bool = True,
) -> Pulled:
    return sources.pull(
        source,
        deployment,
        folder,
        windows=() if source.kind == "files" else windows,
        now=now,
        environ=environ,
        held=exports.spans(folder / "exports") if held else None,
    )


def ask(source: Source, folder: Path, now: datetime, environ: Mapping[str, str]) -> About:
    return about(sources.Request(source=source, folder=folder, now=now, environ=environ))


def of_source(name: str, said: About, deployment: Deployment, now: datetime) -> Iterator[Line]:
    """Who answers, whether its clock agrees, whether it still has the baseline when the last checkpoint is due."""
    yield Line(what=name, text=said.engine)
    if said.clock is not None:
        off = said.clock - now
        text = f"its clock is {length_text(abs(off))} {'ahead' if off > timedelta() else 'behind'}"
        near = abs(off) <= SKEW
        yield Line(
            what=name, text="its clock agrees" if near else f"{text}; set both by NTP, windows are cut by it", ok=near
        )
    if said.keeps is None:
        return
    start = min(each.start for each in (deployment.window, deployment.baseline) if each)
    needed = max(deployment.observed.end, now) - start
    enough = said.keeps >= needed
    text = f"keeps {days(said.keeps)}; from the {'baseline' if deployment.baseline else 'window'} to the last checkpoint it is {days(needed)}"
    yield Line(
        what=name, text=text if enough else f"{text}: pull before they are gone, 'deploybook pull' each day", ok=enough
    )


def days(length: timedelta) -> str:
    return f"{round(length / timedelta(days=1), 1):g} days" if length >= timedelta(days=1) else length_text(length)


def secured(got: Pulled, deployment: Deployment, now: datetime) -> str:
    count = sum(len(series.times) for samples in got.samples for series in samples.series)
    if not count:
        return "nothing new to pull"
    text = f"{wording.plural(len(got.samples), 'metric')} pulled, {count:,} samples"
    if deployment.baseline is None:
        return text
    span = wording.window_text(deployment.baseline, deployment.zone)
    over = deployment.baseline.end <= now
    return f"{text}; {f'the baseline, {span}, is secured' if over else f'the baseline, {span}, is not over yet: look again'}"


def last_sample(data: Data) -> datetime | None:
    from ..times import from_ms

    ends = [int(one.times[-1]) for samples in data.samples.values() for one in samples.series if len(one.times)]
    return from_ms(max(ends)) if ends else None


# ── one metric ──


def read(
    metric: Metric, deployment: Deployment, data: Data, recent: Window, now: datetime, *, asked: bool = True
) -> Reading:
    plain = replace(metric, show_change=False)
    found = measure.samples_of(plain, data)
    baseline = deployment.baseline if deployment.baseline and deployment.baseline.end <= now else None
    reading = Reading(
        metric=metric,
        series=len(found.series) if found else 0,
        now=measure.measure(plain, data, recent),
        baseline=measure.measure(plain, data, baseline) if baseline else None,
        tells=tuple(told(plain, deployment, data, baseline)) if baseline else (),
        edges=around(metric, found.edges if found else ()),
        asked=asked,
    )
    return replace(reading, wrong=tuple(wrong(reading, deployment)))


def told(metric: Metric, deployment: Deployment, data: Data, baseline: Window) -> Iterator[Told]:
    """For the whole window, the check-ins and the gates: the doubt in a change between two that are as the baseline was."""
    history = noise_window(deployment, data, metric)

    def able(length: timedelta, limits: Limits, by: str = "", remedy: str = "") -> Iterator[Told]:
        window = Window(start=baseline.start, end=baseline.start + length)
        estimate = measure.compare(metric, data, window, window, history=history)[3]
        if estimate is not None and estimate.resolvable is not None:
            size = size_text(metric, estimate)
            asked = limits.get(estimate.scale)
            yield Told(length=length, size=size, estimate=estimate, asked=asked, by=by, remedy=remedy)

    own = metric.tolerance
    limits = {"relative": own.relative, "points": own.absolute, "value": own.absolute}
    yield from able(
        baseline.length, limits, f"its tolerance ({own.text})", "lengthen the window, or widen the tolerance"
    )
    if metric.id in deployment.checkins.metrics and deployment.checkins.every < baseline.length:
        yield from able(deployment.checkins.every, {})
    for gate in deployment.gates:
        if gate.metric == metric.id:
            share = gate.limit.value / 100 if gate.limit.unit == "%" and gate.limit.comparison == "within" else None
            by = f"gate {gate.name!r} ({gate.limit.text})"
            yield from able(gate.window, {"relative": share}, by, "lengthen its window")


def size_text(metric: Metric, estimate: Estimate) -> str:
    size = estimate.resolvable or 0.0
    decimals = wording.decimals_for(metric, size) if estimate.scale == "value" else 1
    return "±" + wording.scaled(size, estimate.scale, metric.unit, decimals).lstrip("+")


def around(metric: Metric, edges: tuple[float, ...]) -> tuple[float, ...]:
    """The edges of the bucket that the target lies in, or the edge itself; () without a target for a quantile."""
    if not edges or metric.target is None or metric.quantile is None:
        return ()
    scaled = [edge * metric.scale for edge in edges]
    above = next(place for place, edge in enumerate(scaled) if edge >= metric.target.value * (1 - 1e-9))
    exact = abs(scaled[above] - metric.target.value) <= 1e-9 * metric.target.value
    return (scaled[above],) if exact else ((scaled[above - 1] if above else 0.0), scaled[above])


def wrong(reading: Reading, deployment: Deployment) -> Iterator[str]:
    """What would make the verdict unclear, each with what to do about it."""
    metric, before = reading.metric, reading.baseline
    if not reading.series and not reading.asked:
        return  # why it did not answer is told of the source
    if not reading.series:
        where = " with " + ", ".join(map(str, metric.where)) if metric.where else ""
        zero = (
            ", or write 'missing: zero' for a counter that starts with its first event"
            if metric.kind == "counter"
            else ""
        )
        yield f"no series{where}; look at the name{' and the labels' if where else ''}{zero}"
        return
    if reading.now.value is None and deployment.window.end > reading.now.window.end:
        yield f"nothing now: {reading.now.missing}"
    if before is not None and before.value is None:
        yield f"nothing in the baseline: {before.missing} Write another baseline, or 'baseline: none'"
    if reading.edges and reading.edges[-1] == float("inf"):
        yield f"the target lies above the highest bucket edge, {reading.edges[0]:g} {metric.unit}; a breach cannot be measured, add buckets"
    for one in reading.tells:
        if one.short:
            yield f"{one.text}, more than {one.by}; {one.remedy}"
