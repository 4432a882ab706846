"""Tables as people have them, read into long rows: one number of one series at one time each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..model import DataNote

if TYPE_CHECKING:
    import polars as pl

TIMES = ("timestamp", "time", "@timestamp", "ts", "datetime", "date", "_time")
VALUES = ("value", "_value")
NAMES = ("metric", "__name__", "metric_name")
SERIES = re.compile(r"\s*([A-Za-z_:][\w:]*)?\s*\{(.*)\}\s*", re.DOTALL)
PAIR = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.DOTALL)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """
    The rows of one file or answer. frame has @name (text), @ts (milliseconds UTC, never null), @value (float64,
    null where it was no finite number), @line (its line, 0 where there are none); every other column is a label,
    '' where the series does not have it. digest: of the original. step_ms: known from the query, 0: find it.
    """

    frame: pl.DataFrame
    place: str
    digest: str = ""
    step_ms: int = 0
    engine: str = ""
    notes: tuple[DataNote, ...] = ()


@dataclass
class Notebook:
    """Collects what is noticed about one file; says where."""

    place: str
    notes: list[DataNote] = field(default_factory=list)

    def add(self, kind: str, text: str, *, line: int = 0, count: int = 1, metric: str = "") -> None:
        place = f"{self.place}:{line}" if line else self.place
        self.notes.append(DataNote(kind=kind, metric=metric, count=count, text=text, place=place))


class Unreadable(Exception):
    """Nothing of a file can be used; the caller turns it into a note. line: where, 0 for the whole file."""

    def __init__(self, text: str, *, line: int = 0, kind: str = "unreadable") -> None:
        self.text, self.line, self.kind = text, line, kind
        super().__init__(text)


def text_of(content: bytes) -> bytes:
    """The content as UTF-8 without a byte order mark; Unreadable where it is no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError:
            raise Unreadable("is UTF-16 that breaks off; save it as UTF-8", line=1) from None
    content = content.removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        raise Unreadable("is empty: not even a header", line=1, kind="empty")
    if (at := content.find(b"\0")) >= 0:
        raise Unreadable("holds a NUL byte, so part of it was never written", line=content.count(b"\n", 0, at) + 1)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unreadable("is not UTF-8 text; save it as UTF-8", line=line) from None
    if b"\r" in content and b"\n" not in content:
        return content.replace(b"\r", b"\n")
    return content


def read_table(
    content: bytes,
    *,
    place: str,
    name: str,
    known: Container[str] = (),
    zone: ZoneInfo | None = None,
    columns: dict[str, str] | None = None,
    delimiter: str = ",",
    digest: str = "",
) -> Rows:
    """
    The rows of a CSV, in long form (time, label columns, value) or in Grafana's wide form (a column per series).

    name: the metric of rows that do not say theirs, usually the file's name. known: metrics that are asked for,
    so that a column headed by one is that metric. zone: of times without one.
    columns: what this source calls its 'time', 'value' and 'metric' column. Raises Unreadable.
    """
    content, seen = text_of(content), Notebook(place)
    header = read_header(content, delimiter)
    time, value, metric = (pick(header, columns or {}, *key) for key in COLUMNS)
    if time is None:
        raise Unreadable(f"has no time column ({', '.join(header[:6])}); name one 'timestamp'{advice(header)}", line=1)
    frame = read_fields(content, header, delimiter, seen)
    if not frame.height:
        raise Unreadable("has a header and no rows", line=1, kind="empty")
    frame = with_times(frame, time, zone, seen)
    if value is None:
        frame = melt(frame, name, known, seen)
    else:
        frame = lengthen(frame, value, metric, name)
        if not content.endswith(b"\n"):
            frame = without_cut_line(frame, seen)
    return Rows(frame=with_numbers(frame), place=place, digest=digest, notes=tuple(seen.notes))


COLUMNS = (("time", TIMES), ("value", VALUES), ("metric", NAMES))


def pick(header: list[str], columns: dict[str, str], role: str, usual: tuple[str, ...]) -> str | None:
    """The column of that role: as the source calls it, or by its usual names in any case."""
    if role in columns:
        return columns[role] if columns[role] in header else None
    by_name = {column.strip().lower(): column for column in reversed(header)}
    return next((by_name[usual_name] for usual_name in usual if usual_name in by_name), None)


