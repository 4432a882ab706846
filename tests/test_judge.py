"""The words, rule by rule: each test is one sentence of the manual's page on verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from build import at, metric, window

from deploybook.judge import Case, judge_success, judge_window, whole
from deploybook.model import (
    Checkin,
    CheckpointResult,
    Coverage,
    Estimate,
    Finding,
    Interval,
    Judgement,
    Measurement,
    Metric,
    Verdict,
)
from deploybook.units import parse_limit, parse_tolerance

FULL = Coverage(found=360, expected=360, seen=1.0)
WINDOW = window(0, 5400)

LATENCY = metric(
    "histogram", "parser_duration_ms", title="Parser latency p50", better="lower",
    target=parse_limit("at most 65 ms"), tolerance=parse_tolerance("5 %"),
)  # fmt: skip
CHANGE = replace(LATENCY, title="Telemetry variance", statistic="mean", target=None, show_change=True)
FAILURES = metric(
    "counter", "parser_failure_total", title="Parser failures", better="lower", delta="absolute",
    target=parse_limit("at most 3 errors/hour"),
)  # fmt: skip
RUNS = metric(
    "ratio", "cicd_runs_total", title="CI/CD success", better="higher", delta="points",
    target=parse_limit("at least 90 %"),
)  # fmt: skip


def measured(value: float | None, own: Estimate | None = None, *, seen: float = 1.0, **more: Any) -> Measurement:
    coverage = Coverage(found=round(360 * seen), expected=360, seen=seen)
    return Measurement(
        metric="m", window=more.pop("over", WINDOW), value=value, unit="ms", coverage=coverage, own=own, **more
    )


def estimate(value: float, half: float, scale: Any = "relative", **more: Any) -> Estimate:
    """An estimate whose 90, 95 and 98 % intervals reach 1, 1.19 and 1.41 times `half` either way, as the normal's do."""

    def around(reach: float) -> Interval:
        return Interval(low=value - half * reach, high=value + half * reach)

    return Estimate(value=value, scale=scale, at90=around(1), at95=around(1.19), at98=around(1.41), **more)


def own(value: float, half: float) -> Estimate:
    return estimate(value, half, "value")


def of_change(
    change: float,
    half: float,
    of: Metric = LATENCY,
    *,
    checkins: Sequence[Checkin] = (),
    zone: ZoneInfo | None = None,
    **more: Any,
) -> Judgement:
    """A latency of 50 ms in the baseline, well inside its target, that changed so."""
    value = 50 * (1 + change)
    case = Case(of, measured(value, own(value, 0.5)), measured(50.0), estimate(change, half), **more)
    return judge_window(case, checkins=checkins, zone=zone)


def of_value(value: float, half: float, of: Metric = LATENCY) -> Judgement:
    """A value on its own, with its own interval: a first deployment."""
    return judge_window(Case(of, measured(value, own(value, half)), first_deployment=True))


# --- the tolerance ---


@pytest.mark.parametrize(
    ("change", "half", "verdict", "strength"),
    [
        (0.02, 0.01, "pass", "firm"),  # +1 to +3
        (0.02, 0.03, "pass", "firm"),  # -1 to +5: the ends belong to it
        (0.02, 0.04, "pass", "provisional"),  # -2 to +6, half no wider than the tolerance
        (0.02, 0.06, "inconclusive", None),  # -4 to +8
        (0.051, 0.04, "inconclusive", None),  # outside, and 0 lies inside the 98 % interval (-0.5 to +10.7)
        (0.07, 0.04, "fail", "provisional"),  # +3 to +11, 98 % from +1.4
        (0.10, 0.04, "fail", "firm"),  # +6 to +14
        (0.40, 0.30, "inconclusive", None),  # +10 to +70, yet 98 % from -2
    ],
)
def test_the_interval_decides(change: float, half: float, verdict: str, strength: str | None) -> None:
    judgement = of_change(change, half, replace(LATENCY, target=None))

    assert (judgement.verdict, judgement.strength) == (verdict, strength)


@pytest.mark.parametrize(("better", "up", "down"), [("lower", "fail", "warn"), ("higher", "warn", "fail"), ("either", "fail", "fail")])  # fmt: skip
def test_an_improvement_is_never_a_fail(better: Any, up: str, down: str) -> None:
    both_ways = replace(LATENCY, better=better, target=None)

    assert of_change(0.10, 0.01, both_ways).verdict == up
    assert of_change(-0.10, 0.01, both_ways).verdict == down


