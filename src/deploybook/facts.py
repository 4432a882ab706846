"""Everything one report knows, frozen; and the JSON document made from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from . import register, wording
from .model import (
    CheckpointResult,
    Delta,
    Deployment,
    Entry,
    Estimate,
    Finding,
    GateResult,
    Judgement,
    Measurement,
    Metric,
    Records,
    Verdict,
)
from .times import Window, after_name, iso

SCHEMA = "deploybook.report/1"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """
    One published number and the way back to the bytes it came from.

    id: stable, readable, unique in a report. value: exact, in `unit` (a fraction for a relative change).
    display: what the page prints. op, args: from the closed list of docs/reference/evidence-format.md.
    inputs: digests of the originals. labels: the split it belongs to. zone, own_columns: how their source reads them.
    """

    id: str
    metric: Metric
    op: str
    args: tuple[tuple[str, str], ...] = ()
    window: Window
    value: float
    unit: str
    display: str
    decimals: int
    found: int = 0
    expected: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    arithmetic: str = "raw"
    zone: str = ""
    own_columns: bool = False


@dataclass(frozen=True, kw_only=True)
class EvidenceItem:
    """
    One row of the evidence page. number: 'E-03', '' until it is in the table. digest: sha256 of the bytes held, '' where we hold none.
    kind: export | original | notebook | record | page | artifact. origin: path or query.
    start_ms, end_ms: first and last row of an export, 0 where not known.
    """

    number: str = ""
    name: str
    kind: str
    digest: str = ""
    size: int = 0
    origin: str = ""
    held: bool = True
    path: str = ""
    metrics: tuple[str, ...] = ()
    start_ms: int = 0
    end_ms: int = 0

    def share_of(self, window: Window) -> tuple[float, float]:
        """How much of the window the rows span, and of two that span as much the one with less around it."""
        common = min(self.end_ms, window.end_ms) - max(self.start_ms, window.start_ms)
        return max(common, 0), -(self.end_ms - self.start_ms)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """
    How a page was made: notebook and its digest, parameters, versions, and the log's head before the run. revision: how
    often it changed after it had been published; corrects: digest of the published page that it replaces.
    """

    notebook: str = ""
    notebook_digest: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    version: str = ""
    log_size: int = 0
    log_root: str = ""
    signed: bool = False
    revision: int = 1
    corrects: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """
    What is known about one deployment as of a logical time.

    after: the checkpoint this is about, None for the deployment window. metrics: of the window, or of that checkpoint.
    window_metrics: always of the deployment window. references: '{…}' as people wrote it to the id of the figure it
    prints. sparks: metric id to a small SVG of our own.
    late: how long after its time a report that was due was made; None where nobody was waiting for it.
    recovery: every metric in the time after a rollback, where there was one and it is over.
    """

    deployment: Deployment
    as_of: datetime
    after: timedelta | None = None
    verdict: Verdict
    sentence: str
    metrics: tuple[Judgement, ...] = ()
    window_metrics: tuple[Judgement, ...] = ()
    gates: tuple[GateResult, ...] = ()
    checkpoints: tuple[CheckpointResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    entries: tuple[Entry, ...] = ()
    records: Records = field(default_factory=Records)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[EvidenceItem, ...] = ()
    provenance: Provenance = Provenance()
    data_until: datetime | None = None
    late: timedelta | None = None
    recovery: tuple[Judgement, ...] = ()
    sparks: Mapping[str, str] = field(default_factory=dict)

    @property
    def registers(self) -> tuple[register.RegisterLine, ...]:
        """Risks, actions, priorities and checks by people, with what they wait on."""
        words = {each.after: each.verdict for each in self.checkpoints}
        return register.lines(self.deployment, self.records, words, self.as_of)

    def judgement(self, id: str) -> Judgement | None:
        return next((each for each in (*self.metrics, *self.window_metrics) if each.metric.id == id), None)

    def chip(self, inputs: Iterable[str], window: Window | None = None) -> EvidenceItem | None:
        """The evidence row among these digests that holds most of the window, the shorter of two alike; else the first."""
        wanted = set(inputs)
        held = [item for item in self.evidence if item.digest in wanted]
        if window is None:
            return held[0] if held else None
        return max(held, key=lambda item: item.share_of(window), default=None)


def number(value: float | None) -> float | int | None:
    """For JSON: None stays, a whole number that is exact becomes an int, what is no number becomes None."""
    if value is None or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def document(facts: Facts) -> dict[str, Any]:
    """The contract's JSON document; values unrounded, times UTC, keys in a fixed order."""
    closing = facts.deployment.closing
    return {
        "schema": SCHEMA,
        "deployment": facts.deployment.slug,
        "as_of": iso(facts.as_of),
        "after": after_name(facts.after) if facts.after else None,
        "verdict": facts.verdict.value,
        "outcome": closing.outcome if closing else None,
        "reason": facts.sentence,
        "metrics": [metric_document(judgement) for judgement in facts.metrics],
        "gates": [{"name": gate.name, "at": iso(gate.at), **metric_document(gate.judgement)} for gate in facts.gates],
        "checkpoints": [checkpoint_document(checkpoint) for checkpoint in facts.checkpoints],
        "findings": [finding_document(finding) for finding in facts.findings],
        "registers": [register.document(line, facts.as_of, facts.deployment.zone) for line in facts.registers],
    }


