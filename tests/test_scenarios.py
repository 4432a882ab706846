"""
What a page must not sleep through, made from the reference deployment's data: the right word and the right finding.

The words follow from the rules in docs/explanation/verdicts.md and were written down before the first run.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from scenarios import (
    BREACH,
    CLI,
    DAY_4,
    EVERYTHING,
    FAILED,
    HOURS,
    NO_DATA,
    PARSER,
    PASS,
    RUNS,
    UNCLEAR,
    UP,
    WATCH,
    at_end,
    but,
    checkpoint_words,
    clock,
    crashing,
    creeping,
    events,
    found,
    no_events,
    one,
    only,
    reason,
    runs,
    since,
    slower,
    span,
    thinned,
    unseen,
    words,
)  # fmt: skip

from deploybook.assess import assess
from deploybook.model import Data, Deployment, Verdict
from deploybook.times import Window

# --- as it is -----------------------------------------------------------------------------------------------------


def test_the_reference_passes_everywhere_and_only_notes_its_planned_restarts(
    deployment: Deployment, exports: Data
) -> None:
    facts = assess(deployment, exports)

    assert facts.verdict is PASS
    assert words(facts) == but({})
    assert checkpoint_words(facts) == [PASS] * 4
    assert [(each.kind, each.severity) for each in facts.findings] == [("restarts", "info")]


def test_the_reference_names_its_traps(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, exports)

    assert "+3.6 pts against the baseline (93.2 %) may be chance" in reason(facts, "cicd_success")
    failures = next(each for each in facts.checkpoints[-1].metrics if each.metric.id == "parser_failures")
    assert (failures.now.value, failures.now.worst_hour) == (4, 2)
    assert "at most 2 in any one hour" in failures.reason


# --- something moved ----------------------------------------------------------------------------------------------


def test_a_slowdown_from_minute_20_is_a_breach_and_says_when_it_began(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, slower(exports, PARSER, 1.12, since("14:20")))

    assert facts.verdict is BREACH
    assert words(facts) == but({"parser_p50": BREACH, "variance": BREACH})
    assert checkpoint_words(facts) == [BREACH] * 4
    began = [each.start for each in found(facts, "onset")]
    assert began
    assert all(each and abs(each - clock("14:20")) <= timedelta(minutes=5) for each in began)


def test_a_slowdown_in_the_night_breaks_the_next_checkpoint_and_says_when_it_began(
    deployment: Deployment, exports: Data
) -> None:
    facts = assess(only(deployment, "variance"), slower(exports, PARSER, 1.12, since("22:40")))

    assert words(facts) == {"variance": PASS}
    assert checkpoint_words(facts) == [PASS, BREACH, BREACH, BREACH]
    began = one(facts, "onset").start
    assert began and abs(began - clock("22:40")) <= timedelta(minutes=5)


@pytest.fixture(scope="module")
def leaking(deployment: Deployment, exports: Data) -> Data:
    """0.15 % an hour from the end of the rollout on, over a parser as fast as the day before."""
    even = slower(exports, PARSER, 1 / 1.02, since("14:00"))
    return creeping(even, PARSER, 0.0015, Window(start=deployment.end, end=deployment.end + 49 * HOURS))


def test_a_leak_breaks_the_last_checkpoint_alone(deployment: Deployment, leaking: Data) -> None:
    facts = assess(only(deployment, "variance"), leaking)

    assert facts.verdict is BREACH
    assert words(facts) == {"variance": PASS}
    assert checkpoint_words(facts) == [PASS, PASS, PASS, BREACH]
    climb = one(facts, "trend")
    assert climb.metric == "variance"
    assert "steadily" in climb.text
    assert not found(facts, "onset")


def test_a_leak_is_noticed_a_day_before_it_breaks_anything(deployment: Deployment, leaking: Data) -> None:
    facts = assess(only(deployment, "variance"), leaking, after=24 * HOURS)

    assert facts.verdict is WATCH
    assert words(facts) == {"variance": PASS}
    assert one(facts, "trend")


def test_a_tail_that_moved_under_a_quiet_median_is_named(deployment: Deployment, exports: Data) -> None:
    facts = at_end(deployment, slower(exports, CLI, 1.4, since("14:00"), above=130.0))

    assert facts.verdict is BREACH
    assert words(facts) == but({"cli_p95": BREACH})
    assert "median is quiet" in one(facts, "disagreement").text


def test_a_tail_that_nobody_judges_raises_the_page_to_watch(deployment: Deployment, exports: Data) -> None:
    """The parser is judged by its median alone here, and that stays where it was."""
    facts = at_end(only(deployment, "parser_p50"), slower(exports, PARSER, 1.5, since("14:00"), above=100.0))

    assert words(facts) == {"parser_p50": PASS}
    assert facts.verdict is WATCH
    assert "its p95 moved" in one(facts, "disagreement").text
    assert facts.sentence == one(facts, "disagreement").text


def test_a_region_that_moved_under_a_quiet_total_is_named(deployment: Deployment, exports: Data) -> None:
    facts = at_end(only(deployment, "parser_p50"), slower(exports, PARSER, 1.22, since("14:00"), region="eu"))

    assert words(facts) == {"parser_p50": PASS}
    assert facts.verdict is WATCH
    part = one(facts, "breakdown")
    assert part.labels == (("region", "eu"),)
    assert "region eu moved +22.8 %, the total +3.8 %" in part.text


def test_regions_that_move_with_the_total_are_no_news(deployment: Deployment, exports: Data) -> None:
    facts = at_end(only(deployment, "parser_p50"), slower(exports, PARSER, 1.12, since("14:00")))

    assert facts.verdict is BREACH
    assert not found(facts, "breakdown")


def test_eight_percent_faster_is_watch_and_never_a_breach(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, slower(exports, PARSER, 0.92 / 1.02, since("14:00")))

    assert facts.verdict is WATCH
    assert words(facts) == but({"parser_p50": WATCH, "variance": WATCH})
    assert checkpoint_words(facts) == [WATCH] * 4
    assert {each.metric for each in found(facts, "improved", severity="info")} == {"parser_p50", "variance"}


# --- counted ------------------------------------------------------------------------------------------------------


def test_seventeen_of_twenty_runs_can_not_be_told_from_nineteen(deployment: Deployment, exports: Data) -> None:
    few = runs(exports, deployment.window, success=17, failure=3)
    assert deployment.baseline
    few = runs(few, deployment.baseline, success=19, failure=1)

    facts = at_end(deployment, few)

    assert facts.verdict is UNCLEAR
    assert words(facts) == but({"cicd_success": UNCLEAR})
    assert "90 % interval, 67.8 to 93.8 %" in reason(facts, "cicd_success")  # Wilson, 17 of 20
    assert "20 runs cannot tell differences below 13.0 pts" in one(facts, "small_sample", severity="info").text


def test_five_failures_around_a_checkpoint_are_counted_by_the_sliding_hour(
    deployment: Deployment, exports: Data
) -> None:
    """Two before +12h at 03:30 and three after: an hour cut at the checkpoint would read 2 and 3."""
    times = [clock(text, DAY_4) for text in ("03:12", "03:25", "03:34", "03:41", "03:50")]
    around = events(exports, *times, pod="parser-us-1")

    facts = assess(only(deployment, "parser_failures"), around)

    assert checkpoint_words(facts) == [PASS, PASS, BREACH, BREACH]
    assert "at most 5 in any one hour" in facts.checkpoints[2].reason
    assert facts.verdict is BREACH


def test_exactly_three_in_an_hour_are_not_below_three_but_at_most_three(deployment: Deployment, exports: Data) -> None:
    quiet = no_events(exports, since("14:00"))
    in_window = events(quiet, *(clock(text) for text in ("14:30", "14:55", "15:20")), pod="parser-us-1")
    after = events(quiet, *(clock(text) for text in ("15:50", "16:05", "16:20")), pod="parser-us-1")

    window = at_end(only(deployment, "parser_failures"), in_window)
    checkpoint = assess(only(deployment, "parser_failures"), after, after=HOURS)

    assert window.verdict is PASS
    assert "inside the limit (at most 3 errors/hour)" in reason(window, "parser_failures")
    assert checkpoint.verdict is BREACH
    assert "outside the criterion (below 3 errors/hour)" in reason(checkpoint, "parser_failures")


def test_a_tenth_of_the_traffic_never_passes(deployment: Deployment, exports: Data) -> None:
    thin = exports
    for name in (PARSER, CLI, RUNS):
        thin = thinned(thin, name, 0.1, since("14:00"))

    facts = at_end(deployment, thin)

    assert words(facts) == but(
        {"parser_p50": WATCH, "cli_p95": WATCH, "variance": WATCH, "cicd_success": UNCLEAR, "parser_failures": PASS}
    )
    assert facts.verdict is UNCLEAR
    assert {each.metric for each in found(facts, "traffic")} == {"parser_p50", "cli_p95", "cicd_success"}
    assert "10 % of its rate" in found(facts, "traffic")[0].text


# --- not seen -----------------------------------------------------------------------------------------------------


def test_a_pod_that_crashes_every_ten_minutes_is_news(deployment: Deployment, exports: Data) -> None:
    loop = Window(start=clock("14:20"), end=clock("15:29"))
    names = (PARSER, FAILED, UP)
    data = crashing(exports, names, loop, timedelta(minutes=10), timedelta(seconds=40), pod="parser-eu-1")

    facts = at_end(deployment, data)

    assert words(facts) == but({})
    assert facts.verdict is WATCH
    loop_finding = one(facts, "restarts")
    assert loop_finding.labels == (("pod", "parser-eu-1"),)
    assert loop_finding.text.startswith("parser-eu-1 restarted 7 times outside the plan: 22 Jan 14:20:45 PT")
    assert facts.sentence == loop_finding.text
    assert not found(facts, "gap") and not found(facts, "gap", severity="info")


def test_a_gap_across_the_rollout_is_never_a_pass(deployment: Deployment, exports: Data) -> None:
    facts = at_end(deployment, unseen(exports, EVERYTHING, span("13:55", "14:15")))

    assert words(facts) == but({"variance": UNCLEAR}, rest=WATCH)  # its check-in at 14:15 has no data
    assert facts.verdict is UNCLEAR
    assert {each.metric for each in found(facts, "gap")} == {PARSER, CLI, FAILED, RUNS}
    gap = found(facts, "gap")[0]
    assert (gap.start, gap.end) == (clock("14:00"), clock("14:15"))
    assert "no samples of 2 series for 15 min from 22 Jan 14:00 PT; what happened then was not observed" in gap.text


def test_a_gap_of_one_metric_makes_no_restart_out_of_the_planned_one(deployment: Deployment, exports: Data) -> None:
    facts = at_end(deployment, unseen(exports, [PARSER], span("13:55", "14:15")))

    assert not found(facts, "restarts")
    assert found(facts, "restarts", severity="info")


@pytest.mark.parametrize(
    ("end", "expected"),
    [("14:33:30", PASS), ("14:35", WATCH), ("15:14", WATCH), ("15:15:30", NO_DATA)],
    ids=["95.5 %", "94 %", "50.5 %", "49 %"],
)
def test_coverage_holds_the_word_down(deployment: Deployment, exports: Data, end: str, expected: Verdict) -> None:
    """A gap from 14:30 on, of 90 minutes; the planned restarts cost another 0.6 %."""
    facts = at_end(only(deployment, "parser_p50"), unseen(exports, [PARSER], span("14:30", end)))

    assert words(facts) == {"parser_p50": expected}
    assert found(facts, "gap")
