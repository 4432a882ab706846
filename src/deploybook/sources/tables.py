"""Tables as people have them: CSV and Parquet, in long form or in Grafana's wide form."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import polars as pl

from ..wording import plural
from .rows import Notebook, Rows, Unreadable, rows_of

USUAL = {
    "time": ("timestamp", "time", "@timestamp", "ts", "datetime", "date", "_time"),
    "value": ("value", "_value", "value #a"),  # the last in Grafana's tables
    "metric": ("metric", "__name__", "metric_name"),
}
TIMES = "'2025-01-22T14:00:00Z', an offset in place of the Z, or seconds or milliseconds since 1970"
SERIES = re.compile(r"\s*([A-Za-z_:][\w:]*)?\s*\{(.*)\}\s*", re.DOTALL)
PAIR = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.DOTALL)
OF_EXCEL = re.compile(rb"\Asep=(.)\r?\n")  # a line before the header, which says what stands between fields


@dataclass(frozen=True, kw_only=True)
class Form:
    """
    How the tables of a source are to be read.

    name: the metric of rows that do not say theirs, usually the file's name. known: the metrics that are asked for,
    so that a column headed by one is that metric. zone: of times without one. columns: what this source calls its
    'time', 'value' and 'metric' column. labels: the columns that are labels; () for all others.
    """

    name: str
    known: Container[str] = ()
    zone: ZoneInfo | None = None
    columns: Mapping[str, str] | None = None
    labels: tuple[str, ...] = ()
    delimiter: str = ","


def read_csv(content: bytes, form: Form, *, place: str, digest: str = "") -> Rows:
    """The rows of a CSV; what cannot be read is in their notes. Raises Unreadable."""
    content, seen = text_of(content), Notebook(place)
    above = 0
    if said := OF_EXCEL.match(content):
        content, form, above = content[said.end() :], replace(form, delimiter=said[1].decode()), 1
    header = read_header(content, form, above)
    frame = read_fields(content, header, form.delimiter, seen, above)
    if not frame.height:
        raise Unreadable("has a header and no rows", line=1 + above, kind="empty")
    return rows_of(long_form(frame, form, seen, whole=content.endswith(b"\n")), seen, digest)


def read_parquet(content: bytes, form: Form, *, place: str, digest: str = "") -> Rows:
    """The rows of a Parquet file with the same columns as a CSV; its times may be dates of any unit. Raises Unreadable."""
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":  # polars panics on some bytes
            raise Unreadable("is no readable Parquet file") from None
        raise
    return read_frame(frame, form, Notebook(place), digest=digest)


def read_frame(frame: pl.DataFrame, form: Form, seen: Notebook, *, digest: str = "", engine: str = "") -> Rows:
    """The rows of a table with typed columns; its times may be dates of any unit. Raises Unreadable."""
    time = pick(frame.columns, form, "time")
    if time is None:
        raise Unreadable(f"has no time column ({', '.join(frame.columns)[:80]}); write 'time: NAME' on the source")
    when = pl.col(time)
    if isinstance(kind := frame[time].dtype, pl.Datetime):
        zoned = kind.time_zone is not None
        when = when.dt.convert_time_zone("UTC").dt.strftime("%FT%T%.fZ") if zoned else when.dt.strftime("%FT%T%.f")
    frame = frame.with_columns(when.cast(pl.String)).with_row_index("@line", offset=1)
    return replace(rows_of(long_form(frame, form, seen, whole=True), seen, digest), engine=engine)


def long_form(frame: pl.DataFrame, form: Form, seen: Notebook, *, whole: bool) -> pl.DataFrame:
    """The table as `rows_of` takes it. whole: the file ends its last line."""
    time, value, metric = (pick(frame.columns, form, role) for role in USUAL)
    frame = with_times(frame, time or "", form.zone, seen)
    if value is None:
        return melt(frame, form, seen)
    kept = frame.columns if not form.labels else [*form.labels, value, "@ts", "@line", *([metric] if metric else [])]
    frame = frame.select(column for column in frame.columns if column in kept)
    frame = frame.rename({value: "@value"} | ({metric: "@name"} if metric else {}))
    frame = frame if metric else frame.with_columns(pl.lit(form.name).alias("@name"))
    return frame if whole else without_cut_line(frame, seen)


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


def pick(header: list[str], form: Form, role: str) -> str | None:
    """The column of that role: as the source calls it, or by its usual names in any case."""
    said = (form.columns or {}).get(role)
    if said in header or (said and role != "metric"):  # `metric` may also be the name of the only one
        return said if said in header else None
    by_name = {column.strip().lower(): column for column in reversed(header)}
    return next((by_name[name] for name in USUAL[role] if name in by_name), None)


def advice(header: list[str]) -> str:
    if len(header) == 1:
        for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if sign in header[0]:
                return f", or write 'delimiter: \"{sign}\"' on the source: its fields are separated by {word}"
    return ", or write 'time: NAME' on the source"


def read_header(content: bytes, form: Form, above: int) -> list[str]:
    """The names of the columns, one of them the time. above: lines of the file before them. Raises Unreadable."""
    first = io.TextIOWrapper(io.BytesIO(content[:1_000_000]), encoding="utf-8", errors="replace", newline="")
    try:
        header = next(csv.reader(first, delimiter=form.delimiter), [])
    except csv.Error:
        header = []
    if twice := sorted({column for column in header if header.count(column) > 1}):
        raise Unreadable(f"has two columns named {twice[0]!r}; give each series a legend of its own", line=1 + above)
    time = pick(header, form, "time")
    if time is None or any(column.startswith("@") and column != time for column in header):
        text = f"has no time column ({', '.join(header)[:80]}); name it 'timestamp'{advice(header)}"
        raise Unreadable(text, line=1 + above)
    return header


def read_fields(content: bytes, header: list[str], delimiter: str, seen: Notebook, above: int) -> pl.DataFrame:
    """Every field as text, with its line; lines with more fields than the header are left out and noted."""
    options = {"infer_schema": False, "separator": delimiter, "new_columns": header}
    try:
        frame = pl.read_csv(io.BytesIO(content), **options)  # type: ignore[arg-type]
    except pl.exceptions.PolarsError:
        try:
            mended = well_formed(content, len(header), delimiter, seen, above)
            frame = pl.read_csv(io.BytesIO(mended), **options)  # type: ignore[arg-type]
        except pl.exceptions.PolarsError:
            raise Unreadable("is no table: its quotes or fields do not fit together", line=1 + above) from None
    frame = frame.with_row_index("@line", offset=2 + above)
    return frame.filter(~pl.all_horizontal(pl.exclude("@line").is_null()))


def well_formed(content: bytes, width: int, delimiter: str, seen: Notebook, above: int) -> bytes:
    """The lines that have as many fields as the header; the others become empty lines, so that numbers stay."""
    kept: list[str] = []
    wrong: list[int] = []
    for number, line in enumerate(content.decode().split("\n"), 1 + above):
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
        have = plural(rows.height, "row has", "rows have")
        if kind == "refused":
            words = f"{have} no time that can be read (such as {text[:40]!r}); write {TIMES}"
        elif zone is None:
            words = f"{have} a time without a zone ({text[:40]!r}); write 'zone: UTC' (or theirs) on the source"
        else:
            words = f"{have} a time ({text[:40]!r}) that clocks in {zone.key} showed twice or never"
        seen.add(kind, f"{words}; they are left out", line=line, count=rows.height)
    return frame.filter(pl.col("@ts").is_not_null()).drop("@text", "@zoneless")


def parse_times(texts: pl.Series, zone: ZoneInfo | None) -> pl.DataFrame:
    """
    @text, @ts (milliseconds UTC or null), @zoneless: ISO 8601 with Z or an offset, or seconds, milliseconds,
    microseconds or nanoseconds since the epoch, told apart by their size (10^11 seconds is the year 5138).
    """
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
    known = [epoch.round().cast(pl.Int64), zoned.dt.timestamp("ms")]
    if zone:
        local = bare.dt.replace_time_zone(zone.key, ambiguous="null", non_existent="null")
        known.append(local.dt.timestamp("ms"))
    return texts.to_frame().with_columns(pl.coalesce(known).alias("@ts"), bare.is_not_null().alias("@zoneless"))


def melt(frame: pl.DataFrame, form: Form, seen: Notebook) -> pl.DataFrame:
    """Grafana's wide form as long rows; an empty cell is no row, since the columns do not share their times."""
    columns = [column for column in frame.columns if not column.startswith("@")]
    if not columns:
        raise Unreadable("has neither a 'value' column nor columns of series", line=1)
    parts = []
    for column in columns:
        series_name, labels = series_of(column, form, alone=len(columns) == 1)
        part = frame.select("@line", "@ts", pl.col(column).alias("@value")).drop_nulls("@value")
        parts.append(
            part.with_columns(pl.lit(text).alias(label) for label, text in {"@name": series_name, **labels}.items())
        )
    long = pl.concat(parts, how="diagonal")
    if not long.height and frame.height:
        seen.add("empty", "has columns of series and no value in any", line=2)
    return long


