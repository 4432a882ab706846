"""Intervals against published examples, hand-worked numbers, and what a few hundred simulated windows say."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from deploybook.measure.uncertainty import (
    change_from_history,
    change_of_count,
    change_of_gauge,
    change_of_mean,
    change_of_quantile,
    change_of_ratio,
    own_count,
    own_gauge,
    own_mean,
    own_quantile,
    own_ratio,
)
from deploybook.measure.uncertainty.counts import dispersion, together, wilson
from deploybook.measure.uncertainty.figures import t_value
from deploybook.measure.uncertainty.noise import by_batches, by_geyer, even, noise_of, settled
from deploybook.measure.uncertainty.quantiles import quantiles
from deploybook.model import Estimate, Increments

INF = math.inf
Floats = np.ndarray


def increments(
    counts: Sequence[float] | Floats,
    sums: Sequence[float] | Floats | None = None,
    *,
    step: float | Sequence[float] = 15.0,
    good: Sequence[float] | None = None,
    buckets: Sequence[Sequence[float]] | Floats | None = None,
) -> Increments:
    n = len(counts)
    seconds = np.full(n, step) if isinstance(step, float) else np.asarray(step, dtype=float)
    made = {"sums": sums, "good": good, "buckets": buckets}
    return Increments(
        ends_ms=(1000 * np.cumsum(seconds)).astype(np.int64),
        seconds=seconds,
        counts=np.asarray(counts, dtype=float),
        **{name: np.asarray(value, dtype=float) for name, value in made.items() if value is not None},
    )


def ar1(seed: int, n: int, lag1: float) -> Floats:
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal()]
    for shock in rng.standard_normal(n - 1) * math.sqrt(1 - lag1**2):
        values.append(lag1 * values[-1] + shock)
    return np.asarray(values)


def latencies(seed: int, n: int, lag1: float = 0.0, shift: float = 0.0, cv: float = 0.1) -> Increments:
    level = 50 * (1 + shift) * np.exp(cv * ar1(seed, n, lag1))
    return increments(np.full(n, 100.0), 100 * level)


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.at90 is not None
    return estimate.at90.low, estimate.at90.high


# --- exact limits, against published examples ---


def test_no_error_in_90_minutes_means_below_2_an_hour() -> None:
    below = ends(own_count(0, 1.5))[1]  # the upper end of a two-sided 90 % interval: 95 % to one side

    assert below == pytest.approx(-math.log(0.05) / 1.5)
    assert below == pytest.approx(2.0, abs=0.005)


@pytest.mark.parametrize(("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.390)])
def test_poisson_limits_are_garwoods(events: int, low: float, high: float) -> None:
    """Two-sided 95 % limits as in Garwood 1936, and in any table of exact Poisson limits."""
    limits = own_count(events).at95

    assert limits is not None
    assert (limits.low, limits.high) == pytest.approx((low, high), abs=6e-4)


@pytest.mark.parametrize(
    ("good", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_limits_of_a_share_are_wilsons(good: int, total: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    assert wilson(good, total, 0.95) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("now", "base", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_limits_of_a_difference_are_newcombes(
    now: tuple[int, int], base: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    first, second = (increments([total], good=[good]) for good, total in (now, base))

    limits = change_of_ratio(first, second).at95

    assert limits is not None
    assert (limits.low / 100, limits.high / 100) == pytest.approx((low, high), abs=1e-4)


def test_121_of_125_against_110_of_118_may_be_chance() -> None:
    """The reference deployment's pipeline runs: +3.58 points, and no change lies inside both intervals."""
    change = change_of_ratio(increments([125], good=[121]), increments([118], good=[110]))

    assert change.value == pytest.approx(3.580, abs=1e-3)
    assert change.at90 is not None and change.at90.low < 0 < change.at90.high


@pytest.mark.parametrize(("confidence", "df", "t"), [(0.90, 9, 1.833), (0.95, 10, 2.228), (0.98, 5, 3.365)])
def test_student(confidence: float, df: float, t: float) -> None:
    assert t_value(confidence, df) == pytest.approx(t, abs=5e-4)


def test_seven_earlier_windows_predict_the_eighth() -> None:
    """By hand: logs of 100·1.02^k, k = -3 … 3, have s = 0.0198·2.1602; t(6) at 90 % is 1.9432."""
    earlier = [100 * 1.02**k for k in range(-3, 4)]
    half = 1.9432 * math.log(1.02) * math.sqrt(28 / 6) * math.sqrt(1 + 1 / 7)

    change = change_from_history(105.0, earlier)

    assert change.value == pytest.approx(0.05)
    assert ends(change) == pytest.approx((1.05 * math.exp(-half) - 1, 1.05 * math.exp(half) - 1), abs=1e-5)


