"""The samples of one metric as a table, and back: a row per scrape, a column per bucket."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..model import Samples, Series
from .changes import key_of
from .manifest import content_of, edge_text

GROUP = 1 << 16  # rows that are stored, and read, at once


def encoded(samples: Samples) -> bytes:
    """The bytes of the metric's file."""
    buffer = io.BytesIO()
    frame_of(samples).write_parquet(buffer, compression="zstd", compression_level=9, row_group_size=GROUP)
    return buffer.getvalue()


def described(samples: Samples) -> dict[str, Any]:
    """What the manifest says about the rows."""
    rows = [one for one in samples.series if len(one.times)]
    return {
        "rows_sha256": rows_digest(samples),
        "edges": [edge_text(edge) for edge in samples.edges],
        "steps_ms": sorted({int(step) for one in rows for step in np.unique(one.steps)}),
        "rows": sum(len(one.times) for one in rows),
        "series": len(rows),
    }


def frame_of(samples: Samples) -> pl.DataFrame:
    """The canonical table: ts, step, label:…, then value, or le:…, sum, count; sorted by labels, then ts."""
    series = sorted((one for one in samples.series if len(one.times)), key=key_of)
    labels = sorted({label for one in series for label in one.labels})
    lengths = [len(one.times) for one in series]
    number = np.repeat(np.arange(len(series)), lengths)
    columns: dict[str, Any] = {
        "ts": np.concatenate([one.times for one in series]),
        "step": np.concatenate([one.steps for one in series]),
    }
    for label in labels:
        texts = pl.Series([one.labels.get(label) or None for one in series], dtype=pl.String)
        columns[f"label:{label}"] = texts.gather(number)
    values = np.concatenate([one.values for one in series])
    if not samples.edges:
        return pl.DataFrame(columns | {"value": values})
    heads = [f"le:{edge_text(edge)}" for edge in samples.edges] + ["sum", "count"]
    return pl.DataFrame(columns | {head: compact(values[:, index]) for index, head in enumerate(heads)})


def compact(values: NDArray[np.float64]) -> pl.Series:
    """Whole numbers as integers, which store in a fraction of the space; no such bucket is null."""
    column = pl.Series(values, nan_to_null=True)
    known = values[~np.isnan(values)]
    whole = bool((known == np.floor(known)).all()) and bool((np.abs(known) < 2**53).all())
    return column.cast(pl.Int64) if whole and len(known) else column


def read(path: Path, entry: Mapping[str, Any]) -> Samples:
    """The rows of one stored file."""
    table = pl.scan_parquet(io.BytesIO(content_of(path, entry)))
    columns = table.collect_schema().names()
    labels = [column for column in columns if column.startswith("label:")]
    return Samples(
        name=entry["metric"],
        kind=entry["kind"],
        edges=tuple(float(column.removeprefix("le:")) for column in columns if column.startswith("le:")),
        series=tuple(series_in(table, labels, [one for one in columns if one not in ("ts", "step", *labels)])),
        inputs=tuple(entry["digests"]),
        engine=entry["engine"],
        source=entry["source"],
    )


def series_in(table: pl.LazyFrame, labels: list[str], columns: list[str]) -> Iterable[Series]:
    """The series of a stored table, which are its stretches of equal labels. A part after the other is decoded."""
    keys = table.select("ts", "step", *labels).collect()
    starts = [0]
    if labels and keys.height:
        runs = keys.select(pl.struct(labels).rle_id()).to_series().to_numpy()
        starts = [0, *(np.flatnonzero(np.diff(runs)) + 1).tolist()]
    named = keys[starts].select(labels).to_dicts() if labels else [{}]
    times, steps = keys["ts"].to_numpy(), keys["step"].to_numpy()
    values = np.empty((keys.height, len(columns)), order="F")
    for first in range(0, keys.height, GROUP):
        part = table.select(columns).slice(first, GROUP).collect()
        for index, column in enumerate(columns):
            values[first : first + GROUP, index] = part[column].to_numpy()
    for start, end, texts in zip(starts, [*starts[1:], keys.height], named, strict=True):
        yield Series(
            labels={label.removeprefix("label:"): text for label, text in texts.items() if text},
            times=times[start:end],
            values=values[start:end] if len(columns) > 1 else values[start:end, 0],
            steps=steps[start:end],
        )


def rows_digest(samples: Samples) -> str:
    """
    sha256 of the rows themselves, whatever wrote them: the edges as text, then for each series in the order of its
    labels: the labels as JSON, and times, steps and values as little-endian 64-bit numbers, NaN in one form.
    """
    digest = hashlib.sha256(json.dumps([edge_text(edge) for edge in samples.edges]).encode())
    for series in sorted((one for one in samples.series if len(one.times)), key=key_of):
        digest.update(b"\n" + json.dumps(key_of(series), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        digest.update(series.times.astype("<i8").tobytes())
        digest.update(series.steps.astype("<i8").tobytes())
        digest.update(np.where(np.isnan(series.values), np.nan, series.values + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()
