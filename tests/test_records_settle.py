"""What a deployment takes from further away, and what stands where nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploybook import records
from deploybook.model import Deployment

HEAD = "title: T\nticket: CHG-1\ntimezone: UTC\nwindow: 2025-01-22 14:00 to 15:30\n"
METRIC = "metrics: {m: {gauge: up, unit: runs, statistic: mean}}\n"


def read(root: Path, deployment: str, settings: str = "source: env:PROMETHEUS_URL\n") -> Deployment:
    (root / "deployments/x").mkdir(parents=True)
    (root / "deploybook.yml").write_text(settings)
    (root / "deployments/x/deployment.yml").write_text(HEAD + deployment)
    return records.read_deployment(records.read_workspace(root), "x")


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        ("", ["source"]),
        ("sources: {exports: {kind: files, paths: [a.csv]}}\n", ["exports"]),  # where the numbers are: nearer wins
        ("sources: {calls: {kind: pagerduty, paths: [a.json]}}\n", ["source", "calls"]),  # events come beside them
    ],
)
def test_a_nearer_place_for_numbers_wins_over_the_workspace(tmp_path: Path, sources: str, names: list[str]) -> None:
    assert [source.name for source in read(tmp_path, METRIC + sources).sources] == names


def test_without_criteria_a_checkpoint_holds_metrics_to_targets_else_to_their_tolerance(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "metrics:\n"
        "  limited: {gauge: a_ms, target: at most 65 ms}\n"
        "  compared: {gauge: b_ms}\n"
        "  counted: {counter: c_total}\n"
        "  shown: {gauge: d_ms, target: at most 1 ms, advisory: true}\n",
    )

    assert [(id, limit.text) for id, limit in found.checkpoints.success] == [
        ("limited", "at most 65 ms"),
        ("compared", "within 5 %"),
    ]


@pytest.mark.parametrize(
    ("metric", "title"),
    [
        ("{gauge: cli_duration_p95_ms, statistic: mean}", "cli_duration_p95_ms, mean of the exported p95"),
        ("{gauge: cli_p95_ms, title: CLI latency p95, statistic: max}", "CLI latency, max of the exported p95"),
        ("{gauge: latency, where: {quantile: '0.99'}, unit: s, title: Latency}", "Latency, mean of the exported p99"),
        ("{gauge: stats.timers.cli.upper_90, unit: ms, title: CLI}", "CLI, mean of the exported p90"),
        ("{histogram: cli_ms, statistic: p95, title: CLI p95}", "CLI p95"),
        ("{gauge: cpu_percent, title: CPU}", "CPU"),
    ],
)
def test_a_ready_made_quantile_is_called_what_it_is(tmp_path: Path, metric: str, title: str) -> None:
    assert read(tmp_path, f"metrics: {{m: {metric}}}\n").metrics[0].title == title
