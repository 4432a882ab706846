"""Each finding by itself: when it is made, how severe it is, what it says; and the manual, which shows them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from build import CICD, CLI_P95, FAILURES, PARSER_P50, VARIANCE, at, ms, window

from deploybook import findings
from deploybook.findings import Layout, Other
from deploybook.model import (
    Coverage,
    DataNote,
    Delta,
    Entry,
    Estimate,
    Finding,
    Gap,
    Interval,
    Judgement,
    Measurement,
    Metric,
    Turn,
    Verdict,
)
from deploybook.times import Window, localise, parse_zone
from deploybook.units import parse_limit, parse_tolerance

PT = parse_zone("America/Los_Angeles")
ROLLOUT = window(0, 5400)
LATER = Window(start=ROLLOUT.start, end=at(48 * 3600))
STEP = timedelta(seconds=15)
INF = float("inf")

P50 = replace(PARSER_P50, title="Parser latency p50", tolerance=parse_tolerance("5 %"), target=parse_limit("at most 65 ms"), better="lower")  # fmt: skip
P95 = replace(CLI_P95, title="CLI command latency p95", tolerance=parse_tolerance("5 %"), better="lower")
RATIO = replace(CICD, title="CI/CD success ratio")
COUNT = replace(FAILURES, title="Parser failures")


def pod(name: str) -> tuple[tuple[str, str], ...]:
    return (("pod", name), ("region", "eu"))


def reset(seconds: float, name: str = "parser-eu-1", *, since: float = 0.0, metric: str = "parser_duration_ms") -> Turn:
    return Turn(kind="reset", metric=metric, since=at(seconds - (since or 15)), at=at(seconds), labels=pod(name))


def turn(kind: Literal["begins", "ends"], seconds: float, name: str, metric: str = "m") -> Turn:
    return Turn(kind=kind, metric=metric, since=at(seconds), at=at(seconds), labels=pod(name))


def measured(metric: Metric, value: float | None = 58.4, at_window: Window = ROLLOUT, **more: object) -> Measurement:
    seen = Coverage(found=360, expected=360, seen=1.0)
    return Measurement(metric=metric.id, window=at_window, value=value, unit=metric.unit, coverage=seen, **more)  # type: ignore[arg-type]


def estimate(value: float, half: float = 0.01, **more: object) -> Estimate:
    interval = Interval(low=value - half, high=value + half)
    return Estimate(value=value, scale="relative", at90=interval, at95=interval, at98=interval, **more)  # type: ignore[arg-type]


def judged(metric: Metric, change: float, verdict: Verdict = Verdict.PASS, **more: object) -> Judgement:
    told = {"decided_by": "tolerance", "change": estimate(change), **more}
    return Judgement(
        metric=metric,
        verdict=verdict,
        strength="firm",
        reason="",
        now=told.pop("now", None) or measured(metric),  # type: ignore[arg-type]
        delta=Delta(absolute=change * 57, relative=change),
        figure=change,
        **told,  # type: ignore[arg-type]
    )


def texts(found: Sequence[Finding]) -> list[str]:
    return [each.text for each in found]


# --- gaps and restarts --------------------------------------------------------------------------------------------


def stretch(start: float, end: float, name: str = "parser-eu-1", **more: object) -> Gap:
    return Gap(metric="parser_duration_ms", start=at(start), end=at(end), labels=pod(name), **more)  # type: ignore[arg-type]


def test_gaps_of_several_series_at_one_time_are_one_finding() -> None:
    (gap,) = findings.from_gaps([stretch(60, 960), stretch(75, 960, "parser-us-1")], [], PT, STEP)

    assert (gap.severity, gap.start, gap.end, gap.labels) == ("warn", at(60), at(960), ())
    assert "no samples of 2 series for 15 min" in gap.text


def test_a_gap_around_a_restart_belongs_to_the_restart() -> None:
    """Also where only another metric of the same pod shows the restart."""
    short = stretch(120, 180)

    assert findings.from_gaps([short], [reset(180, metric="other")], PT, STEP) == []
    assert len(findings.from_gaps([short], [reset(180, "parser-us-1")], PT, STEP)) == 1
    assert len(findings.from_gaps([stretch(120, 1200)], [reset(1200)], PT, STEP)) == 1


def test_single_lost_scrapes_are_one_note() -> None:
    (note,) = findings.from_gaps([stretch(minute * 60, minute * 60 + 30) for minute in range(5)], [], PT, STEP)

    assert note.severity == "info"
    assert note.text == "parser_duration_ms: 5 short gaps of a scrape or two."


def test_the_first_restart_in_the_rollout_is_planned_and_the_second_is_news() -> None:
    planned, news = findings.from_resets([reset(180), reset(900)], ROLLOUT, LATER, [], PT)

    assert (planned.severity, planned.start) == ("info", at(180))
    assert (news.severity, news.start, news.labels) == ("warn", at(900), (("pod", "parser-eu-1"),))
    assert news.text == "parser-eu-1 restarted once outside the plan: 22 Jan 14:15 PT."


def test_resets_of_two_counters_of_a_pod_are_one_restart() -> None:
    """The second is only known to lie between its last row before a gap and the first row after it."""
    found = findings.from_resets(
        [reset(180), reset(900, since=880, metric="parser_failure_total")], ROLLOUT, LATER, [], PT
    )

    assert [each.severity for each in found] == ["info"]


def test_a_restart_before_the_window_is_not_looked_at() -> None:
    assert findings.from_resets([reset(-60)], ROLLOUT, LATER, [], PT) == []


def test_a_restart_after_the_rollout_is_planned_only_by_the_journal() -> None:
    line = Entry(at=at(9000), text="certificate", kind="restart")

    (news,) = findings.from_resets([reset(9060)], ROLLOUT, LATER, [], PT)
    (planned,) = findings.from_resets([reset(9060)], ROLLOUT, LATER, [line], PT)

    assert (news.severity, planned.severity) == ("warn", "info")


def test_a_line_about_the_rollout_does_not_plan_a_second_restart_in_it() -> None:
    line = Entry(at=at(890), text="restart", kind="restart")

    found = findings.from_resets([reset(180), reset(900)], ROLLOUT, LATER, [line], PT)

    assert [each.severity for each in found] == ["info", "warn"]


def test_many_times_of_many_days_are_told_in_one_sentence() -> None:
    found = findings.from_resets([reset(9000 + 43200 * turn) for turn in range(8)], ROLLOUT, window(0, 1e6), [], PT)

    assert texts(found) == [
        "parser-eu-1 restarted 8 times outside the plan: 22 Jan 16:30 PT, 23 Jan 04:30 PT, 16:30, 24 Jan 04:30 PT, "
        "16:30 and 3 more times."
    ]


def test_many_pods_that_restart_are_one_finding() -> None:
    found = findings.from_resets([reset(9000 + 60 * n, f"parser-{n}") for n in range(9)], ROLLOUT, LATER, [], PT)

    assert texts(found) == [
        "9 targets restarted outside the plan, 9 times in all, from 22 Jan 16:30 PT to 22 Jan 16:38 PT: parser-0, parser-1, "
        "parser-2, parser-3, parser-4 and 4 more."
    ]


def test_a_series_without_a_target_has_a_reset_and_no_restart() -> None:
    bare = Turn(kind="reset", metric="cicd_runs_total", since=at(8985), at=at(9000), labels=(("result", "success"),))

    (news,) = findings.from_resets([bare], ROLLOUT, LATER, [], PT)

    assert (news.kind, news.severity) == ("reset", "warn")


# --- rows and names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "severity"),
    [(["duplicates", "unsorted"], "info"), (["duplicates", "conflicts"], "warn"), (["zoneless"], "warn"), (["negative"], "warn"), (["inexact"], "info")],
)  # fmt: skip
def test_the_rows_of_an_export_are_one_finding(kinds: list[str], severity: str) -> None:
    notes = [DataNote(kind=kind, metric="up", count=2, place=f"up.csv:{line}") for line, kind in enumerate(kinds)]

    (found,) = findings.from_notes(notes)

    assert (found.kind, found.severity) == ("data_quality", severity)
    assert found.text.startswith("up: 2 rows ")
    assert found.text.endswith(" (first at up.csv:0).")


def test_a_series_that_another_takes_the_place_of_is_noted() -> None:
    turns = [
        turn("ends", 120, "a"),
        turn("begins", 150, "b"),
    ]

    (found,) = findings.from_series(turns, PT)

    assert (found.kind, found.severity) == ("series_gone", "info")


def test_an_heir_takes_the_place_of_one_only() -> None:
    turns = [
        turn("ends", 120, "a"),
        turn("ends", 130, "c"),
        turn("begins", 150, "b"),
    ]

    found = findings.from_series(turns, PT)

    assert sorted(each.severity for each in found) == ["info", "warn"]


def test_a_target_that_comes_back_is_neither_gone_nor_new() -> None:
    turns = [
        turn("ends", 120, "a"),
        turn("begins", 9000, "a", "n"),
    ]

    assert findings.from_series(turns, PT) == []


def test_a_name_that_begins_elsewhere_is_no_rename() -> None:
    assert findings.undeclared(P50, at(600), {"parse_ms": at(9000)}, PT) == []


# --- buckets ------------------------------------------------------------------------------------------------------


def layout(*edges: float) -> Layout:
    return Layout(every=(*edges, INF), some=(*edges, INF))


def test_the_same_narrow_buckets_are_no_finding() -> None:
    now = measured(P50, bracket=(55.0, 60.0))

    assert findings.from_layouts(P50, layout(55, 60), layout(55, 60), now, 0.05) == []


def test_a_mean_needs_no_buckets() -> None:
    assert findings.from_layouts(VARIANCE, layout(55, 60), layout(1), measured(VARIANCE), 0.05) == []


@pytest.mark.parametrize(
    ("bracket", "severity"),
    [((50.0, 60.0), "info"), ((62.0, 66.0), "info"), ((60.0, 80.0), "warn"), ((500.0, INF), "warn")],
    ids=["wide", "the target in a narrow one", "the target in a wide one", "above the last edge"],
)
def test_a_bucket_that_cannot_tell_is_named(bracket: tuple[float, float], severity: str) -> None:
    (found,) = findings.from_layouts(P50, layout(50), layout(50), measured(P50, bracket=bracket), 0.05)

    assert (found.kind, found.severity) == ("coarse_buckets", severity)


# --- moves --------------------------------------------------------------------------------------------------------

ENDS = np.array([ms(300 * (step + 1)) for step in range(18)], dtype=np.int64)


def test_the_onset_of_a_lasting_change_is_found() -> None:
    changes = np.where(np.arange(18) < 4, 0.02, 0.14) + np.tile([0.01, -0.01], 9)

    assert findings.onset(ENDS, changes, 0.05) == at(1200)


@pytest.mark.parametrize(
    "changes",
    [
        np.full(18, 0.14),
        np.tile([0.04, -0.04], 9),
        np.where(np.arange(18) < 9, 0.0, 0.04),
        np.where((np.arange(18) >= 6) & (np.arange(18) < 12), 0.2, 0.0),
    ],
    ids=["there from the start", "noise", "inside the tolerance", "passed again"],
)
def test_no_onset_where_nothing_lasting_began(changes: np.ndarray) -> None:
    assert findings.onset(ENDS, changes, 0.05) is None


def test_a_change_without_figures_has_no_onset() -> None:
    assert findings.onset(ENDS, np.full(18, np.nan), 0.05) is None


def test_a_steady_climb_is_a_trend() -> None:
    hours = [float(hour) for hour in range(48)]
    wobble = np.random.default_rng(1).normal(0, 0.005, 48)

    slope, total = findings.trend(hours, [0.0015 * hour for hour in hours] + wobble, 0.05) or (0, 0)

    assert slope == pytest.approx(0.0015, abs=1e-4)
    assert total == pytest.approx(47 * 0.0015, abs=5e-3)


def test_noise_and_slow_waves_are_no_trend() -> None:
    hours = np.arange(48.0)
    rng = np.random.default_rng(1)
    noise = [findings.trend(hours, rng.normal(0, 0.02, 48), 0.05) for _ in range(200)]

    assert noise == [None] * 200
    assert findings.trend(hours, 0.03 * np.sin(2 * np.pi * hours / 24), 0.05) is None
    assert findings.trend(hours[:7], 0.02 * hours[:7], 0.05) is None


def test_a_sudden_stretch_in_the_baseline_is_an_anomaly() -> None:
    values = np.full(24, 57.0) + np.tile([0.5, -0.5], 12)
    values[8:11] *= 1.6
    times = np.array([ms(300 * (step + 1)) for step in range(24)], dtype=np.int64)

    found = findings.anomaly(times, values, 0.05)

    assert found and found[:2] == (at(2700), at(3300))
    assert found[2] == pytest.approx(0.6, abs=0.02)
    assert findings.anomaly(times, np.full(24, 57.0), 0.05) is None
    one_alone = np.where(np.arange(24) == 8, 90.0, 57.0)
    assert findings.anomaly(times, one_alone, 0.05) is None


@pytest.mark.parametrize(("now", "warned"), [(1000, False), (499, True), (500, False), (2000, False), (2001, True)])
def test_traffic_below_half_or_above_twice_is_named(now: float, warned: bool) -> None:
    base = measured(P50, traffic=1000.0)

    assert bool(findings.from_traffic(P50, measured(P50, traffic=now), base)) is warned
    assert findings.from_traffic(P50, measured(P50, traffic=now), None) == []


def part(change: float, verdict: Verdict, value: str = "eu") -> Judgement:
    return judged(P50, change, verdict, now=measured(P50, labels=(("region", value),)))


@pytest.mark.parametrize(
    ("total", "verdict", "moved", "named"),
    [
        (0.02, Verdict.PASS, 0.22, True),
        (0.12, Verdict.FAIL, 0.13, False),
        (0.06, Verdict.FAIL, 0.22, True),
        (0.02, Verdict.PASS, -0.22, False),
    ],
    ids=["under a quiet total", "with the total", "further than the total", "to the good side"],
)
def test_a_part_is_named_where_it_moved_apart(total: float, verdict: Verdict, moved: float, named: bool) -> None:
    whole = judged(P50, total, verdict, by=(part(moved, Verdict.FAIL), part(0.0, Verdict.PASS, "us")))

    assert bool(findings.from_split(whole, 0.05)) is named


def test_a_part_that_misses_the_target_and_did_not_move_is_no_news() -> None:
    whole = judged(P50, 0.01, by=(part(0.001, Verdict.FAIL),))

    assert findings.from_split(whole, 0.05) == []


def other(change: float, statistic: str = "p95", **more: object) -> Other:
    return Other(statistic=statistic, change=estimate(change), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "beside", "named"),
    [
        (0.02, other(0.12), True),
        (0.02, other(0.04), False),
        (0.02, other(0.12, now=(100.0, 150.0), before=(80.0, 100.0)), False),
        (0.02, other(0.2, now=(100.0, 150.0), before=(80.0, 100.0)), True),
        (0.02, other(0.12, now=(100.0, 150.0), before=(100.0, 150.0)), True),
        (0.12, other(0.12), False),
    ],
    ids=["moved", "inside", "an edge of a wide bucket crossed", "beyond that", "inside a wide bucket", "both moved"],
)
def test_a_tail_that_moved_beside_a_quiet_figure_is_named(own: float, beside: Other, named: bool) -> None:
    assert bool(findings.disagrees(judged(P50, own), [beside], 0.05)) is named


def test_a_change_that_may_be_chance_is_no_disagreement() -> None:
    unsure = Other(statistic="p95", change=estimate(0.12, half=0.15))

    assert findings.disagrees(judged(P50, 0.02), [unsure], 0.05) == []


def test_a_median_that_stayed_while_the_tail_broke_is_named() -> None:
    broke = judged(P95, 0.11, Verdict.FAIL)

    (found,) = findings.disagrees(broke, [other(-0.026, "p50"), other(0.02, "mean")], 0.05)

    assert "median is quiet at −2.6 %" in found.text
    assert findings.disagrees(broke, [other(0.09, "p50")], 0.05) == []


def test_better_is_noted_and_never_a_warning() -> None:
    (found,) = findings.improved(judged(P50, -0.08, Verdict.WARN))

    assert (found.kind, found.severity) == ("improved", "info")
    assert findings.improved(judged(P50, 0.0, Verdict.WARN, decided_by="coverage")) == []


# --- the manual ---------------------------------------------------------------------------------------------------


def log(last: float) -> tuple[list[Entry], list[Entry]]:
    """A ramp as people and as the audit log tell it; people have the last step then, and a line at its true time."""
    steps = {5: 0.0, 25: 1200.0, 50: 2400.0}
    people = {5: 0.0, 50: last} if last == steps[50] else steps | {50: last}
    journal = [Entry(at=at(when), text=f"Flag at {to} %", kind="flag", line=9 + to) for to, when in people.items()]
    texts = {to: f"Flag telemetry.v2: from `{start} %` to `{to} %`" for start, to in ((0, 5), (5, 25), (25, 50))}
    events = [
        Entry(at=at(steps[to]), text=text, kind="flag", origin="flags", evidence="d1") for to, text in texts.items()
    ]
    return [*journal, Entry(at=at(3000), text="CPU is steady", kind="check", line=90)], events


def examples() -> dict[str, Finding]:
    """One of each kind, as the functions make it."""
    note = DataNote(kind="duplicates", metric="parser_duration_ms", count=40, place="parser_duration_ms.csv:812")
    late = localise(date(2025, 3, 9), "15:30", PT)
    shares = Estimate(value=85.0, scale="value", at90=Interval(low=67.8, high=93.8))
    runs = judged(RATIO, 0.0, Verdict.INCONCLUSIVE, judged=shares, now=measured(RATIO, 85.0, total=20.0))
    broken = judged(P50, 0.019, by=(part(0.228, Verdict.FAIL),))
    bare = Turn(kind="reset", metric="cicd_runs_total", since=at(8985), at=at(9000), labels=(("result", "success"),))
    made = [
        *findings.from_gaps([stretch(0, 900), stretch(0, 900, "parser-us-1")], [], PT, STEP),
        *findings.from_notes([note]),
        *findings.from_resets([reset(1200), reset(1800)], ROLLOUT, LATER, [], PT)[1:],
        *findings.from_resets([bare], ROLLOUT, LATER, [], PT),
        *findings.from_series([turn("ends", 2400, "parser-us-2", "parser_duration_ms")], PT),
        *findings.from_series([turn("begins", 2400, "parser-us-3", "parser_duration_ms")], PT),
        *findings.renamed(P50, {"parser_duration_ms": (at(-9e4), at(2700)), "parse_duration_ms": (at(2715), at(9e4))}, PT),
        *findings.from_layouts(P50, layout(55, 60), layout(50, 55, 60), measured(P50), 0.05),
        *findings.from_layouts(P50, layout(55), layout(55), measured(P50, bracket=(50.0, 60.0)), 0.05),
        *findings.from_traffic(P50, measured(P50, traffic=2909.0), measured(P50, traffic=27907.0)),
        findings.baseline_anomaly(P50, window(2100 - 86400, 3000 - 86400), 0.608, PT),
        findings.onset_finding(P50, at(1200), 0.14, PT),
        findings.trend_finding(P50, 0.0016, 0.076, window(5400, 5400 + 48 * 3600)),
        *findings.from_split(broken, 0.05),
        *findings.disagrees(judged(P50, 0.019), [other(0.138)], 0.05),
        findings.nothing(COUNT, ["parser_failure_total"]),
        findings.stale("parser_duration_ms", at(4920), at(5400), PT),
        findings.overlap("Index rebuild", "CHG-2025-0119", window(1800, 3000), "deployment window", PT, service="memory-search"),
        *findings.improved(judged(P50, -0.082, Verdict.WARN)),
        *findings.small_sample(runs),
        *findings.from_notes([DataNote(kind="refused", metric="up", text="exports/up.csv is a link to a place outside exports; it is not followed")]),
        *findings.from_notes([DataNote(kind="history_changed", metric="up", text="3 rows of up are not what an earlier pull stored")]),
        *findings.from_notes([DataNote(kind="partial", metric="up", text="prometheus answered for 14:00 to 15:00 only")]),
        Finding(kind="reference", severity="info", text="{parser_p05}: 'parser_p05' is not a metric here; did you mean 'parser_p50'?"),
        findings.not_judged(replace(P50, title="Parser CPU")),
        findings.no_baseline(),
        *findings.clock_change(localise(date(2025, 3, 8), "14:00", PT), late, PT),
        *findings.from_log(findings.joined(*log(4200)), ROLLOUT, PT),
        *findings.from_log(findings.joined(*log(2400)), ROLLOUT, PT),
    ]  # fmt: skip
    return {each.kind: each for each in made}


def test_there_is_an_example_of_every_kind_and_no_other() -> None:
    assert set(examples()) == set(findings.KINDS)
    assert len(set(findings.KINDS)) == len(findings.KINDS)


def test_the_manual_shows_every_kind_with_the_sentence_it_makes(root: Path) -> None:
    manual = (root / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")

    for kind, example in examples().items():
        assert f"### `{kind}`" in manual, kind
        assert f"> {example.text}\n" in manual, example.text


def test_sentences_are_plain() -> None:
    """They start with a capital or a metric's own name, end with one full stop, and carry no template's remains."""
    for each in examples().values():
        assert each.text.endswith(".") or each.kind == "reference"
        assert ".." not in each.text and "None" not in each.text and "nan" not in each.text
        assert len(each.text) < 260, each.text


def test_times_are_utc(root: Path) -> None:
    for each in examples().values():
        for moment in (each.start, each.end):
            assert moment is None or moment.utcoffset() == timedelta(0)
            assert moment is None or isinstance(moment, datetime)
