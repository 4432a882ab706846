"""From the files as written to the deployment as judged: nearest wins, defaults filled in, keys checked together."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import Any

from .. import model
from ..errors import Problem, UnitMismatch
from ..model import quantile_named
from ..times import DAY, Window, after_name, length_text, on_day, parse_zone
from ..units import Limit, Tolerance, dimension, factor, unit_of_name
from . import deployment as shapes
from .messages import settle_messages
from .options import readers_for
from .problems import KINDS, meant, suggestion
from .values import NO_ZONE, Frame, told
from .yaml import Tree, Way

SHARED = tuple(shapes.Shared.model_fields)
# What is merged key by key, and how many levels down; the rest is replaced whole.
MERGED = {"sources": 1, "limits": 1, "checkpoints": 1, "checkins": 1, "windows": 1, "metrics": 2}
NO_NUMBERS = {"launchdarkly", "pagerduty", "alertmanager", "grafana", "github", "gitlab", "git", "slack"}
BETTER = {"upper": "lower", "lower": "higher", "both": "either"}
LATENCY_TOLERANCE = Tolerance(relative=0.05, text="5 %")


def merge(near: Tree, far: Tree) -> Tree:
    """near over far, of far only what may be shared. Metrics merge key by key unless they are of another kind."""
    merged = Tree(path=near.path, value=dict(near.value or {}), places=dict(near.places), broken=near.broken)

    def take(way: Way, value: Any) -> Any:
        merged.places.update({w: p for w, p in far.places.items() if w[: len(way)] == way and w not in merged.places})
        return value

    def blend(way: Way, mine: Any, theirs: Any, levels: int) -> Any:
        if not levels or not isinstance(mine, dict) or not isinstance(theirs, dict):
            return mine
        if len(way) == 2 and mine.keys() & set(KINDS):
            return mine
        found = {key: blend((*way, key), value, theirs.get(key), levels - 1) for key, value in mine.items()}
        return found | {key: take((*way, key), value) for key, value in theirs.items() if key not in mine}

    for key, value in far.value.items() if isinstance(far.value, dict) else ():
        if key == "source" and has_numbers((near.value or {}).get("sources")):
            continue  # the nearer file says where its numbers are, if with another key
        if key in SHARED:
            mine = merged.value.get(key)
            merged.value[key] = take((key,), value) if mine is None else blend((key,), mine, value, MERGED.get(key, 0))
    return merged


def has_numbers(sources: Any) -> bool:
    """True where one of the written sources may hold metrics."""
    written = sources.values() if isinstance(sources, dict) else ()
    return any(each.get("kind") not in NO_NUMBERS for each in written if isinstance(each, dict))


class Desk:
    """Where one deployment is put together: its tree, the mistakes found on the way, the defaults that were used."""

    def __init__(self, tree: Tree, file: shapes.DeploymentFile, frame: Frame) -> None:
        self.tree, self.file, self.frame = tree, file, frame
        self.problems: list[Problem] = []
        self.assumed: list[str] = []

    def wrong(self, way: Iterable[str | int], text: str) -> None:
        self.problems.append(self.tree.problem(tuple(way), text))

    def assume(self, key: str, value: object, why: str = "") -> None:
        self.assumed.append(f"{key}: {value}" + (f" ({why})" if why else ""))

    def missing(self, key: str, remedy: str) -> None:
        there = (key,) in self.tree.places and self.tree.at((key,)) not in (None, "null", "~")
        if there or self.tree.broken:
            return  # it is there and wrong, or what follows could not be read, which has been said
        known = self.file.key_names()
        unknown = [word for word in self.tree.value or {} if word not in known]
        if any(meant(word, known) == key for word in unknown[:100]):
            return  # its name is mistyped, which has been said
        text = "has no value; " if (key,) in self.tree.places else f"'{key}' is missing; "
        self.wrong((key,) if (key,) in self.tree.places else (), text + remedy)

    @property
    def written_metrics(self) -> list[str]:
        metrics = self.tree.at(("metrics",))
        return list(metrics) if isinstance(metrics, dict) else []

    def known(self, id: str, way: Iterable[str | int]) -> bool:
        known = self.written_metrics
        if id not in known:
            self.wrong(way, f"'{id}' is no metric of this deployment; {suggestion(id, known, 'metrics are')}")
        return id in known


def settle(desk: Desk, slug: str) -> model.Deployment | None:
    """The deployment, or None where something without a default is missing; mistakes are left in the desk."""
    file, window = desk.file, desk.file.window or desk.file.windows.deployment
    required(desk)
    baseline = settle_baseline(desk, window) if window else None
    sources = settle_sources(desk)
    metrics = tuple(settle_metric(desk, id, metric, sources) for id, metric in file.metrics.items())
    units = {metric.id: metric for metric in metrics}
    gates = tuple(settle_gate(desk, number, gate, window, units) for number, gate in enumerate(file.gates))
    checkpoints, observation = settle_checkpoints(desk, units)
    checkins = settle_checkins(desk, metrics)
    if window is None or desk.frame.zone is None:
        return None
    if baseline is None:
        for metric in metrics:
            if metric.show_change:
                desk.wrong(("metrics", metric.id), "'show: change' needs a baseline; write one, or 'show: value'")
    return told(
        model.Deployment,
        file,
        slug=slug,
        ticket="" if file.ticket == "none" else file.ticket,
        zone=desk.frame.zone,
        window=window,
        baseline=baseline,
        observation=observation,
        metrics=metrics,
        sources=tuple(sources.values()),
        gates=gates,
        checkins=checkins,
        checkpoints=checkpoints,
        messages=settle_messages(desk, checkpoints),
        closing=told(model.Closing, file, at=file.closed, by=file.closed_by) if file.outcome else None,
        judge=file.judge or "interval",
        assumed=tuple(desk.assumed),
        path=desk.tree.path,
    )


REQUIRED = {
    "title": "write what the change is called, such as 'title: Telemetry Step 2'",
    "ticket": "write 'ticket: CHG-2025-0121', or 'ticket: none'",
    "window": "write 'window: 2025-01-22 14:00 to 15:30'",
    "timezone": "write 'timezone: America/Los_Angeles' (or yours) here or in deploybook.yml",
    "metrics": "write at least one, such as 'failures: {counter: parser_failure_total, target: at most 3 errors/hour}'",
}


def required(desk: Desk) -> None:
    file, at = desk.file, desk.tree.at
    long = at(("windows", "deployment"))
    there = {"window": file.window or file.windows.deployment or long, "metrics": desk.written_metrics}
    for key, remedy in REQUIRED.items():
        if not there.get(key, getattr(file, key)):
            desk.missing(key, remedy)
    for way in (("window",), ("windows", "deployment")):
        said = at(way)
        if isinstance(said, str) and re.match(r"\s*\d{1,2}:\d\d", said):
            desk.wrong(way, f"{said!r} has no day; write '2025-01-22 {said}'")
    if at(("window",)) and long:
        desk.wrong(("window",), "stands beside 'windows > deployment'; keep one")
    for key in ("actual", "reason", "closed", "closed_by"):
        if at((key,)) and not at(("outcome",)):
            remedy = "write 'outcome: succeeded', or rolled_back, aborted, postponed"
            desk.wrong((key,), f"stands without 'outcome'; {remedy}")


def settle_baseline(desk: Desk, window: Window) -> Window | None:
    """The baseline as written; without one the same local clock window the day before."""
    way: Way = ("baseline",) if desk.tree.at(("baseline",)) else ("windows", "baseline")
    said = desk.file.baseline or desk.file.windows.baseline
    zone = desk.frame.zone or NO_ZONE
    if said is None and desk.tree.at(way):
        return None  # 'none', or a mistake that has been told
    if said is None:
        said = window.start.astimezone(zone).date() - timedelta(days=1)
        desk.assume("baseline", f"{said}, the same local clock window", "the day before")
    baseline = on_day(window, zone, said) if isinstance(said, date) else said
    if baseline.overlaps(window):
        desk.wrong(way, "overlaps the deployment window; write a time before the change, or 'none'")
    elif baseline.start > window.start:
        desk.assume("baseline", "a time after the change", "as written")
    return baseline


def settle_sources(desk: Desk) -> dict[str, model.Source]:
    """Every source by name, nearest first; a short `source:` is one named 'source', unless it names one of them."""
    written = dict(desk.file.sources)
    short = desk.file.source
    if short and (name := short.get("named")):
        if name in written:
            written = {name: written[name], **written}
        elif name not in (desk.tree.at(("sources",)) or {}):
            remedy = "write env:PROMETHEUS_URL"
            hint = suggestion(name, written, f"{remedy} or one of") if written else remedy
            desk.wrong(("source",), f"'{name}' is no source; {hint}")
    elif short:
        written = {"source": short, **written}
    found = {}
    for name, options in written.items():
        way: Way = ("source",) if options is short else ("sources", name)
        if source := settle_source(desk, name, options, way):
            found[name] = source
    return found


def settle_source(desk: Desk, name: str, options: dict[str, Any], way: Way) -> model.Source | None:
    if "kind" not in options:
        desk.wrong(way, "names another source; write its address, or {kind: files, paths: [...]}")
        return None
    rest = {key: value for key, value in options.items() if key not in ("kind", "zone", "step")}
    if isinstance(rest.get("paths"), str):
        rest["paths"] = [rest["paths"]]
    if options["kind"] == "files":
        rest["paths"] = [moved(path, desk.tree.place(way)[0], desk.tree.path) for path in rest["paths"]]
    read = {}
    for key, parse in readers_for(options["kind"]).items():
        try:
            read[key] = parse(options[key]) if key in options else None
        except ValueError as error:
            desk.wrong((*way, key), str(error))
    return model.Source(name=name, kind=options["kind"], options=rest, zone=read.get("zone"), step=read.get("step"))  # type: ignore[arg-type]


def moved(path: str, written_in: str, read_from: str) -> str:
    """A path relative to the file it is written in, as a path relative to the deployment's folder."""
    here, there = PurePosixPath(written_in).parent, PurePosixPath(read_from).parent
    if here == there or path.startswith("/"):
        return path
    return PurePosixPath(os.path.relpath(here / path, there)).as_posix()


