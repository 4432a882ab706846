"""
The samples of one metric as a table, and back: a row per scrape, a column per bucket.

A count is stored as what was added since the row before: a fourth of the time to read, and half the bytes, of the count.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..model import Samples, Series
from ..model.series import Labels
from .manifest import content_of, edge_text

GROUP = 1 << 15  # rows that are stored, and read, at once
ADDED = "+"  # before the name of a column that holds what was added since the row before
WHOLE = 2.0**52  # below it, whole numbers and their differences are exact in 64-bit floats


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
    series = sorted((one for one in samples.series if len(one.times)), key=lambda one: one.key)
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
    values = np.concatenate([one.values.reshape(len(one.times), -1) for one in series])
    heads = [*(f"le:{edge_text(edge)}" for edge in samples.edges), "sum", "count"] if samples.edges else ["value"]
    starts = np.cumsum([0, *lengths[:-1]])
    counting = samples.kind in ("counter", "histogram")
    return pl.DataFrame(
        columns | dict(stored(*column, starts, counting) for column in zip(heads, values.T, strict=True))
    )


def stored(head: str, values: NDArray[np.float64], starts: NDArray[np.int64], counting: bool) -> tuple[str, pl.Series]:
    """A column with its name: counts as what each row adds, other whole numbers as integers; no such bucket is null."""
    known = values[~np.isnan(values)]
    whole = bool(len(known) and (known == np.floor(known)).all() and (np.abs(known) < WHOLE).all())
    if whole and counting and len(known) == len(values):
        added = np.diff(values, prepend=0.0)
        added[starts] = values[starts]
        return ADDED + head, pl.Series(added).cast(pl.Int64).shrink_dtype()
    column = pl.Series(values, nan_to_null=True)
    return head, column.cast(pl.Int64) if whole else column


def read(path: Path, entry: Mapping[str, Any]) -> Samples:
    """The rows of one stored file."""
    table = pl.scan_parquet(io.BytesIO(content_of(path, entry)))
    columns = table.collect_schema().names()
    labels = [column for column in columns if column.startswith("label:")]
    heads = [column for column in columns if column not in ("ts", "step", *labels)]
    names = [head.removeprefix(ADDED) for head in heads]
    return Samples(
        name=entry["metric"],
        kind=entry["kind"],
        edges=tuple(float(name.removeprefix("le:")) for name in names if name.startswith("le:")),
        series=tuple(series_in(table, labels, heads)),
        inputs=tuple(entry["digests"]),
        engine=entry["engine"],
        source=entry["source"],
    )


def series_in(table: pl.LazyFrame, labels: list[str], heads: list[str]) -> Iterable[Series]:
    """The series of a stored table, which are its stretches of equal labels. A part after the other is decoded."""
    height = table.select(pl.len()).collect().item()
    times, steps = np.empty(height, dtype=np.int64), np.empty(height, dtype=np.int64)
    values = np.empty((height, len(heads)), order="F")
    lengths: dict[Labels, int] = {}
    for first in range(0, height, GROUP):
        part = table.slice(first, GROUP).collect()
        rows, found = slice(first, first + part.height), runs(part, labels)
        goes_on = found[0][0] in lengths
        starts = list(itertools.accumulate((length for _, length in found[:-1]), initial=0))
        for texts, length in found:
            lengths[texts] = lengths.get(texts, 0) + length
        times[rows], steps[rows] = part["ts"].to_numpy(), part["step"].to_numpy()
        for index, head in enumerate(heads):
            column = part[head].to_numpy()
            if head.startswith(ADDED):
                column = summed(column, starts, values[first - 1, index] if goes_on else 0.0)
            values[rows, index] = column
    start = 0
    for texts, length in lengths.items():
        rows = slice(start, start := start + length)
        yield Series(
            labels=dict(texts),
            times=times[rows],
            values=values[rows] if len(heads) > 1 else values[rows, 0],
            steps=steps[rows],
        )


def runs(part: pl.DataFrame, labels: list[str]) -> list[tuple[Labels, int]]:
    """The stretches of equal labels: the labels, and how many rows have them."""
    if not labels:
        return [((), part.height)]
    found = part.select(run=pl.struct(labels).rle()).unnest("run").iter_rows()
    return [
        (tuple((name.removeprefix("label:"), text) for name, text in told.items() if text), length)
        for length, told in found
    ]


def summed(added: NDArray[np.integer[Any]], starts: list[int], before: float) -> NDArray[np.int64]:
    """The counts; starts: the first row of each series; before: the count that the first of them goes on from."""
    counts = added.astype(np.int64)
    counts[0] += int(before)
    counts[starts[1:]] -= np.add.reduceat(counts, starts)[:-1]
    return np.cumsum(counts, out=counts)


def rows_digest(samples: Samples) -> str:
    """
    sha256 of the rows themselves, whatever wrote them: the edges as text, then for each series in the order of its
    labels: the labels as JSON, and times, steps and values as little-endian 64-bit numbers, NaN in one form.
    """
    digest = hashlib.sha256(json.dumps([edge_text(edge) for edge in samples.edges]).encode())
    for series in sorted((one for one in samples.series if len(one.times)), key=lambda one: one.key):
        digest.update(b"\n" + json.dumps(series.key, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        digest.update(series.times.astype("<i8").tobytes())
        digest.update(series.steps.astype("<i8").tobytes())
        digest.update(np.where(np.isnan(series.values), np.nan, series.values + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()