def advice(header: list[str]) -> str:
    if len(header) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in header[0]:
                return f", or write 'delimiter: {sign!r}' on the source: its fields are separated by {word}"
    return ", or write 'columns: {time: …}' on the source"


def read_header(content: bytes, delimiter: str) -> list[str]:
    first = io.TextIOWrapper(io.BytesIO(content[:1_000_000]), encoding="utf-8", errors="replace", newline="")
    try:
        header = next(csv.reader(first, delimiter=delimiter), [])
    except csv.Error:
        header = []
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise Unreadable(f"has two columns named {twice[0]!r}", line=1)
    if not header or any(column.startswith("@") and column.lower() not in TIMES for column in header):
        raise Unreadable("has no header with column names", line=1)
    return header


def read_fields(content: bytes, header: list[str], delimiter: str, seen: Notebook) -> pl.DataFrame:
    """Every field as text, with its line; lines with more fields than the header are left out and noted."""
    import polars as pl

    options = {"infer_schema": False, "separator": delimiter, "new_columns": header}
    try:
        frame = pl.read_csv(io.BytesIO(content), **options)  # type: ignore[arg-type]
    except pl.exceptions.PolarsError:
        try:
            frame = pl.read_csv(io.BytesIO(well_formed(content, len(header), delimiter, seen)), **options)  # type: ignore[arg-type]
        except pl.exceptions.PolarsError:
            raise Unreadable("is no table: its quotes or fields do not fit together", line=1) from None
    frame = frame.with_row_index("@line", offset=2)
    return frame.filter(~pl.all_horizontal(pl.exclude("@line").is_null()))


def well_formed(content: bytes, width: int, delimiter: str, seen: Notebook) -> bytes:
    """The lines that have as many fields as the header; the others become empty lines, so that numbers stay."""
    kept: list[str] = []
    wrong: list[int] = []
    for number, line in enumerate(content.decode().split("\n"), 1):
        try:
            fields = next(csv.reader([line], delimiter=delimiter, strict=True), [])
        except csv.Error:
            fields = []
        good = len(fields) == width
        kept.append(line if good else "")
        if line.strip() and not good:
            wrong.append(number)
    text = f"{len(wrong)} lines do not have the {width} fields of the header; they are left out"
    seen.add("unreadable", text, line=wrong[0] if wrong else 1, count=len(wrong))
    return "\n".join(kept).encode()


def with_times(frame: pl.DataFrame, column: str, zone: ZoneInfo | None, seen: Notebook) -> pl.DataFrame:
    """@ts from the time column; rows whose time cannot be read, or has no zone, are left out and noted."""
    import polars as pl

    stamps = parse_times(frame[column].unique().drop_nulls().rename("@text"), zone)
    frame = frame.rename({column: "@text"}).join(stamps, on="@text", how="left", maintain_order="left")
    lost = frame.filter(pl.col("@ts").is_null())
    for kind, rows in (
        ("zoneless", lost.filter(pl.col("@zoneless"))),
        ("refused", lost.filter(~pl.col("@zoneless").fill_null(False))),
    ):
        if not rows.height:
            continue
        text, line = rows["@text"][0] or "", rows["@line"][0]
        if kind == "refused":
            words = f"{rows.height} rows have no readable time (such as {text[:40]!r})"
        elif zone is None:
            words = f"{rows.height} rows have a time without a zone ({text[:40]!r}); write 'zone: UTC' (or theirs) on the source"
        else:
            words = f"{rows.height} rows have a time ({text[:40]!r}) that clocks in {zone.key} showed twice or never"
        seen.add(kind, f"{words}; they are left out", line=line, count=rows.height)
    return frame.filter(pl.col("@ts").is_not_null()).drop("@text", "@zoneless")