def settle_metric(desk: Desk, id: str, file: Any, sources: dict[str, model.Source]) -> model.Metric:
    way: Way = ("metrics", id)
    key = f"metrics > {id}"
    kind = next(kind for kind in KINDS if hasattr(file, kind))
    pair = file.ratio if kind == "ratio" and not isinstance(file.ratio, str) else None
    name = pair.good if pair else id if kind == "query" else getattr(file, kind)
    target = file.target or desk.file.limits.get(id)
    if not file.better and target:
        desk.assume(f"{key} > better", BETTER[target.side], "from the target")
    if file.statistic is None:
        desk.assume(f"{key} > statistic", "mean")
    if file.headline == "first" and file.show != "change":
        desk.wrong((*way, "headline"), "'first' is for a metric with 'show: change'; write that too, or leave it out")
    unit, source_unit, scale = settle_unit(desk, way, kind, file, name, target)
    usual = "points" if kind == "ratio" or unit == "%" else "absolute" if kind == "counter" else "percent"
    if not file.delta and usual != "percent":
        desk.assume(f"{key} > delta", usual, "a count" if usual == "absolute" else "a share")
    metric = told(
        model.Metric,
        file,
        id=id,
        kind=kind,
        name=name,
        title=title_of(file, id, kind, name),
        statistic=file.statistic or "mean",
        unit=unit,
        source_unit=source_unit,
        scale=scale,
        total_name=pair.total if pair else "",
        better=file.better or (BETTER[target.side] if target else "either"),
        target=None,
        watch=None,
        delta="percent" if file.delta == "relative" else file.delta or usual,
        tolerance=Tolerance(),
        missing_is_zero=file.missing == "zero",
        show_change=file.show == "change",
        headline_first=file.headline == "first",
        arithmetic=file.arithmetic or desk.file.arithmetic or "raw",
        source=source_of(desk, way, file.source, sources),
    )
    return replace(
        metric,
        target=fitted(desk, (*way, "target"), target, metric),
        watch=fitted(desk, (*way, "watch"), file.watch, metric),
        tolerance=settle_tolerance(desk, way, file.tolerance, metric),
    )


