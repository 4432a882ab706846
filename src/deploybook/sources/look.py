"""A look at one file before a source for it is written: its series, and what the source will have to be told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import UsageProblem
from ..model import DataNote, Source
from ..times import from_ms
from .files import read_file
from .packed import unpacked
from .request import Request
from .rows import Rows, Unreadable
from .tables import OF_EXCEL, text_of

DELIMITERS = ",;\t|"
OF_GRAFANA = r"-data(-as-\w+)?(?=-\d{4}-)"  # 'Latency-data-2025-01-22 14_03_11.csv', 'Latency-data-as-joinbyfield-…'


@dataclass(frozen=True, kw_only=True)
class Look:
    """
    One file as its source reads it. path: its name. name: the metric of series that do not say theirs. series: labels
    with the metric's name under '__name__', and whether the values never fall but for restarts. delimiter: between
    its fields. zoneless: its times say no zone. numbers: share of the values that are numbers. first, last: UTC.
    """

    path: str
    name: str
    series: tuple[tuple[dict[str, str], bool], ...]
    delimiter: str = ","
    zoneless: bool = False
    numbers: float = 1.0
    first: datetime
    last: datetime
    notes: tuple[DataNote, ...] = ()


def look(content: bytes, path: str, zone: Any) -> Look:
    """zone: of times that say none. Raises UsageProblem, with what is wrong, where nothing of the file can be used."""
    name = name_for(path)
    options = {"metric": name, "delimiter": delimiter_of(header_of(content))}
    try:
        rows, zoneless = read(content, path, options, None), False
        if any(note.kind == "zoneless" for note in rows.notes):
            rows, zoneless = read(content, path, options, zone), True
    except Unreadable as problem:
        place = f"{path}:{problem.line}" if problem.line else path
        raise UsageProblem(f"{place}: {problem.text}") from None
    if not len(rows.times):
        raise UsageProblem(f"{path}: no row can be used; {rows.notes[0].text if rows.notes else 'it holds none'}")
    return Look(
        path=path,
        name=name,
        series=tuple((key, hardly_falls(rows, number)) for number, key in enumerate(rows.keys)),
        delimiter=options["delimiter"],
        zoneless=zoneless,
        numbers=float((rows.values == rows.values).mean()),
        first=from_ms(int(rows.times.min())),
        last=from_ms(int(rows.times.max())),
        notes=rows.notes,
    )


def read(content: bytes, path: str, options: dict[str, str], zone: Any) -> Rows:
    source = Source(name=path, kind="files", options=options, zone=zone)
    return read_file(
        content, path, Request(source=source, wanted=dict.fromkeys(names_in(header_of(content)), "gauge")), ""
    )


def header_of(content: bytes) -> str:
    """The line of the header as text, '' where there is none."""
    try:
        return OF_EXCEL.sub(b"", text_of(unpacked(content)), count=1).partition(b"\n")[0].decode()
    except Unreadable:
        return ""


def names_in(header: str) -> list[str]:
    """Columns of a wide table that are headed by the name of a metric: what the source will be asked for by name."""
    return [name for name in re.findall(r"[A-Za-z_:][\w:]*", header) if "_" in name or name == "up"]


def name_for(path: str) -> str:
    """'Checkout latency-data-2025-01-22 14_03_11.csv' as 'checkout_latency': without days, times and endings."""
    stem = re.split(OF_GRAFANA, Path(path).name.split(".", 1)[0])[0]
    plain = re.sub(r"\d{4}-?\d\d-?\d\d([T _-]?\d\d[_:-]?\d\d([_:-]?\d\d)?)?", "", stem)
    name = re.sub(r"\W+", "_", plain).strip("_").lower()
    return name if name[:1].isalpha() else f"m_{name}".rstrip("_")


def delimiter_of(header: str) -> str:
    """What separates the fields: the sign that stands there most often outside quotes."""
    return max(DELIMITERS, key=re.sub(r'"[^"]*"', "", header).count)


def hardly_falls(rows: Rows, number: int) -> bool:
    """True where the values of a series fall at most once in fifty rows, at restarts."""
    import numpy as np

    values = rows.values[rows.codes == number][np.argsort(rows.times[rows.codes == number], kind="stable")]
    change = np.diff(values[np.isfinite(values)])
    return int((change < 0).sum()) <= len(change) // 50 + 1
