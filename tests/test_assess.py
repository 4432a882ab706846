"""How the whole word is made, on the reference deployment: what ended early, what overlaps, which checkpoint is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import build
import numpy as np
import pytest
from build import data, gauge, metric, series, window
from scenarios import (
    BREACH,
    DAY_2,
    FAILED,
    HOURS,
    NO_DATA,
    NOT_APPLICABLE,
    PARSER,
    PASS,
    PENDING,
    WATCH,
    at_end,
    but,
    checkpoint_words,
    clock,
    crashing,
    cut_off,
    found,
    one,
    only,
    since,
    slower,
    span,
    unseen,
    words,
)

from deploybook.assess import assess, data_until
from deploybook.facts import document
from deploybook.model import Checkpoints, Closing, Data, Deployment, Entry, Judgement
from deploybook.times import Window
from deploybook.units import parse_tolerance


def closed(deployment: Deployment, outcome: str, *, at: datetime | None = None, reason: str = "") -> Deployment:
    return replace(deployment, closing=Closing(outcome=outcome, at=at, reason=reason))  # type: ignore[arg-type]


# --- ended early --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["rolled_back", "aborted", "postponed"])
def test_what_did_not_go_through_never_reads_pass(deployment: Deployment, exports: Data, outcome: str) -> None:
    facts = assess(closed(deployment, outcome, at=clock("14:40"), reason="latency of the CLI"), exports)

    assert facts.verdict is not PASS
    assert checkpoint_words(facts) == [NOT_APPLICABLE] * 4
    assert words(facts) == but({})  # the measurements stand below the outcome
    assert facts.judgement("parser_p50").now.value == pytest.approx(58.4, abs=5e-4)  # type: ignore[union-attr]
    assert facts.sentence.endswith(": latency of the CLI") or "latency of the CLI" in facts.sentence
    assert document(facts)["outcome"] == outcome


def test_checkpoints_before_a_rollback_stand(deployment: Deployment, exports: Data) -> None:
    facts = assess(closed(deployment, "rolled_back", at=deployment.end + 2 * HOURS), exports)

    assert checkpoint_words(facts) == [PASS, NOT_APPLICABLE, NOT_APPLICABLE, NOT_APPLICABLE]
    assert facts.verdict is not PASS


def test_a_breach_stays_a_breach_after_a_rollback(deployment: Deployment, exports: Data) -> None:
    slow = slower(exports, PARSER, 1.12, since("14:00"))

    facts = assess(closed(deployment, "rolled_back", at=clock("15:40")), slow)

    assert facts.verdict is BREACH
    assert words(facts)["parser_p50"] is BREACH


def test_a_postponed_one_without_data_is_not_a_pass(deployment: Deployment) -> None:
    facts = assess(closed(deployment, "postponed"), Data())

    assert facts.verdict in (NO_DATA, NOT_APPLICABLE)
    assert checkpoint_words(facts) == [NOT_APPLICABLE] * 4


def test_a_rollback_restarts_what_it_takes_back(deployment: Deployment, exports: Data) -> None:
    """At 14:40 every parser restarts once more; without the rollback that is news, with it that is how it is done."""
    at = Window(start=clock("14:38"), end=clock("14:39"))
    again = crashing(exports, [PARSER, FAILED], at, timedelta(minutes=10), timedelta(seconds=40))

    ran = at_end(deployment, again)
    taken_back = at_end(closed(deployment, "rolled_back", at=clock("14:40")), again)

    assert "4 targets restarted outside the plan, 4 times in all" in one(ran, "restarts").text
    assert not found(taken_back, "restarts")
    assert found(taken_back, "restarts", severity="info")


def test_success_changes_nothing(deployment: Deployment, exports: Data) -> None:
    facts = assess(closed(deployment, "succeeded", at=deployment.end + 48 * HOURS), exports)

    assert facts.verdict is PASS
    assert checkpoint_words(facts) == [PASS] * 4


# --- what is asked ------------------------------------------------------------------------------------------------


def test_no_data_at_all_is_no_data(deployment: Deployment) -> None:
    facts = assess(deployment, Data())

    assert facts.verdict is NO_DATA
    assert words(facts) == but({}, rest=NO_DATA)
    assert {each.metric for each in found(facts, "empty_export")} == set(words(facts))
    assert facts.data_until is None


def test_checkpoints_are_pending_until_they_are_due(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, exports, as_of=deployment.end + 13 * HOURS)

    assert checkpoint_words(facts) == [PASS, PASS, PENDING, PENDING]


def test_without_a_time_the_page_goes_as_far_as_the_data_and_now(deployment: Deployment, exports: Data) -> None:
    assert assess(deployment, exports).as_of == deployment.end + 48 * HOURS
    assert assess(deployment, exports, now=deployment.end + 30 * HOURS).as_of == deployment.end + 24 * HOURS


def test_a_checkpoint_that_is_due_waits_for_the_data(deployment: Deployment, exports: Data) -> None:
    until_2h = cut_off(exports, exports.samples, deployment.end + 2 * HOURS)

    facts = assess(deployment, until_2h, now=deployment.end + 13 * HOURS)

    assert checkpoint_words(facts) == [PASS, PENDING, PENDING, PENDING]
    assert [each.reason for each in facts.checkpoints[1:3]] == ["The data do not reach it yet.", "Not due yet."]
    page = assess(deployment, until_2h, as_of=facts.as_of, now=deployment.end + 13 * HOURS)
    assert {each.reason for each in page.checkpoints[1:]} == {"Not due yet."}  # a page does not depend on the clock


def test_a_checkpoint_reads_the_same_whatever_is_known_later(deployment: Deployment, exports: Data) -> None:
    known_then = cut_off(exports, exports.samples, deployment.due(1 * HOURS))

    then = assess(deployment, known_then, after=1 * HOURS)
    later = assess(deployment, exports, after=1 * HOURS)

    assert document(then) == document(later)


def test_a_checkpoint_page_counts_its_own_criteria_once(deployment: Deployment, exports: Data) -> None:
    facts = assess(only(deployment, "variance"), slower(exports, PARSER, 1.12, since("22:40")), after=12 * HOURS)

    assert facts.verdict is BREACH
    assert facts.sentence.startswith("Telemetry variance: ")
    assert "other part" not in facts.sentence


def test_the_data_end_where_any_metric_ends(deployment: Deployment, exports: Data) -> None:
    assert data_until(deployment, exports) == datetime.fromisoformat("2025-01-24T23:30:00+00:00")
    answer = replace(only(deployment), metrics=(metric("query", "", id="errors_share", query="1"),))
    assert data_until(answer, data(gauge(series([1.0]), name="errors_share"))) == deployment.window.start


def test_gates_are_judged_and_never_decide(deployment: Deployment, exports: Data) -> None:
    facts = at_end(deployment, exports)

    (gate,) = facts.gates
    assert gate.judgement.now.window == span("14:00", "14:01")
    assert gate.judgement.verdict not in (PASS, NO_DATA)  # 300 requests cannot show 3 %
    assert facts.verdict is PASS


def test_an_advisory_metric_is_shown_and_never_decides(deployment: Deployment, exports: Data) -> None:
    (judged,) = only(deployment, "parser_p50").metrics
    two = (judged, replace(judged, id="hint", advisory=True))
    advised = replace(only(deployment, "parser_p50"), metrics=two)
    slow = slower(exports, PARSER, 1.12, since("14:00"))

    both = at_end(advised, slow)
    hint = at_end(replace(advised, metrics=(two[1],)), slow)

    assert words(both) == {"parser_p50": BREACH, "hint": BREACH}
    assert hint.verdict is not BREACH


# --- restarts that were announced ---------------------------------------------------------------------------------


def restarted_at_18(exports: Data) -> Data:
    at = Window(start=clock("18:00"), end=clock("18:01"))
    return crashing(exports, [PARSER], at, timedelta(minutes=10), timedelta(seconds=90), pod="parser-us-1")


def test_a_restart_after_the_rollout_is_news(deployment: Deployment, exports: Data) -> None:
    facts = assess(deployment, restarted_at_18(exports))

    assert facts.verdict is WATCH
    assert "parser-us-1 restarted once outside the plan: 22 Jan 18:02 PT" in one(facts, "restarts").text


def test_a_restart_that_stands_in_the_journal_is_planned(deployment: Deployment, exports: Data) -> None:
    line = Entry(at=clock("18:00"), text="Restart of parser-us-1 for a new certificate", kind="restart")

    facts = assess(deployment, restarted_at_18(exports), entries=[line])

    assert facts.verdict is PASS
    assert not found(facts, "restarts")


# --- neighbours ---------------------------------------------------------------------------------------------------


def neighbour(deployment: Deployment, start: str, end: str, *, service: str = "", day: int = 22) -> Deployment:
    at = span(start, end, clock("12:00").date().replace(day=day))
    return replace(
        deployment,
        slug="other",
        title="Index rebuild",
        ticket="CHG-2025-0119",
        window=at,
        service=service,
        closing=None,
    )


@pytest.mark.parametrize(
    ("start", "end", "day", "where"),
    [
        ("14:30", "14:50", 22, "deployment window"),
        ("19:00", "20:00", 22, "observation"),
        ("15:20", "16:00", 21, "baseline"),
    ],
)
def test_another_deployment_of_the_service_raises_the_page(
    deployment: Deployment, exports: Data, start: str, end: str, day: int, where: str
) -> None:
    facts = assess(deployment, exports, neighbours=[neighbour(deployment, start, end, day=day)])

    assert words(facts) == but({})
    assert facts.verdict is WATCH
    told = one(facts, "overlap").text
    assert "Index rebuild (CHG-2025-0119)" in told
    assert f"inside the {where}" in told


def test_what_ran_elsewhere_or_never_is_no_overlap(deployment: Deployment, exports: Data) -> None:
    mine = replace(only(deployment, "parser_p50"), service="memory-search")
    inside = neighbour(mine, "14:30", "14:50", service="memory-search")
    others = [
        replace(inside, service="billing"),
        replace(inside, closing=Closing(outcome="postponed")),
        replace(inside, closing=Closing(outcome="aborted", at=span("09:00", "09:30").start)),
        replace(inside, closing=Closing(outcome="succeeded", actual=span("09:00", "09:30"))),
        neighbour(mine, "09:00", "09:30", service="memory-search"),
    ]

    assert at_end(mine, exports, neighbours=others).verdict is PASS
    assert at_end(mine, exports, neighbours=[inside]).verdict is WATCH


def test_without_a_service_the_same_series_make_a_neighbour(deployment: Deployment, exports: Data) -> None:
    mine = only(deployment, "parser_p50")
    same = neighbour(mine, "14:30", "14:50")
    unrelated = replace(same, metrics=(metric("counter", "emails_sent_total"),))

    facts = at_end(mine, exports, neighbours=[same])
    assert facts.verdict is WATCH
    assert one(facts, "overlap").text.startswith("Index rebuild (CHG-2025-0119) with the same series was deployed")
    assert at_end(mine, exports, neighbours=[unrelated]).verdict is PASS


def test_the_builders_window_is_the_reference_window(deployment: Deployment) -> None:
    assert deployment.window == window(0, 5400)


def test_after_a_rollback_every_metric_is_held_against_the_baseline_again(
    deployment: Deployment, exports: Data
) -> None:
    """Rolled back at 17:30 PT: the hour after it, each metric against the same hour of the day before."""
    back = closed(deployment, "rolled_back", at=clock("17:30"))

    before = assess(back, exports, as_of=clock("18:00"))
    after = assess(back, exports, as_of=back.closes)

    assert back.closes == clock("18:30")
    assert before.recovery == ()
    assert [each.now.window for each in after.recovery] == [span("17:30", "18:30")] * 5
    assert after.recovery[0].baseline is not None
    assert after.recovery[0].baseline.window == span("17:30", "18:30", DAY_2)
    assert {each.verdict for each in after.recovery} == {PASS}
    assert assess(closed(deployment, "aborted", at=clock("17:30")), exports, as_of=clock("18:30")).recovery == ()


# --- the wobble from day to day -----------------------------------------------------------------------------------

LOAD = metric("gauge", "parser_ms", unit="ms", tolerance=parse_tolerance("5 %"))
MINUTES = 24 * 60
WOBBLY = build.deployment(metrics=(LOAD,), checkpoints=Checkpoints(after=()))


def wobbling(seed: int, days: int, *, wobble: float = 0.03, shift: float = 0.0) -> Data:
    """A gauge every minute for so many days before the deployment's and for that day; a level of its own each day."""
    rng = np.random.default_rng(seed)
    level = np.repeat(50 * np.exp(wobble * rng.standard_normal(days + 1)), MINUTES)
    values = level * np.exp(0.02 * rng.standard_normal(len(level)))
    start = (clock("00:00") - clock("14:00")).total_seconds() - 86400 * days
    seconds = start + 60 * np.arange(len(values))
    values = np.where(seconds >= 0, values * (1 + shift), values)
    return data(gauge(series(values, step=60, start=start), name="parser_ms"))


