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
from ..times import DAY, Window, after_name, length_text, on_day, parse_length, parse_zone
from ..units import Limit, Tolerance, dimension, factor, unit_of_name
from . import deployment as shapes
from .problems import KINDS, meant, suggestion
from .values import NO_ZONE, Frame
from .yaml import Tree, Way

SHARED = tuple(shapes.Shared.model_fields)
BY_NAME = ("sources", "limits", "checkpoints", "checkins", "windows")  # merged key by key; the rest is replaced whole
NO_NUMBERS = {"journal", "launchdarkly", "pagerduty", "alertmanager", "grafana", "github", "gitlab", "git", "slack"}
LATENCY_TOLERANCE = Tolerance(relative=0.05, text="5 %")


def merge(near: Tree, far: Tree) -> Tree:
    """near over far, of far only what may be shared. Metrics merge key by key unless they are of another kind."""
    merged = Tree(path=near.path, value=dict(near.value or {}), places=dict(near.places), broken=near.broken)

    def take(way: Way, value: Any) -> Any:
        merged.places.update({w: p for w, p in far.places.items() if w[: len(way)] == way and w not in merged.places})
        return value

    for key, value in far.value.items() if isinstance(far.value, dict) else ():
        if key not in SHARED:
            continue
        if key == "source" and has_numbers((near.value or {}).get("sources")):
            continue  # the nearer file says where its numbers are, if with another key
        mine = merged.value.get(key)
        if mine is None:
            merged.value[key] = take((key,), value)
        elif key in BY_NAME and isinstance(mine, dict) and isinstance(value, dict):
            merged.value[key] = {**mine, **{k: take((key, k), v) for k, v in value.items() if k not in mine}}
        elif key == "metrics" and isinstance(mine, dict) and isinstance(value, dict):
            merged.value[key] = merge_metrics(mine, value, take)
    return merged


def has_numbers(sources: Any) -> bool:
    """True where one of the written sources may hold metrics."""
    written = sources.values() if isinstance(sources, dict) else ()
    return any(each.get("kind") not in NO_NUMBERS for each in written if isinstance(each, dict))


def merge_metrics(mine: dict[str, Any], theirs: dict[str, Any], take: Any) -> dict[str, Any]:
    found = {}
    for id, metric in mine.items():
        other = theirs.get(id)
        if isinstance(metric, dict) and isinstance(other, dict) and not (metric.keys() & set(KINDS)):
            metric = {**metric, **{k: take(("metrics", id, k), v) for k, v in other.items() if k not in metric}}
        found[id] = metric
    return found | {id: take(("metrics", id), metric) for id, metric in theirs.items() if id not in mine}


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
        if any(
            meant(word, known) == key for word in [word for word in self.tree.value or {} if word not in known][:100]
        ):
            return  # its name is mistyped, which has been said
        text = "has no value; " if (key,) in self.tree.places else f"'{key}' is missing; "
        self.wrong((key,) if (key,) in self.tree.places else (), text + remedy)

    @property
    def written_metrics(self) -> list[str]:
        metrics = self.tree.at(("metrics",))
        return list(metrics) if isinstance(metrics, dict) else []

    def known(self, id: str, way: Iterable[str | int]) -> bool:
        if id in self.written_metrics:
            return True
        self.wrong(
            way, f"'{id}' is no metric of this deployment; {suggestion(id, self.written_metrics, 'metrics are')}"
        )
        return False


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
    return model.Deployment(
        slug=slug,
        title=file.title,
        ticket="" if file.ticket == "none" else file.ticket,
        version=file.version,
        zone=desk.frame.zone,
        window=window,
        baseline=baseline,
        observation=observation,
        metrics=metrics,
        sources=tuple(sources.values()),
        gates=gates,
        checkins=checkins,
        checkpoints=checkpoints,
        lead=file.lead,
        service=file.service,
        team=file.team,
        dashboard=file.dashboard,
        closing=model.Closing(
            outcome=file.outcome, actual=file.actual, reason=file.reason, at=file.closed, by=file.closed_by
        )
        if file.outcome
        else None,
        judge=file.judge or "interval",
        notify=file.notify,
        assumed=tuple(desk.assumed),
        path=desk.tree.path,
    )