def test_an_improvement_that_may_be_chance_is_not_called_one() -> None:
    assert of_change(-0.07, 0.06).verdict is Verdict.INCONCLUSIVE


def test_an_inconclusive_word_says_what_the_window_can_tell_and_what_would_settle_it() -> None:
    judgement = of_change(0.02, 0.06)

    assert "90 min tell it to within 6.0 % only" in judgement.reason
    # 90 min · (6 / 5)²
    assert judgement.judged is not None and judgement.judged.needed == timedelta(minutes=130)
    assert "about 2 h 10 min would settle it" in judgement.reason


def test_few_samples_are_at_best_inconclusive() -> None:
    few = estimate(0.001, 0.002, blocked="only 4 effective samples", needed=timedelta(hours=4))

    judgement = judge_window(Case(LATENCY, measured(50.0, own(50, 0.1)), measured(50.0), few))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "only 4 effective samples" in judgement.reason
    assert "about 4 h would settle it" in judgement.reason


def test_few_samples_still_show_what_is_plain_to_see() -> None:
    few = estimate(0.80, 0.40, blocked="only 4 effective samples")

    assert judge_window(Case(LATENCY, measured(64.0, own(64, 0.1)), measured(50.0), few)).verdict is Verdict.FAIL


def test_the_larger_part_of_a_tolerance_counts() -> None:
    """5 % of 50 ms is 2.5 ms; 5 ms are 10 %."""
    wide = replace(LATENCY, tolerance=parse_tolerance("5 % or 5 ms"))

    assert of_change(0.08, 0.01, wide).verdict is Verdict.PASS
    assert of_change(0.08, 0.01).verdict is Verdict.FAIL


def test_status_follows_the_unrounded_number() -> None:
    """+5.04 % prints as +5.0 % and is outside."""
    judgement = of_change(0.0504, 0.0001)

    assert judgement.verdict is Verdict.FAIL
    assert "+5.0 %" in judgement.reason


def test_a_change_in_percent_of_a_baseline_at_zero_cannot_be_told() -> None:
    judgement = judge_window(Case(replace(LATENCY, target=None), measured(50.0), measured(0.0)))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "a change against zero is undefined" in judgement.reason


# --- the target and the watch line ---


@pytest.mark.parametrize(
    ("value", "half", "verdict", "strength"),
    [
        (60, 1, "pass", "firm"),
        (64, 2, "pass", "provisional"),
        (64, 4, "inconclusive", None),  # half wider than 5 % of 64 ms
        (66, 2, "inconclusive", None),
        (68, 2, "fail", "firm"),
    ],
)
def test_a_target_is_held_against_the_value_s_own_interval(
    value: float, half: float, verdict: str, strength: str | None
) -> None:
    judgement = of_value(value, half)

    assert (judgement.verdict, judgement.strength, judgement.decided_by) == (verdict, strength, "target")


def test_below_does_not_include_the_limit() -> None:
    strict = replace(LATENCY, target=parse_limit("below 65 ms"))

    assert of_value(65.0, 0.0).verdict is Verdict.PASS
    assert of_value(65.0, 0.0, strict).verdict is Verdict.FAIL


def test_a_target_in_another_unit_is_converted() -> None:
    assert of_value(64.0, 0.5, replace(LATENCY, target=parse_limit("at most 0.065 s"))).verdict is Verdict.PASS
    assert of_value(66.0, 0.5, replace(LATENCY, target=parse_limit("at most 0.065 s"))).verdict is Verdict.FAIL


def test_past_the_watch_line_is_a_warning() -> None:
    watched = replace(LATENCY, watch=parse_limit("at most 62 ms"))

    assert of_value(61.9, 0.5, watched).verdict is Verdict.PASS
    judgement = of_value(62.4, 0.5, watched)
    assert (judgement.verdict, judgement.decided_by) == ("warn", "watch")
    assert judgement.reason.startswith("62.4 ms is past the watch line (at most 62 ms)")


def test_a_watch_line_alone_is_a_criterion() -> None:
    alone = replace(LATENCY, target=None, tolerance=parse_tolerance("none"), watch=parse_limit("at most 62 ms"))

    assert of_value(61.0, 0.5, alone).verdict is Verdict.PASS
    assert of_value(63.0, 0.5, alone).verdict is Verdict.WARN