def judged(made: Data, deployment: Deployment = WOBBLY) -> Judgement:
    (judgement,) = assess(deployment, made, as_of=deployment.end).metrics
    return judgement


def test_days_that_wobble_are_no_breach_where_ten_of_them_are_known() -> None:
    """4 % from day to day: two days differ by more than 5 % in 38 of 100, by the normal distribution."""
    alone = [judged(wobbling(seed, 1, wobble=0.04)).verdict for seed in range(60)]
    known = [judged(wobbling(seed, 10, wobble=0.04)).verdict for seed in range(60)]

    assert alone.count(BREACH) >= 12
    assert known.count(BREACH) <= 2


def test_a_change_beyond_the_wobble_of_the_days_is_a_breach() -> None:
    assert [judged(wobbling(seed, 10, wobble=0.01, shift=0.2)).verdict for seed in range(5)] == [BREACH] * 5
    assert [judged(wobbling(seed, 10, wobble=0.005)).verdict for seed in range(5)] == [PASS] * 5


def test_a_word_that_rests_on_earlier_days_says_so() -> None:
    judgement = judged(wobbling(1, 10))

    assert judgement.judged is not None
    assert judgement.judged.method == "prediction interval over 10 earlier windows"
    assert " against 10 earlier days (" in judgement.reason
    assert judgement.reason.endswith(" against the baseline alone.")
    assert judgement.baseline is not None and judgement.baseline.window == WOBBLY.baseline


def test_six_earlier_days_or_seven_of_which_one_was_hardly_seen_are_too_few() -> None:
    seven = wobbling(1, 7)
    lost = unseen(seven, ["parser_ms"], span("14:30", "14:50", DAY_2 - timedelta(days=3)))

    assert "7 earlier days" in judged(seven).reason
    for few in (wobbling(1, 6), lost):
        assert "against the baseline (" in judged(few).reason
        assert "earlier days" not in judged(few).reason


def test_the_plain_rule_and_a_difference_in_the_unit_know_the_baseline_alone() -> None:
    in_unit = replace(LOAD, delta="absolute", tolerance=parse_tolerance("3 ms"))

    for other in (replace(WOBBLY, judge="point"), replace(WOBBLY, metrics=(in_unit,))):
        assert "earlier days" not in judged(wobbling(1, 10), other).reason