def parse_times(texts: pl.Series, zone: ZoneInfo | None) -> pl.DataFrame:
    """
    @text, @ts (milliseconds UTC or null), @zoneless: ISO 8601 with Z or an offset, or seconds, milliseconds,
    microseconds or nanoseconds since the epoch, told apart by their size (10^11 seconds is the year 5138).
    """
    import polars as pl

    iso = (
        pl.col("@text")
        .str.strip_chars()
        .str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T")
        .str.replace(r" ?(?:[Zz]|UTC)$", "+0000")
        .str.replace(r" ?([+-]\d\d):?(\d\d)$", "${1}${2}")
        .str.replace(r"(T\d\d:\d\d)([+-]\d{4})?$", "${1}:00${2}")
    )
    number = pl.when(pl.col("@text").str.contains(r"^\s*\d{6,20}(\.\d+)?\s*$")).then(
        pl.col("@text").str.strip_chars().cast(pl.Float64, strict=False)
    )
    epoch = (
        pl.when(number < 1e11)
        .then(number * 1e3)
        .when(number < 1e14)
        .then(number)
        .when(number < 1e17)
        .then(number / 1e3)
        .otherwise(number / 1e6)
    )
    zoned = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="ms", time_zone="UTC")
    bare = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="ms")
    local = bare.dt.replace_time_zone(zone.key, ambiguous="null", non_existent="null") if zone else pl.lit(None)
    return (
        texts.to_frame()
        .with_columns(bare.alias("@bare"))
        .with_columns(
            pl.coalesce(
                epoch.round().cast(pl.Int64),
                zoned.dt.timestamp("ms"),
                local.dt.timestamp("ms") if zone else pl.lit(None, pl.Int64),
            ).alias("@ts"),
            pl.col("@bare").is_not_null().alias("@zoneless"),
        )
        .drop("@bare")
    )


def lengthen(frame: pl.DataFrame, value: str, metric: str | None, name: str) -> pl.DataFrame:
    """Long form with the names of Rows; label columns stay as they are."""
    import polars as pl

    frame = frame.rename({value: "@value"} | ({metric: "@name"} if metric else {}))
    return frame if metric else frame.with_columns(pl.lit(name).alias("@name"))


def melt(frame: pl.DataFrame, name: str, known: Container[str], seen: Notebook) -> pl.DataFrame:
    """Grafana's wide form as long rows; an empty cell is no row, since the columns do not share their times."""
    import polars as pl

    columns = [column for column in frame.columns if not column.startswith("@")]
    if not columns:
        raise Unreadable("has neither a 'value' column nor columns of series", line=1)
    parts = []
    for column in columns:
        series_name, labels = series_of(column, name, known, alone=len(columns) == 1)
        part = frame.select("@line", "@ts", pl.col(column).alias("@value")).drop_nulls("@value")
        parts.append(
            part.with_columns(pl.lit(text).alias(label) for label, text in {"@name": series_name, **labels}.items())
        )
    long = pl.concat(parts, how="diagonal")
    if not long.height:
        seen.add("empty", "has columns of series and no value in any", line=2)
    return long


def series_of(header: str, name: str, known: Container[str], *, alone: bool) -> tuple[str, dict[str, str]]:
    """'up{job="api"}' as ('up', {'job': 'api'}); a legend alone is the label `series` of the metric `name`."""
    if found := SERIES.fullmatch(header):
        labels = {label: text.replace('\\"', '"').replace("\\\\", "\\") for label, text in PAIR.findall(found[2])}
        return labels.pop("__name__", found[1] or name), labels
    if header in known or header == name:
        return header, {}
    return name, {} if alone else {"series": header}


def without_cut_line(frame: pl.DataFrame, seen: Notebook) -> pl.DataFrame:
    """
    Without the last row of a file that does not end its last line, where that row looks cut off.

    '19561' cut to '19' would read as a reset. The row stays where its value is as long as the one before it
    of the same series; many programs never write the last line end.
    """
    import polars as pl

    if frame.height < 2:
        return frame
    last = frame.tail(1)
    labels = [column for column in frame.columns if column not in ("@ts", "@value", "@line")]
    same = [pl.col(column).eq_missing(pl.lit(last[column][0], pl.String)) for column in labels]
    before = frame.head(-1).filter(pl.all_horizontal(same)).tail(1)
    text = last["@value"][0] or ""
    if before.height and len(text) >= len(before["@value"][0] or ""):
        return frame
    seen.add("unreadable", f"breaks off in its last line ({text!r}); that row is left out", line=last["@line"][0])
    return frame.head(-1)


def with_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """@value as float64, null where it is no finite number; labels with '' where a series does not have them."""
    import polars as pl

    labels = [column for column in frame.columns if not column.startswith("@")]
    number = pl.col("@value").str.strip_chars().cast(pl.Float64, strict=False)
    return frame.with_columns(
        pl.when(number.is_finite()).then(number).alias("@value"),
        pl.col("@name").fill_null("").str.strip_chars(),
        *(pl.col(label).cast(pl.String).fill_null("") for label in labels),
    )