def series_of(header: str, form: Form, *, alone: bool) -> tuple[str, dict[str, str]]:
    """'up{job="api"}' as ('up', {'job': 'api'}); a legend alone is the label `series` of the file's metric."""
    if found := SERIES.fullmatch(header):
        labels = labels_in(found[2])
        return labels.pop("__name__", found[1] or form.name), labels
    if header in form.known or header == form.name:
        return header, {}
    return form.name, {} if alone else {"series": header}


def labels_in(text: str) -> dict[str, str]:
    """'job="api", path="a\\"b"' as labels."""
    escapes = {"\\": "\\", '"': '"', "n": "\n"}
    return {
        label: re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[0]), value)
        for label, value in PAIR.findall(text)
    }


def without_cut_line(frame: pl.DataFrame, seen: Notebook) -> pl.DataFrame:
    """
    Without the last row of a file that does not end its last line, where that row looks cut off.

    '19561' cut to '19' would read as a reset. The row stays where its value is as long as the one before it
    of the same series; many programs never write the last line end.
    """
    last = frame.tail(1)
    if not frame.height:
        return frame
    labels = [column for column in frame.columns if column not in ("@ts", "@value", "@line")]
    same = [pl.col(column).eq_missing(pl.lit(last[column][0], pl.String)) for column in labels]
    before = frame.head(-1).filter(pl.all_horizontal(same)).tail(1)
    text = last["@value"][0] or ""
    if before.height and len(text) >= len(before["@value"][0] or ""):
        return frame
    seen.add("unreadable", f"breaks off in its last line ({text!r}); that row is left out", line=last["@line"][0])
    return frame.head(-1)