def test_target_and_tolerance_both_count() -> None:
    """64 ms against 50: inside the target, far outside the tolerance."""
    judgement = of_change(0.28, 0.02)

    assert (judgement.verdict, judgement.decided_by) == ("fail", "tolerance")
    assert "inside the limit (at most 65 ms)" in judgement.reason


@pytest.mark.parametrize(
    ("share", "low", "high", "verdict", "strength"),
    [
        (96.8, 93.1, 98.6, "pass", "firm"),
        (95.0, 88.5, 98.0, "pass", "provisional"),  # half of 4.75 points
        (95.0, 79.0, 99.0, "inconclusive", None),
        (85.0, 68.0, 94.0, "inconclusive", None),  # 17 of 20
        (80.0, 74.0, 85.0, "fail", "firm"),
    ],
)
def test_a_ratio_may_be_unsure_by_6_points(
    share: float, low: float, high: float, verdict: str, strength: str | None
) -> None:
    limits = Interval(low=low, high=high)
    doubt = Estimate(value=share, scale="value", at90=limits, at95=limits, at98=limits)

    judgement = judge_window(Case(RUNS, measured(share, doubt), measured(93.2), estimate(share - 93.2, 5.0, "points")))

    assert (judgement.verdict, judgement.strength, judgement.decided_by) == (verdict, strength, "target")


def test_what_a_share_can_tell_is_said_in_points() -> None:
    judgement = judge_window(Case(RUNS, measured(95.0, own(95.0, 13.0)), measured(93.2), estimate(1.8, 5.0, "points")))

    assert "90 min tell it to within 13.0 pts only" in judgement.reason


def test_points_without_a_tolerance_in_points_are_printed_and_decide_nothing() -> None:
    with_percent = replace(RUNS, tolerance=parse_tolerance("1 %"))
    change = estimate(3.6, 4.9, "points")

    judgement = judge_window(Case(with_percent, measured(96.8, own(96.8, 2.7)), measured(93.2), change))

    assert judgement.verdict is Verdict.PASS
    assert (
        "+3.6 pts against the baseline (93.2 %) may be chance, 90 % interval −1.3 pts to +8.5 pts" in judgement.reason
    )


def test_a_tolerance_in_points_decides() -> None:
    with_points = replace(RUNS, tolerance=parse_tolerance("2 points"))

    judgement = judge_window(
        Case(with_points, measured(92.0, own(92.0, 1)), measured(99.0), estimate(-7.0, 1.0, "points"))
    )

    assert (judgement.verdict, judgement.decided_by) == ("fail", "tolerance")


def test_the_largest_of_a_gauge_is_what_was_observed() -> None:
    memory = metric("gauge", "memory", "max", unit="MB", target=parse_limit("at most 512 MB"))

    assert judge_window(Case(memory, measured(500.0), first_deployment=True)).verdict is Verdict.PASS
    assert judge_window(Case(memory, measured(513.0), first_deployment=True)).verdict is Verdict.FAIL


# --- counted events ---


def failures(value: float, worst: float | None, over: Any = WINDOW) -> Measurement:
    return measured(value, own(value, 3.0), worst_hour=worst, over=over)


@pytest.mark.parametrize(("worst", "verdict"), [(3, "pass"), (4, "fail")])
def test_events_are_counted_exactly_by_the_worst_hour(worst: float, verdict: str) -> None:
    judgement = judge_window(Case(FAILURES, failures(5.0, worst), failures(0.0, 0.0), estimate(5.0, 6.0, "value")))

    assert (judgement.verdict, judgement.strength) == (verdict, "firm")


def test_exactly_three_in_an_hour_is_not_below_three() -> None:
    below, so_far = parse_limit("below 3 errors/hour"), window(5400, 5400 + 12 * 3600)

    assert judge_success(Case(FAILURES, failures(4.0, 2.0, so_far)), below).verdict is Verdict.PASS
    judgement = judge_success(Case(FAILURES, failures(4.0, 3.0, so_far)), below)
    assert (judgement.verdict, judgement.decided_by, judgement.limit) == ("fail", "success", "below 3 errors/hour")
    assert judgement.reason.startswith("4 errors in 12 h (at most 3 in any one hour) is outside the criterion")


def test_a_window_shorter_than_an_hour_uses_its_count() -> None:
    short = window(0, 900)

    assert judge_window(Case(FAILURES, failures(3.0, None, short), first_deployment=True)).verdict is Verdict.PASS
    assert judge_window(Case(FAILURES, failures(4.0, None, short), first_deployment=True)).verdict is Verdict.FAIL