def title_of(file: Any, id: str, kind: str, name: str) -> str:
    """As written, else the name with its statistic. A ready-made quantile is what it is: 'mean of the exported p95'."""
    statistic = file.statistic or "mean"
    texts = [matcher.value for matcher in file.where if matcher.op == "="] if kind == "gauge" else []
    quantile = quantile_named(name, *texts) if kind == "gauge" else ""
    if quantile and "exported" not in file.title:
        plain = re.sub(rf"(?<!\w){re.escape(quantile)}(?!\w)", "", file.title, flags=re.IGNORECASE)
        return f"{' '.join(plain.split()) or name}, {statistic} of the exported {quantile}"
    return file.title or (id if kind in ("ratio", "query") else f"{name} {statistic}" if kind != "counter" else name)


def settle_unit(desk: Desk, way: Way, kind: str, file: Any, name: str, target: Limit | None) -> tuple[str, str, float]:
    """Unit of the page, unit of the source, and the factor between them."""
    key = " > ".join(str(step) for step in way)
    said = "" if kind == "query" else unit_of_name(name)
    source = file.source_unit or ("1" if kind == "ratio" else said)
    unit = file.unit
    if not unit and target and target.comparison != "within" and file.show != "change":
        unit = target.unit
        desk.assume(f"{key} > unit", unit, "from the target")
    if not unit and source and kind != "ratio":
        unit = source
        desk.assume(f"{key} > unit", unit, f"from the name '{name}'")
    if not unit and kind in ("ratio", "counter"):
        unit = "%" if kind == "ratio" else "events"
        desk.assume(f"{key} > unit", unit)
    if not unit:
        desk.wrong(way, f"no unit is said, and '{name}' does not end with one; write 'unit: ms' (or s, B, %)")
        return "", source, 1.0
    if said and not file.source_unit and unit != said:
        desk.assume(f"{key} > source_unit", said, f"from the name '{name}'")
    try:
        return unit, source or unit, factor(source or unit, unit)
    except UnitMismatch as error:
        if not file.unit:
            return source, source, 1.0  # the target is what does not compare; told there
        desk.wrong((*way, "unit"), f"{error}; if the source is not in {source!r}, write 'source_unit' too")
        return "", source, 1.0


