"""Pictures of a deployment that only some reports need."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from build import PARSER_P50, data, deployment, histogram, series, window

from deploybook.book.pictures import distribution, shares_of
from deploybook.facts import Facts
from deploybook.model import Verdict

NOW, BEFORE = window(0, 60), window(-86400, -86340)
# Cumulative buckets up to 50, 100 and +Inf, the sum, the count: 10, 20 and 10 requests in a minute, the day before 30 and 10.
SAMPLES = data(
    histogram(
        series([[30, 40, 40, 0, 40], [60, 80, 80, 0, 80]], step=60, start=-86400, service="memory-search"),
        series([[90, 120, 120, 0, 120], [100, 150, 160, 0, 160]], step=60, service="memory-search"),
        edges=(50, 100),
    )
)


def looked(verdict: Verdict, **more: Any) -> Any:
    side = [SimpleNamespace(window=each, inputs=(), value=50.0) for each in (NOW, BEFORE)]
    return SimpleNamespace(metric=replace(PARSER_P50, **more), verdict=verdict, now=side[0], baseline=side[1])


def test_shares_are_of_all_requests_of_the_window() -> None:
    assert shares_of(PARSER_P50, SAMPLES, NOW) == pytest.approx((0.25, 0.5, 0.25))
    assert shares_of(PARSER_P50, SAMPLES, BEFORE) == pytest.approx((0.75, 0.25, 0))
    assert shares_of(PARSER_P50, SAMPLES, window(7200, 7260)) is None


@pytest.mark.parametrize(
    ("verdict", "more", "shown"),
    [
        (Verdict.WARN, {}, True),
        (Verdict.FAIL, {"statistic": "p95"}, True),
        (Verdict.PASS, {}, False),
        (Verdict.NO_DATA, {}, False),
        (Verdict.FAIL, {"statistic": "mean"}, False),
    ],
)
def test_a_distribution_is_drawn_where_a_quantile_moved(verdict: Verdict, more: dict[str, Any], shown: bool) -> None:
    one = deployment()
    facts = Facts(deployment=one, as_of=one.end, verdict=verdict, sentence="")
    block = distribution(facts, SAMPLES, looked(verdict, **more))

    assert bool(block) == shown
    assert ("fullest bucket up to 100 with 50.0 %" in str(block)) == shown
