"""The arithmetic of Prometheus against the vectors of its own test suite, and worked by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import SHARED
from promql_functions import histogram, over_range

from deploybook.measure import promql

FILES = ("prometheus_counter_functions", "prometheus_histogram", "prometheus_over_time")
COUNTING = {"rate": True, "increase": True, "delta": False}


def vectors(name: str) -> list[dict[str, Any]]:
    path = SHARED / "vectors" / f"{name}.json"
    return json.loads(path.read_text())["vectors"] if path.is_file() else []


def number(value: Any) -> float:
    return math.nan if value == "stale" else float(value)


def rows(series: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(milliseconds, values), stale markers dropped."""
    kept = [(round(t * 1000), number(v)) for t, v in series["samples"] if v != "stale"]
    return np.array([t for t, _ in kept], dtype=np.int64), np.array([v for _, v in kept])


def of_range(core: dict[str, Any], series: dict[str, Any], end_s: float) -> float | None:
    times, values = rows(series)
    end = round((end_s - core.get("offset_s", 0.0)) * 1000)
    start = end - round(core["range_s"] * 1000)
    if core["fn"] in COUNTING:
        value = promql.increase(times, values[:, None], start, end, counter=COUNTING[core["fn"]])
        return None if value is None else float(value[0]) / (core["range_s"] if core["fn"] == "rate" else 1)
    part = promql.in_range(times, start, end)
    return over_range(core["fn"], times[part] / 1000, values[part], end / 1000, _argument(core))


def _argument(core: dict[str, Any]) -> Any:
    argument = core.get("arg")
    return (
        [number(one) for one in argument]
        if isinstance(argument, list)
        else None
        if argument is None
        else number(argument)
    )


def instant(series: dict[str, Any], at_s: float) -> float | None:
    """The last value within five minutes, unless it is a stale marker."""
    inside = [v for t, v in series["samples"] if at_s - 300 < t <= at_s]
    return number(inside[-1]) if inside and inside[-1] != "stale" else None


def answer(vector: dict[str, Any]) -> dict[tuple[tuple[str, str], ...], float]:
    core, found = vector["core"], {}
    if not core["fn"].startswith("histogram"):
        for series in vector["series"]:
            value = of_range(core, series, vector["at_s"])
            if value is not None:
                found[key(series["labels"])] = value
        return found
    groups: dict[Any, dict[float, list[float]]] = {}
    for series in vector["series"]:
        try:
            edge = (float(series["labels"].get("le", "none")), series["labels"].get("le"))
        except ValueError:
            continue
        if core["inner"]:
            value = of_range({**core, "fn": "rate"}, series, vector["at_s"])
        else:
            value = instant(series, vector["at_s"])
        if value is None:
            continue
        labels = {name: text for name, text in series["labels"].items() if name != "le"}
        by = core.get("by")
        group = key(labels if by is None else {name: labels[name] for name in by if name in labels})
        groups.setdefault(group, {}).setdefault(edge, []).append(value)
    for group, buckets in groups.items():
        # Aggregation keeps `0.2` and `.2` apart, as they are written; the quantile then adds them up.
        reduced = [
            (edge[0], sum(many) / (len(many) if core["inner"] == "avg_rate" else 1)) for edge, many in buckets.items()
        ]
        found[group] = histogram(core["fn"], _argument(core), reduced)
    return found


def key(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in labels.items() if name != "__name__"))


@pytest.mark.parametrize("file", FILES)
def test_every_parser_free_vector_agrees(file: str, shared: Path) -> None:
    many = vectors(file)
    differing = []
    for vector in many:
        expected = {key(one["labels"]): number(one["value"]) for one in vector["expected"]}
        found = answer(vector)
        if found.keys() != expected.keys() or any(
            found[labels] != pytest.approx(value, rel=1e-6, abs=0, nan_ok=True) for labels, value in expected.items()
        ):
            differing.append((vector["id"], vector["query"], expected, found))

    assert many
    assert differing == []


def test_the_zero_limit_moved_behind_the_threshold_in_2_51() -> None:
    """
    240 at 0 s, 480 more until 480 s, over (-600, 600]: zero lies 240 s before the first row, nearer than 1.1 * 240.

    Before 2.51: 480 * (480 + 240 + 120) / 480 = 840. Since: half an interval, 480 * (480 + 120 + 120) / 480 = 720.
    """
    times, values = np.array([0, 240, 480], dtype=np.int64) * 1000, np.array([[240.0], [480.0], [720.0]])

    found = {kind: promql.increase(times, values, -600_000, 600_000, semantics=kind) for kind in ("2.x", "2.51", "3.0")}
    assert found == {"2.x": [840.0], "2.51": [720.0], "3.0": [720.0]}


def test_ranges_lost_their_left_edge_in_3_0() -> None:
    """Rows at 0, 15, 30 s over 30 s: closed takes all three, 6 in all; open takes two, 4 in 15 s, extended to 30."""
    times, values = np.array([0, 15, 30], dtype=np.int64) * 1000, np.array([[100.0], [102.0], [106.0]])

    found = {kind: promql.increase(times, values, 0, 30_000, semantics=kind) for kind in ("2.x", "2.51", "3.0")}
    assert found == {"2.x": [6.0], "2.51": [6.0], "3.0": [8.0]}


@pytest.mark.parametrize(
    ("engine", "semantics"),
    [
        ("prometheus 2.42.0", "2.x"),
        ("prometheus 2.53.1+dfsg", "2.51"),
        ("Prometheus 3.0.0-rc.1", "3.0"),
        ("prometheus 3.14.0", "3.0"),
        ("mimir 2.9", "3.0"),
        ("", "3.0"),
    ],
)
def test_the_server_chooses_the_semantics(engine: str, semantics: str) -> None:
    assert promql.semantics_of(engine) == semantics


def test_a_quantile_names_its_bucket() -> None:
    """Rank 5 of 10 is the third of the 4 between 10 and 20: 10 + 10 * 3 / 4."""
    edges, counts = np.array([10, 20, math.inf]), np.array([2.0, 6.0, 10.0])

    assert promql.quantile_bucket(0.5, edges, counts) == (17.5, 10, 20)
    assert promql.quantile_bucket(0.1, edges, counts) == (5.0, 0, 10)
    assert promql.quantile_bucket(0.9, edges, counts) == (20, 20, math.inf)


@pytest.mark.parametrize(
    ("edges", "counts"), [([10, math.inf], [0.0, 0.0]), ([10, 20], [1.0, 2.0]), ([math.inf], [3.0])]
)
def test_a_quantile_of_nothing_is_no_number(edges: list[float], counts: list[float]) -> None:
    assert math.isnan(promql.quantile_bucket(0.5, np.array(edges), np.array(counts))[0])


def test_counts_that_fall_or_differ_by_rounding_are_flattened() -> None:
    assert promql.repaired(np.array([1.0, 3.0, 2.0, 3.0 + 1e-13, 4.0])) == [1, 3, 3, 3, 4]
