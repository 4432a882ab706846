"""A dashboard's queries as metrics, in the words of deployment.yml."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from servers import damaged

from deploybook.errors import UsageProblem
from deploybook.sources.dashboard import propose, recognised


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        (
            'histogram_quantile(0.95, sum by (le) (rate(x_ms_bucket{a="b"}[5m])))',
            {"histogram": "x_ms", "where": {"a": "b"}, "statistic": "p95"},
        ),
        (
            "histogram_quantile(.999, sum(increase(x_bucket[1h])) by (region, le))",
            {"histogram": "x", "statistic": "p99.9", "by": ["region"]},
        ),
        ("sum(rate(x_sum[5m])) / sum(rate(x_count[5m]))", {"histogram": "x", "statistic": "mean"}),
        ("sum(increase(errors_total[1h]))", {"counter": "errors_total"}),
        ('rate(errors_total{code=~"5.."}[5m])', {"counter": "errors_total", "where": 'code=~"5.."'}),
        (
            '100 * sum(rate(runs_total{env="p",result="ok"}[1h])) / sum(rate(runs_total{env="p"}[1h]))',
            {"ratio": "runs_total", "good": {"result": "ok"}, "where": {"env": "p"}},
        ),
        ("sum(rate(good_total[1h]))/sum(rate(all_total[1h]))", {"ratio": {"good": "good_total", "total": "all_total"}}),
        ("avg_over_time(cpu[5m])", {"gauge": "cpu", "statistic": "mean"}),
        ("max(cpu)", {"gauge": "cpu", "statistic": "max"}),
        ("up == 0", {"query": "up == 0"}),
        ("errors_total", {"query": "errors_total"}),
        ("topk(3, sum by (pod) (rate(x_total[5m])))", {"query": "topk(3, sum by (pod) (rate(x_total[5m])))"}),
        ("sum(rate(x_total[5m])) > 0", {"query": "sum(rate(x_total[5m])) > 0"}),
    ],
)
def test_a_query_is_recognised_only_where_the_metric_means_the_same(query: str, keys: dict[str, Any]) -> None:
    assert recognised(query)[0] == keys


def board(*queries: str, **defaults: Any) -> bytes:
    targets = [{"expr": query, "legendFormat": "__auto"} for query in queries]
    panel = {"id": 7, "title": "Latency", "targets": targets, "fieldConfig": {"defaults": defaults}}
    return json.dumps({"dashboard": {"panels": [{"type": "row", "panels": [panel]}]}}).encode()


def test_what_grafana_fills_in_is_left_out() -> None:
    (found,) = propose(board('sum(rate(x_total{job="api",region=~"$region",pod="${pod}"}[$__rate_interval]))'))

    assert found.keys["where"] == {"job": "api"}


def test_the_limit_goes_to_the_first_metric_in_its_unit() -> None:
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 0.5}]
    latency = "histogram_quantile({}, sum by (le) (rate(x_seconds_bucket[5m])))"

    found = propose(
        board(latency.format(0.5), latency.format(0.95), unit="s", thresholds={"mode": "absolute", "steps": steps})
    )

    assert [(one.id, one.keys.get("target"), one.keys["unit"]) for one in found] == [
        ("x_p50", "at most 0.5 s", "s"),
        ("x_p95", None, "s"),
    ]


def test_a_share_of_one_says_its_unit() -> None:
    steps = [{"color": "dark-red", "value": None}, {"color": "green", "value": 0.99}]

    (found,) = propose(board("availability", unit="percentunit", thresholds={"steps": steps}))

    assert (found.keys["unit"], found.keys["source_unit"], found.keys["target"]) == ("%", "1", "at least 99 %")


def test_ids_are_plain_and_each_its_own() -> None:
    found = propose(board("up == 0", "up == 1", "9p"))

    assert [one.id for one in found] == ["latency", "latency_2", "latency_3"]


@pytest.mark.parametrize("content", [b"", b"[]", b"<html>", b'{"title": "x"}', b"[" * 100_000])
def test_what_is_no_dashboard_is_told(content: bytes) -> None:
    with pytest.raises(UsageProblem, match="dashboard"):
        propose(content)


def test_the_reference_dashboard_gives_its_metrics(shared: Path) -> None:
    path = shared / "scenario/observability/exports/2025-01-22/grafana/telemetry-step2-dashboard.json"

    found = {one.id: one.keys for one in propose(path.read_bytes())}

    assert found["parser_p50"]["target"] == "at most 65 ms"
    assert found["cli_cmd_p95"]["target"] == "at most 210 ms"
    assert found["cicd_runs"] | {"title": ""} == {
        "title": "",
        "ratio": "cicd_runs_total",
        "good": {"result": "success"},
        "unit": "%",
        "better": "higher",
        "target": "at least 90 %",
        "panel": "21",
    }
    assert {keys["panel"] for keys in found.values()} == {"12", "17", "21"}


def test_any_damage_ends_in_proposals_or_a_word_about_the_dashboard() -> None:
    whole = json.loads(board("sum(rate(x_total[5m]))", unit="s", thresholds={"steps": [{"color": "red", "value": 1}]}))
    for seed in range(300):
        with suppress(UsageProblem):
            propose(json.dumps(damaged(whole, Random(seed))).encode())
