"""One-line makers of values for tests; times are seconds after T0 unless said otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from deploybook.model import Data, Deployment, Matcher, Metric, Samples, Series
from deploybook.times import UTC, Window, to_ms

# The start of the reference deployment: 14:00 PT on 22 January 2025.
T0 = datetime(2025, 1, 22, 22, 0, tzinfo=UTC)
INF = float("inf")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def ms(seconds: float) -> int:
    return to_ms(at(seconds))


def window(start: float, end: float) -> Window:
    return Window(start=at(start), end=at(end))


def series(
    values: Sequence[Any] | np.ndarray,
    *,
    step: float = 15,
    start: float = 0,
    times: Iterable[float] | None = None,
    steps: Sequence[float] | None = None,
    **labels: str,
) -> Series:
    """Rows every `step` seconds from `start` on, or at `times`; one number a row, or a row of buckets, sum, count."""
    array = np.asarray(values, dtype=np.float64)
    seconds = start + step * np.arange(len(array)) if times is None else np.asarray(list(times), dtype=float)
    lengths = np.full(len(array), step) if steps is None else np.asarray(steps, dtype=float)
    return Series(
        labels=labels,
        times=np.int64(to_ms(T0)) + np.rint(seconds * 1000).astype(np.int64),
        values=array,
        steps=np.rint(lengths * 1000).astype(np.int64),
    )


def counter(*many: Series, name: str = "parser_failure_total", **more: Any) -> Samples:
    return Samples(name=name, kind="counter", series=many, **more)


def gauge(*many: Series, name: str = "parser_cpu", **more: Any) -> Samples:
    return Samples(name=name, kind="gauge", series=many, **more)


def up(*many: Series) -> Samples:
    return Samples(name="up", kind="gauge", series=many)


def histogram(*many: Series, edges: Sequence[float], name: str = "parser_duration_ms", **more: Any) -> Samples:
    return Samples(name=name, kind="histogram", edges=(*edges, INF), series=many, **more)


def data(*samples: Samples) -> Data:
    return Data(samples={one.name: one for one in samples})


def where(**labels: str) -> tuple[Matcher, ...]:
    return tuple(Matcher(label=label, op="=", value=value) for label, value in labels.items())


def metric(kind: str, name: str, statistic: str = "", **more: Any) -> Metric:
    """A metric with its title, statistic and unit filled in where they do not matter."""
    usual = {"histogram": "p50", "counter": "increase", "ratio": "ratio", "gauge": "mean", "query": "answer"}
    units = {"histogram": "ms", "counter": "errors", "ratio": "%"}
    filled = {"id": name, "title": name, "unit": units.get(kind, ""), **more}
    return Metric(kind=kind, name=name, statistic=statistic or usual[kind], **filled)


# The five metrics of the reference deployment.
PARSER_P50 = metric("histogram", "parser_duration_ms", "p50", id="parser_p50", where=where(service="memory-search"))
FAILURES = metric("counter", "parser_failure_total", id="parser_failures", delta="absolute")
CLI_P95 = metric("histogram", "cli_cmd_duration_ms", "p95", id="cli_p95", where=where(service="cli-executor"))
CICD = metric("ratio", "cicd_runs_total", id="cicd_success", good=where(result="success"), delta="points")
VARIANCE = metric("histogram", "parser_duration_ms", "mean", id="variance", show_change=True)
REFERENCE_METRICS = (PARSER_P50, FAILURES, CLI_P95, CICD, VARIANCE)


def reference_data(shared: Path, *, names: Iterable[str] = ()) -> Data:
    """All exports of the reference scenario joined by metric; a row two files share belongs to the finer."""
    exports = shared / "scenario" / "observability" / "exports"
    files: dict[str, list[tuple[Path, int]]] = {}
    for path in sorted(exports.rglob("*.csv*")):
        step = 60_000 if path.parent.name in ("full-day", "observation-48h") else 15_000
        files.setdefault(path.name.split(".")[0], []).append((path, step))
    wanted = set(names) or set(files)
    return Data(samples={name: _read(name, paths) for name, paths in sorted(files.items()) if name in wanted})


def _read(name: str, paths: Sequence[tuple[Path, int]]) -> Samples:
    import polars as pl

    parts = [
        pl.read_csv(path, infer_schema_length=0).with_columns(step=pl.lit(step, dtype=pl.Int64)) for path, step in paths
    ]
    frame = pl.concat(parts).with_columns(
        time=pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.epoch("ms"),
        number=pl.col("value").cast(pl.Float64, strict=False),
    )
    frame = frame.filter(pl.col("number").is_finite())
    labels = [
        column
        for column in frame.columns
        if column not in ("timestamp", "metric", "le", "value", "step", "time", "number")
    ]
    if "le" not in frame.columns:
        kind = "counter" if name.endswith("_total") else "gauge"
        return Samples(name=name, kind=kind, series=tuple(_series(frame, labels)))  # type: ignore[arg-type]
    edges = sorted({float(le) for le in frame["le"].drop_nulls().unique() if le})
    frame = frame.with_columns(
        column=pl.when(pl.col("metric").str.ends_with("_sum"))
        .then(pl.lit(len(edges)))
        .when(pl.col("metric").str.ends_with("_count"))
        .then(pl.lit(len(edges) + 1))
        .otherwise(
            pl.col("le").cast(pl.Float64, strict=False).replace_strict({e: i for i, e in enumerate(edges)}, default=-1)
        )
    )
    return Samples(
        name=name, kind="histogram", edges=tuple(edges), series=tuple(_series(frame, labels, len(edges) + 2))
    )


def _series(frame: Any, labels: list[str], columns: int = 0) -> Iterable[Series]:
    for key, part in sorted(frame.group_by(labels), key=lambda pair: pair[0]):
        part = part.sort("time", "step").unique(
            ["time", *(["column"] if columns else [])], keep="first", maintain_order=True
        )
        times, place = np.unique(part["time"].to_numpy(), return_inverse=True)
        values = np.full((len(times), max(columns, 1)), np.nan)
        values[place, part["column"].to_numpy().astype(int) if columns else 0] = part["number"].to_numpy()
        steps = np.zeros(len(times), dtype=np.int64)
        steps[place] = part["step"].to_numpy()
        yield Series(
            labels=dict(zip(labels, map(str, key), strict=True)),
            times=times.astype(np.int64),
            values=values if columns else values[:, 0],
            steps=steps,
        )


def labels_of(many: Iterable[Series]) -> list[Mapping[str, str]]:
    return [one.labels for one in many]


def deployment(slug: str = "2025-01-22-telemetry-step2", **more: Any) -> Deployment:
    """The windows of the reference deployment, without metrics."""
    usual: dict[str, Any] = {
        "title": "Telemetry Step 2",
        "ticket": "CHG-2025-0121",
        "zone": ZoneInfo("America/Los_Angeles"),
        "window": window(0, 5400),
        "baseline": window(-86400, -81000),
        "lead": "Oliver",
    }
    return Deployment(slug=slug, **{**usual, **more})