def test_six_earlier_windows_are_too_few() -> None:
    assert change_from_history(105.0, [100.0] * 6).blocked


# --- noise ---


def test_even_weighs_by_length() -> None:
    """Four rows of 15 s and one of 60 s are two samples of 60 s, neither scaled."""
    assert even(np.array([1.0, 2, 3, 4, 5]), np.array([15.0, 15, 15, 15, 60]), 60.0) == pytest.approx([10.0, 5.0])
    assert even(np.array([6.0]), np.array([240.0]), 60.0) == pytest.approx([3.0])


def test_batches_by_hand() -> None:
    """Eight pairs with means 0 and 1 in turn: variance 2/7 of a mean of two, so 4/7 a sample."""
    assert by_batches(np.repeat([0.0, 1.0] * 4, 2)) == pytest.approx(4 / 7)


def test_geyer_stops_at_the_first_pair_that_is_not_positive() -> None:
    """Pairs 1.5, 0.3, -0.1: 2·(1.5 + 0.3) - 1 = 2.6, and 7 of the 100 lags were used."""
    gamma = np.concatenate([[1.0, 0.5, 0.2, 0.1, -0.3, 0.2, 5.0, 5.0], np.zeros(92)])

    assert by_geyer(gamma) == pytest.approx(2.6 / 0.93)


@pytest.mark.parametrize(("lag1", "share"), [(0.0, 1.0), (0.6, 1 / 4), (0.9, 1 / 19)])
def test_effective_samples_of_ar1(lag1: float, share: float) -> None:
    """(1 - r) / (1 + r) of the samples count; taking the largest variance errs to fewer."""
    effective = np.median([noise_of(ar1(seed, 2000, lag1)).effective for seed in range(15)]) / 2000

    assert 0.6 * share < effective <= 1.05 * share


def test_noise_over_a_drifting_level_does_not_hide_its_memory() -> None:
    """Half AR(0.97), half white noise: lag 1 alone (0.49) would make it 340 of 1000 samples; 1.5 of 100 count."""
    rng = np.random.default_rng(5)

    found = [noise_of(ar1(seed, 1000, 0.97) + rng.standard_normal(1000)).effective for seed in range(15)]

    assert np.median(found) < 60


def test_what_the_clock_does_is_no_noise() -> None:
    hours = np.arange(288) / 12
    day = 3 + 0.2 * hours + np.sin(2 * np.pi * hours / 24) + np.cos(4 * np.pi * hours / 24)

    assert np.abs(settled(day, 300.0)).max() < 1e-9


# --- means ---


def test_the_mean_is_the_ratio_of_the_sums() -> None:
    """(2·50 + 8·100) / 10 = 90, not the mean of the two scrapes' means."""
    assert own_mean(increments([2, 8], [100, 800]), scale=1000).value == pytest.approx(90_000)


def test_a_change_of_a_mean_covers_the_truth_as_often_as_it_says() -> None:
    covered = [
        change.at90.low <= 0 <= change.at90.high
        for seed in range(300)
        if (change := change_of_mean(latencies(seed, 240, 0.6), latencies(seed + 1000, 240, 0.6))).at90
    ]

    assert len(covered) == 300
    assert 0.87 <= np.mean(covered) <= 0.97


def test_a_change_does_not_depend_on_the_unit() -> None:
    now, base = latencies(1, 120, 0.6), latencies(2, 120, 0.6)
    seconds = [Increments(**{**vars(it), "sums": it.sums / 1000}) for it in (now, base) if it.sums is not None]

    assert ends(change_of_mean(*seconds)) == pytest.approx(ends(change_of_mean(now, base)))


def test_rows_of_a_minute_tell_what_rows_of_15_s_tell() -> None:
    def by_minute(it: Increments) -> Increments:
        assert it.sums is not None
        return increments(it.counts.reshape(-1, 4).sum(1), it.sums.reshape(-1, 4).sum(1), step=60.0)

    now, base = latencies(1, 480), latencies(2, 480)
    fine, coarse = change_of_mean(now, base), change_of_mean(by_minute(now), by_minute(base))

    assert coarse.value == pytest.approx(fine.value)
    assert coarse.resolvable == pytest.approx(fine.resolvable, rel=0.25)


def test_few_effective_samples_are_blocked_and_say_how_long_it_would_take() -> None:
    change = change_of_mean(latencies(1, 60, 0.9), latencies(2, 60, 0.9))

    assert "effective samples" in change.blocked
    assert change.needed is not None and change.needed > timedelta(minutes=15)