def required(desk: Desk) -> None:
    desk.missing(
        "title", "write what the change is called, such as 'title: Telemetry Step 2'"
    ) if not desk.file.title else None
    if not desk.file.ticket:
        desk.missing("ticket", "write 'ticket: CHG-2025-0121', or 'ticket: none'")
    if not (desk.file.window or desk.file.windows.deployment or desk.tree.at(("windows", "deployment"))):
        desk.missing("window", "write 'window: 2025-01-22 14:00 to 15:30'")
    if desk.file.timezone is None:
        desk.missing("timezone", "write 'timezone: America/Los_Angeles' (or yours) here or in deploybook.yml")
    if not desk.written_metrics:
        desk.missing(
            "metrics",
            "write at least one, such as 'failures: {counter: parser_failure_total, target: at most 3 errors/hour}'",
        )
    for way in (("window",), ("windows", "deployment")):
        said = desk.tree.at(way)
        if isinstance(said, str) and re.match(r"\s*\d{1,2}:\d\d", said):
            desk.wrong(way, f"{said!r} has no day; write '2025-01-22 {said}'")
    if desk.tree.at(("window",)) and desk.tree.at(("windows", "deployment")):
        desk.wrong(("window",), "stands beside 'windows > deployment'; keep one")
    for key in ("actual", "reason", "closed", "closed_by"):
        if desk.tree.at((key,)) and not desk.tree.at(("outcome",)):
            desk.wrong(
                (key,), "stands without 'outcome'; write 'outcome: succeeded', or rolled_back, aborted, postponed"
            )


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
            hint = (
                suggestion(name, written, "write env:PROMETHEUS_URL or one of")
                if written
                else "write env:PROMETHEUS_URL"
            )
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
    for key, parse in (("zone", parse_zone), ("step", parse_length)):
        try:
            read[key] = parse(options[key]) if key in options else None
        except ValueError as error:
            desk.wrong((*way, key), str(error))
    return model.Source(name=name, kind=options["kind"], options=rest, zone=read.get("zone"), step=read.get("step"))  # type: ignore[arg-type]


def moved(path: str, written_in: str, read_from: str) -> str:
    """A path relative to the file it is written in, as a path relative to the deployment's folder."""
    here, there = PurePosixPath(written_in).parent, PurePosixPath(read_from).parent
    return (
        path if here == there or path.startswith("/") else PurePosixPath(os.path.relpath(here / path, there)).as_posix()
    )


def settle_metric(desk: Desk, id: str, file: Any, sources: dict[str, model.Source]) -> model.Metric:
    way: Way = ("metrics", id)
    key = f"metrics > {id}"
    kind = next(kind for kind in KINDS if hasattr(file, kind))
    pair = file.ratio if kind == "ratio" and not isinstance(file.ratio, str) else None
    name = pair.good if pair else id if kind == "query" else getattr(file, kind)
    target = file.target or desk.file.limits.get(id)
    if not file.better and target:
        desk.assume(f"{key} > better", better_of(target), "from the target")
    statistic = file.statistic or "mean"
    if file.statistic is None:
        desk.assume(f"{key} > statistic", "mean")
    change = file.show == "change"
    if file.headline == "first" and not change:
        desk.wrong((*way, "headline"), "'first' is for a metric with 'show: change'; write that too, or leave it out")
    unit, source_unit, scale = settle_unit(desk, way, kind, file, name, target)
    delta = file.delta or delta_of(kind, unit)
    if not file.delta and delta != "percent":
        desk.assume(f"{key} > delta", delta, "a count" if delta == "absolute" else "a share")
    return model.Metric(
        id=id,
        kind=kind,  # type: ignore[arg-type]
        name=name,
        title=title_of(file, id, kind, name, statistic),
        statistic=statistic,
        unit=unit,
        source_unit=source_unit,
        scale=scale,
        also_named=file.also_named,
        where=file.where,
        good=getattr(file, "good", ()),
        total_name=pair.total if pair else "",
        query=getattr(file, "query", ""),
        better=file.better or (better_of(target) if target else "either"),
        target=fitted(desk, (*way, "target"), target, unit, kind, change),
        watch=fitted(desk, (*way, "watch"), file.watch, unit, kind, change),
        delta=delta,
        tolerance=settle_tolerance(desk, way, file, kind, unit, delta),
        by=file.by,
        missing_is_zero=file.missing == "zero",
        advisory=file.advisory,
        show_change=change,
        headline_first=file.headline == "first",
        arithmetic=file.arithmetic or desk.file.arithmetic or "raw",
        source=source_of(desk, way, file.source, sources),
        panel=file.panel,
        decimals=file.decimals,
    )


