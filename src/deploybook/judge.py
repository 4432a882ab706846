"""
The word for a metric: pure decisions on numbers that were measured elsewhere. The rules stand in the manual, "Verdicts".

A criterion is held against an interval. Firm: the whole 90 % interval inside is a pass, the whole interval outside a
fail. Where it straddles the limit: the figure inside and half the interval no wider than what is asked is a provisional
pass; a change outside whose 95 % interval excludes no change is a provisional fail; all else is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
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
from .model.results import WORST_FIRST, Scale, Strength
from .times import UTC, zone_name
from .units import SHARE, Limit, Tolerance, factor, hours_per
from .wording import (
    after_text,
    decimals_for,
    delta_text,
    how_long,
    local,
    percent,
    plural,
    points,
    rounded,
    scaled,
    share,
    value_text,
    with_unit,
    word,
)

ENOUGH_SEEN, TOO_LITTLE_SEEN = 0.95, 0.50
QUIET, BUSY = 0.5, 2.0
RESOLUTION = (
    0.05  # what an interval must resolve where no tolerance says so: 5 % of a latency, as the default tolerance
)
RESOLUTION_POINTS = 6.0  # and 6 points of a ratio
# Of these the observed value is what the limit is about; no interval is asked of it.
OBSERVED = ("increase", "min", "max", "last", "answer")
SCALE_OF: Mapping[str, Scale] = {"percent": "relative", "points": "points", "absolute": "value"}
OUTCOMES = {"rolled_back": "Rolled back", "aborted": "Aborted", "postponed": "Postponed"}


@dataclass(frozen=True, kw_only=True)
class Region:
    """What is acceptable, low to high, both in the estimate's scale. strict: the ends themselves are outside."""

    low: float = -math.inf
    high: float = math.inf
    strict: bool = False

    def holds(self, value: float) -> bool:
        return self.low < value < self.high if self.strict else self.low <= value <= self.high

    def beyond(self, interval: Interval) -> bool:
        """True where the whole interval lies on one side outside."""
        ends = (interval.low, interval.high)
        return not any(self.holds(end) for end in ends) and (ends[0] >= self.high or ends[1] <= self.low)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The word of one criterion. clause: what it says, without a full stop."""

    verdict: Verdict
    clause: str
    decided_by: str
    strength: Strength | None = None
    judged: Estimate | None = None
    limit: str = ""


# --- entry points ---------------------------------------------------------------------------------------------------


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

    change: the comparison with its doubt (None: there is none to be had). healthy_baseline: False where the metric
    itself made a sudden step in the baseline. checkins: in order; they decide only for a metric that shows its change.
    point: the plain rule, figures alone. zone: for the time of a check-in.
    """
    case = Case(metric=metric, now=now, baseline=baseline, change=change, point=point, first=first_deployment)
    if missing := case.missing():
        return case.judgement([missing])
    limits = (("target", metric.target), ("watch", metric.watch))
    parts = [case.against_limit(limit, source) for source, limit in limits if limit]
    if (compared := case.against_tolerance(metric.tolerance)) is not None:
        parts.append(compared)
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

    'within 5 %' is about the change (now: the hour before the checkpoint); a limit on the value or on counted events is
    about the observation so far (now: from its start; a limit per hour takes its worst sliding hour).
    """
    case = Case(metric=metric, now=now, baseline=baseline, change=change, point=point, first=first_deployment)
    parts = [case.missing() or case.against_limit(limit, "success")]
    return case.judgement(case.capped(parts, healthy_baseline), limit=limit.text)


def judge_gate(
    gate: Gate,
    metric: Metric,
    now: Measurement,
    baseline: Measurement | None = None,
    change: Estimate | None = None,
    *,
    point: bool = False,
) -> GateResult:
    """The word at a gate: the same rules, held against the gate's own limit; a gate informs and decides no page."""
    judgement = judge_success(metric, gate.limit, now, baseline, change, point=point)
    return GateResult(name=gate.name, at=gate.at, judgement=judgement)


def judge_checkpoint(metrics: Sequence[Judgement]) -> tuple[Verdict, str]:
    """The word of a checkpoint, the worst of its metrics that are not advisory, and the sentence of the one that decided."""
    return whole(metrics)


