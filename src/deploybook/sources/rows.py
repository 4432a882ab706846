"""Rows in one form, whatever they were read from: one number of one series at one time each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..model import DataNote


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """
    The rows of one file or answer.

    times: (n,) int64 milliseconds UTC. values: (n,) float64, NaN where there was no finite number.
    codes: (n,) the number of each row's label set in keys. keys: labels with the metric's name under '__name__';
    a label that a series does not have is not there. lines: (n,) of the file, None where there are none.
    digests: of the originals. step_ms: known from the query; 0: find it, own_steps: for each series. place: for people.
    """

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    codes: NDArray[np.int64]
    keys: list[dict[str, str]]
    place: str
    lines: NDArray[np.int64] | None = None
    digests: tuple[str, ...] = ()
    step_ms: int = 0
    own_steps: bool = False
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


def rows_of(frame: pl.DataFrame, seen: Notebook, digest: str = "") -> Rows:
    """
    The rows of a table with @name, @ts, @value (text or number) and @line; every other column is a label,
    which a series with an empty cell does not have.
    """
    labels = ["@name", *(column for column in frame.columns if not column.startswith("@"))]
    named = frame.select(pl.col(label).cast(pl.String).fill_null("") for label in labels)
    keys = named.unique(maintain_order=True).with_row_index("@key")
    codes = named.join(keys, on=labels, how="left", maintain_order="left")["@key"]
    value = pl.col("@value")
    number = (value.str.strip_chars() if frame["@value"].dtype == pl.String else value).cast(pl.Float64, strict=False)
    values = frame.select(pl.when(number.is_finite()).then(number).fill_null(np.nan))
    return Rows(
        times=frame["@ts"].to_numpy().astype(np.int64),
        values=values.to_series().to_numpy().astype(np.float64),
        codes=codes.to_numpy().astype(np.int64),
        keys=[
            {"__name__" if label == "@name" else label: text for label, text in key.items() if text}
            for key in keys.drop("@key").iter_rows(named=True)
        ],
        lines=frame["@line"].to_numpy().astype(np.int64),
        place=seen.place,
        digests=(digest,) if digest else (),
        notes=tuple(seen.notes),
    )