def title_of(file: Any, id: str, kind: str, name: str, statistic: str) -> str:
    """As written, else the name with its statistic. A ready-made quantile is what it is: 'mean of the exported p95'."""
    texts = [matcher.value for matcher in file.where if matcher.op == "="] if kind == "gauge" else []
    quantile = quantile_named(name, *texts) if kind == "gauge" else ""
    if quantile and "exported" not in file.title:
        plain = re.sub(rf"(?<!\w){re.escape(quantile)}(?!\w)", "", file.title, flags=re.IGNORECASE)
        return f"{' '.join(plain.split()) or name}, {statistic} of the exported {quantile}"
    return file.title or (id if kind in ("ratio", "query") else f"{name} {statistic}" if kind != "counter" else name)


def better_of(limit: Limit) -> model.Better:
    return {"upper": "lower", "lower": "higher", "both": "either"}[limit.side]  # type: ignore[return-value]


def delta_of(kind: str, unit: str) -> model.DeltaKind:
    if kind == "ratio" or unit == "%":
        return "points"
    return "absolute" if kind == "counter" else "percent"


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


def fitted(desk: Desk, way: Way, limit: Limit | None, unit: str, kind: str, change: bool) -> Limit | None:
    """The limit in the metric's unit; one that bounds a change keeps its own ('within 5 %')."""
    if limit is None or not unit:
        return limit
    if change or limit.comparison == "within":
        if limit.unit == "%" or (limit.unit == "points" and dimension(unit) == "share"):
            return limit
        if change:
            desk.wrong(way, f"'{limit.text}' does not compare with a change in %; write 'within 5 %'")
            return None
    try:
        by = factor(limit.unit, unit)
        if (limit.unit == "points") != (unit == "points"):
            raise UnitMismatch
    except UnitMismatch:
        desk.wrong(
            way,
            f"'{limit.text}' does not compare with the metric's unit {unit!r}; write '{limit.comparison} {limit.value:g} {unit}'",
        )
        return None
    if limit.per and kind not in ("counter", "query"):
        desk.wrong(
            way, f"'/{limit.per}' is a rate, which a {kind} has not; write 'at most {limit.value:g} {limit.unit}'"
        )
        return None
    return limit if limit.unit == unit else replace(limit, value=limit.value * by, unit=unit)


def settle_tolerance(desk: Desk, way: Way, file: Any, kind: str, unit: str, delta: str) -> Tolerance:
    """What decides against the baseline: only the part that fits how the metric's change is measured."""
    said = file.tolerance or desk.file.tolerance
    if said is None:
        latency = dimension(unit) == "time" and kind != "counter" and delta == "percent"
        if latency:
            desk.assume(f"metrics > {way[1]} > tolerance", "5 %", "a latency")
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
        if file.tolerance is not None and said.text != "none":
            remedy = {"points": "2 points", "absolute": f"3 {unit}", "percent": f"5 % or 3 {unit}"}[delta]
            desk.wrong((*way, "tolerance"), f"'{said.text}' does not fit 'delta: {delta}'; write '{remedy}'")
        return Tolerance()
    return Tolerance(
        relative=relative, absolute=absolute, unit=absolute_unit if absolute is not None else "", text=said.text
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
        limit = (
            fitted(
                desk, (*way, "within" if gate.within else "target"), limit, metric.unit, metric.kind, metric.show_change
            )
            or limit
        )
    return model.Gate(name=gate.name, at=at, metric=gate.metric, window=gate.window, limit=limit)


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
        desk.wrong(
            ("checkpoints", "after"),
            f"+{after_name(after[-1])} is after the observation's end at +{after_name(observation)}; write 'observation: {after_name(after[-1])}'",
        )
    if file.window is None:
        desk.assume("checkpoints > window", "1h")
    success = []
    for id, limit in file.success.items():
        way: Way = ("checkpoints", "success", id)
        if desk.known(id, way) and id in units:
            metric = units[id]
            limit = fitted(desk, way, limit, metric.unit, metric.kind, metric.show_change) or limit
        success.append((id, limit))
    if not desk.tree.at(("checkpoints", "success")):
        desk.assume("checkpoints > success", "the targets", "counts by their worst sliding hour")
        success = [(id, held) for id, metric in units.items() if not metric.advisory and (held := criterion(metric))]
    people = tuple(model.PeopleCheck(after=p.after, who=p.who, what=p.what) for p in file.people)
    return model.Checkpoints(
        after=after, window=file.window or default.window, success=tuple(success), people=people
    ), observation


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