def whole(
    judgements: Sequence[Judgement],
    checkpoints: Sequence[CheckpointResult] = (),
    findings: Sequence[Finding] = (),
    outcome: Outcome | None = None,
    reason: str = "",
) -> tuple[Verdict, str]:
    """
    The one word and the sentence that names the part that decided it.

    Worse wins among the metrics (not advisory ones) and the checkpoints that were due; a warn finding raises a pass to
    warn. After a rollback, an abort or a postponement the outcome is the word: never a pass.
    """
    counted = [
        *(
            (entry.verdict, f"{entry.metric.title}: {entry.reason}")
            for entry in judgements
            if not entry.metric.advisory
        ),
        *((entry.verdict, f"{after_text(entry.after)}: {entry.reason}") for entry in checkpoints),
    ]
    counted = [(verdict, text) for verdict, text in counted if verdict.counts]
    verdict = worst([verdict for verdict, _ in counted])
    warned = [finding for finding in findings if finding.severity == "warn"]
    if outcome in OUTCOMES:
        tail = f": {reason}" if reason else "."
        return after_outcome(verdict if counted else Verdict.NOT_APPLICABLE), f"{OUTCOMES[outcome]}{tail}"
    if not counted:
        return verdict, "Nothing was judged: no metric has a target, a tolerance and data."
    if verdict is Verdict.PASS and warned:
        return Verdict.WARN, warned[0].text
    if verdict is Verdict.PASS:
        return verdict, all_passed(counted, judgements)
    deciding = [text for each, text in counted if each is verdict]
    more = len(deciding) - 1
    return verdict, deciding[0] + (
        f" {plural(more, 'more part')} read{'s' if more == 1 else ''} {word(verdict)}." if more else ""
    )


def after_outcome(verdict: Verdict) -> Verdict:
    return Verdict.WARN if verdict is Verdict.PASS else verdict


def all_passed(counted: Sequence[tuple[Verdict, str]], judgements: Sequence[Judgement]) -> str:
    judged = [entry for entry in judgements if not entry.metric.advisory and entry.verdict is Verdict.PASS]
    provisional = [entry for entry in judged if entry.strength == "provisional"]
    if provisional:
        return (
            f"All {len(counted)} parts pass; the least sure is {provisional[0].metric.title}: {provisional[0].reason}"
        )
    return f"All {len(counted)} parts pass."