def test_a_day_of_history_lets_twelve_coarse_rows_speak() -> None:
    level = 50 * np.exp(0.02 * ar1(3, 288, 0.3))
    day, hour = increments(np.full(288, 100.0), 100 * level, step=300.0), slice(144, 156)
    rows = increments(day.counts[hour], 100 * level[hour], step=300.0)

    assert change_of_mean(rows, rows).blocked
    told = change_of_mean(rows, rows, history=day)
    assert not told.blocked
    # 12 rows of CV 2 %, memory 1.3 / 0.7: 1.66·2 %·sqrt(2·1.86/12) is 1.8 %.
    assert told.resolvable == pytest.approx(0.018, rel=0.35)


def test_a_window_that_is_noisier_than_its_history_is_believed() -> None:
    day, hour = latencies(1, 2000, cv=0.02), latencies(2, 240, cv=0.10)

    told = own_mean(hour, history=day)

    assert told.at90 is not None
    assert told.at90.half / told.value > 2.5 * 1.66 * 0.02 / math.sqrt(240)


@pytest.mark.parametrize("counts", [[], [0.0, 0.0, 0.0], [5.0]])
def test_a_window_without_requests_has_no_interval(counts: list[float]) -> None:
    empty = increments(counts, [0.0] * len(counts))

    change = change_of_mean(latencies(1, 60), empty)

    assert change.at90 is None
    assert change.blocked == "no requests in the baseline"


def test_a_window_that_was_not_observed_has_no_count_to_compare() -> None:
    assert change_of_count(increments([]), increments(np.ones(30))).blocked == "no time observed"


def test_a_gauge_at_zero_has_a_difference_and_no_ratio() -> None:
    idle, busy = np.zeros(60), 3 + 0.1 * ar1(1, 60, 0.0)

    change = change_of_gauge(busy, idle)

    assert change.scale == "value"
    assert change.value == pytest.approx(busy.mean())
    assert change_of_gauge(busy, busy).scale == "relative"


def test_a_gauge_has_an_interval_of_its_own_in_its_unit() -> None:
    values = 3 + 0.1 * ar1(1, 400, 0.0)

    own = own_gauge(values, scale=100.0)

    assert own.value == pytest.approx(100 * values.mean())
    assert own.resolvable == pytest.approx(100 * 1.65 * 0.1 / 20, rel=0.25)


def test_no_noise_is_no_doubt() -> None:
    steady = increments([10.0] * 40, [500.0] * 40)

    assert ends(change_of_mean(steady, steady)) == (0.0, 0.0)


# --- counts ---


def test_no_events_on_both_sides_have_limits() -> None:
    """Exact limits of 0 are 0 and 2.996 (90 %): the difference lies within ± a little more than that."""
    quiet = increments(np.zeros(90), step=60.0)

    change = change_of_count(quiet, quiet)

    low, high = ends(change)
    assert change.value == 0
    assert low == -high == pytest.approx(-2.996, rel=0.06)


def test_a_baseline_of_another_length_is_scaled() -> None:
    now, base = increments(np.ones(30), step=60.0), increments(np.ones(90), step=60.0)

    assert change_of_count(now, base).value == pytest.approx(0.0)
    assert change_of_count(now, base, relative=True).value == pytest.approx(0.0)


def test_bursts_widen_the_interval() -> None:
    """36 events one by one, or as three dozens: sums of 3, or three of 12 and nine of 0, in twelfths of the window."""
    single, dozens = increments(np.ones(36), step=60.0), increments(np.repeat([12.0, 0, 0, 0], 3), step=180.0)

    assert dispersion(single) == (1.0, 11.0)
    assert dispersion(dozens)[0] == pytest.approx((3 * 81 + 9 * 9) / 3 / 11)
    wide, narrow = (change_of_count(it, it, relative=True) for it in (dozens, single))
    assert wide.resolvable is not None and narrow.resolvable is not None
    assert wide.resolvable > 2 * narrow.resolvable


def test_runs_that_fail_together_count_as_fewer() -> None:
    """10 of 120 runs fail: spread out, or all in one twelfth of the window."""
    spread = increments(np.full(12, 10.0), good=[9.0] * 10 + [10.0] * 2, step=450.0)
    block = increments(np.full(12, 10.0), good=[0.0] + [10.0] * 11, step=450.0)

    assert together(spread) == 1.0
    assert together(block) == pytest.approx(10.9, abs=0.1)
    assert ends(own_ratio(110, 120, window=spread)) == ends(own_ratio(110, 120))
    assert ends(own_ratio(110, 120, window=block))[0] < ends(own_ratio(110, 120))[0] - 5


