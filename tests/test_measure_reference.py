"""The reference scenario: the README's "from CSV" column, and expected.json as a report prints it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from build import CICD, CLI_P95, FAILURES, PARSER_P50, VARIANCE, at, reference_data, window

from deploybook.measure import compare, increments, measure, path, worst_hour
from deploybook.model import Data, Metric
from deploybook.times import UTC, Window

DAY = timedelta(days=1)
DEPLOYMENT = window(0, 5400)


@pytest.fixture(scope="module")
def exports(shared: Path) -> Data:
    return reference_data(shared)


def before(now: Window, days: int = 1) -> Window:
    return Window(start=now.start - days * DAY, end=now.end - days * DAY)


def minutes(end: int, length: int) -> Window:
    return window((end - length) * 60, end * 60)


@pytest.mark.parametrize(
    ("metric", "now", "baseline", "delta"),
    [
        (PARSER_P50, 58.400, 57.305, 1.911),
        (CLI_P95, 187.044, 189.112, -1.093),
        (CICD, 96.800, 93.220, 3.580),
        (FAILURES, 0.000, 0.000, 0.000),
    ],
)
def test_the_window_agrees_with_the_csv_column(
    exports: Data, metric: Metric, now: float, baseline: float, delta: float
) -> None:
    first, second, change, estimate = compare(metric, exports, DEPLOYMENT, before(DEPLOYMENT))

    assert first.value == pytest.approx(now, abs=5e-4)
    assert second.value == pytest.approx(baseline, abs=5e-4)
    shown = change.relative * 100 if metric.delta == "percent" and change.relative is not None else change.absolute
    assert shown == pytest.approx(delta, abs=5e-4)
    assert estimate is not None


@pytest.mark.parametrize(
    ("end", "length", "days", "variance"),
    [
        (10, 10, 1, 1.499),
        (15, 15, 1, 2.287),
        (30, 15, 1, 2.115),
        (45, 15, 1, 2.577),
        (60, 15, 1, 2.198),
        (75, 15, 1, 1.820),
        (90, 15, 1, 2.006),
        (150, 60, 1, 2.204),
        (90 + 12 * 60, 60, 2, 1.422),
        (90 + 24 * 60, 60, 2, 1.995),
        (90 + 48 * 60, 60, 3, 1.701),
    ],
)
def test_the_variance_agrees_with_the_csv_column(
    exports: Data, end: int, length: int, days: int, variance: float
) -> None:
    now = minutes(end, length)
    _, _, change, estimate = compare(VARIANCE, exports, now, before(now, days))

    assert change.relative is not None
    assert change.relative * 100 == pytest.approx(variance, abs=5e-4)
    assert estimate is not None
    assert estimate.value == pytest.approx(change.relative)


def test_every_figure_prints_as_expected(exports: Data, shared: Path) -> None:
    figures = json.loads((shared / "scenario" / "expected.json").read_text())["figures"]

    for figure in figures:
        now = _window(figure["eval_at"], figure["query"])
        metric = _metric(figure["query"])
        if figure["baseline_at"]:
            _, _, change, _ = compare(metric, exports, now, _window(figure["baseline_at"], figure["query"]))
            value = change.absolute if figure["combine"] == "pts" else (change.relative or 0.0) * 100
        else:
            value = measure(metric, exports, now).value
        assert value is not None
        decimals = len(figure["expected"].partition(".")[2])
        # The CLI p95 of single check-ins from rows may print 1 ms off (scenario/README.md).
        loose = 1.01 if figure["id"].startswith("cli_p95_1") else 0.5 * 10**-decimals
        assert value == pytest.approx(float(figure["expected"]), abs=loose), figure["id"]


def _metric(query: str) -> Metric:
    name = next(
        name for name in ('duration_ms_bucket{service="mem', "cli_cmd", "failure", "cicd", "_sum") if name in query
    )
    return {"duration": PARSER_P50, "cli_cmd": CLI_P95, "failure": FAILURES, "cicd": CICD, "_sum": VARIANCE}[
        name.split("_ms_bucket")[0]
    ]


def _window(end: str, query: str) -> Window:
    number, unit = re.findall(r"\[(\d+)([mh])\]", query)[0]
    last = datetime.fromisoformat(end).astimezone(UTC)
    return Window(start=last - timedelta(minutes=int(number) * (60 if unit == "h" else 1)), end=last)


def test_restarts_cost_a_few_samples(exports: Data) -> None:
    """Four pods are away for about 20 s each: 6 rows of 1440 are not there, and 10 steps of 15 s are not seen."""
    coverage = measure(PARSER_P50, exports, DEPLOYMENT).coverage

    assert (coverage.found, coverage.expected) == (1434, 1440)
    assert coverage.seen == pytest.approx(1 - 10 * 15 / (4 * 5400))


def test_the_change_of_step_inside_the_observation_is_no_gap(exports: Data) -> None:
    since_end = window(5400, 5400 + 48 * 3600)

    assert measure(VARIANCE, exports, since_end).coverage.seen == pytest.approx(1, abs=1e-9)


def test_two_failures_fall_into_one_sliding_hour(exports: Data) -> None:
    """20:11:50 and 20:52:07 PT on Day 4; 4 in all over the observation, at most 1 in an hour ending at :30."""
    since_end = window(5400, 5400 + 48 * 3600)
    added = increments(FAILURES, exports, since_end)
    assert added is not None

    assert measure(FAILURES, exports, since_end).value == 4
    assert measure(FAILURES, exports, since_end).worst_hour == 2
    worst, start = worst_hour(added, since_end)
    assert worst == 2
    assert start <= at(30 * 3600 + 11 * 60 + 50) < start + timedelta(hours=1)
    assert max(path(FAILURES, exports, since_end, timedelta(hours=1))[1]) == 1


def test_the_hourly_variance_stays_in_the_readmes_range(exports: Data) -> None:
    hours = [window(5400 + hour * 3600, 9000 + hour * 3600) for hour in range(48)]
    changes = []
    for now in hours:
        days = 1 if now.start < at(10 * 3600) else 2 if now.start < at(34 * 3600) else 3
        changes.append(compare(VARIANCE, exports, now, before(now, days))[2].relative)

    assert min(changes) * 100 == pytest.approx(0.25, abs=0.1)  # type: ignore[type-var,operator]
    assert max(changes) * 100 == pytest.approx(3.98, abs=0.1)  # type: ignore[type-var,operator]
