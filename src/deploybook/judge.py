"""
The word for a metric: pure decisions on numbers that were measured elsewhere; the manual's page "Verdicts" has the rules.

A criterion is held against an interval. Firm: the whole 90 % interval inside is a pass, the whole interval outside a
fail. Where it straddles: the figure inside and half the interval no wider than what is asked is a provisional pass; a
change outside that is more than chance is a provisional fail; all else is inconclusive. No change fails, firm or not,
unless its 98 % interval excludes no change at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .model import (
    Checkin,
    CheckpointResult,
    Delta,
    Estimate,
    Finding,
    Gate,
    GateResult,
    Interval,
    Judgement,
    Measurement,
    Metric,
    Outcome,
    Verdict,
    worst,
)
from .model.results import Scale, Strength
from .times import zone_name
from .units import SHARE, Limit, Tolerance, factor, hours_per
from .wording import (
    after_text,
    decimals_for,
    delta_text,
    how_long,
    listed,
    local,
    percent,
    points,
    rounded,
    share,
    value_text,
    with_unit,
    word,
)

ENOUGH_SEEN, TOO_LITTLE_SEEN = 0.95, 0.50
QUIET, BUSY = 0.5, 2.0
# Half the interval that a provisional pass on a target may have: 5 % of a value (its tolerance, where one is written), or
# 6 points of a ratio.
RESOLUTION, RESOLUTION_POINTS = 0.05, 6.0
# Statistics whose observed value is what a limit is about, exactly; no interval is asked of them.
OBSERVED = ("increase", "min", "max", "last", "answer")
SCALES: Mapping[str, Scale] = {"percent": "relative", "points": "points", "absolute": "value"}
LEADS = ("tolerance", "success", "target", "watch")
NAMES = {"tolerance": "tolerance (±", "success": "criterion (", "target": "limit ("}
NO_INTERVAL = "there is no interval"
FEW_EDGES = "the two windows share too few bucket edges"
NAMED = 4  # parts named beside the one that decided
OUTCOMES: Mapping[Outcome | None, str] = {"rolled_back": "Rolled back", "aborted": "Aborted", "postponed": "Postponed"}


@dataclass(frozen=True, kw_only=True)
class Region:
    """What is acceptable, low to high, in an estimate's scale. strict: the ends themselves are outside."""

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False

    def holds(self, value: float) -> bool:
        return self.low < value < self.high if self.strict else self.low <= value <= self.high

    def side(self, value: float) -> str:
        return "" if self.holds(value) else "lower" if value <= self.low else "higher"

    def inside(self, interval: Interval) -> bool:
        return self.holds(interval.low) and self.holds(interval.high)

    def outside(self, interval: Interval) -> bool:
        """True where the whole interval lies outside, on one side."""
        return self.side(interval.low) != "" and self.side(interval.low) == self.side(interval.high)


@dataclass(frozen=True, kw_only=True)
class Part:
    """
    The word of one criterion, or of something that caps the word. clause: what it says in short, without a full stop.
    detail: how that goes on where there is room.
    """

    verdict: Verdict
    clause: str
    decided_by: str
    detail: str = ""
    strength: Strength | None = None
    judged: Estimate | None = None
    limit: str = ""
    of_change: bool = False


def judge_window(
    metric: Metric,
    now: Measurement,
    baseline: Measurement | None,
    change: Estimate | None,
    *,
    point: bool = False,
    healthy_baseline: bool = True,
    checkins: Sequence[Checkin] = (),
    first_deployment: bool = False,
    zone: ZoneInfo | None = None,
) -> Judgement:
    """
    The word for a metric over a window: its target, its watch line, its tolerance against the baseline.

    change: the comparison with its doubt; None where there is none to be had. healthy_baseline: False where the metric
    itself made a sudden step in the baseline. checkins: in order; they decide only for a metric that shows its change.
    point: the plain rule, figures alone. zone: for the time of a check-in.
    """
    case = Case(metric=metric, now=now, baseline=baseline, change=change, point=point, first=first_deployment)
    parts = [part] if (part := case.missing()) else case.criteria()
    judgement = case.judgement(case.capped(parts, healthy_baseline))
    return with_checkins(judgement, checkins, zone) if metric.show_change and checkins else judgement