# --- one metric over one window ---------------------------------------------------------------------------------------


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
        """The baseline's figure; None where it was not seen for half of its window."""
        if self.baseline is None or self.baseline.coverage.seen < TOO_LITTLE_SEEN:
            return None
        return self.baseline.value

    @property
    def delta(self) -> Delta | None:
        if self.now.value is None or self.base is None:
            return None
        absolute = self.now.value - self.base
        return Delta(absolute=absolute, relative=absolute / self.base if self.base else None)

    @property
    def scale(self) -> Scale:
        """The scale of the comparison that the metric asks for."""
        return "relative" if self.metric.show_change else SCALE_OF[self.metric.delta]

    @property
    def one_point(self) -> float:
        """A percentage point in the metric's unit."""
        return factor("%", self.metric.unit) if self.metric.unit in SHARE else 1.0

    @property
    def compared(self) -> Estimate | None:
        """The change in the scale that the metric's delta asks for; without an interval where none was given."""
        delta = self.delta
        if delta is None or delta.absolute is None or not self.base:
            return self.change if delta and self.change and self.change.scale == self.scale else None
        to_value = {"relative": self.base, "points": self.one_point, "value": 1.0}
        if self.change is None:
            value = delta.absolute / to_value[self.scale]
            return Estimate(value=value, scale=self.scale, blocked="there is no interval")
        return stretched(self.change, to_value[self.change.scale] / to_value[self.scale], self.scale)

    def missing(self) -> Part | None:
        """The word where there is no figure to judge; None where there is one."""
        seen = self.now.coverage.seen
        if self.now.value is None:
            return Part(
                verdict=Verdict.NO_DATA,
                clause=self.now.missing or "nothing was measured in the window",
                decided_by="data",
            )
        if seen < TOO_LITTLE_SEEN:
            return Part(
                verdict=Verdict.NO_DATA,
                clause=f"only {share(seen)} of the expected samples are there, and below 50 % no figure is given",
                decided_by="coverage",
            )
        if self.metric.show_change and self.base is None and not (self.first and self.metric.target):
            return self.without_baseline(Verdict.NO_DATA)
        return None

    def without_baseline(self, verdict: Verdict) -> Part:
        if self.first:
            clause = "this is a first deployment without a baseline, so there is no change to judge"
            return Part(verdict=Verdict.NOT_APPLICABLE, clause=clause, decided_by="baseline")
        why = self.baseline.missing if self.baseline is not None and self.baseline.missing else ""
        if self.baseline is not None and not why and self.baseline.coverage.seen < TOO_LITTLE_SEEN:
            why = f"only {share(self.baseline.coverage.seen)} of its samples are there"
        clause = "the baseline has no figure to compare with" + (f" ({why.rstrip('.')})" if why else "")
        return Part(verdict=verdict, clause=clause, decided_by="baseline")

    # A criterion in a limit's words.

    def against_limit(self, limit: Limit, source: str) -> Part:
        if about_change(limit, self.metric):
            return self.against_change(change_region(limit, self.compared), limit.text, source)
        if self.metric.kind == "counter":
            part = self.counted(limit, source)
        else:
            part = self.measured(limit, source)
        if source != "watch":
            return part
        if part.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) and "outside" in part.clause:
            clause = f"{self.figure_text} is past the watch line ({limit.text})"
            return Part(verdict=Verdict.WARN, clause=clause, decided_by="watch", judged=part.judged, limit=limit.text)
        return Part(verdict=Verdict.PASS, clause="", decided_by="watch", strength="firm", judged=part.judged)

    def counted(self, limit: Limit, source: str) -> Part:
        """Events are judged on what was observed, exactly; the strength is firm, the bound is printed beside it."""
        value, text = self.events(limit)
        inside = limit.holds(value)
        return Part(
            verdict=Verdict.PASS if inside else Verdict.FAIL,
            strength="firm",
            clause=f"{text}, {side(inside)} the limit ({limit.text})",
            decided_by=source,
            judged=self.now.own,
            limit=limit.text,
        )

    def events(self, limit: Limit) -> tuple[float, str]:
        """The number that a limit on counted events is about, and how it reads."""
        value, hours = self.now.value or 0.0, self.now.window.hours
        text = f"{value_text(self.metric, value)} in {how_long(self.now.window.length)}"
        if not limit.per or hours <= hours_per(limit.per) * (1 + 1e-9):
            return value, text
        if limit.per == "hour" and self.now.worst_hour is not None:
            return self.now.worst_hour, f"{text}, at most {rounded(self.now.worst_hour, 0)} in any hour"
        rate = value / hours * hours_per(limit.per)
        return rate, f"{text}, {rounded(rate, 2)} per {limit.per}"

    def measured(self, limit: Limit, source: str) -> Part:
        """A value against its limit, judged on the value's own interval."""
        metric, value = self.metric, self.now.value or 0.0
        bound = limit.value * (factor(limit.unit, metric.unit) if limit.unit != "points" else 1.0)
        estimate = replace(self.now.own or Estimate(value=value, scale="value", blocked="no interval"), value=value)
        low = bound if limit.side == "lower" else -math.inf
        high = bound if limit.side == "upper" else math.inf
        region = Region(low=low, high=high, strict=limit.comparison in ("below", "above"))
        if self.point or (metric.statistic in OBSERVED and estimate.at90 is None):
            verdict, strength = plain(region, value)
        else:
            verdict, strength = against(region, estimate, resolution=self.resolution(value))
        clause = self.value_clause(estimate, region, limit.text, verdict, strength)
        if verdict is Verdict.INCONCLUSIVE:
            estimate = replace(estimate, needed=self.needed(estimate, self.resolution(value)))
            clause += self.how_much_longer(estimate)
        return Part(
            verdict=verdict, strength=strength, clause=clause, decided_by=source, judged=estimate, limit=limit.text
        )

    def resolution(self, value: float) -> float:
        """Half the width that the 90 % interval of a value may have for a provisional pass, in the metric's unit."""
        if self.metric.kind == "ratio":
            return RESOLUTION_POINTS * self.one_point
        asked = tolerated(self.metric, self.metric.tolerance, value, "value")
        return max(asked, abs(value) * (self.metric.tolerance.relative or RESOLUTION))

    def value_clause(
        self, estimate: Estimate, region: Region, limit: str, verdict: Verdict, strength: Strength | None
    ) -> str:
        inside = region.holds(estimate.value)
        clause = f"{value_text(self.metric, estimate.value)} is {side(inside)} the limit ({limit})"
        if self.point or estimate.at90 is None:
            return (
                clause
                if verdict in (Verdict.PASS, Verdict.FAIL)
                else f"{clause}, but that is not shown: {estimate.blocked}"
            )
        interval = f"its 90 % interval, {self.interval_text(estimate)}"
        if verdict in (Verdict.PASS, Verdict.FAIL) and strength == "firm":
            return clause if inside else f"{clause}, and so is all of {interval}"
        if verdict is Verdict.PASS:
            return f"{clause}, though {interval}, reaches past it"
        return f"{clause}, but {interval}, {'reaches past it' if inside else 'reaches back inside'}"

    # A criterion on the change against the baseline.

    def against_tolerance(self, tolerance: Tolerance) -> Part | None:
        """None where no tolerance decides: none written, or none in the unit of the metric's delta."""
        metric = self.metric
        asked = tolerated(metric, tolerance, self.base, self.scale)
        if asked <= 0 or (self.first and self.base is None):
            return None
        return self.against_change(Region(low=-asked, high=asked), f"±{tolerance.text}", "tolerance")

    def against_change(self, region: Region, limit: str, source: str) -> Part:
        estimate, metric = self.compared, self.metric
        if estimate is None:
            verdict = Verdict.NO_DATA if metric.show_change or source == "success" else Verdict.INCONCLUSIVE
            return self.without_baseline(verdict)
        good_side = metric.better != "either" and region_side(region, estimate.value) == metric.better
        asked = min(abs(end) for end in (region.low, region.high) if math.isfinite(end))
        if source == "watch":
            past = not region.holds(estimate.value)
            clause = f"{self.change_text(estimate)} is past the watch line ({limit})" if past else ""
            return Part(
                verdict=Verdict.WARN if past else Verdict.PASS,
                clause=clause,
                decided_by=source,
                strength=None if past else "firm",
                judged=estimate,
                limit=limit,
            )
        if self.point:
            verdict, strength = plain(region, estimate.value)
        else:
            verdict, strength = against(region, estimate, resolution=asked, none=0.0)
        if verdict is Verdict.FAIL and good_side:
            verdict, strength = Verdict.WARN, strength
        clause = self.change_clause(estimate, region, limit, verdict, strength)
        if verdict is Verdict.INCONCLUSIVE:
            estimate = replace(estimate, needed=self.needed(estimate, asked))
            clause += self.how_much_longer(estimate)
        return Part(verdict=verdict, strength=strength, clause=clause, decided_by=source, judged=estimate, limit=limit)

    def change_clause(
        self, estimate: Estimate, region: Region, limit: str, verdict: Verdict, strength: Strength | None
    ) -> str:
        inside = region.holds(estimate.value)
        change = f"{self.change_text(estimate)} against the baseline"
        if self.base is not None and not self.metric.show_change:
            change += f" ({value_text(self.metric, self.base)})"
        if self.point or estimate.at90 is None:
            clause = f"{change} is {side(inside)} {limit}"
            return (
                clause
                if verdict is not Verdict.INCONCLUSIVE
                else f"{clause}, but that is not shown: {estimate.blocked}"
            )
        interval = f"90 % interval {self.interval_text(estimate)}"
        if verdict is Verdict.WARN:
            return f"{change}, {interval}, is better than {limit} allows for, which a person should look at"
        if verdict is Verdict.PASS and strength == "firm":
            return f"{change}, {interval}, lies wholly within {limit}"
        if verdict is Verdict.PASS:
            return f"{change} is within {limit}, though its {interval}, reaches past it"
        if verdict is Verdict.FAIL and strength == "firm":
            return f"{change}, {interval}, lies wholly outside {limit}"
        if verdict is Verdict.FAIL:
            return f"{change} is outside {limit} and more than chance, though its {interval}, reaches back inside"
        return f"{change} is {side(inside)} {limit}, but its {interval}, is too wide to say so"

    # Words and numbers that both share.

    @property
    def figure_text(self) -> str:
        compared = self.compared
        if self.metric.show_change and compared is not None:
            return percent(compared.value)
        return value_text(self.metric, self.now.value)

    def change_text(self, estimate: Estimate) -> str:
        if estimate.scale == "value":
            return delta_text(replace(self.metric, delta="absolute"), Delta(absolute=estimate.value))
        return scaled(estimate.value, estimate.scale)

    def interval_text(self, estimate: Estimate) -> str:
        interval = estimate.at90
        if interval is None:
            return ""
        if estimate.scale != "value":
            show = percent if estimate.scale == "relative" else points
            return f"{show(interval.low)} to {show(interval.high)}"
        decimals = 1 if self.metric.kind == "counter" else decimals_for(self.metric, estimate.value)
        return f"{rounded(interval.low, decimals)} to {with_unit(rounded(interval.high, decimals), self.metric.unit)}"

    def needed(self, estimate: Estimate, asked: float) -> timedelta | None:
        """How long windows would have to be for half the interval to shrink to what is asked (it goes with the root)."""
        if estimate.at90 is None or asked <= 0:
            return estimate.needed
        longer = (estimate.at90.half / asked) ** 2
        if not 1 < longer < 1e4:
            return None
        minutes = math.ceil(self.now.window.length.total_seconds() * longer / 60)
        return timedelta(minutes=minutes)

    def how_much_longer(self, estimate: Estimate) -> str:
        needed = f"about {how_long(estimate.needed)} are needed" if estimate.needed else ""
        if estimate.at90 is None:
            return f"; {needed}" if needed else ""
        can = self.change_text(replace(estimate, value=estimate.at90.half)).lstrip("+")
        return f": {how_long(self.now.window.length)} can tell {can}" + (f", {needed}" if needed else "")

    # What caps the word, and the judgement itself.

    def capped(self, parts: Sequence[Part], healthy_baseline: bool) -> list[Part]:
        """The parts with what holds the word down: samples that are missing, another traffic, a baseline with its own step."""
        parts = list(parts)
        if any(part.verdict is Verdict.NO_DATA for part in parts) or not parts:
            return parts
        compares = any(part.judged is not None and part.judged.scale != "value" for part in parts) or any(
            part.decided_by == "tolerance" for part in parts
        )
        sides = [("", self.now), (" of the baseline", self.baseline)] if compares else [("", self.now)]
        for whose, measurement in sides:
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
        """Requests behind the figure over those of the baseline, per hour of window."""
        now, base = self.now.traffic, self.baseline.traffic if self.baseline else None
        if now is None or not base or self.baseline is None:
            return None
        return (now / self.now.window.hours) / (base / self.baseline.window.hours)

    def judgement(self, parts: Sequence[Part], limit: str = "") -> Judgement:
        metric = self.metric
        parts = [part for part in parts if part.clause or part.decided_by != "watch"] or list(parts)
        verdict = worst([part.verdict for part in parts], none=Verdict.NOT_APPLICABLE)
        deciding = [part for part in parts if part.verdict is verdict]
        lead = (
            min(
                deciding,
                key=lambda part: (
                    ("tolerance", "success", "target").index(part.decided_by)
                    if part.decided_by in ("tolerance", "success", "target")
                    else 9
                ),
            )
            if verdict is Verdict.PASS
            else next(iter(deciding), None)
        )
        now = self.now if verdict is not Verdict.NO_DATA or metric.show_change else replace(self.now, value=None)
        delta = self.delta if verdict is not Verdict.NO_DATA else None
        figure = None
        if verdict is not Verdict.NO_DATA:
            figure = delta.relative if metric.show_change and delta else None if metric.show_change else now.value
        return Judgement(
            metric=metric,
            verdict=verdict,
            strength=weakest(deciding, verdict),
            reason=self.reason(parts, lead),
            now=now,
            baseline=self.baseline,
            delta=delta,
            figure=figure,
            judged=lead.judged if lead else None,
            change=self.compared if delta else None,
            decided_by=lead.decided_by if lead else "",
            limit=limit or (lead.limit if lead else ""),
            bound=self.bound(),
        )

    def reason(self, parts: Sequence[Part], lead: Part | None) -> str:
        """One sentence: the part that decided first, then the others that were looked at."""
        if lead is None:
            return "Not judged: neither a target nor a tolerance is written for it."
        others = [part.clause for part in parts if part is not lead and part.clause]
        clauses = [lead.clause, *others]
        if (shown := self.shown(parts)) and lead.verdict is not Verdict.NO_DATA:
            clauses.append(shown)
        if self.first and self.base is None and lead.verdict is not Verdict.NOT_APPLICABLE:
            clauses.append("there is no baseline, the target alone decides")
        if self.point:
            clauses.append("judged by the figure alone, without an interval (judge: point)")
        text = "; ".join(clauses)
        return f"{text[:1].upper()}{text[1:]}."

    def shown(self, parts: Sequence[Part]) -> str:
        """The comparison that is printed and decides nothing; '' where it decided, or where there is none."""
        estimate = self.compared
        if estimate is None or any(
            part.judged is not None
            and part.judged.scale == estimate.scale
            and part.decided_by in ("tolerance", "success")
            for part in parts
        ):
            return ""
        if self.metric.kind == "counter" or self.base is None:
            return ""
        text = f"{self.change_text(estimate)} against the baseline ({value_text(self.metric, self.base)})"
        if estimate.at90 is None:
            return text
        chance = " may be chance" if estimate.at95 and estimate.at95.low <= 0 <= estimate.at95.high else ""
        return f"{text}{chance}, 90 % interval {self.interval_text(estimate)}"

    def bound(self) -> str:
        """The bound on the true rate of counted events, as it is printed beside them; '' for all else."""
        own, value = self.now.own, self.now.value
        if self.metric.kind != "counter" or own is None or own.at90 is None or value is None:
            return ""
        return (
            f"{value_text(self.metric, value)} in {how_long(self.now.window.length)}; with 95 % confidence the true rate "
            f"is below {rounded(own.at90.high, 1)} per hour"
        )


