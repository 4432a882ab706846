"""
Changes to data that a page must not sleep through: each takes Data (the reference's, mostly) and gives back changed Data.

Times are local clock times of the deployment's day, as in "from 14:20 on", or datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from build import INF

from deploybook import records
from deploybook.assess import assess
from deploybook.facts import Facts
from deploybook.model import Data, Deployment, Finding, Samples, Series, Verdict
from deploybook.times import Window, localise, parse_zone, to_ms

PARSER, CLI, FAILED, RUNS, UP = (
    "parser_duration_ms",
    "cli_cmd_duration_ms",
    "parser_failure_total",
    "cicd_runs_total",
    "up",
)
PT = parse_zone("America/Los_Angeles")
DAY_2, DAY_3, DAY_4, DAY_5 = (date(2025, 1, day) for day in (21, 22, 23, 24))
FOREVER = datetime.fromisoformat("2025-02-01T00:00:00+00:00")
PASS, WATCH, UNCLEAR, NO_DATA, BREACH = (
    Verdict.PASS,
    Verdict.WARN,
    Verdict.INCONCLUSIVE,
    Verdict.NO_DATA,
    Verdict.FAIL,
)
PENDING, NOT_APPLICABLE = Verdict.PENDING, Verdict.NOT_APPLICABLE
EVERYTHING = (PARSER, FAILED, CLI, RUNS, UP)
HOURS = timedelta(hours=1)

Floats = np.ndarray
Change = Callable[[Series, np.ndarray, Floats], Floats]


def reference_deployment(root: Path) -> Deployment:
    return records.read_deployment(records.find_workspace(root), "2025-01-22-telemetry-step2")


def clock(text: str, day: date = DAY_3) -> datetime:
    return localise(day, text, PT)


def span(start: str, end: str, day: date = DAY_3) -> Window:
    return Window(start=clock(start, day), end=clock(end, day))


def since(start: str, day: date = DAY_3) -> Window:
    return Window(start=clock(start, day), end=FOREVER)


def inside(times: np.ndarray, when: Window) -> np.ndarray:
    """True for the ends of increments that lie in (start, end]."""
    return (times > when.start_ms) & (times <= when.end_ms)


def with_samples(data: Data, *many: Samples) -> Data:
    return replace(data, samples={**data.samples, **{one.name: one for one in many}})


def without(data: Data, *names: str) -> Data:
    return replace(data, samples={name: one for name, one in data.samples.items() if name not in names})


def each_series(data: Data, names: Iterable[str], change: Callable[[Series], Series | None]) -> Data:
    """Every series of those metrics changed; one that becomes None is left out."""
    changed = []
    for name in names:
        samples = data.samples[name]
        kept = tuple(one for one in map(change, samples.series) if one is not None)
        changed.append(replace(samples, series=kept))
    return with_samples(data, *changed)


def is_of(series: Series, labels: Mapping[str, str]) -> bool:
    return all(series.labels.get(name) == value for name, value in labels.items())


def rows(series: Series, kept: np.ndarray) -> Series:
    return replace(series, times=series.times[kept], values=series.values[kept], steps=series.steps[kept])


# --- increments ---------------------------------------------------------------------------------------------------


def increments(series: Series) -> tuple[Floats, np.ndarray]:
    """(n, k) what each row added (the first row: its own value), and True where the counter had begun again."""
    values = series.values if series.values.ndim == 2 else series.values[:, None]
    added = np.diff(values, axis=0, prepend=np.zeros((1, values.shape[1])))
    fell = np.any(np.delete(added, -2, axis=1) < 0, axis=1) if values.shape[1] > 1 else added[:, 0] < 0
    added[fell] = values[fell]
    return added, fell


def rebuilt(series: Series, added: Floats, fell: np.ndarray) -> Series:
    """The series whose rows add that much, counting from 0 where it begins again."""
    summed = np.cumsum(added, axis=0)
    before = np.vstack([np.zeros((1, added.shape[1])), summed[:-1]])
    last = np.maximum.accumulate(np.where(fell, np.arange(len(fell)), -1))
    offset = np.where(last[:, None] >= 0, before[np.maximum(last, 0)], 0.0)
    values = np.maximum(summed - offset, 0.0)
    return replace(series, values=values if series.values.ndim == 2 else values[:, 0])


def reworked(data: Data, name: str, change: Change, **labels: str) -> Data:
    """What each row of the matching series adds, changed: change(series, times, added (n, k)) gives the new (n, k)."""

    def once(series: Series) -> Series:
        if not is_of(series, labels):
            return series
        added, fell = increments(series)
        return rebuilt(series, change(series, series.times, added), fell)

    return each_series(data, [name], once)


def slower(data: Data, name: str, factor: float, when: Window, *, above: float = 0.0, **labels: str) -> Data:
    """
    Every request takes `factor` times as long as it did; with `above`, only the part of it beyond so many of the
    source's units. Requests lie evenly inside their bucket, as histogram_quantile has it.
    """
    edges = np.array(data.samples[name].edges)

    def change(series: Series, times: np.ndarray, added: Floats) -> Floats:
        picked = inside(times, when)
        return np.where(picked[:, None], stretched(added, edges, np.full(len(added), factor), above), added)

    return reworked(data, name, change, **labels)


def creeping(data: Data, name: str, per_hour: float, when: Window) -> Data:
    """Slower by `per_hour` (0.0015 for 0.15 %) for each hour since the start of `when`."""
    edges = np.array(data.samples[name].edges)

    def change(series: Series, times: np.ndarray, added: Floats) -> Floats:
        hours = np.clip((times - when.start_ms) / 3_600_000, 0, when.hours)
        return np.where((hours > 0)[:, None], stretched(added, edges, 1 + per_hour * hours, 0.0), added)

    return reworked(data, name, change)


def stretched(added: Floats, edges: Floats, factor: Floats, above: float) -> Floats:
    """(n, edges + 2) cumulative bucket increases, sum and count with every duration beyond `above` times factor."""
    finite = edges[:-1]
    known = np.concatenate([[0.0], finite])
    cumulative = np.hstack([np.zeros((len(added), 1)), added[:, : len(finite)]])
    out = added.copy()
    for place, edge in enumerate(finite):
        was = np.where(edge > above, above + (edge - above) / factor, edge)
        at = np.clip(np.searchsorted(known, was, side="left"), 1, len(known) - 1)
        part = (was - known[at - 1]) / (known[at] - known[at - 1])
        line = np.arange(len(added))
        low, high = cumulative[line, at - 1], cumulative[line, at]
        # Beyond the last edge nothing is known of the requests; those few stay where they are.
        out[:, place] = np.where(was > finite[-1], added[:, len(finite) - 1], low + part * (high - low))
    middles = np.concatenate([(known[:-1] + known[1:]) / 2, [finite[-1] * 1.2]])
    counts = np.diff(np.hstack([np.zeros((len(added), 1)), added[:, : len(edges)]]), axis=1)
    more = (counts * np.maximum(middles - above, 0)).sum(axis=1) * (factor - 1)
    whole = added[:, -2] * factor
    out[:, -2] = np.where(above > 0, added[:, -2] + more, whole)
    return out


def thinned(data: Data, name: str, share: float, when: Window) -> Data:
    """That share of the requests of `when`, drawn one by one (fixed seed); of a counter's events too."""
    rng = np.random.default_rng(20250122)

    def change(series: Series, times: np.ndarray, added: Floats) -> Floats:
        picked = inside(times, when)
        out = added.copy()
        if added.shape[1] == 1:
            out[picked] = rng.binomial(np.rint(added[picked]).astype(int), share)
            return out
        cumulative = np.hstack([np.zeros((picked.sum(), 1)), added[picked, :-2]])
        kept = rng.binomial(np.maximum(np.rint(np.diff(cumulative, axis=1)), 0).astype(int), share)
        requests = added[picked, -1]
        mean = np.divide(added[picked, -2], requests, out=np.zeros(len(requests)), where=requests > 0)
        out[picked, :-2] = np.cumsum(kept, axis=1)
        out[picked, -1] = kept.sum(axis=1)
        # Fewer requests, a noisier mean: their spread is about 0.45 of it.
        out[picked, -2] = mean * (out[picked, -1] + 0.45 * np.sqrt(out[picked, -1]) * rng.standard_normal(len(mean)))
        return out

    return reworked(data, name, change)