def checkpoint_document(checkpoint: CheckpointResult) -> dict[str, Any]:
    return {
        "after": after_name(checkpoint.after),
        "due": iso(checkpoint.due),
        "verdict": checkpoint.verdict.value,
        "reason": checkpoint.reason,
        "metrics": [metric_document(judgement) for judgement in checkpoint.metrics],
    }


def metric_document(judgement: Judgement) -> dict[str, Any]:
    metric, now, baseline, delta = judgement.metric, judgement.now, judgement.baseline, judgement.delta
    seen = now.coverage
    whole: dict[str, Any] = {
        "id": metric.id,
        "title": metric.title,
        "verdict": judgement.verdict.value,
        "strength": judgement.strength,
        "reason": judgement.reason,
        "decided_by": judgement.decided_by,
        "unit": metric.unit,
        "value": number(now.value),
        "baseline": number(baseline.value) if baseline else None,
        "delta": {"absolute": number(delta.absolute), "relative": number(delta.relative)} if delta else None,
        **dict.fromkeys(("interval", "interval_of", "confidence", "resolvable")),
        "target": metric.target.text if metric.target else None,
        "limit": judgement.limit or None,
        "tolerance": metric.tolerance.text if metric.tolerance.text != "none" else None,
        "samples": {"found": seen.found, "expected": seen.expected, "seen": round(seen.seen, 6)},
        "window": span(now.window),
        "baseline_window": span(baseline.window) if baseline else None,
        "advisory": metric.advisory,
        "figure": figure_id(metric, now, change=metric.show_change),
    }
    if metric.show_change:
        whole.update(value=number(judgement.figure), unit="1", current=number(now.value), delta=None)
    if metric.kind == "counter":
        whole.update(worst_hour=number(now.worst_hour), bound=judgement.bound or None)
    if metric.kind == "ratio":
        whole.update(good=number(now.good), total=number(now.total))
    if now.bracket:
        whole.update(bucket=[number(edge) for edge in now.bracket])
    if judgement.judged:
        whole.update(estimate_document(judgement.judged))
    if judgement.change and judgement.change is not judgement.judged:
        whole["comparison"] = estimate_document(judgement.change)
    if metric.by:
        whole["by"] = [{"labels": dict(each.now.labels), **metric_document(each)} for each in judgement.by]
    if judgement.checkins:
        whole["checkins"] = [{"at": iso(each.at), **metric_document(each.judgement)} for each in judgement.checkins]
    return whole


def estimate_document(estimate: Estimate) -> dict[str, Any]:
    at90 = estimate.at90
    return {
        "interval": [number(at90.low), number(at90.high)] if at90 else None,
        "interval_of": estimate.scale,
        "confidence": 0.9 if at90 else None,
        "resolvable": number(estimate.resolvable),
        "effective_samples": [None if each is None else number(round(each, 1)) for each in estimate.effective],
        "method": estimate.method,
        **({"blocked": estimate.blocked} if estimate.blocked else {}),
        **({"needed_seconds": round(estimate.needed.total_seconds())} if estimate.needed else {}),
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "metric": finding.metric or None,
        "from": iso(finding.start) if finding.start else None,
        "to": iso(finding.end) if finding.end else None,
        "labels": dict(finding.labels),
        "checkpoint": finding.checkpoint or None,
        "text": finding.text,
    }


def span(window: Window) -> list[str]:
    return [iso(window.start), iso(window.end)]