def fitted(desk: Desk, way: Way, limit: Limit | None, metric: model.Metric) -> Limit | None:
    """The limit in the metric's unit; one that bounds a change keeps its own ('within 5 %')."""
    unit = metric.unit
    if limit is None or not unit:
        return limit
    if metric.show_change or limit.comparison == "within":
        if limit.unit == "%" or (limit.unit == "points" and dimension(unit) == "share"):
            return limit
        if metric.show_change:
            desk.wrong(way, f"'{limit.text}' does not compare with a change in %; write 'within 5 %'")
            return None
    try:
        by = factor(limit.unit, unit)
        if (limit.unit == "points") != (unit == "points"):
            raise UnitMismatch
    except UnitMismatch:
        remedy = f"write '{limit.comparison} {limit.value:g} {unit}'"
        desk.wrong(way, f"'{limit.text}' does not compare with the metric's unit {unit!r}; {remedy}")
        return None
    if limit.per and metric.kind not in ("counter", "query"):
        remedy = f"write 'at most {limit.value:g} {limit.unit}'"
        desk.wrong(way, f"'/{limit.per}' is a rate, which a {metric.kind} has not; {remedy}")
        return None
    return limit if limit.unit == unit else replace(limit, value=limit.value * by, unit=unit)


def settle_tolerance(desk: Desk, way: Way, own: Tolerance | None, metric: model.Metric) -> Tolerance:
    """What decides against the baseline: only the part that fits how the metric's change is measured."""
    said, unit, delta = own or desk.file.tolerance, metric.unit, metric.delta
    if said is None:
        latency = dimension(unit) == "time" and metric.kind != "counter" and delta == "percent"
        if latency:
            desk.assume(f"metrics > {metric.id} > tolerance", "5 %", "a latency")
        return LATENCY_TOLERANCE if latency else Tolerance()
    relative = said.relative if delta == "percent" else None
    absolute, absolute_unit = said.absolute, unit
    if said.absolute is not None and said.unit == "points":
        absolute, absolute_unit = (said.absolute, "points") if delta == "points" else (None, "")
    elif said.absolute is not None:
        try:
            absolute = said.absolute * factor(said.unit, unit)
        except UnitMismatch:
            absolute = None
    if relative is None and absolute is None:
        if own is not None and said.text != "none":
            remedy = {"points": "2 points", "absolute": f"3 {unit}", "percent": f"5 % or 3 {unit}"}[delta]
            desk.wrong((*way, "tolerance"), f"'{said.text}' does not fit 'delta: {delta}'; write '{remedy}'")
        return Tolerance()
    return Tolerance(
        relative=relative, absolute=absolute, unit="" if absolute is None else absolute_unit, text=said.text
    )


def source_of(desk: Desk, way: Way, name: str, sources: dict[str, model.Source]) -> str:
    if name and name not in sources and name not in (desk.tree.at(("sources",)) or {}):
        desk.wrong((*way, "source"), f"'{name}' is no source; {suggestion(name, sources, 'sources are')}")
    with_numbers = [source.name for source in sources.values() if source.kind not in NO_NUMBERS]
    return name or (with_numbers[0] if with_numbers else "")