def test_the_bound_on_the_true_rate_is_printed_beside_the_count() -> None:
    """No error in 90 minutes: 2.996 events at 95 %, 2.0 an hour."""
    none = Interval(low=0.0, high=2.996)
    now = measured(0.0, Estimate(value=0.0, scale="value", at90=none, at95=none), worst_hour=0.0)

    judgement = judge_window(Case(FAILURES, now, failures(0.0, 0.0), estimate(0.0, 3.1, "value")))

    assert judgement.bound == "0 errors in 90 min; with 95 % confidence the true rate is below 2.0 per hour"


def test_a_tolerance_in_events_passes_on_the_count_and_fails_beyond_chance() -> None:
    few = replace(FAILURES, tolerance=parse_tolerance("2 errors"))

    def word(now: float, half: float) -> str:
        change = estimate(now, half, "value")
        return judge_window(Case(few, failures(now, now), failures(0.0, 0.0), change)).verdict

    assert word(0.0, 3.1) == "pass"
    assert word(3.0, 3.0) == "inconclusive"
    assert word(3.0, 2.0) == "fail"


# --- what holds the word down ---


def test_nothing_measured_is_no_data_and_no_number() -> None:
    judgement = judge_window(Case(LATENCY, measured(None, missing="No series in 14:00 to 15:30."), measured(50.0)))

    assert (judgement.verdict, judgement.figure, judgement.delta) == ("no_data", None, None)
    assert judgement.reason == "No series in 14:00 to 15:30."


@pytest.mark.parametrize(("seen", "verdict"), [(0.96, "pass"), (0.94, "warn"), (0.50, "warn"), (0.49, "no_data")])
def test_coverage_holds_the_word_down(seen: float, verdict: str) -> None:
    judgement = judge_window(
        Case(LATENCY, measured(50.5, own(50.5, 0.5), seen=seen), measured(50.0), estimate(0.01, 0.01))
    )

    assert judgement.verdict == verdict
    if verdict == "no_data":
        assert (judgement.figure, judgement.now.value) == (None, None)


def test_coverage_of_the_baseline_counts_where_it_is_compared_with() -> None:
    partly, change = measured(50.0, seen=0.9), estimate(0.01, 0.01)

    assert judge_window(Case(LATENCY, measured(50.5, own(50.5, 0.5)), partly, change)).verdict is Verdict.WARN
    runs = judge_window(Case(RUNS, measured(97.0, own(97.0, 1)), partly, estimate(1.0, 1.0, "points")))
    assert runs.verdict is Verdict.PASS


def test_no_missing_sample_makes_a_breach_milder() -> None:
    now = measured(60.0, own(60, 0.5), seen=0.7)

    assert judge_window(Case(LATENCY, now, measured(50.0), estimate(0.2, 0.01))).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("requests", "verdict"), [(1000, "pass"), (500, "pass"), (499, "warn"), (2000, "pass"), (2001, "warn")]
)
def test_other_traffic_is_at_best_a_warning(requests: float, verdict: str) -> None:
    now = measured(50.5, own(50.5, 0.5), traffic=requests)

    judgement = judge_window(Case(LATENCY, now, measured(50.0, traffic=1000), estimate(0.01, 0.01)))

    assert judgement.verdict == verdict


def test_traffic_is_compared_by_the_hour() -> None:
    now = measured(50.5, own(50.5, 0.5), traffic=500, over=window(0, 2700))

    assert judge_window(Case(LATENCY, now, measured(50.0, traffic=1000), estimate(0.01, 0.01))).verdict is Verdict.PASS


def test_a_sick_baseline_is_no_measure() -> None:
    judgement = of_change(0.01, 0.01, healthy_baseline=False)

    assert (judgement.verdict, judgement.decided_by) == ("inconclusive", "baseline")
    assert judgement.judged is not None


def test_targets_hold_beside_a_sick_baseline() -> None:
    change = estimate(3.0, 1.0, "points")

    def word(share: float) -> str:
        now = measured(share, own(share, 1))
        return judge_window(Case(RUNS, now, measured(60.0), change, healthy_baseline=False)).verdict

    assert word(97.0) == "pass"
    assert word(80.0) == "fail"


