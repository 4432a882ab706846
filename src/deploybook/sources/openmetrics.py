"""OpenMetrics and Prometheus text: a line per sample, with its time."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .request import sample_names
from .rows import Notebook, Rows, Unreadable
from .tables import SERIES, labels_in, text_of

BLOCK = 8 << 20  # bytes read at once; larger ones only need more memory
# Every step of it is decided by the next character, which lets the engine take its fastest way (3 times as fast).
LINE = r"^([^ {]+(?:\{(?:[^\x22}]|\x22(?:[^\x22\\]|\\.)*\x22)*\})?) ([^ ]+)(?: ([^ \r]+))?"


def read_openmetrics(content: bytes, wanted: Mapping[str, str], *, place: str, digest: str = "") -> Rows:
    """
    The samples of the wanted metrics. A time in seconds (OpenMetrics) or milliseconds (Prometheus text) behind each
    value; a line without one is left out and noted, as is one that is cut off.
    """
    content, seen = text_of(content), Notebook(place)
    if (at := content.find(b"\x01")) >= 0:
        raise Unreadable("holds a control sign that no metric has", line=content.count(b"\n", 0, at) + 1)
    numbers: dict[str, int] = {}
    blocks = [block(part, line, sample_names(wanted), numbers, seen) for part, line in blocks_of(content)]
    if not content.endswith(b"\n") and not content.rstrip().endswith(b"# EOF"):
        seen.add("unreadable", "breaks off in its last line; that line is left out", line=content.count(b"\n") + 1)
    times, values, codes, lines = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return Rows(
        times=times,
        values=values,
        codes=codes,
        lines=lines,
        keys=[labels_of(text) for text in numbers],
        place=place,
        digests=(digest,) if digest else (),
        notes=tuple(seen.notes),
    )


def blocks_of(content: bytes) -> list[tuple[bytes, int]]:
    """The content in pieces of whole lines, each with the number of its first line; a last line without end is not there."""
    found, start, line = [], 0, 1
    while start < len(content):
        end = content.rfind(b"\n", start, start + BLOCK) + 1 or content.find(b"\n", start) + 1
        if not end:
            break
        found.append((content[start:end], line))
        line += content.count(b"\n", start, end)
        start = end
    return found or [(b"\n", 1)]


def block(
    part: bytes, line: int, names: list[str], numbers: dict[str, int], seen: Notebook
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Times, values, codes and lines of one piece. numbers: each series as it is written, to its number."""
    text = pl.col("text")
    table = pl.read_csv(
        io.BytesIO(part), has_header=False, separator="\x01", quote_char=None, infer_schema=False, new_columns=["text"]
    ).with_row_index("line", offset=line)
    mine = text.str.contains(f"^(?:{'|'.join(map(re.escape, names))})[ {{]")
    table = table.filter(mine).with_columns(
        text.str.extract_groups(LINE).struct.rename_fields(["series", "value", "time"]).struct.unnest()
    )
    stamp = pl.col("time").cast(pl.Float64, strict=False)
    table = table.with_columns(pl.when(stamp.abs() < 1e11).then(stamp * 1000).otherwise(stamp).alias("time"))
    lost = table.filter(pl.col("time").is_null())
    if lost.height:
        words = f"{lost.height} lines have no time behind the value, or cannot be read; they are left out"
        seen.add("refused", words, line=lost["line"][0], count=lost.height)
        table = table.filter(pl.col("time").is_not_null())
    series = table["series"].unique(maintain_order=True)
    known = pl.DataFrame({"series": series, "code": [numbers.setdefault(one, len(numbers)) for one in series]})
    codes = table.join(known, on="series", how="left", maintain_order="left")["code"]
    value = table["value"].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    return (
        table["time"].round().cast(pl.Int64).to_numpy(),
        np.where(np.isfinite(value), value, np.nan),
        codes.cast(pl.Int64).to_numpy(),
        table["line"].cast(pl.Int64).to_numpy(),
    )


def labels_of(series: str) -> dict[str, str]:
    """'up{job="api"}' as {'__name__': 'up', 'job': 'api'}."""
    found = SERIES.fullmatch(series)
    if not found:
        return {"__name__": series}
    return {"__name__": found[1] or ""} | {label: text for label, text in labels_in(found[2]).items() if text}