# --- the decision itself ----------------------------------------------------------------------------------------------


def against(
    region: Region, estimate: Estimate, *, resolution: float, none: float | None = None
) -> tuple[Verdict, Strength | None]:
    """
    The word of an estimate held against what is acceptable. `none`: the value that means no change, for a comparison.
    """
    at90, at95 = estimate.at90, estimate.at95
    if at90 is None or at95 is None:
        return Verdict.INCONCLUSIVE, None
    if region.holds(at90.low) and region.holds(at90.high):
        return Verdict.PASS, "firm"
    if region.beyond(at90):
        return Verdict.FAIL, "firm"
    if region.holds(estimate.value):
        return (Verdict.PASS, "provisional") if at90.half <= resolution else (Verdict.INCONCLUSIVE, None)
    if none is not None and not at95.low <= none <= at95.high:
        return Verdict.FAIL, "provisional"
    return Verdict.INCONCLUSIVE, None


def plain(region: Region, value: float) -> tuple[Verdict, Strength | None]:
    """The rule on the figure alone; always provisional, because nothing shows how sure it is."""
    return (Verdict.PASS if region.holds(value) else Verdict.FAIL), "provisional"


def about_change(limit: Limit, metric: Metric) -> bool:
    """True where a limit is about the change against the baseline: 'within …', and percents of a metric that shows it."""
    return limit.comparison == "within" or (metric.show_change and limit.unit == "%")