def test_a_baseline_without_data_is_never_a_silent_pass() -> None:
    lost = measured(None, missing="No series on that day.")

    judgement = judge_window(Case(LATENCY, measured(50.0, own(50.0, 0.5)), lost))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "No series on that day" in judgement.reason
    assert judge_window(Case(CHANGE, measured(50.0), lost)).verdict is Verdict.NO_DATA
    assert judge_window(Case(CHANGE, measured(50.0), measured(50.0, seen=0.4))).verdict is Verdict.NO_DATA


def test_two_figures_without_an_interval_cannot_pass() -> None:
    judgement = judge_window(Case(LATENCY, measured(50.0, own(50.0, 0.5)), measured(50.0)))

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "not shown (the two windows share too few bucket edges)" in judgement.reason
    mean = judge_window(Case(replace(LATENCY, statistic="mean"), measured(50.0, own(50.0, 0.5)), measured(50.0)))
    assert "not shown (there is no interval)" in mean.reason


def test_on_a_first_deployment_the_targets_decide_and_it_says_so() -> None:
    judgement = of_value(60, 1)

    assert judgement.verdict is Verdict.PASS
    assert "there is no baseline, so the target alone decides" in judgement.reason
    shown = judge_window(Case(CHANGE, measured(50.0), first_deployment=True))
    assert shown.verdict is Verdict.NOT_APPLICABLE


def test_nothing_to_hold_it_against_is_not_judged_rather_than_passed() -> None:
    free = replace(LATENCY, target=None, tolerance=parse_tolerance("none"))

    judgement = of_change(0.5, 0.01, free)

    assert judgement.verdict is Verdict.NOT_APPLICABLE
    assert judgement.reason == "Not judged: neither a target nor a tolerance is written for it."


# --- the plain rule ---


def test_the_plain_rule_goes_by_the_figure_and_says_so() -> None:
    inside, outside = of_change(0.049, 0.5, point=True), of_change(0.051, 0.5, point=True)

    assert (inside.verdict, inside.strength, outside.verdict) == ("pass", "provisional", "fail")
    assert inside.reason.endswith("judged by the figure alone, without an interval (judge: point).")
    assert of_change(-0.2, 0.01, point=True).verdict is Verdict.WARN


# --- a metric that shows its change, and its check-ins ---


def looks(*changes: tuple[float, float] | None) -> tuple[Checkin, ...]:
    """Check-ins 15 minutes apart; None is one without data."""
    judged = [
        of_change(*change, CHANGE) if change else judge_window(Case(CHANGE, measured(None), measured(50.0)))
        for change in changes
    ]
    return tuple(Checkin(at=at(900 * (k + 1)), judgement=judgement) for k, judgement in enumerate(judged))


FINE, PROVISIONAL, FIRM, UNCLEAR = (0.02, 0.01), (0.07, 0.04), (0.10, 0.02), (0.02, 0.08)


@pytest.mark.parametrize(
    ("checkins", "verdict", "strength"),
    [
        ((FINE, FINE), "pass", "firm"),
        ((FINE, PROVISIONAL, FINE), "warn", None),
        ((FINE, FINE, PROVISIONAL), "warn", None),
        ((PROVISIONAL, PROVISIONAL, FINE), "fail", "provisional"),
        ((PROVISIONAL, FINE, PROVISIONAL), "warn", None),
        ((FINE, FIRM, FINE), "fail", "firm"),
        ((FINE, UNCLEAR, FINE), "inconclusive", None),
        ((FINE, None, FINE), "inconclusive", None),
        ((PROVISIONAL, None, FINE), "inconclusive", None),
    ],
)
def test_the_word_is_the_worst_of_the_window_and_its_checkins(
    checkins: Any, verdict: str, strength: str | None
) -> None:
    judgement = of_change(0.02, 0.01, CHANGE, checkins=looks(*checkins))

    assert (judgement.verdict, judgement.strength) == (verdict, strength)
    assert len(judgement.checkins) == len(checkins)


def test_a_checkin_that_decides_is_named_by_its_local_time() -> None:
    zone = ZoneInfo("America/Los_Angeles")

    judgement = of_change(0.02, 0.01, CHANGE, checkins=looks(FINE, FIRM), zone=zone)

    assert judgement.decided_by == "checkin"
    assert judgement.reason.startswith("The check-in at 14:30 PT reads Breach (+10.0 % against the baseline")