def events(data: Data, *at: datetime, name: str = FAILED, **labels: str) -> Data:
    """One more event at each of the times, in the first series that matches."""
    done: list[Series] = []

    def once(series: Series) -> Series:
        if done or not is_of(series, labels):
            return series
        done.append(series)
        added, fell = increments(series)
        for moment in at:
            added[int(np.searchsorted(series.times, to_ms(moment))), 0] += 1
        return rebuilt(series, added, fell)

    return each_series(data, [name], once)


def no_events(data: Data, when: Window, name: str = FAILED) -> Data:
    return reworked(data, name, lambda _, times, added: np.where(inside(times, when)[:, None], 0.0, added))


def runs(data: Data, when: Window, *, success: int, failure: int, name: str = RUNS) -> Data:
    """So many runs of each result inside `when`, evenly spread."""
    wanted = {"success": success, "failure": failure}

    def change(series: Series, times: np.ndarray, added: Floats) -> Floats:
        picked = np.flatnonzero(inside(times, when))
        out = added.copy()
        out[picked] = 0.0
        count = wanted[series.labels["result"]]
        np.add.at(out[:, 0], picked[((np.arange(count) + 0.5) * len(picked) / max(count, 1)).astype(int)], 1.0)
        return out

    return reworked(data, name, change)


# --- rows ---------------------------------------------------------------------------------------------------------


def unseen(data: Data, names: Iterable[str], when: Window, **labels: str) -> Data:
    """No rows with start < t < end."""

    def once(series: Series) -> Series:
        lost = (series.times > when.start_ms) & (series.times < when.end_ms)
        return rows(series, ~lost) if is_of(series, labels) else series

    return each_series(data, names, once)