# --- quantiles ---

EDGES = (10.0, 20.0, 40.0, INF)


def test_a_quantile_is_read_inside_its_bucket() -> None:
    """Rank 15 of 20 is the fifth of the ten between 20 and 40: 20 + 20·5/10."""
    assert quantiles(np.array([[4.0, 6.0, 10.0, 0.0]]), np.array(EDGES), 0.75) == pytest.approx([30.0])
    assert quantiles(np.array([[0.0, 0, 0, 4]]), np.array(EDGES), 0.5) == pytest.approx([40.0])
    assert np.isnan(quantiles(np.zeros((1, 4)), np.array(EDGES), 0.5)).all()


def scrapes(seed: int, n: int = 240) -> Increments:
    buckets = np.random.default_rng(seed).multinomial(50, [0.2, 0.3, 0.49, 0.01], size=n).astype(float)
    return increments(buckets.sum(axis=1), buckets=buckets)


def test_a_quantile_has_the_binomial_interval() -> None:
    """p25 is 10 + 10·0.05/0.3 = 11.67 ms; sqrt(0.25·0.75/12000) of rank, at 33.3 ms a rank, is 0.132 ms."""
    own = own_quantile(scrapes(1), edges=EDGES, q=0.25)

    assert own.value == pytest.approx(11.67, abs=0.4)
    assert own.resolvable == pytest.approx(1.65 * 0.132, rel=0.25)


def test_the_same_input_gives_the_same_interval() -> None:
    once, again = (change_of_quantile(scrapes(1), scrapes(2), edges=EDGES, q=0.5) for _ in range(2))

    assert once == again
    assert "seed 20250122" in once.method


def test_the_interval_ends_at_the_edges_of_the_bucket() -> None:
    """Ten scrapes of two requests each: the share of requests is so unsure that only the bucket is known."""
    few = increments([2.0] * 10, buckets=[[0.0, 0.0, 2.0, 0.0]] * 10)

    own = own_quantile(few, edges=EDGES, q=0.5)

    assert own.at98 is not None
    assert 20.0 <= own.at98.low <= own.at98.high <= 40.0


def test_a_quantile_above_the_last_edge_is_no_value() -> None:
    above = increments([2.0] * 60, buckets=[[0.0, 0.0, 0.0, 2.0]] * 60)

    change = change_of_quantile(above, scrapes(1), edges=EDGES, q=0.5)

    assert change.at90 is None
    assert change.blocked == "the quantile lies above the last bucket edge"


def test_a_day_of_history_serves_a_quantile_too() -> None:
    day, hour = scrapes(1, 960), scrapes(2, 9)

    assert change_of_quantile(hour, hour, edges=EDGES, q=0.5).blocked
    assert not change_of_quantile(hour, hour, edges=EDGES, q=0.5, history=day).blocked


# --- how often the word is wrong: a few rows of `make bench-verdicts`, with fewer windows ---


@pytest.fixture(scope="module")
def simulation(root: Path) -> ModuleType:
    path = root / "benchmarks" / "verdicts.py"
    if not path.is_file():
        pytest.skip("the benchmarks are not part of this copy")
    spec = importlib.util.spec_from_file_location("simulated_verdicts", path)
    assert spec and spec.loader
    module = sys.modules["simulated_verdicts"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wrong(row: Any) -> float:
    """The share of wrong words: fails without a change, passes at one of 10 %."""
    return row.words.get("fail" if row.what[-1] == "0%" else "pass", 0.0)


def test_words_on_correlated_samples_are_rarely_wrong(simulation: ModuleType) -> None:
    rows = {row.what: row for row in simulation.fine(150, (60, 240, 960), (0.0, 0.10))}

    assert {what for what, row in rows.items() if wrong(row) > 0.04} == set()
    assert rows["960", "0.6", "0%"].words["pass"] >= 0.95
    assert rows["240", "0.6", "10%"].words["fail"] > 0.9
    # What it is better than: the plain rule on 60 samples at lag 1 0.9, no change.
    assert rows["60", "0.9", "0%"].plain > 0.3


def test_words_on_twelve_coarse_rows_are_rarely_wrong(simulation: ModuleType) -> None:
    rows = {row.what: row for row in simulation.coarse(150, (0.0, 0.10))}

    assert {what for what, row in rows.items() if wrong(row) > 0.04} == set()
    assert rows["20 levels", "0.6", "0%"].words["pass"] > 0.9
    assert rows["20 levels", "0.6", "10%"].words["fail"] > 0.9