def test_elsewhere_checkins_inform_and_decide_nothing() -> None:
    assert of_change(0.02, 0.01, checkins=looks(FIRM)).verdict is Verdict.PASS


def test_the_figure_of_a_metric_that_shows_its_change_is_the_change() -> None:
    judgement = of_change(0.023, 0.01, CHANGE)

    assert judgement.figure == pytest.approx(0.023)
    assert judgement.now.value == pytest.approx(51.15)


# --- checkpoints, gates ---


def test_within_5_percent_is_about_the_change() -> None:
    within = parse_limit("within 5 %")
    pair = measured(51.0, own(51.0, 0.5)), measured(50.0)

    judgement = judge_success(Case(CHANGE, *pair, estimate(0.02, 0.01)), within)

    assert (judgement.verdict, judgement.limit, judgement.decided_by) == ("pass", "within 5 %", "success")
    assert judge_success(Case(CHANGE, *pair, estimate(0.12, 0.01)), within).verdict is Verdict.FAIL
    assert judge_success(Case(CHANGE, *pair, estimate(-0.12, 0.01)), within).verdict is Verdict.WARN
    assert judge_success(Case(CHANGE, *pair, estimate(0.02, 0.08)), within).verdict is Verdict.INCONCLUSIVE


def test_a_change_limited_on_one_side_may_go_far_on_the_other() -> None:
    upper = parse_limit("at most 3 %")
    pair = measured(51.0), measured(50.0)

    assert (
        judge_success(Case(replace(CHANGE, better="either"), *pair, estimate(-0.3, 0.01)), upper).verdict
        is Verdict.PASS
    )
    assert judge_success(Case(CHANGE, *pair, estimate(0.05, 0.01)), upper).verdict is Verdict.FAIL


def test_a_gate_of_few_requests_is_read_with_its_uncertainty() -> None:
    """A minute at a gate: +1 % within 3 %, and half an interval of 7 %."""
    minute = measured(50.5, over=window(0, 60))

    judgement = judge_success(Case(LATENCY, minute, measured(50.0), estimate(0.01, 0.07)), parse_limit("within 3 %"))

    assert judgement.verdict is Verdict.INCONCLUSIVE


# --- the whole ---


def passed(**more: Any) -> Judgement:
    return of_change(0.01, 0.01, replace(LATENCY, **more))


NO_SAMPLES = "parser_duration_ms has no samples in this window."


def checkpoint(verdict: Verdict) -> CheckpointResult:
    return CheckpointResult(after=timedelta(hours=24), due=at(90000), verdict=verdict, reason="Said there.")


def finding(severity: Any) -> Finding:
    return Finding(kind="restarts", severity=severity, text="parser-us-1 restarted five times after the rollout.")


def test_the_worst_decides_and_is_named() -> None:
    verdict, sentence = whole([passed(), of_change(0.2, 0.01), of_change(0.02, 0.07)])

    assert verdict is Verdict.FAIL
    assert sentence.startswith("Parser latency p50: +20.0 % against the baseline")


@pytest.mark.parametrize("order", [("fail", "no_data"), ("no_data", "inconclusive"), ("inconclusive", "warn"), ("warn", "pass")])  # fmt: skip
def test_worse_wins(order: tuple[str, str]) -> None:
    judgements = [replace(passed(), verdict=Verdict(name)) for name in order]

    assert whole(judgements)[0] == whole(judgements[::-1])[0] == order[0]


def test_an_advisory_metric_is_judged_and_never_decides() -> None:
    assert whole([passed(), of_change(0.2, 0.01, replace(LATENCY, advisory=True))])[0] is Verdict.PASS


@pytest.mark.parametrize("aside", [Verdict.PENDING, Verdict.NOT_APPLICABLE, Verdict.ERROR])
def test_what_is_not_due_or_not_ours_is_left_out(aside: Verdict) -> None:
    assert whole([passed()], [checkpoint(aside)])[0] is Verdict.PASS


def test_a_checkpoint_that_was_due_decides() -> None:
    verdict, sentence = whole([passed()], [checkpoint(Verdict.NO_DATA)])

    assert (verdict, sentence) == (Verdict.NO_DATA, "+24h: Said there.")


