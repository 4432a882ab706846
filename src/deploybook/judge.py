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

from . import wording
from .model import (
    Checkin,
    CheckpointResult,
    Delta,
    Estimate,
    Finding,
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


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """
    What is asked: low to high, of the change in `scale` or (None) of the value itself. strict: the ends are outside.

    source: 'target', 'tolerance', 'success' or 'watch'. text, per: as written.
    """

    source: str
    text: str
    scale: Scale | None
    low: float = -math.inf
    high: float = math.inf
    strict: bool = False
    per: str = ""

    def holds(self, value: float) -> bool:
        return self.low < value < self.high if self.strict else self.low <= value <= self.high

    def side(self, value: float) -> str:
        return "" if self.holds(value) else "lower" if value <= self.low else "higher"

    def place(self, interval: Interval) -> str:
        """Where the interval lies: all of it 'inside', all of it 'outside' on one side, or 'across'."""
        ends = {self.side(interval.low), self.side(interval.high)}
        return "across" if len(ends) == 2 else "inside" if "" in ends else "outside"


class Part(NamedTuple):
    """
    The word of one criterion, or of something that caps the word. clause: what it says in short, without a full stop.
    detail: how that goes on where there is room.
    """

    verdict: Verdict
    decided_by: str
    clause: str
    detail: str = ""
    strength: Strength | None = None
    judged: Estimate | None = None
    asked: Criterion | None = None

    @property
    def of_change(self) -> bool:
        return self.asked is not None and self.asked.scale is not None


def judge_window(case: Case, *, checkins: Sequence[Checkin] = (), zone: ZoneInfo | None = None) -> Judgement:
    """
    The word for a metric over a window: its target, its watch line, its tolerance against the baseline.

    checkins: in order; they decide only for a metric that shows its change. zone: for the time of a check-in.
    """
    judgement = case.judgement([part] if (part := case.missing()) else case.criteria())
    return with_checkins(judgement, checkins, zone or ZoneInfo("UTC")) if case.metric.show_change else judgement


def judge_success(case: Case, limit: Limit) -> Judgement:
    """
    The word for a metric at a checkpoint, held against its success criterion alone.

    'within 5 %' is about the change (now: the hour before the checkpoint); a limit on a value or on counted events is
    about the observation so far (now: from its start; a limit per hour takes its worst sliding hour).
    """
    return case.judgement([case.missing() or case.held(criterion_of(limit, case.metric, "success"))])


def whole(
    judgements: Sequence[Judgement],
    checkpoints: Sequence[CheckpointResult] = (),
    findings: Sequence[Finding] = (),
    outcome: Outcome | None = None,
    reason: str = "",
    *,
    after: timedelta | None = None,
) -> tuple[Verdict, str]:
    """
    The one word, of a page or of a checkpoint (then without `checkpoints`), and the sentence that says what decided it.

    after: the checkpoint that the page is about; `checkpoints` are then those before it.

    Worse wins among the metrics that are not advisory and the checkpoints that were due; a warn finding raises a pass to
    warn. After a rollback, an abort or a postponement the outcome is the word (`reason` is why): never a pass.
    """
    asked = [it for it in judgements if not it.metric.advisory]
    parts = [(it.verdict, it.metric.title, said_of(it)) for it in asked]
    parts += [(it.verdict, wording.after_text(it.after), said_at(it)) for it in checkpoints]
    words = [verdict for verdict, _, _ in parts]
    unasked = outcome in wording.ENDED or (words and set(words) == {Verdict.NOT_APPLICABLE})
    verdict = worst(words, none=Verdict.NOT_APPLICABLE if unasked else Verdict.NO_DATA)
    if outcome in wording.ENDED:
        verdict = Verdict.WARN if verdict is Verdict.PASS else verdict
        return verdict, f"{wording.ENDED[outcome]}{f': {reason}' if reason else '.'}"
    if verdict not in words or verdict is Verdict.NOT_APPLICABLE:
        return verdict, "Nothing was judged: no metric has both data and a criterion that applies."
    if verdict is Verdict.PASS:
        warned = [finding.text for finding in findings if finding.severity == "warn"]
        return (Verdict.WARN, warned[0]) if warned else (verdict, all_inside(asked, checkpoints, after))
    decided = next(text for each, _, text in parts if each is verdict)
    names = [name for each, name, _ in parts if each is verdict][1:]
    shown = names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"]
    also = f" {wording.listed(shown)} {'reads' if len(names) == 1 else 'read'} {wording.word(verdict)} too."
    return verdict, decided + also if names else decided


def said_of(judgement: Judgement, where: str = "") -> str:
    return f"{judgement.metric.title}{where}: {judgement.headline or judgement.reason.rstrip('.')}."


def said_at(checkpoint: CheckpointResult) -> str:
    """What decided a checkpoint."""
    at, asked = wording.after_text(checkpoint.after), [it for it in checkpoint.metrics if not it.metric.advisory]
    first = next((it for it in asked if it.verdict is checkpoint.verdict), None)
    return said_of(first, f" at {at}") if first else f"{at}: {checkpoint.reason}"


def all_inside(asked: Sequence[Judgement], checkpoints: Sequence[CheckpointResult], after: timedelta | None) -> str:
    """The sentence of a pass: how many were judged, and which of them is the least sure."""
    metrics = [it for it in asked if it.verdict.counts]
    passed = [wording.after_text(it.after) for it in checkpoints if it.verdict.counts]
    unsure = next((it.metric.title for it in metrics if it.strength == "provisional"), "")
    if len(metrics) == 1 and not passed:
        return f"{metrics[0].metric.title} is inside its limits{', provisionally' if unsure else ''}."
    noun = "metrics" if len(metrics) == len(asked) else "judged metrics"
    many = "Both" if len(metrics) == 2 else f"All {len(metrics)}"
    here = f" at {wording.after_text(after)}" if after and passed else ""
    names = [(f"{many} {noun}" if len(metrics) > 1 else it.metric.title) + here for it in metrics[:1]]
    looks = f"the {len(passed)} checkpoints before" if after else f"{len(passed)} checkpoints"
    names += [looks if len(passed) > 1 else f"the checkpoint at {it}" for it in passed[:1]]
    return f"{wording.listed(names)} are inside their limits{f'; the least sure is {unsure}' if unsure else ''}."


@dataclass(frozen=True)
class Case:
    """
    All that one judgement rests on. change: the comparison with its doubt; None where there is none to be had.

    point: the plain rule, figures alone. healthy_baseline: False where the metric itself made a sudden step in the
    baseline. first_deployment: there is no baseline, and none is missed.
    """

    metric: Metric
    now: Measurement
    baseline: Measurement | None = None
    change: Estimate | None = None
    point: bool = False
    healthy_baseline: bool = True
    first_deployment: bool = False

    @property
    def base(self) -> float | None:
        """The baseline's figure; None where less than half of its window was seen."""
        seen = self.baseline is not None and self.baseline.coverage.seen >= TOO_LITTLE_SEEN
        return self.baseline.value if seen and self.baseline else None

    @property
    def delta(self) -> Delta | None:
        if self.now.value is None or self.base is None:
            return None
        by = self.now.value - self.base
        return Delta(absolute=by, relative=by / self.base if self.base else None)

    @property
    def scale(self) -> Scale:
        """The scale of the comparison that the metric asks for."""
        return "relative" if self.metric.show_change else SCALES[self.metric.delta]

    def compared(self, scale: Scale) -> Estimate | None:
        """The change in that scale; without an interval where none was given, None where it is undefined."""
        if self.delta is None or self.delta.absolute is None:
            return None
        if self.change is not None and self.change.scale == scale:
            return self.change
        point = factor("%", self.metric.unit) if self.metric.unit in SHARE else 1.0
        unit = {"relative": abs(self.base or 0.0), "points": point, "value": 1.0}
        if not unit[scale]:
            return None
        if self.change is None:
            blocked = FEW_EDGES if self.metric.kind == "histogram" and self.metric.quantile else NO_INTERVAL
            return Estimate(value=self.delta.absolute / unit[scale], scale=scale, blocked=blocked)
        by = unit[self.change.scale] / unit[scale]
        return self.change.mapped(lambda end: end * by, scale=scale)

    def missing(self) -> Part | None:
        """The word where there is no figure to judge; None where there is one."""
        seen = self.now.coverage.seen
        if self.now.value is None:
            return Part(Verdict.NO_DATA, "data", self.now.missing.rstrip(".") or "Nothing was measured in the window")
        if seen < TOO_LITTLE_SEEN:
            clause = f"only {wording.share(seen)} of the expected samples are there; below 50 % no figure is given"
            return Part(Verdict.NO_DATA, "coverage", clause)
        if self.metric.show_change and self.base is None and not (self.first_deployment and self.metric.target):
            return self.without_change()
        return None

    def without_change(self) -> Part:
        """The word where the baseline gives nothing to compare with."""
        if self.delta is not None:
            clause = "the baseline is zero, and a change against zero is undefined; an absolute tolerance would decide"
            return Part(Verdict.INCONCLUSIVE, "baseline", clause)
        if self.first_deployment:
            clause = "this is a first deployment without a baseline, so there is no change to judge"
            return Part(Verdict.NOT_APPLICABLE, "baseline", clause)
        why = self.baseline.missing.rstrip(".") if self.baseline is not None else ""
        if self.baseline is not None and self.baseline.value is not None:
            why = f"only {wording.share(self.baseline.coverage.seen)} of its samples are there"
        clause = f"the baseline has no figure to compare with{f' ({why})' if why else ''}"
        return Part(Verdict.NO_DATA if self.metric.show_change else Verdict.INCONCLUSIVE, "baseline", clause)

    def criteria(self) -> list[Part]:
        """The words of the target, the tolerance and the watch line, as far as they are written and fit."""
        metric = self.metric
        parts = [self.held(criterion_of(metric.target, metric, "target"))] if metric.target else []
        asked = tolerated(metric, metric.tolerance, self.base, self.scale)
        if asked > 0 and not (self.first_deployment and self.base is None):
            text = metric.tolerance.text
            parts.append(self.held(Criterion(source="tolerance", text=text, scale=self.scale, low=-asked, high=asked)))
        if metric.watch:
            line = self.watched(criterion_of(metric.watch, metric, "watch"))
            parts += [line] if line.verdict is Verdict.WARN or not parts else []
        return parts

    def figure(self, asked: Criterion) -> tuple[Estimate | None, str]:
        """What a criterion is about and how it reads: the change, the value with its own interval, the events counted."""
        if asked.scale is not None:
            estimate = self.compared(asked.scale)
            return estimate, self.comparison(estimate, beside=not self.metric.show_change) if estimate else ""
        value, hours = self.now.value or 0.0, self.now.window.hours
        if self.metric.kind != "counter":
            own = self.now.own or Estimate(value=value, scale="value", blocked=NO_INTERVAL)
            return replace(own, value=value), wording.value_text(self.metric, value)
        seen = self.counted()
        if asked.per and hours > hours_per(asked.per) * (1 + 1e-9):
            if asked.per == "hour" and self.now.worst_hour is not None:
                value = self.now.worst_hour
                seen += f" (at most {wording.rounded(value, 0)} in any one hour)"
            else:
                value *= hours_per(asked.per) / hours
                seen += f" ({wording.rounded(value, 2)} per {asked.per})"
        return Estimate(value=value, scale="value", method="events counted"), seen

    def watched(self, line: Criterion) -> Part:
        """A warning where the figure itself is past the watch line."""
        estimate, subject = self.figure(line)
        past = estimate is not None and not line.holds(estimate.value)
        clause = f"{subject or 'the change'} is {'past' if past else 'not past'} the watch line ({line.text})"
        # Without a scale: a line that was looked at makes no comparison that the baseline's samples would hold down.
        return Part(Verdict.WARN if past else Verdict.PASS, "watch", clause, asked=replace(line, scale=None))

    def held(self, asked: Criterion) -> Part:
        """A criterion held against its estimate, in words."""
        estimate, subject = self.figure(asked)
        if estimate is None:
            return self.without_change()
        is_change, is_counter = asked.scale is not None, self.metric.kind == "counter"
        exact = not is_change and self.metric.statistic in OBSERVED and estimate.at90 is None
        if self.point or exact:
            verdict = Verdict.PASS if asked.holds(estimate.value) else Verdict.FAIL
            strength: Strength | None = "firm" if exact and is_counter else "provisional"
        else:
            verdict, strength = against(asked, estimate, self.resolution(asked, estimate.value))
        if verdict is Verdict.FAIL and is_change and asked.side(estimate.value) == self.metric.better:
            verdict = Verdict.WARN
        if verdict is Verdict.INCONCLUSIVE:
            estimate = replace(estimate, needed=self.needed(estimate, self.resolution(asked, estimate.value)))
        is_inside, name = asked.holds(estimate.value), f"the {NAMES[asked.source]}{asked.text})"
        clause, detail = f"{subject} is {'inside' if is_inside else 'outside'} {name}", ""
        if verdict is Verdict.WARN:
            clause = f"{subject} is better than {name} allows for, which a person should look at"
        elif not self.point:
            short, detail = self.doubt(estimate, verdict, strength, is_inside)
            clause += short
        return Part(verdict, asked.source, clause, detail, strength, estimate, asked)

    def doubt(self, estimate: Estimate, verdict: Verdict, strength: Strength | None, inside: bool) -> tuple[str, str]:
        """What the interval adds to a clause: (in short, where there is room)."""
        interval = f"90 % interval, {self.interval(estimate)}" if estimate.at90 else ""
        straddles = f"its {interval}, reaches {'past it' if inside else 'back inside'}"
        if verdict is not Verdict.INCONCLUSIVE:
            if strength == "firm" or not interval:
                return "", interval and f", with all of its {interval}"
            return ", by more than chance" if verdict is Verdict.FAIL else "", f", though {straddles}"
        wait = f"; about {wording.how_long(estimate.needed)} would settle it" if estimate.needed else ""
        if estimate.blocked or not estimate.at90:
            return f", but this is not shown ({estimate.blocked})", f"{interval and f'; {interval}'}{wait}"
        who = "these days" if estimate.against else wording.how_long(self.now.window.length)
        can = self.text(replace(estimate, value=estimate.at90.half)).lstrip("+")
        return f", but {who} tell it to within {can} only", f": {straddles}{wait}"

    def resolution(self, asked: Criterion, value: float) -> float:
        """Half the 90 % interval that a provisional pass may have, in the scale that is judged."""
        metric, tolerance = self.metric, self.metric.tolerance
        if asked.scale == "value" and metric.kind == "counter":
            return math.inf  # events were observed exactly; only a fail must be more than chance
        if asked.scale is not None:
            return min(abs(end) for end in (asked.low, asked.high) if math.isfinite(end))
        if metric.kind == "ratio":
            return RESOLUTION_POINTS * factor("%", metric.unit)
        return max(tolerated(metric, tolerance, value, "value"), abs(value) * (tolerance.relative or RESOLUTION))

    def needed(self, estimate: Estimate, asked: float) -> timedelta | None:
        """
        How long windows would have to be for half the interval to shrink to what is asked: it goes with the root. None
        where it is days that wobble.
        """
        length = self.now.window.length
        longer = (estimate.at90.half / asked) ** 2 if estimate.at90 and asked > 0 and not estimate.against else 0.0
        if not 1 < longer < 1e4:
            return estimate.needed
        minutes = timedelta(minutes=math.ceil(length.total_seconds() * longer / 60))
        return max(minutes, estimate.needed or minutes)

    def text(self, estimate: Estimate) -> str:
        """A change as a reader sees it: '+1.9 %', '+3.6 pts' (also of a value in percent), '+2 errors'."""
        if estimate.scale == "relative":
            return wording.percent(estimate.value)
        if estimate.scale == "points" or self.metric.unit == "%":
            return wording.points(estimate.value)
        return wording.delta_text(replace(self.metric, delta="absolute"), Delta(absolute=estimate.value))

    def comparison(self, estimate: Estimate, *, beside: bool = True) -> str:
        """A change and what it is against, with the baseline's figure beside it."""
        baseline = f"the baseline{f' ({wording.value_text(self.metric, self.base)})' if beside else ''}"
        return f"{self.text(estimate)} against {estimate.against or baseline}"

    def interval(self, estimate: Estimate) -> str:
        low, high = (estimate.at90.low, estimate.at90.high) if estimate.at90 else (math.nan, math.nan)
        if estimate.scale != "value":
            return " to ".join(self.text(replace(estimate, value=end)) for end in (low, high))
        decimals = 1 if self.metric.kind == "counter" else wording.decimals_for(self.metric, estimate.value)
        high_text = wording.with_unit(wording.rounded(high, decimals), self.metric.unit)
        return f"{wording.rounded(low, decimals)} to {high_text}"

    def capped(self, parts: list[Part]) -> list[Part]:
        """The parts, and what holds the word down: missing samples, another traffic, a baseline with its own step."""
        if not parts or any(part.verdict in (Verdict.NO_DATA, Verdict.NOT_APPLICABLE) for part in parts):
            return parts
        parts, compares = list(parts), any(part.of_change for part in parts)
        for whose, measurement in (("", self.now), (" of the baseline", self.baseline if compares else None)):
            if measurement is not None and measurement.coverage.seen < ENOUGH_SEEN:
                clause = f"only {wording.share(measurement.coverage.seen)} of the samples{whose} are there"
                parts.append(Part(Verdict.WARN, "coverage", clause))
        if self.baseline and self.baseline.traffic and self.now.traffic is not None:
            traffic = self.now.traffic / self.now.window.hours / (self.baseline.traffic / self.baseline.window.hours)
            if not QUIET <= traffic <= BUSY:
                clause = f"the traffic is {wording.share(traffic)} of the baseline's"
                parts.append(Part(Verdict.WARN, "traffic", clause))
        if not self.healthy_baseline and compares:
            clause = "the baseline has a sudden step of its own and is no measure"
            parts.append(Part(Verdict.INCONCLUSIVE, "baseline", clause))
        return parts

    def judgement(self, parts: list[Part]) -> Judgement:
        """The worst word of the parts and of what caps them, led by the one that decided."""
        parts = self.capped(parts)
        verdict = worst([part.verdict for part in parts], none=Verdict.NOT_APPLICABLE)
        deciding = [part for part in parts if part.verdict is verdict]
        if verdict is Verdict.PASS:
            deciding.sort(key=lambda part: LEADS.index(part.decided_by))
        lead = deciding[0] if deciding else None
        # A pass is as firm as its weakest part, anything else as firm as its firmest.
        strengths = sorted(part.strength for part in deciding if part.strength)
        measured = verdict is not Verdict.NO_DATA
        delta = self.delta if measured else None
        figure = (delta.relative if delta else None) if self.metric.show_change else self.now.value
        return Judgement(
            metric=self.metric,
            verdict=verdict,
            strength=strengths[-1 if verdict is Verdict.PASS else 0] if strengths else None,
            reason=self.reason(parts, lead),
            now=self.now if measured or self.metric.show_change else replace(self.now, value=None),
            baseline=self.baseline,
            delta=delta,
            figure=figure if measured else None,
            judged=next((part.judged for part in (lead, *parts) if part and part.judged), None),
            change=self.compared(self.scale) if delta else None,
            decided_by=lead.decided_by if lead else "",
            limit=lead.asked.text if lead and lead.asked else "",
            bound=self.bound() if measured else "",
            headline=lead.clause if lead else "",
        )

    def reason(self, parts: Sequence[Part], lead: Part | None) -> str:
        """One sentence: the part that decided first, then what else was looked at."""
        if lead is None:
            return "Not judged: neither a target nor a tolerance is written for it."
        others = [part.clause + part.detail for part in parts if part is not lead]
        estimate, compared = self.compared(self.scale), [part.judged for part in parts if part.of_change]
        if estimate and not compared and self.metric.kind != "counter" and lead.judged:
            chance = " may be chance" if estimate.at95 and estimate.at95.low <= 0 <= estimate.at95.high else ""
            doubt = f", 90 % interval {self.interval(estimate)}" if estimate.at90 else ""
            others.append(self.comparison(estimate) + chance + doubt)
        if any(it and it.against for it in compared) and self.delta and self.delta.relative is not None:
            others.append(f"{wording.percent(self.delta.relative)} against the baseline alone")
        if self.first_deployment and self.base is None and lead.verdict is not Verdict.NOT_APPLICABLE:
            others.append("there is no baseline, so the target alone decides")
        if self.point:
            others.append("judged by the figure alone, without an interval (judge: point)")
        # Where nothing was measured, the sentence may begin with the metric's own name.
        first = lead.clause if lead.decided_by == "data" else f"{lead.clause[:1].upper()}{lead.clause[1:]}"
        return "; ".join([first + lead.detail, *others]) + "."

    def counted(self) -> str:
        """'4 errors in 12 h'."""
        return f"{wording.value_text(self.metric, self.now.value)} in {wording.how_long(self.now.window.length)}"

    def bound(self) -> str:
        """The bound on the true rate of counted events, as printed beside them; '' for all else."""
        own, seen = self.now.own, self.now.window.hours * self.now.coverage.seen
        if self.metric.kind != "counter" or own is None or own.at90 is None or self.now.value is None or not seen:
            return ""
        rate = wording.rounded(own.at90.high / seen, 1)
        return f"{self.counted()}; with 95 % confidence the true rate is below {rate} per hour"


def against(asked: Criterion, estimate: Estimate, resolution: float) -> tuple[Verdict, Strength | None]:
    """The word of an estimate held against what is asked; of a change, 0 means none."""
    at90, surest, of_change = estimate.at90, estimate.at98 or estimate.at95, asked.scale is not None
    if at90 is None or surest is None:
        return Verdict.INCONCLUSIVE, None
    if estimate.blocked:
        return (Verdict.FAIL, "firm") if asked.place(surest) == "outside" else (Verdict.INCONCLUSIVE, None)
    moved = not of_change or not surest.low <= 0 <= surest.high
    place = asked.place(at90)
    if place == "outside" and moved:
        return Verdict.FAIL, "firm"
    if place == "inside":
        return Verdict.PASS, "firm"
    if asked.holds(estimate.value):
        return (Verdict.PASS, "provisional") if at90.half <= resolution else (Verdict.INCONCLUSIVE, None)
    return (Verdict.FAIL, "provisional") if of_change and moved else (Verdict.INCONCLUSIVE, None)


def criterion_of(limit: Limit, metric: Metric, source: str) -> Criterion:
    """A limit as a criterion: of the change for 'within …' and for percents of a metric that shows its change."""
    scale: Scale | None = None
    if limit.comparison == "within" or (metric.show_change and limit.unit == "%"):
        scale = "relative" if limit.unit == "%" else "points" if limit.unit == "points" else "value"
    value = limit.value * ({"relative": 0.01, "points": 1.0}.get(scale or "") or factor(limit.unit, metric.unit))
    return Criterion(
        source=source,
        text=limit.text,
        scale=scale,
        low={"lower": value, "both": -value}.get(limit.side, -math.inf),
        high={"upper": value, "both": value}.get(limit.side, math.inf),
        strict=limit.comparison in ("below", "above"),
        per=limit.per,
    )


def tolerated(metric: Metric, tolerance: Tolerance, base: float | None, scale: Scale) -> float:
    """How far a change may go either way, in `scale`: the larger of the parts that fit it, 0 where none does."""
    absolute, points_written = tolerance.absolute or 0.0, tolerance.unit == "points"
    if scale == "points":
        return absolute if points_written else 0.0
    in_unit = absolute * factor(tolerance.unit, metric.unit) if absolute and not points_written else 0.0
    if scale == "value":
        return in_unit
    return max(tolerance.relative or 0.0, in_unit / abs(base) if base else 0.0)


def with_checkins(judgement: Judgement, checkins: Sequence[Checkin], zone: ZoneInfo) -> Judgement:
    """The judgement of a metric that shows its change, lowered to the worst of its check-ins."""
    words = [checkin_word(checkins, index) for index in range(len(checkins))]
    verdict = worst([judgement.verdict, *words], none=judgement.verdict)
    judgement = replace(judgement, checkins=tuple(checkins))
    if verdict not in words or verdict is judgement.verdict:
        return judgement
    checkin = checkins[words.index(verdict)]
    clock = f"{wording.local(checkin.at, zone)} {zone_name(zone, checkin.at)}"
    said, why = f"check-in at {clock} reads {wording.word(verdict)}", checkin.judgement
    return replace(
        judgement,
        verdict=verdict,
        strength=why.strength if verdict is Verdict.FAIL else None,
        headline=f"the {said} ({why.headline})",
        reason=f"The {said} ({inside(why).rstrip('.')}); over the whole window: {inside(judgement)}",
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
    is_followed = any(each.judgement.verdict is Verdict.FAIL for each in checkins[index + 1 : index + 2])
    return Verdict.FAIL if is_followed else Verdict.WARN