def change_region(limit: Limit, estimate: Estimate | None) -> Region:
    """A limit on a change, in the scale of the estimate."""
    value = limit.value / 100 if estimate is None or estimate.scale == "relative" else limit.value
    strict = limit.comparison in ("below", "above")
    if limit.side == "both":
        return Region(low=-value, high=value)
    return Region(high=value, strict=strict) if limit.side == "upper" else Region(low=value, strict=strict)


def tolerated(metric: Metric, tolerance: Tolerance, base: float | None, scale: str) -> float:
    """How far a change may go either way, in `scale`; the larger of the parts that fit it, 0 where none does."""
    relative, absolute, unit = tolerance.relative, tolerance.absolute, tolerance.unit
    if scale == "relative":
        in_unit = absolute * factor(unit, metric.unit) / abs(base) if absolute and base and unit != "points" else 0.0
        return max(relative or 0.0, in_unit)
    if scale == "points":
        return absolute or 0.0 if unit == "points" else 0.0
    return absolute * factor(unit, metric.unit) if absolute and unit != "points" else 0.0


def region_side(region: Region, value: float) -> str:
    """The side of the region that a value outside lies on: 'lower' or 'higher'; '' inside."""
    return "" if region.holds(value) else "lower" if value <= region.low else "higher"


def stretched(estimate: Estimate, by: float, scale: Scale) -> Estimate:
    """The estimate in another scale: value and intervals times `by`."""

    def times(interval: Interval | None) -> Interval | None:
        if interval is None or not math.isfinite(by):
            return None
        ends = sorted((interval.low * by, interval.high * by))
        return Interval(low=ends[0], high=ends[1])

    return replace(
        estimate,
        value=estimate.value * by,
        scale=scale,
        at90=times(estimate.at90),
        at95=times(estimate.at95),
    )