def cut_off(data: Data, names: Iterable[str], at: datetime) -> Data:
    return each_series(data, names, lambda series: rows(series, series.times <= to_ms(at)))


def crashing(data: Data, names: Iterable[str], when: Window, every: timedelta, down: timedelta, **labels: str) -> Data:
    """The target starts again every so often: it is away for `down`, and its counters begin at 0."""

    def once(series: Series) -> Series:
        if not is_of(series, labels):
            return series
        added, fell = increments(series)
        kept = np.ones(len(series.times), dtype=bool)
        at = when.start
        while at < when.end:
            first = int(np.searchsorted(series.times, to_ms(at + down)))
            kept &= ~((series.times > to_ms(at)) & (series.times < to_ms(at + down)))
            if first < len(fell):
                fell[first] = True
            at += every
        return rows(rebuilt(series, added, fell), kept)

    return each_series(data, names, once)


def renamed(data: Data, old: str, new: str, at: datetime) -> Data:
    """Called `old` up to that time and `new` after it, its counters going on."""
    samples = data.samples[old]
    before = cut_off(data, [old], at).samples[old]
    later = tuple(rows(series, series.times > to_ms(at)) for series in samples.series)
    return with_samples(data, before, replace(samples, name=new, series=later))


def recut(data: Data, name: str, kept: Iterable[float], when: Window) -> Data:
    """In `when` only the buckets of those edges (and +Inf) are there."""
    edges = data.samples[name].edges
    gone = [place for place, edge in enumerate(edges) if edge not in (*kept, INF)]

    def once(series: Series) -> Series:
        values = series.values.copy()
        values[np.ix_(inside(series.times, when), gone)] = np.nan
        return replace(series, values=values)

    return each_series(data, [name], once)


def moved(data: Data, by: Callable[[np.ndarray], np.ndarray]) -> Data:
    """The same rows at other times: by(times in ms) gives the milliseconds to add."""
    return each_series(data, list(data.samples), lambda series: replace(series, times=series.times + by(series.times)))


# --- what came of it ----------------------------------------------------------------------------------------------


def at_end(deployment: Deployment, data: Data, **more: object) -> Facts:
    """As of the end of the deployment window: every checkpoint is pending."""
    return assess(deployment, data, as_of=deployment.end, **more)  # type: ignore[arg-type]


def only(deployment: Deployment, *ids: str) -> Deployment:
    """The deployment with these metrics alone."""
    metrics = tuple(metric for metric in deployment.metrics if metric.id in ids)
    checkpoints = replace(
        deployment.checkpoints, success=tuple(pair for pair in deployment.checkpoints.success if pair[0] in ids)
    )
    return replace(deployment, metrics=metrics, checkpoints=checkpoints, gates=())


def words(facts: Facts) -> dict[str, Verdict]:
    return {judgement.metric.id: judgement.verdict for judgement in facts.metrics}


def but(changed: dict[str, Verdict], rest: Verdict = PASS) -> dict[str, Verdict]:
    """The words of the five metrics: these, and the rest alike."""
    ids = ("parser_p50", "parser_failures", "cli_p95", "cicd_success", "variance")
    return {id: changed.get(id, rest) for id in ids}


def checkpoint_words(facts: Facts) -> list[Verdict]:
    return [checkpoint.verdict for checkpoint in facts.checkpoints]


def found(facts: Facts, kind: str, *, severity: str = "warn") -> list[Finding]:
    return [each for each in facts.findings if each.kind == kind and each.severity == severity]


def one(facts: Facts, kind: str, *, severity: str = "warn") -> Finding:
    (finding,) = found(facts, kind, severity=severity)
    return finding


def reason(facts: Facts, id: str) -> str:
    judgement = facts.judgement(id)
    assert judgement is not None
    return judgement.reason


# --- other days, other zones --------------------------------------------------------------------------------------


def on_another_day(deployment: Deployment, data: Data, day: date, zone_name: str) -> tuple[Deployment, Data]:
    """
    The same deployment with the same local clock on another day of another zone, and its data with it.

    What was seen from midnight of the rollout on stays as long after it as it was; the day before keeps its clock.
    """
    zone = parse_zone(zone_name)

    def shift(clock_time: str, mine: date, theirs: date) -> timedelta:
        return localise(theirs, clock_time, zone) - localise(mine, clock_time, PT)

    now, before = shift("14:00", DAY_3, day), shift("14:00", DAY_2, day - timedelta(days=1))
    seam = to_ms(clock("12:00"))

    def by(times: np.ndarray) -> np.ndarray:
        return np.where(times < seam, before // timedelta(milliseconds=1), now // timedelta(milliseconds=1))

    def move(window: Window, by: timedelta) -> Window:
        return Window(start=window.start + by, end=window.end + by)

    assert deployment.baseline
    there = replace(
        deployment,
        zone=zone,
        window=move(deployment.window, now),
        baseline=move(deployment.baseline, before),
        gates=tuple(replace(gate, at=gate.at + now) for gate in deployment.gates),
    )
    return there, moved(data, by)
