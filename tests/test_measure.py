"""Figures of a metric over a window, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from build import at, counter, data, gauge, histogram, metric, ms, series, up, where, window
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from deploybook.measure import compare, increments, measure, path, select, splits, worst_hour
from deploybook.model import Matcher, Metric, Samples

FAILURES = metric("counter", "parser_failure_total", delta="absolute")
RUNS = metric("ratio", "cicd_runs_total", good=where(result="success"), delta="points")
P50 = metric("histogram", "parser_duration_ms", "p50")
MEAN = metric("histogram", "parser_duration_ms", "mean")
CPU = metric("gauge", "parser_cpu", "mean", unit="cores")


def buckets(*rows: tuple[float, ...], **more: object) -> Samples:
    return histogram(series(rows, **more), edges=(10, 20))  # type: ignore[arg-type]


# --- counters ---


def test_a_counter_is_the_difference_of_its_states_at_the_edges() -> None:
    rows = data(counter(series([5, 6, 8, 8, 13])))

    assert measure(FAILURES, rows, window(0, 60)).value == 8
    assert measure(FAILURES, rows, window(15, 45)).value == 2


def test_the_state_between_two_rows_is_the_last_row_before() -> None:
    rows = data(counter(series([5, 6, 8, 8, 13])))

    assert measure(FAILURES, rows, window(10, 40)).value == 3  # from row 0 s to row 30 s
    assert measure(FAILURES, rows, window(40, 60)).value == 5


def test_a_restart_adds_what_was_counted_since() -> None:
    """5 to 9 is 4, then the process starts again and has counted 2, then 1 more."""
    assert measure(FAILURES, data(counter(series([5, 9, 2, 3]))), window(0, 45)).value == 7


def test_counters_of_several_targets_are_summed() -> None:
    rows = data(counter(series([0, 1, 1], pod="a"), series([7, 7, 9], start=4, pod="b")))

    assert measure(FAILURES, rows, window(0, 35)).value == 3


def test_a_window_before_the_first_row_starts_at_that_row() -> None:
    figure = measure(FAILURES, data(counter(series([5, 6, 8], start=30))), window(0, 60))

    assert figure.value == 3
    assert (figure.coverage.found, figure.coverage.expected) == (2, 4)
    assert figure.coverage.seen == 0.5


def test_a_state_older_than_one_and_a_half_steps_is_no_state() -> None:
    rows = data(counter(series([5, 6, 9], times=[0, 40, 55])))

    assert measure(FAILURES, rows, window(22, 55)).value == 4  # the row at 0 s is 22 s old
    assert measure(FAILURES, rows, window(23, 55)).value == 3


def test_rows_of_a_counter_below_zero_are_no_rows() -> None:
    figure = measure(FAILURES, data(counter(series([5, -1, 6]))), window(0, 30))

    assert figure.value == 1
    assert figure.coverage.found == 1


def test_nothing_in_the_window_is_no_value() -> None:
    figure = measure(FAILURES, data(counter(series([5, 6, 7]))), window(600, 900))

    assert figure.value is None
    assert figure.missing == "parser_failure_total has no samples in this window."
    assert figure.own is None
    assert figure.coverage.seen == 0


def test_a_metric_without_series_is_no_value() -> None:
    named = replace(FAILURES, where=where(service="memory-search"))
    figure = measure(named, data(counter(series([1, 2], service="other"))), window(0, 15))

    assert figure.value is None
    assert figure.missing.startswith('No series of parser_failure_total{service="memory-search"} in the exports.')
    assert "missing: zero" in figure.missing


@given(st.lists(st.integers(0, 50), min_size=3, max_size=40), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_adjoining_windows_add_up(values: list[int], edges: list[float]) -> None:
    """Whatever was counted or restarted, and wherever the edges lie between the rows."""
    rows = data(counter(series(values)))
    first, middle, last = (round(edge * 15 * (len(values) - 1), 3) for edge in sorted(edges))
    if not first < middle < last:
        return

    parts = [measure(FAILURES, rows, window(*pair)).value or 0 for pair in ((first, middle), (middle, last))]
    assert sum(parts) == (measure(FAILURES, rows, window(first, last)).value or 0)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.integers(-10_000, 10_000))
def test_shifted_rows_give_the_same_in_a_shifted_window(values: list[int], by: int) -> None:
    end = 15 * (len(values) - 1)
    here = measure(FAILURES, data(counter(series(values))), window(0, end))
    there = measure(FAILURES, data(counter(series(values, start=by))), window(by, by + end))

    assert (here.value, here.coverage) == (there.value, there.coverage)


def test_the_order_of_series_does_not_matter() -> None:
    many = [series(np.cumsum(np.arange(40) % (3 + k)), start=k, pod=str(k)) for k in range(4)]
    figures = [measure(FAILURES, data(counter(*order)), window(0, 500)) for order in (many, many[::-1])]

    assert figures[0] == figures[1]


# --- the worst hour ---


def test_the_worst_hour_is_a_sliding_one() -> None:
    """One at 50 min and one at 70 min: no clock hour has both, (30, 90] has."""
    values = np.zeros(181)
    values[50:] += 1
    values[70:] += 1
    rows = data(counter(series(values, step=60)))
    added = increments(FAILURES, rows, window(0, 10800))
    assert added is not None

    assert worst_hour(added, window(0, 10800)) == (2, at(10 * 60))
    assert measure(FAILURES, rows, window(0, 10800)).worst_hour == 2
    assert measure(FAILURES, rows, window(0, 3600)).worst_hour == 1


def test_the_worst_hour_of_a_shorter_window_is_its_count() -> None:
    rows = data(counter(series([0, 1, 3])))
    added = increments(FAILURES, rows, window(0, 30))
    assert added is not None

    assert worst_hour(added, window(0, 30)) == (3, at(0))
    assert measure(FAILURES, rows, window(0, 30)).worst_hour is None


def test_an_event_exactly_an_hour_before_is_outside() -> None:
    values = np.zeros(121)
    values[30:] += 1
    values[90:] += 1

    assert measure(FAILURES, data(counter(series(values, step=60))), window(0, 7200)).worst_hour == 1


# --- missing: zero ---

ZERO = replace(FAILURES, missing_is_zero=True)


def test_a_counter_without_a_series_is_zero_only_where_the_target_was_up() -> None:
    there = data(up(series([1] * 21, pod="a", job="parser")))

    assert measure(FAILURES, there, window(0, 300)).value is None
    assert measure(ZERO, there, window(0, 300)).value == 0
    assert measure(ZERO, there, window(0, 300)).coverage.seen == 1
    assert measure(ZERO, data(), window(0, 300)).value is None
    assert measure(ZERO, data(up(series([0] * 21, pod="a"))), window(0, 300)).value is None


def test_half_a_window_without_the_target_is_half_unseen() -> None:
    figure = measure(ZERO, data(up(series([1] * 11 + [0] * 10, pod="a"))), window(0, 300))

    assert figure.value == 0
    assert figure.coverage.seen == 0.5


def test_the_first_error_counts_where_the_counter_appears_with_it() -> None:
    late = counter(series([1, 1, 2], start=60, pod="a"))
    target = up(series([1] * 7, pod="a"))

    assert measure(FAILURES, data(late, target), window(0, 90)).value == 1
    assert measure(ZERO, data(late, target), window(0, 90)).value == 2
    assert measure(ZERO, data(late, target), window(0, 90)).coverage.seen == 1


def test_another_target_without_errors_is_zero_too() -> None:
    one = counter(series([1, 2, 2], pod="a"))
    targets = up(series([1] * 3, pod="a"), series([1, 1, 1], pod="b"))

    figure = measure(ZERO, data(one, targets), window(0, 30))
    assert figure.value == 1
    assert (figure.coverage.found, figure.coverage.expected) == (4, 4)


# --- ratios ---


def test_a_ratio_is_the_share_of_the_summed_increases() -> None:
    rows = data(
        counter(series([10, 12, 17], result="success"), series([3, 4, 4], result="failure"), name="cicd_runs_total")
    )
    figure = measure(RUNS, rows, window(0, 30))

    assert (figure.good, figure.total) == (7, 8)
    assert figure.value == 87.5
    assert figure.own is not None
    assert figure.own.value == 87.5


def test_a_ratio_of_nothing_is_no_value() -> None:
    rows = data(counter(series([10, 10], result="success"), name="cicd_runs_total"))
    figure = measure(RUNS, rows, window(0, 15))

    assert figure.value is None
    assert figure.missing == "Nothing ran: cicd_runs_total did not increase."


def test_runs_without_one_success_are_none_good() -> None:
    rows = data(counter(series([10, 12], result="failure"), name="cicd_runs_total"))

    assert measure(RUNS, rows, window(0, 15)).value == 0


def test_a_ratio_of_two_counters_needs_both() -> None:
    two = metric("ratio", "good_total", total_name="all_total")
    good, whole = counter(series([0, 3]), name="good_total"), counter(series([0, 4]), name="all_total")

    assert measure(two, data(good, whole), window(0, 15)).value == 75
    assert measure(two, data(whole), window(0, 15)).value is None
    assert "good_total" in measure(two, data(whole), window(0, 15)).missing


# --- histograms ---


def test_a_quantile_is_read_off_the_summed_bucket_increases() -> None:
    """Increases 2, 6, 10 of two pods together: rank 5 is the third of four between 10 and 20."""
    rows = data(
        histogram(
            series([(5, 5, 5, 50, 5), (6, 8, 10, 90, 10)], pod="a"),
            series([(0, 0, 0, 0, 0), (1, 3, 5, 60, 5)], pod="b"),
            edges=(10, 20),
        )
    )
    figure = measure(P50, rows, window(0, 15))

    assert figure.value == 17.5
    assert figure.bracket == (10, 20)
    assert figure.traffic == 10
    assert measure(MEAN, rows, window(0, 15)).value == 10


def test_a_quantile_above_the_last_edge_is_that_edge_and_says_so() -> None:
    figure = measure(P50, data(buckets((0, 0, 0, 0, 0), (1, 2, 10, 900, 10))), window(0, 15))

    assert figure.value == 20
    assert figure.bracket == (20, np.inf)


def test_seconds_become_milliseconds() -> None:
    scaled = replace(P50, scale=1000.0)
    figure = measure(scaled, data(buckets((0, 0, 0, 0, 0), (2, 6, 10, 90, 10))), window(0, 15))

    assert figure.value == 17_500
    assert figure.bracket == (10_000, 20_000)


def test_no_requests_are_no_latency() -> None:
    rows = data(buckets((2, 6, 10, 90, 10), (2, 6, 10, 90, 10)))

    for one in (P50, MEAN):
        figure = measure(one, rows, window(0, 15))
        assert figure.value is None
        assert figure.missing == "parser_duration_ms counted nothing in this window."
        assert figure.traffic == 0


def test_one_column_that_falls_restarts_the_whole_row() -> None:
    """_count went from 10 to 12, yet the first bucket fell: the process restarted and has counted 12 since."""
    figure = measure(P50, data(buckets((8, 9, 10, 90, 10), (3, 8, 12, 99, 12))), window(0, 15))

    assert figure.traffic == 12


def test_layouts_are_compared_on_the_edges_that_they_share() -> None:
    """The edge 20 is gone after the restart: what is left is 10 and +Inf in both windows, 3 of 5 and 4 of 10."""
    nan = float("nan")
    rows = data(buckets((0, 0, 0, 0, 0), (4, 8, 10, 100, 10), (3, nan, 5, 45, 5)))
    p30 = replace(P50, statistic="p30")

    now, before, delta, change = compare(p30, rows, window(15, 30), window(0, 15))
    assert (now.value, before.value) == (5, 7.5)
    assert now.bracket == (0, 10)
    assert delta.absolute == -2.5
    assert change is not None
    assert measure(P50, rows, window(0, 15)).value == 12.5


def test_windows_without_a_shared_edge_have_no_difference() -> None:
    nan = float("nan")
    rows = data(buckets((0, nan, 0, 0, 0), (4, nan, 10, 100, 10), (nan, 6, 8, 90, 8)))

    now, before, delta, change = compare(P50, rows, window(15, 30), window(0, 15))
    assert now.value == pytest.approx(20 * 4 / 6)
    assert before.value == 10
    assert (delta.absolute, delta.relative, change) == (None, None, None)


# --- names, conditions, splits ---


def test_a_renamed_metric_is_one() -> None:
    both = replace(FAILURES, also_named=("parse_failure_total",))
    rows = data(
        counter(series([3, 4], start=30, pod="a"), name="parser_failure_total"),
        counter(series([0, 1, 2], pod="a"), name="parse_failure_total"),
    )

    figure = measure(both, rows, window(0, 45))
    assert figure.value == 4
    assert figure.coverage.seen == 1


def test_renamed_histograms_keep_every_edge() -> None:
    both = replace(P50, also_named=("parse_duration_ms",))
    old = histogram(series([(0, 0, 0, 0), (2, 4, 30, 4)], pod="a"), edges=(10,), name="parse_duration_ms")
    new = histogram(series([(0, 0, 0, 0, 0), (2, 6, 10, 90, 10)], start=30, pod="a"), edges=(10, 20))

    assert measure(both, data(old, new), window(30, 45)).value == 17.5
    assert measure(both, data(old, new), window(0, 15)).value == 10


@pytest.mark.parametrize(
    ("op", "value", "pods"),
    [
        ("=", "a1", ["a1"]),
        ("!=", "a1", ["a2", "b1", ""]),
        ("=~", "a.", ["a1", "a2"]),
        ("=~", "a", []),
        ("!~", "a.*", ["b1", ""]),
        ("=", "", [""]),
        ("=~", "|b1", ["b1", ""]),
    ],
)
def test_conditions_hold_for_the_whole_value(op: str, value: str, pods: list[str]) -> None:
    samples = counter(*(series([1], pod=pod) for pod in ("a1", "a2", "b1")), series([1]))

    kept = select(samples, (Matcher(label="pod", op=op, value=value),))  # type: ignore[arg-type]
    assert [one.labels.get("pod", "") for one in kept.series] == pods


def test_a_split_measures_its_own_series() -> None:
    by = replace(FAILURES, by=("region",))
    rows = data(counter(series([0, 1], region="us", pod="a"), series([0, 4], region="eu", pod="b"), series([0, 2])))
    found = splits(by, rows, window(0, 15))

    assert found == [{"region": ""}, {"region": "eu"}, {"region": "us"}]
    assert [measure(by, rows, window(0, 15), labels=labels).value for labels in found] == [2, 4, 1]
    assert measure(by, rows, window(0, 15), labels=found[1]).labels == (("region", "eu"),)
    assert splits(FAILURES, rows, window(0, 15)) == []


def test_inputs_travel_with_the_figure() -> None:
    rows = data(counter(series([0, 1]), inputs=("bb", "cc"), name="parser_failure_total"))

    assert measure(FAILURES, rows, window(0, 15)).inputs == ("bb", "cc")


# --- gauges and answers ---


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("mean", 4), ("median", 3), ("min", 1), ("max", 8), ("last", 8), ("p50", 3), ("p75", 5)],
)
def test_gauges_have_the_start_and_not_the_end(statistic: str, value: float) -> None:
    """2, 1, 4, 8... over [15, 75): 1, 2 is outside."""
    rows = data(gauge(series([99, 1, 2, 4, 8, 99], start=0)))
    expected = {"mean": 3.75, "p50": 3, "p75": 5}.get(statistic, value)

    assert measure(replace(CPU, statistic=statistic), rows, window(15, 75)).value == expected


def test_a_row_of_a_coarser_file_stands_for_its_step() -> None:
    """One minute at 1 told by one row, one minute at 3 told by four."""
    mixed = series([1, 3, 3, 3, 3], times=[0, 60, 75, 90, 105], steps=[60, 15, 15, 15, 15])

    assert measure(CPU, data(gauge(mixed)), window(0, 120)).value == 2


def test_an_answer_is_for_exactly_its_window() -> None:
    answers = Samples(name="p99", kind="answers", series=(series([7, float("nan")], times=[60, 120]),))
    query = metric("query", "p99", id="p99", scale=2.0)

    assert measure(query, data(answers), window(0, 60)).value == 14
    assert measure(query, data(answers), window(0, 61)).value is None
    assert "no data" in measure(query, data(answers), window(60, 120)).missing
    two = Samples(name="p99", kind="answers", series=(series([7], pod="a"), series([8], pod="b")))
    assert "2 series" in measure(query, data(two), window(-60, 0)).missing
    assert measure(query, data(two), window(-60, 0), labels={"pod": "b"}).value == 16


# --- comparison ---


def test_a_change_against_zero_is_undefined() -> None:
    rows = data(counter(series([0, 0, 2])))

    now, before, delta, change = compare(FAILURES, rows, window(15, 30), window(0, 15))
    assert (now.value, before.value) == (2, 0)
    assert (delta.absolute, delta.relative) == (2, None)
    assert change is not None
    assert (change.value, change.scale) == (2, "value")


def test_a_missing_side_is_no_difference() -> None:
    rows = data(counter(series([0, 0, 2])))

    now, before, delta, change = compare(FAILURES, rows, window(0, 30), window(-600, -300))
    assert (now.value, before.value) == (2, None)
    assert (delta.absolute, delta.relative, change) == (None, None, None)


@pytest.mark.parametrize(("delta", "scale"), [("percent", "relative"), ("absolute", "value"), ("points", "points")])
def test_the_change_is_in_the_scale_that_the_metric_asks_for(delta: str, scale: str) -> None:
    """40 rows around 10 against 40 around 8: +25 %, 2 in its unit."""
    wave = np.tile([0.5, -0.5, 0.2, -0.2], 10)
    rows = data(gauge(series(np.concatenate([8 + wave, 10 + wave]))))
    asked = replace(CPU, delta=delta)  # type: ignore[arg-type]

    _, _, change, estimate = compare(asked, rows, window(600, 1200), window(0, 600))
    assert change.absolute == pytest.approx(2)
    assert estimate is not None
    assert estimate.scale == scale
    assert estimate.value == pytest.approx(0.25 if delta == "percent" else 2)
    assert estimate.at90 is not None
    assert estimate.at90.low < estimate.value < estimate.at90.high


def test_other_statistics_of_a_gauge_have_no_interval_and_say_so() -> None:
    wave = np.tile([0.5, -0.5, 0.2, -0.2], 10)
    rows = data(gauge(series(np.concatenate([8 + wave, 10 + wave]))))

    now, _, _, estimate = compare(replace(CPU, statistic="max"), rows, window(600, 1200), window(0, 600))
    assert estimate is not None
    assert estimate.value == pytest.approx(10.5 / 8.5 - 1)
    assert estimate.at90 is None
    assert estimate.blocked == "no interval for the max of a gauge"
    assert now.own is not None
    assert now.own.value == 10.5


def test_a_mean_in_seconds_changes_by_milliseconds() -> None:
    """1000 requests a row of 1.0 s, then of 1.2 s each, with a little noise: +200 ms."""
    noise = np.tile([5.0, -5.0, 2.0, -2.0], 15)
    counts = np.full(120, 1000.0)
    sums = np.concatenate([1000 + noise, 1200 + noise])
    columns = [np.concatenate([[0], np.cumsum(one)]) for one in (counts, counts, sums, counts)]
    rows = data(histogram(series(np.stack(columns, axis=1)), edges=(5,), name="parser_duration_seconds"))
    asked = metric("histogram", "parser_duration_seconds", "mean", scale=1000.0, delta="absolute")

    now, _, delta, estimate = compare(asked, rows, window(900, 1800), window(0, 900))
    assert now.value == pytest.approx(1200)
    assert delta.absolute == pytest.approx(200)
    assert estimate is not None
    assert estimate.scale == "value"
    assert estimate.value == pytest.approx(200)
    assert estimate.at90 is not None
    assert 195 < estimate.at90.low < 200 < estimate.at90.high < 205
    assert now.own is not None
    assert now.own.value == pytest.approx(1200)


# --- Prometheus' arithmetic ---


def test_prometheus_extends_to_the_edges() -> None:
    """Rows 7 s after the edges, 3 in 45 s: seen 45 s of 60, 3 * 60 / 45 = 4 by extrapolation, 3 or 4 as counted."""
    extended = replace(FAILURES, arithmetic="prometheus")
    rows = data(counter(series([10, 11, 12, 13], start=7)))

    figure = measure(extended, rows, window(0, 60))
    assert figure.value == pytest.approx(4)
    assert figure.arithmetic == "prometheus"
    assert measure(FAILURES, rows, window(0, 60)).value == 3


def test_the_server_that_gave_the_rows_decides_about_the_left_edge() -> None:
    extended = replace(FAILURES, arithmetic="prometheus")
    values = {
        engine: measure(extended, data(counter(series([100, 102, 106]), engine=engine)), window(0, 30)).value
        for engine in ("prometheus 2.53.0", "prometheus 3.1.0")
    }

    assert values == {"prometheus 2.53.0": 6, "prometheus 3.1.0": 8}


def test_prometheus_has_no_answer_for_a_single_scrape() -> None:
    extended = replace(FAILURES, arithmetic="prometheus")

    assert measure(extended, data(counter(series([1, 2], start=-15))), window(-14, 5)).value is None


# --- increments and paths ---


def test_increments_of_targets_with_offsets_of_their_own_share_a_grid() -> None:
    """Two pods scraped 8 s apart: the k-th step of each belongs together."""
    rows = data(
        histogram(
            series([(0, 0, 0), (1, 5, 1), (3, 15, 3)], pod="a"),
            series([(0, 0, 0), (10, 50, 10), (30, 150, 30)], start=-8, pod="b"),
            edges=(),
        )
    )
    added = increments(MEAN, rows, window(0, 40))
    assert added is not None

    assert added.counts.tolist() == [11, 22]
    assert added.ends_ms.tolist() == [ms(15), ms(30)]
    assert added.sums is not None
    assert added.sums.tolist() == [55, 110]


def test_increments_of_two_steps_are_put_on_the_coarser_grid() -> None:
    fine = 15.0 * np.arange(1, 9)
    coarse = 120 + 60.0 * np.arange(1, 4)
    times = np.concatenate([[0], fine, coarse])
    rows = np.stack([times, times, times], axis=1)
    mixed = series(rows, times=times, steps=[15] * 9 + [60] * 3)
    added = increments(MEAN, data(histogram(mixed, edges=())), window(0, 300))
    assert added is not None

    assert added.counts.sum() == 300
    assert added.seconds.sum() == 300
    assert added.counts.tolist() == added.seconds.tolist()
    assert len(added.counts) <= 6


def test_buckets_of_increments_are_not_cumulative() -> None:
    added = increments(P50, data(buckets((0, 0, 0, 0, 0), (2, 6, 10, 90, 10))), window(0, 15))
    assert added is not None
    assert added.buckets is not None

    assert added.buckets.tolist() == [[2, 4, 4]]


def test_a_gauge_has_no_increments() -> None:
    assert increments(CPU, data(gauge(series([1, 2]))), window(0, 15)) is None


@pytest.mark.parametrize("asked", [FAILURES, P50, MEAN, replace(P50, arithmetic="prometheus"), RUNS, CPU])
def test_a_path_is_the_figure_of_each_step(asked: Metric) -> None:
    """Also where a target is new, was lost for a minute, has started again, and where a bucket came later."""
    nan = float("nan")
    grown = [(n, 2 * n, 3 * n, 40 * n, 3 * n) for n in (*range(9), *range(2, 9))]
    late = [(nan, 2 * n, 3 * n, 41 * n, 3 * n) for n in range(4)] + [(n, 2 * n, 3 * n, 43 * n, 3 * n) for n in range(6)]
    lost = [15.0 * (at + 4 * (at > 5)) for at in range(16)]
    counts = [3.0, 5, 6, 6, 9, 1, 2, 2, 4]
    exports = data(
        histogram(series(grown, times=lost, pod="a"), series(late, start=65, pod="b"), edges=(10, 20)),
        counter(series(counts, pod="a"), series(counts, start=100, pod="b")),
        counter(series(counts, result="success"), series(counts[::-1], result="failure"), name="cicd_runs_total"),
        gauge(series(counts), series(counts, start=100)),
    )

    for every in (5, 15, 40):
        times, values = path(asked, exports, window(-30, 330), timedelta(seconds=every))
        one_by_one = [measure(asked, exports, window(end - every, end)).value for end in seconds_of(times)]
        assert str(values.tolist()) == str([nan if value is None else value for value in one_by_one])


def seconds_of(times: NDArray[np.int64]) -> list[int]:
    return ((times - ms(0)) // 1000).tolist()


def test_a_path_has_no_number_where_nothing_was_measured() -> None:
    rows = data(counter(series([0, 1, 1, 4, 9], times=[0, 15, 30, 90, 105])))

    times, values = path(FAILURES, rows, window(0, 120), timedelta(seconds=30))
    assert times.tolist() == [ms(30), ms(60), ms(90), ms(120)]
    assert values[[0, 3]].tolist() == [1, 5]
    assert np.isnan(values[1])