def settle_gate(
    desk: Desk, number: int, gate: shapes.Gate, window: Window | None, units: dict[str, model.Metric]
) -> model.Gate:
    way: Way = ("gates", number)
    known = desk.known(gate.metric, (*way, "metric"))
    if gate.within is None and gate.target is None:
        desk.wrong(way, "'within' is missing; write 'within: 3 %', or 'target: at most 65 ms'")
    at = gate.at
    if window and at < window.start and at + timedelta(days=1) <= window.end:
        at += timedelta(days=1)  # '00:10' in a window over midnight
    if window and not window.start <= at <= window.end:
        clocks = " to ".join(f"{each.astimezone(desk.frame.zone):%H:%M}" for each in (window.start, window.end))
        desk.wrong((*way, "at"), f"is outside the deployment window; write a time from {clocks}")
    metric = units.get(gate.metric) if known else None
    limit = gate.within or gate.target or Limit(comparison="within", value=0, unit="%", text="within 0 %")
    if metric:
        limit = fitted(desk, (*way, "within" if gate.within else "target"), limit, metric) or limit
    return told(model.Gate, gate, at=at, limit=limit)


def settle_checkpoints(desk: Desk, units: dict[str, model.Metric]) -> tuple[model.Checkpoints, timedelta]:
    file, default = desk.file.checkpoints, model.Checkpoints()
    observation = desk.file.windows.observation or desk.file.observation
    if observation is None:
        observation = max([timedelta(hours=48), *(file.after or ())])
        desk.assume("observation", length_text(observation))
    after = file.after or tuple(a for a in default.after if a <= observation) or (observation,)
    if file.after is None:
        desk.assume("checkpoints > after", " ".join(f"+{after_name(a)}" for a in after))
    if after[-1] > observation:
        last, end = after_name(after[-1]), after_name(observation)
        text = f"+{last} is after the observation's end at +{end}; write 'observation: {last}'"
        desk.wrong(("checkpoints", "after"), text)
    if file.window is None:
        desk.assume("checkpoints > window", "1h")
    success = []
    for id, limit in file.success.items():
        way: Way = ("checkpoints", "success", id)
        if desk.known(id, way) and id in units:
            limit = fitted(desk, way, limit, units[id]) or limit
        success.append((id, limit))
    if not desk.tree.at(("checkpoints", "success")):
        desk.assume("checkpoints > success", "the targets", "counts by their worst sliding hour")
        success = [(id, held) for id, metric in units.items() if not metric.advisory and (held := criterion(metric))]
    window, people = file.window or default.window, people_checks(desk)
    return model.Checkpoints(after=after, window=window, success=tuple(success), people=people), observation


def people_checks(desk: Desk) -> tuple[model.PeopleCheck, ...]:
    """Each with its id: as written, else its time ('+4h'), with its person where two share the time."""
    found: list[model.PeopleCheck] = []
    checks = desk.file.checkpoints.people
    for number, each in enumerate(checks):
        shared = sum(other.after == each.after and not other.id for other in checks) > 1
        id = each.id or f"+{after_name(each.after)}" + (f" {each.who}" if shared else "")
        if id in [other.id for other in found]:
            desk.wrong(("checkpoints", "people", number), f"'{id}' stands twice; write an 'id' for each")
        found.append(told(model.PeopleCheck, each, id=id))
    return tuple(found)


def criterion(metric: model.Metric) -> Limit | None:
    """What a metric has to meet at a checkpoint where nothing is written: its target, else its relative tolerance."""
    share = None if metric.tolerance.relative is None else metric.tolerance.relative * 100
    if metric.target or share is None:
        return metric.target
    return Limit(comparison="within", value=share, unit="%", text=f"within {share:g} %")


def settle_checkins(desk: Desk, metrics: tuple[model.Metric, ...]) -> model.Checkins:
    file = desk.file.checkins
    for number, id in enumerate(file.metrics or ()):
        desk.known(id, ("checkins", "metrics", number))
    chosen = file.metrics
    if chosen is None:
        chosen = tuple(metric.id for metric in metrics if metric.show_change)
        if chosen:
            desk.assume("checkins > metrics", ", ".join(chosen), "those with 'show: change'")
    if file.every is None:
        desk.assume("checkins > every", "15m")
    return model.Checkins(every=file.every or model.Checkins().every, metrics=chosen)


def frame_of_tree(tree: Tree) -> Frame:
    """
    The zone and the day of the change, read before all else, because every other time depends on them.

    Where the day cannot be read, any day stands in: that mistake is told once, not again at each time of day.
    """
    zone, day = None, date(2000, 1, 1)
    with contextlib.suppress(ValueError):  # told where the key itself is read
        zone = parse_zone(str(tree.at(("timezone",)) or ""))
    said = tree.at(("window",)) or tree.at(("windows", "deployment"))
    if found := re.search(DAY, str(said or "")):
        with contextlib.suppress(ValueError):
            day = date.fromisoformat(found[0])
    return Frame(zone=zone, day=day)