def judge_success(
    metric: Metric,
    limit: Limit,
    now: Measurement,
    baseline: Measurement | None = None,
    change: Estimate | None = None,
    *,
    point: bool = False,
    healthy_baseline: bool = True,
    first_deployment: bool = False,
) -> Judgement:
    """
    The word for a metric at a checkpoint, held against its success criterion alone.

    'within 5 %' is about the change (now: the hour before the checkpoint); a limit on a value or on counted events is
    about the observation so far (now: from its start; a limit per hour takes its worst sliding hour).
    """
    case = Case(metric=metric, now=now, baseline=baseline, change=change, point=point, first=first_deployment)
    parts = [case.missing() or case.against_limit(limit, "success")]
    return case.judgement(case.capped(parts, healthy_baseline))


def judge_gate(
    gate: Gate,
    metric: Metric,
    now: Measurement,
    baseline: Measurement | None = None,
    change: Estimate | None = None,
    *,
    point: bool = False,
) -> GateResult:
    """The word at a gate: the same rules on the gate's own limit. A gate informs and never decides the whole."""
    first = baseline is None
    judgement = judge_success(metric, gate.limit, now, baseline, change, point=point, first_deployment=first)
    return GateResult(name=gate.name, at=gate.at, judgement=judgement)


def whole(
    judgements: Sequence[Judgement],
    checkpoints: Sequence[CheckpointResult] = (),
    findings: Sequence[Finding] = (),
    outcome: Outcome | None = None,
    reason: str = "",
) -> tuple[Verdict, str]:
    """
    The one word, of a page or of a checkpoint (then without `checkpoints`), and the sentence that says what decided it.

    Worse wins among the metrics that are not advisory and the checkpoints that were due; a warn finding raises a pass to
    warn. After a rollback, an abort or a postponement the outcome is the word (`reason` is why): never a pass.
    """
    deciding = [it for it in judgements if not it.metric.advisory]
    parts = [Told(it.verdict, it.metric.title, said_of(it)) for it in deciding]
    parts += [Told(it.verdict, after_text(it.after), said_at(it)) for it in checkpoints]
    counted = [part for part in parts if part.verdict.counts]
    unasked = outcome in OUTCOMES or (parts and all(part.verdict is Verdict.NOT_APPLICABLE for part in parts))
    verdict = worst([part.verdict for part in counted], none=Verdict.NOT_APPLICABLE if unasked else Verdict.NO_DATA)
    if outcome in OUTCOMES:
        verdict = Verdict.WARN if verdict is Verdict.PASS else verdict
        return verdict, f"{OUTCOMES[outcome]}{f': {reason}' if reason else '.'}"
    if not counted:
        return verdict, "Nothing was judged: no metric has both data and a criterion that applies."
    if verdict is Verdict.PASS:
        if warned := [finding.text for finding in findings if finding.severity == "warn"]:
            return Verdict.WARN, warned[0]
        return verdict, all_inside(deciding, [it for it in checkpoints if it.verdict.counts])
    first, *others = [part for part in counted if part.verdict is verdict]
    names = [part.name for part in others]
    named = listed(names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"])
    also = f" {named} {'reads' if len(names) == 1 else 'read'} {word(verdict)} too." if names else ""
    return verdict, first.text + also


class Told(NamedTuple):
    """A part of the whole: its word, what readers call it, and the sentence where it decides."""

    verdict: Verdict
    name: str
    text: str


def said_of(judgement: Judgement, where: str = "") -> str:
    return f"{judgement.metric.title}{where}: {judgement.headline or judgement.reason.rstrip('.')}."


def said_at(checkpoint: CheckpointResult) -> str:
    """What decided a checkpoint."""
    at, asked = after_text(checkpoint.after), [it for it in checkpoint.metrics if not it.metric.advisory]
    first = next((it for it in asked if it.verdict is checkpoint.verdict), None)
    return said_of(first, f" at {at}") if first else f"{at}: {checkpoint.reason}"


def all_inside(judgements: Sequence[Judgement], checkpoints: Sequence[CheckpointResult]) -> str:
    """The sentence of a pass: how many were judged, and which of them is the least sure."""
    metrics = [it for it in judgements if it.verdict.counts]
    unsure = next((it.metric.title for it in metrics if it.strength == "provisional"), "")
    if len(metrics) == 1 and not checkpoints:
        return f"{metrics[0].metric.title} is inside its limits{', provisionally' if unsure else ''}."
    noun = "metric" if len(metrics) == len(judgements) else "judged metric"
    many = "Both" if len(metrics) == 2 else f"All {len(metrics)}"
    names = [f"{many} {noun}s" if len(metrics) > 1 else it.metric.title for it in metrics[:1]]
    if checkpoints:
        one = f"the checkpoint at {after_text(checkpoints[0].after)}"
        names.append(one if len(checkpoints) == 1 else f"{len(checkpoints)} checkpoints")
    return f"{listed(names)} are inside their limits{f'; the least sure is {unsure}' if unsure else ''}."


@dataclass(frozen=True, kw_only=True)
class Case:
    """All that one judgement rests on."""

    metric: Metric
    now: Measurement
    baseline: Measurement | None
    change: Estimate | None
    point: bool
    first: bool

    @property
    def base(self) -> float | None:
        """The baseline's figure; None where less than half of its window was seen."""
        seen = self.baseline is not None and self.baseline.coverage.seen >= TOO_LITTLE_SEEN
        return self.baseline.value if seen and self.baseline else None

    @property
    def delta(self) -> Delta | None:
        if self.now.value is None or self.base is None:
            return None
        absolute = self.now.value - self.base
        return Delta(absolute=absolute, relative=absolute / self.base if self.base else None)

    @property
    def scale(self) -> Scale:
        """The scale of the comparison that the metric asks for."""
        return "relative" if self.metric.show_change else SCALES[self.metric.delta]

    def compared(self, scale: Scale) -> Estimate | None:
        """The change in that scale; without an interval where none was given, None where it is undefined."""
        delta = self.delta
        if delta is None or delta.absolute is None:
            return None
        if self.change is not None and self.change.scale == scale:
            return self.change
        point = factor("%", self.metric.unit) if self.metric.unit in SHARE else 1.0
        unit = {"relative": abs(self.base or 0.0), "points": point, "value": 1.0}
        if not unit[scale]:
            return None
        if self.change is None:
            blocked = FEW_EDGES if self.metric.kind == "histogram" and self.metric.quantile else NO_INTERVAL
            return Estimate(value=delta.absolute / unit[scale], scale=scale, blocked=blocked)
        by = unit[self.change.scale] / unit[scale]
        return self.change.mapped(lambda end: end * by, scale=scale)

    def missing(self) -> Part | None:
        """The word where there is no figure to judge; None where there is one."""
        seen, no_data = self.now.coverage.seen, Verdict.NO_DATA
        if self.now.value is None:
            clause = self.now.missing.rstrip(".") or "Nothing was measured in the window"
            return Part(verdict=no_data, clause=clause, decided_by="data")
        if seen < TOO_LITTLE_SEEN:
            clause = f"only {share(seen)} of the expected samples are there; below 50 % no figure is given"
            return Part(verdict=no_data, clause=clause, decided_by="coverage")
        if self.metric.show_change and self.base is None and not (self.first and self.metric.target):
            return self.without_baseline()
        return None

    def without_baseline(self) -> Part:
        if self.first:
            clause = "this is a first deployment without a baseline, so there is no change to judge"
            return Part(verdict=Verdict.NOT_APPLICABLE, clause=clause, decided_by="baseline")
        why = self.baseline.missing.rstrip(".") if self.baseline is not None else ""
        if self.baseline is not None and self.baseline.value is not None:
            why = f"only {share(self.baseline.coverage.seen)} of its samples are there"
        clause = f"the baseline has no figure to compare with{f' ({why})' if why else ''}"
        verdict = Verdict.NO_DATA if self.metric.show_change else Verdict.INCONCLUSIVE
        return Part(verdict=verdict, clause=clause, decided_by="baseline")

    def criteria(self) -> list[Part]:
        """The words of the target, the watch line and the tolerance, as far as they are written and fit."""
        metric = self.metric
        parts = [self.against_limit(metric.target, "target")] if metric.target else []
        asked = tolerated(metric, metric.tolerance, self.base, self.scale)
        if asked > 0 and not (self.first and self.base is None):
            region = Region(low=-asked, high=asked)
            parts.append(self.against_change(self.scale, region, metric.tolerance.text, "tolerance"))
        if metric.watch and ((line := self.against_watch(metric.watch)).verdict is Verdict.WARN or not parts):
            parts.append(line)
        return parts

    def against_limit(self, limit: Limit, source: str) -> Part:
        """A target or a success criterion: on the change, on counted events, or on the value with its own interval."""
        if (scale := scale_of(limit, self.metric)) is not None:
            return self.against_change(scale, region_of(limit, scale, self.metric), limit.text, source)
        region, value = region_of(limit, "value", self.metric), self.now.value or 0.0
        if self.metric.kind == "counter":
            # Exactly what was observed; how sure the rate behind it is stands in the bound.
            value, subject = self.counted(limit)
            counted = Estimate(value=value, scale="value", method="events counted")
            return self.held(counted, region, limit.text, source, subject=subject, exact=True)
        own = replace(self.now.own or Estimate(value=value, scale="value", blocked=NO_INTERVAL), value=value)
        subject, exact = value_text(self.metric, value), self.metric.statistic in OBSERVED and own.at90 is None
        return self.held(own, region, limit.text, source, subject=subject, asked=self.resolution(value), exact=exact)

    def counted(self, limit: Limit) -> tuple[float, str]:
        """The number that a limit on counted events is about, and how it reads."""
        value, hours = self.now.value or 0.0, self.now.window.hours
        text = f"{value_text(self.metric, value)} in {how_long(self.now.window.length)}"
        if not limit.per or hours <= hours_per(limit.per) * (1 + 1e-9):
            return value, text
        if limit.per == "hour" and self.now.worst_hour is not None:
            return self.now.worst_hour, f"{text} (at most {rounded(self.now.worst_hour, 0)} in any one hour)"
        rate = value / hours * hours_per(limit.per)
        return rate, f"{text} ({rounded(rate, 2)} per {limit.per})"

    def against_watch(self, limit: Limit) -> Part:
        """A warning where the figure itself is past the watch line."""
        scale = scale_of(limit, self.metric)
        estimate = self.compared(scale) if scale else None
        value = self.counted(limit)[0] if self.metric.kind == "counter" else self.now.value
        value = value if scale is None else estimate.value if estimate else None
        figure = self.text(estimate) if estimate else value_text(self.metric, value)
        past = value is not None and not region_of(limit, scale or "value", self.metric).holds(value)
        return Part(
            verdict=Verdict.WARN if past else Verdict.PASS,
            clause=f"{figure} is {'past' if past else 'not past'} the watch line ({limit.text})",
            decided_by="watch",
            limit=limit.text,
        )

    def against_change(self, scale: Scale, region: Region, limit: str, source: str) -> Part:
        estimate = self.compared(scale)
        if estimate is None and self.delta is not None:
            clause = "the baseline is zero, and a change against zero is undefined; an absolute tolerance would decide"
            return Part(verdict=Verdict.INCONCLUSIVE, clause=clause, decided_by="baseline")
        if estimate is None:
            return self.without_baseline()
        asked = min(abs(end) for end in (region.low, region.high) if math.isfinite(end))
        if self.metric.kind == "counter" and scale == "value":
            asked = math.inf  # events were observed exactly; only a fail must be more than chance
        subject = f"{self.text(estimate)} {self.comparison(estimate, beside=not self.metric.show_change)}"
        return self.held(estimate, region, limit, source, subject=subject, asked=asked, of_change=True)

    def comparison(self, estimate: Estimate, *, beside: bool = True) -> str:
        """What a change is against, with the baseline's figure beside it."""
        figure = f" ({value_text(self.metric, self.base)})" if beside else ""
        return f"against {estimate.against or f'the baseline{figure}'}"

    def held(
        self,
        estimate: Estimate,
        region: Region,
        limit: str,
        source: str,
        *,
        subject: str,
        asked: float = math.inf,
        exact: bool = False,
        of_change: bool = False,
    ) -> Part:
        """An estimate held against a region, in words. asked: half the interval that a provisional pass may have."""
        if self.point or exact:
            verdict = Verdict.PASS if region.holds(estimate.value) else Verdict.FAIL
            strength: Strength | None = "firm" if exact and self.metric.kind == "counter" else "provisional"
        else:
            verdict, strength = against(region, estimate, asked=asked, change=of_change)
        if verdict is Verdict.FAIL and of_change and region.side(estimate.value) == self.metric.better:
            verdict = Verdict.WARN
        if verdict is Verdict.INCONCLUSIVE:
            estimate = replace(estimate, needed=self.needed(estimate, asked))
        clause, detail = self.clause(estimate, region, f"the {NAMES[source]}{limit})", subject, verdict, strength)
        return Part(
            verdict=verdict,
            clause=clause,
            detail=detail,
            decided_by=source,
            strength=strength,
            judged=estimate,
            limit=limit,
            of_change=of_change,
        )

    def clause(
        self, estimate: Estimate, region: Region, limit: str, subject: str, verdict: Verdict, strength: Strength | None
    ) -> tuple[str, str]:
        """(what is said in short, how it goes on)"""
        inside = region.holds(estimate.value)
        is_where = f"{subject} is {'inside' if inside else 'outside'} {limit}"
        interval = f"90 % interval, {self.interval(estimate)}" if estimate.at90 and not self.point else ""
        straddles = f"its {interval}, reaches {'past it' if inside else 'back inside'}"
        if verdict is Verdict.WARN:
            return f"{subject} is better than {limit} allows for, which a person should look at", ""
        if verdict is not Verdict.INCONCLUSIVE:
            if not interval:
                return is_where, ""
            if strength == "firm":
                return is_where, f", with all of its {interval}"
            return f"{is_where}{', by more than chance' if verdict is Verdict.FAIL else ''}", f", though {straddles}"
        wait = f"; about {how_long(estimate.needed)} would settle it" if estimate.needed else ""
        if estimate.blocked or not estimate.at90:
            return f"{is_where}, but this is not shown ({estimate.blocked})", f"{interval and f'; {interval}'}{wait}"
        can = self.text(replace(estimate, value=estimate.at90.half)).lstrip("+")
        length = "these days" if estimate.against else how_long(self.now.window.length)
        return f"{is_where}, but {length} tell it to within {can} only", f": {straddles}{wait}"

    def resolution(self, value: float) -> float:
        """Half the 90 % interval that a provisional pass on a target may have, in the metric's unit."""
        if self.metric.kind == "ratio":
            return RESOLUTION_POINTS * factor("%", self.metric.unit)
        tolerance = self.metric.tolerance
        return max(tolerated(self.metric, tolerance, value, "value"), abs(value) * (tolerance.relative or RESOLUTION))

    def needed(self, estimate: Estimate, asked: float) -> timedelta | None:
        """
        How long windows would have to be for half the interval to shrink to what is asked: it goes with the root. None
        where it is days that wobble.
        """
        if estimate.against:
            return None
        length = self.now.window.length
        longer = (estimate.at90.half / asked) ** 2 if estimate.at90 and asked > 0 else 0.0
        if not 1 < longer < 1e4:
            return estimate.needed
        minutes = timedelta(minutes=math.ceil(length.total_seconds() * longer / 60))
        return max(minutes, estimate.needed or minutes)

    def text(self, estimate: Estimate) -> str:
        """A change as a reader sees it: '+1.9 %', '+3.6 pts' (also of a value in percent), '+2 errors'."""
        if estimate.scale == "relative":
            return percent(estimate.value)
        if estimate.scale == "points" or self.metric.unit == "%":
            return points(estimate.value)
        return delta_text(replace(self.metric, delta="absolute"), Delta(absolute=estimate.value))

    def interval(self, estimate: Estimate) -> str:
        low, high = (estimate.at90.low, estimate.at90.high) if estimate.at90 else (math.nan, math.nan)
        if estimate.scale != "value":
            return " to ".join(self.text(replace(estimate, value=end)) for end in (low, high))
        decimals = 1 if self.metric.kind == "counter" else decimals_for(self.metric, estimate.value)
        return f"{rounded(low, decimals)} to {with_unit(rounded(high, decimals), self.metric.unit)}"

    def capped(self, parts: Sequence[Part], healthy_baseline: bool) -> list[Part]:
        """The parts, and what holds the word down: missing samples, another traffic, a baseline with its own step."""
        parts = list(parts)
        if not parts or any(part.verdict in (Verdict.NO_DATA, Verdict.NOT_APPLICABLE) for part in parts):
            return parts
        compares = any(part.of_change for part in parts)
        for whose, measurement in (("", self.now), (" of the baseline", self.baseline if compares else None)):
            if measurement is not None and measurement.coverage.seen < ENOUGH_SEEN:
                clause = f"only {share(measurement.coverage.seen)} of the samples{whose} are there"
                parts.append(Part(verdict=Verdict.WARN, clause=clause, decided_by="coverage"))
        traffic = self.traffic()
        if traffic is not None and not QUIET <= traffic <= BUSY:
            clause = f"the traffic is {share(traffic)} of the baseline's"
            parts.append(Part(verdict=Verdict.WARN, clause=clause, decided_by="traffic"))
        if not healthy_baseline and compares:
            clause = "the baseline has a sudden step of its own and is no measure"
            parts.append(Part(verdict=Verdict.INCONCLUSIVE, clause=clause, decided_by="baseline"))
        return parts

    def traffic(self) -> float | None:
        """Requests behind the figure over those behind the baseline's, each per hour of its window."""
        if self.baseline is None or self.now.traffic is None or not self.baseline.traffic:
            return None
        return self.now.traffic / self.now.window.hours / (self.baseline.traffic / self.baseline.window.hours)

    def judgement(self, parts: Sequence[Part]) -> Judgement:
        """The worst word of the parts, led by the one that decided."""
        verdict = worst([part.verdict for part in parts], none=Verdict.NOT_APPLICABLE)
        deciding = [part for part in parts if part.verdict is verdict]
        if verdict is Verdict.PASS:
            deciding.sort(key=lambda part: LEADS.index(part.decided_by))
        lead = deciding[0] if deciding else None
        measured = verdict is not Verdict.NO_DATA
        delta = self.delta if measured else None
        figure = (delta.relative if delta else None) if self.metric.show_change else self.now.value
        return Judgement(
            metric=self.metric,
            verdict=verdict,
            strength=weakest(deciding, verdict),
            reason=self.reason(parts, lead),
            now=self.now if measured or self.metric.show_change else replace(self.now, value=None),
            baseline=self.baseline,
            delta=delta,
            figure=figure if measured else None,
            judged=next((part.judged for part in (lead, *parts) if part and part.judged), None),
            change=self.compared(self.scale) if delta else None,
            decided_by=lead.decided_by if lead else "",
            limit=lead.limit if lead else "",
            bound=self.bound() if measured else "",
            headline=lead.clause if lead else "",
        )

    def reason(self, parts: Sequence[Part], lead: Part | None) -> str:
        """One sentence: the part that decided first, then what else was looked at."""
        if lead is None:
            return "Not judged: neither a target nor a tolerance is written for it."
        clauses = [part.clause + part.detail for part in (lead, *(part for part in parts if part is not lead))]
        estimate = self.compared(self.scale)
        if not any(part.of_change for part in parts) and estimate and self.metric.kind != "counter" and lead.judged:
            clauses.append(self.shown(estimate))
        alone = self.delta.relative if self.delta else None
        if alone is not None and any(part.of_change and part.judged and part.judged.against for part in parts):
            clauses.append(f"{percent(alone)} against the baseline alone")
        if self.first and self.base is None and lead.verdict is not Verdict.NOT_APPLICABLE:
            clauses.append("there is no baseline, so the target alone decides")
        if self.point:
            clauses.append("judged by the figure alone, without an interval (judge: point)")
        # Where nothing was measured, the sentence may begin with the metric's own name.
        first = lead.clause if lead.decided_by == "data" else f"{lead.clause[:1].upper()}{lead.clause[1:]}"
        return f"{first}{'; '.join(clauses).removeprefix(lead.clause)}."

    def shown(self, estimate: Estimate) -> str:
        """The comparison where it is printed and decides nothing."""
        text = f"{self.text(estimate)} {self.comparison(estimate)}"
        if estimate.at90 is None:
            return text
        chance = estimate.at95 is not None and estimate.at95.low <= 0 <= estimate.at95.high
        return f"{text}{' may be chance' if chance else ''}, 90 % interval {self.interval(estimate)}"

    def bound(self) -> str:
        """The bound on the true rate of counted events, as printed beside them; '' for all else."""
        own, value, seen = self.now.own, self.now.value, self.now.window.hours * self.now.coverage.seen
        if self.metric.kind != "counter" or own is None or own.at90 is None or value is None or not seen:
            return ""
        counted = f"{value_text(self.metric, value)} in {how_long(self.now.window.length)}"
        return f"{counted}; with 95 % confidence the true rate is below {rounded(own.at90.high / seen, 1)} per hour"


def against(region: Region, estimate: Estimate, *, asked: float, change: bool) -> tuple[Verdict, Strength | None]:
    """The word of an estimate held against a region. change: it is a comparison, and 0 means no change."""
    at90, surest = estimate.at90, estimate.at98 or estimate.at95
    if at90 is None or surest is None:
        return Verdict.INCONCLUSIVE, None
    moved = not change or not surest.low <= 0 <= surest.high
    if estimate.blocked:
        return (Verdict.FAIL, "firm") if region.outside(surest) else (Verdict.INCONCLUSIVE, None)
    if region.outside(at90) and moved:
        return Verdict.FAIL, "firm"
    if region.inside(at90):
        return Verdict.PASS, "firm"
    if region.holds(estimate.value):
        return (Verdict.PASS, "provisional") if at90.half <= asked else (Verdict.INCONCLUSIVE, None)
    return (Verdict.FAIL, "provisional") if change and moved else (Verdict.INCONCLUSIVE, None)


def scale_of(limit: Limit, metric: Metric) -> Scale | None:
    """The scale of the change that a limit is about ('within …', percents of a metric that shows its change); else None."""
    if limit.comparison != "within" and not (metric.show_change and limit.unit == "%"):
        return None
    return "relative" if limit.unit == "%" else "points" if limit.unit == "points" else "value"


def region_of(limit: Limit, scale: Scale, metric: Metric) -> Region:
    """What a limit allows, in that scale."""
    unit = {"relative": 0.01, "points": 1.0}.get(scale) or factor(limit.unit, metric.unit)
    value = limit.value * unit
    low = {"lower": value, "both": -value}.get(limit.side, -math.inf)
    high = {"upper": value, "both": value}.get(limit.side, math.inf)
    return Region(low=low, high=high, strict=limit.comparison in ("below", "above"))


def tolerated(metric: Metric, tolerance: Tolerance, base: float | None, scale: Scale) -> float:
    """How far a change may go either way, in `scale`: the larger of the parts that fit it, 0 where none does."""
    absolute, points_written = tolerance.absolute or 0.0, tolerance.unit == "points"
    if scale == "points":
        return absolute if points_written else 0.0
    in_unit = absolute * factor(tolerance.unit, metric.unit) if absolute and not points_written else 0.0
    if scale == "value":
        return in_unit
    return max(tolerance.relative or 0.0, in_unit / abs(base) if base else 0.0)


def weakest(deciding: Sequence[Part], verdict: Verdict) -> Strength | None:
    """A pass is as firm as its weakest part, anything else as firm as its firmest."""
    strengths = {part.strength for part in deciding} - {None}
    if not strengths:
        return None
    first, second = ("provisional", "firm") if verdict is Verdict.PASS else ("firm", "provisional")
    return first if first in strengths else second  # type: ignore[return-value]


def with_checkins(judgement: Judgement, checkins: Sequence[Checkin], zone: ZoneInfo | None = None) -> Judgement:
    """The judgement of a metric that shows its change, lowered to the worst of its check-ins."""
    words = [checkin_word(checkins, index) for index in range(len(checkins))]
    verdict = worst([judgement.verdict, *words], none=judgement.verdict)
    judgement = replace(judgement, checkins=tuple(checkins))
    if verdict not in words or verdict is judgement.verdict:
        return judgement
    checkin = checkins[words.index(verdict)]
    zone = zone or ZoneInfo("UTC")
    said = f"check-in at {local(checkin.at, zone)} {zone_name(zone, checkin.at)} reads {word(verdict)}"
    return replace(
        judgement,
        verdict=verdict,
        strength=checkin.judgement.strength if verdict is Verdict.FAIL else None,
        headline=f"the {said} ({checkin.judgement.headline})",
        reason=f"The {said} ({inside(checkin.judgement).rstrip('.')}); over the whole window: {inside(judgement)}",
        decided_by="checkin",
    )


def inside(judgement: Judgement) -> str:
    """The reason as it reads inside a sentence."""
    return judgement.headline + judgement.reason[len(judgement.headline) :]


def checkin_word(checkins: Sequence[Checkin], index: int) -> Verdict:
    """What a check-in counts as: a provisional breach is a warning unless the next one breaches too."""
    judgement = checkins[index].judgement
    if judgement.verdict is Verdict.NO_DATA:
        return Verdict.INCONCLUSIVE
    if judgement.verdict is not Verdict.FAIL or judgement.strength == "firm":
        return judgement.verdict
    following = checkins[index + 1].judgement.verdict if index + 1 < len(checkins) else None
    return Verdict.FAIL if following is Verdict.FAIL else Verdict.WARN