def weakest(parts: Sequence[Part], verdict: Verdict) -> Strength | None:
    """A pass is as firm as its weakest part, a fail as firm as its firmest."""
    strengths = [part.strength for part in parts if part.strength]
    if verdict not in (Verdict.PASS, Verdict.FAIL, Verdict.WARN) or not strengths:
        return None
    if verdict is Verdict.FAIL:
        return "firm" if "firm" in strengths else "provisional"
    return "provisional" if "provisional" in strengths else "firm"


def side(inside: bool) -> str:
    return "inside" if inside else "outside"


# --- check-ins --------------------------------------------------------------------------------------------------------


def with_checkins(judgement: Judgement, checkins: Sequence[Checkin], zone: ZoneInfo | None = None) -> Judgement:
    """The judgement of a metric that shows its change, lowered to the worst of its check-ins."""
    words = [checkin_word(checkins, index) for index in range(len(checkins))]
    counted = [entry for entry in words if entry.counts]
    verdict = worst([judgement.verdict, *counted])
    judgement = replace(judgement, checkins=tuple(checkins))
    if verdict is judgement.verdict or WORST_FIRST.index(verdict) > WORST_FIRST.index(judgement.verdict):
        return judgement
    checkin = checkins[words.index(verdict)]
    at = local(checkin.at, zone) if zone else local(checkin.at, ZoneInfo("UTC"))
    name = zone_name(zone, checkin.at) if zone else UTC.tzname(None)
    reason = (
        f"The check-in at {at} {name} reads {word(verdict)}: {lowered(checkin.judgement.reason)} {judgement.reason}"
    )
    return replace(judgement, verdict=verdict, strength=checkin.judgement.strength, reason=reason, decided_by="checkin")


def lowered(sentence: str) -> str:
    return f"{sentence[:1].lower()}{sentence[1:]}"


def checkin_word(checkins: Sequence[Checkin], index: int) -> Verdict:
    """What a check-in counts as: a provisional breach is a warning unless the next one breaches too."""
    judgement = checkins[index].judgement
    if judgement.verdict is Verdict.NO_DATA:
        return Verdict.INCONCLUSIVE
    if judgement.verdict is not Verdict.FAIL or judgement.strength == "firm":
        return judgement.verdict
    following = checkins[index + 1].judgement.verdict if index + 1 < len(checkins) else None
    return Verdict.FAIL if following is Verdict.FAIL else Verdict.WARN