def test_a_warning_finding_raises_a_pass_and_nothing_else() -> None:
    assert whole([passed()], findings=[finding("info")])[0] is Verdict.PASS
    assert whole([passed()], findings=[finding("info"), finding("warn")]) == (Verdict.WARN, finding("warn").text)
    assert whole([of_change(0.02, 0.07)], findings=[finding("warn")])[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("outcome", ["rolled_back", "aborted", "postponed"])
def test_after_a_rollback_the_page_never_says_pass(outcome: Any) -> None:
    assert whole([passed()], outcome=outcome)[0] is Verdict.WARN
    assert whole([of_change(0.2, 0.01)], outcome=outcome)[0] is Verdict.FAIL
    assert whole([], outcome=outcome)[0] is Verdict.NOT_APPLICABLE


def test_the_outcome_is_said_with_its_reason() -> None:
    assert whole([passed()], outcome="rolled_back", reason="CLI p95 doubled.")[1] == "Rolled back: CLI p95 doubled."
    assert whole([passed()], outcome="succeeded")[0] is Verdict.PASS


def test_nothing_judged_is_no_pass() -> None:
    assert whole([])[0] is Verdict.NO_DATA
    assert whole([replace(passed(), verdict=Verdict.NOT_APPLICABLE)])[0] is Verdict.NOT_APPLICABLE


def test_a_provisional_part_of_a_pass_is_named() -> None:
    unsure = of_change(0.02, 0.04)

    assert "the least sure is Parser latency p50" in whole([passed(), unsure])[1]
    assert whole([passed()])[1] == "Parser latency p50 is inside its limits."


def test_a_pass_says_how_much_of_what_is_inside() -> None:
    every = [checkpoint(Verdict.PASS)] * 4
    not_judged = replace(passed(), verdict=Verdict.NOT_APPLICABLE)

    assert whole([passed()] * 5, every)[1] == "All 5 metrics and 4 checkpoints are inside their limits."
    assert whole([passed()] * 3)[1] == "All 3 metrics are inside their limits."
    assert whole([passed()] * 2, every[:1])[1] == "Both metrics and the checkpoint at +24h are inside their limits."
    assert whole([passed(), passed(), not_judged])[1] == "Both judged metrics are inside their limits."
    assert whole([passed()], every)[1] == "Parser latency p50 and 4 checkpoints are inside their limits."
    last = timedelta(hours=48)
    assert whole([passed()] * 3, every[:3], after=last)[1] == (
        "All 3 metrics at +48h and the 3 checkpoints before are inside their limits."
    )
    assert whole([passed()] * 3, after=last)[1] == "All 3 metrics are inside their limits."


def test_the_sentence_is_the_clause_that_decided_and_nothing_more() -> None:
    breach, unclear = of_change(0.10, 0.04), of_change(0.02, 0.06)

    assert whole([passed(), breach])[1] == (
        "Parser latency p50: +10.0 % against the baseline (50.0 ms) is outside the tolerance (±5 %)."
    )
    assert whole([passed(), unclear])[1] == (
        "Parser latency p50: +2.0 % against the baseline (50.0 ms) is inside the tolerance (±5 %), "
        "but 90 min tell it to within 6.0 % only."
    )
    assert whole([of_change(0.02, 0.01, CHANGE, checkins=looks(FINE, FIRM))])[1] == (
        "Telemetry variance: the check-in at 22:30 UTC reads Breach "
        "(+10.0 % against the baseline is outside the tolerance (±5 %))."
    )


def test_others_with_the_same_word_are_named_once() -> None:
    """A checkpoint's own sentence already names others; the whole takes only what decided there."""
    lost = judge_window(Case(LATENCY, measured(None, missing=NO_SAMPLES)))
    other = replace(lost, metric=replace(LATENCY, title="CLI p95"))
    at_24h = whole([lost, other])
    late = replace(checkpoint(at_24h[0]), reason=at_24h[1], metrics=(lost, other))

    assert at_24h[1] == f"Parser latency p50: {NO_SAMPLES} CLI p95 reads No data too."
    assert whole([passed()], [late])[1] == f"Parser latency p50 at +24h: {NO_SAMPLES}"
    assert whole([lost] * 3 + [other] * 3)[1].endswith(
        " window. Parser latency p50, Parser latency p50, CLI p95 and 2 more read No data too."
    )


def test_a_metric_keeps_the_spelling_of_its_name_at_the_start_of_a_reason() -> None:
    lost = judge_window(Case(LATENCY, measured(None, missing=NO_SAMPLES)))

    assert lost.reason == NO_SAMPLES
    assert of_change(0.01, 0.01, healthy_baseline=False).reason.startswith("The baseline has")