def figure_id(metric: Metric, measurement: Measurement, *, change: bool = False, worst_hour: bool = False) -> str:
    """'parser_p50@2025-01-22T22:00:00Z/2025-01-22T23:30:00Z', a split and 'change' or 'worst_hour' appended."""
    labels = "".join(f";{label}={value}" for label, value in measurement.labels)
    kind = ";change" if change else ";worst_hour" if worst_hour else ""
    return f"{metric.id}@{iso(measurement.window.start)}/{iso(measurement.window.end)}{labels}{kind}"


CHANGES = {"percent": "change_relative", "points": "change_points", "absolute": "change_absolute"}
OPS = {"histogram": "histogram_quantile", "counter": "increase", "ratio": "ratio", "query": "server_side"}


def operation(metric: Metric) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The operation of the closed list that gives this metric's value, with its arguments."""
    quantile = metric.quantile
    arguments = (("q", repr(quantile)),) if quantile is not None else ()
    if metric.kind == "gauge":
        return "gauge_quantile" if quantile is not None else f"gauge_{metric.statistic}", arguments
    if metric.kind == "histogram" and quantile is None:
        return "histogram_mean", ()
    return OPS[metric.kind], arguments


def value_figure(metric: Metric, measurement: Measurement, *, worst_hour: bool = False) -> Figure | None:
    """The figure of a value, or of the worst hour of a count; None where there is no value."""
    value = measurement.worst_hour if worst_hour else measurement.value
    if value is None:
        return None
    op, args = ("worst_hour", ()) if worst_hour else operation(metric)
    return Figure(
        id=figure_id(metric, measurement, worst_hour=worst_hour),
        metric=metric,
        op=op,
        args=args,
        window=measurement.window,
        value=value,
        unit=metric.unit,
        display=wording.value_text(metric, value),
        decimals=wording.decimals_for(metric, value),
        found=measurement.coverage.found,
        expected=measurement.coverage.expected,
        labels=measurement.labels,
        inputs=measurement.inputs,
        arithmetic=measurement.arithmetic,
    )


def change_figure(metric: Metric, now: Measurement, baseline: Measurement, delta: Delta) -> Figure | None:
    """The figure of a change in the form that the metric asks for; None where there is none."""
    figure, op = value_figure(metric, now), "change_relative" if metric.show_change else CHANGES[metric.delta]
    value = delta.relative if op == "change_relative" else delta.absolute
    if figure is None or baseline.value is None or value is None:
        return None
    return replace(
        figure,
        id=figure_id(metric, now, change=True),
        op=op,
        args=(("baseline", figure_id(metric, baseline)), ("now", figure_id(metric, now))),
        value=value,
        unit={"change_relative": "1", "change_points": "points"}.get(op, metric.unit),
        display=wording.percent(value) if metric.show_change else wording.delta_text(metric, delta),
        decimals=wording.decimals_for(metric, value) if op == "change_absolute" else 1,
        inputs=tuple(sorted({*now.inputs, *baseline.inputs})),
    )


def figure_document(figure: Figure) -> dict[str, Any]:
    """One line of figures.jsonl: every number as a string with all its digits."""
    metric = figure.metric
    return {
        "id": figure.id,
        "metric": metric.id,
        "op": figure.op,
        "args": dict(figure.args),
        "name": metric.name,
        **({"query": metric.query} if metric.query else {}),
        "total_name": metric.total_name,
        "also_named": list(metric.also_named),
        "where": [[each.label, each.op, each.value] for each in metric.where],
        "good": [[each.label, each.op, each.value] for each in metric.good],
        "by": dict(figure.labels),
        "window": span(figure.window),
        "arithmetic": figure.arithmetic,
        **({"zone": figure.zone} if figure.zone else {}),
        **({"own_columns": True} if figure.own_columns else {}),
        "missing_is_zero": metric.missing_is_zero,
        "scale": repr(metric.scale),
        "value": repr(float(figure.value)),
        "unit": figure.unit,
        "display": figure.display,
        "decimals": figure.decimals,
        "samples": {"found": figure.found, "expected": figure.expected},
        "inputs": list(figure.inputs),
    }


def all_judgements(facts: Facts) -> Iterator[Judgement]:
    """Every judgement of the report, splits and check-ins included."""
    stack = [*facts.metrics, *facts.window_metrics, *(gate.judgement for gate in facts.gates)]
    stack += [judgement for checkpoint in facts.checkpoints for judgement in checkpoint.metrics]
    stack += facts.recovery
    while stack:
        judgement = stack.pop(0)
        yield judgement
        stack += [*judgement.by, *(each.judgement for each in judgement.checkins)]
