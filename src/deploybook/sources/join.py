"""Long rows of many files and answers, joined into the samples of each metric: one row per scrape, histograms wide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model import DataNote, Samples, Series
from ..times import Window
from .rows import Rows

Labels = tuple[tuple[str, str], ...]
INF = float("inf")
ABSENT = -2
PICKED = ("gauge", "answers")  # of two values none is the right one; of a counter it is the larger
EXACT = 2.0**53  # from here on floats cannot tell 1 more of a counter
NO_NUMBER = "values are no number (NaN, infinite, empty, or text as '1,5' and '5 %'); their scrapes count as missing"


@dataclass(kw_only=True, eq=False)
class Scrapes:
    """
    One row per target and time, in no order yet. series: (n,) number of the label set. values: (n, columns);
    NaN where a scrape has no such bucket. step: (n,) milliseconds. edges: of the buckets; () unless a histogram.
    """

    series: NDArray[np.int64]
    times: NDArray[np.int64]
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    edges: tuple[float, ...] = ()

    def at(self, rows: NDArray[Any]) -> Scrapes:
        """Those rows, by their numbers or by a mask."""
        columns = (self.series, self.times, self.steps, self.values)
        series, times, steps, values = (column[rows] for column in columns)
        return Scrapes(series=series, times=times, steps=steps, values=values, edges=self.edges)


def gather(
    parts: Sequence[Rows], wanted: Mapping[str, str], *, source: str = "", windows: Sequence[Window] = ()
) -> tuple[list[Samples], list[DataNote], dict[str, set[str]]]:
    """
    The samples of each wanted metric (name to its kind: histogram, counter, gauge, answers) that any part has,
    what was noticed, and which metrics came from which digest. windows: rows outside all of them are left out.
    """
    samples: list[Samples] = []
    notes: list[DataNote] = []
    origins: dict[str, set[str]] = {}
    for name, kind in wanted.items():
        numbers: dict[Labels, int] = {}
        found = [
            (part, scrapes)
            for part in parts
            if (scrapes := scrapes_of(part, name, kind, numbers, notes, windows)) is not None
        ]
        for part, _ in found:
            for digest in part.digests:
                origins.setdefault(digest, set()).add(name)
        if any(len(scrapes.times) for _, scrapes in found):
            samples.append(joined(name, kind, found, numbers, notes, source))
    return samples, notes, origins


def scrapes_of(
    part: Rows, name: str, kind: str, numbers: dict[Labels, int], notes: list[DataNote], windows: Sequence[Window]
) -> Scrapes | None:
    """The scrapes of one metric in one part; None where the part does not have it. numbers: label set to its number."""
    columns, edges = placed(part.keys, name, kind)
    column = np.asarray(columns, dtype=np.int64)[part.codes]
    rows = np.flatnonzero(column > ABSENT)
    if not len(rows):
        return None
    taken = Taken(part=part, rows=rows, column=column[rows], edges=edges, name=name, kind=kind, notes=notes)
    return taken.scrapes(numbers, windows)


def placed(keys: list[dict[str, str]], name: str, kind: str) -> tuple[list[int], tuple[float, ...]]:
    """The value column of each label set (ABSENT: of another metric, -1: its `le` is no number), and the edges."""
    if kind != "histogram":
        return [0 if key.get("__name__") == name else ABSENT for key in keys], ()
    bounds = [edge_of(key.get("le", "")) if key.get("__name__") == f"{name}_bucket" else None for key in keys]
    edges = tuple(sorted({bound for bound in bounds if bound is not None} | {INF}))
    place = {edge: index for index, edge in enumerate(edges)}
    ends = {f"{name}_sum": len(edges), f"{name}_count": len(edges) + 1, f"{name}_bucket": -1}
    return [
        ends.get(key.get("__name__", ""), ABSENT) if bound is None else place[bound]
        for key, bound in zip(keys, bounds, strict=True)
    ], edges


def edge_of(le: str) -> float | None:
    """An `le` as the number it means: '50' and '50.0' are one edge; None where it means none."""
    try:
        number = float(le)
    except ValueError:
        return None
    return number if number == number else None


@dataclass(kw_only=True)
class Taken:
    """The rows of one metric in one part, on their way to scrapes. column: of each row; -1 where its `le` is none."""

    part: Rows
    rows: NDArray[np.int64]
    column: NDArray[np.int64]
    edges: tuple[float, ...]
    name: str
    kind: str
    notes: list[DataNote]

    def note(self, kind: str, wrong: NDArray[np.bool_], text: str, count: int = 0) -> None:
        """One note about the rows of the mask, at the first of them; none where there is none."""
        if not wrong.any():
            return
        lines, place, count = self.part.lines, self.part.place, count or int(wrong.sum())
        text = f"{self.name}: {count} {text}" if lines is None else f"{count} {text}"
        place = place if lines is None else f"{place}:{lines[int(self.rows[wrong].min())]}"
        self.notes.append(DataNote(kind=kind, metric=self.name, count=count, text=text, place=place))

    def scrapes(self, numbers: dict[Labels, int], windows: Sequence[Window]) -> Scrapes:
        times, values = self.part.times[self.rows], self.part.values[self.rows]
        self.note_order(times)
        self.note("non_numbers", np.isnan(values), NO_NUMBER)
        self.note("non_numbers", self.column < 0, "buckets have an `le` that is no number; they are left out")
        if self.kind in ("counter", "histogram"):
            counts = self.column != (len(self.edges) or -1)  # a _sum may fall, and has no steps
            self.note("inexact", counts & (values >= EXACT), "values are 2^53 or more; steps of one are lost in them")
            below = counts & (values < 0)
            self.note("negative", below, "values of a counter are negative; their scrapes count as missing")
            values = np.where(below, np.nan, values)
        series = self.series_numbers(numbers)[self.part.codes[self.rows]]
        keep = inside(times, windows) & (self.column >= 0)
        self.rows, self.column = self.rows[keep], self.column[keep]
        found = self.wide(series[keep], times[keep], values[keep])
        found.steps[:] = self.part.step_ms or usual_step(found.series, found.times)
        if self.part.own_steps:
            for number in np.unique(found.series):
                own = found.series == number
                found.steps[own] = usual_step(found.series[own], found.times[own]) or found.steps[own]
        return found

    def note_order(self, times: NDArray[np.int64]) -> None:
        codes = self.part.codes[self.rows]
        order = np.argsort(codes, kind="stable")
        back = np.zeros(len(times), dtype=bool)
        back[order[1:]] = (np.diff(times[order]) < 0) & (np.diff(codes[order]) == 0)
        self.note("unsorted", back, "rows stand behind a later one of their series; they were sorted")

    def series_numbers(self, numbers: dict[Labels, int]) -> NDArray[np.int64]:
        """The number of each of the part's label sets, `le` and the name taken off; -1 for other metrics'."""
        off = ("__name__", "le") if self.edges else ("__name__",)
        found = np.full(len(self.part.keys), -1, dtype=np.int64)
        for code in np.unique(self.part.codes[self.rows]).tolist():
            labels = tuple(sorted((label, text) for label, text in self.part.keys[code].items() if label not in off))
            found[code] = numbers.setdefault(labels, len(numbers))
        return found

    def wide(self, series: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64]) -> Scrapes:
        """
        One row per series and time. A value met twice counts once; where the two differ, a counter takes the larger
        and a gauge has no value. A scrape with a value that is no number is left out as a whole.
        """
        width = len(self.edges) + 2 if self.edges else 1
        first, last = (int(times.min()), int(times.max())) if len(times) else (0, 0)
        span = last - first + 1
        keys, row = np.unique(series * span + (times - first), return_inverse=True)
        spot = row * width + self.column
        out = np.full(len(keys) * width, np.nan)
        out[spot] = values
        bad = np.zeros(len(keys), dtype=bool)
        bad[row[np.isnan(values)]] = True
        seen = np.bincount(spot, minlength=len(out))
        if len(spot) and seen.max() > 1:
            low, high = np.full(len(out), np.inf), np.full(len(out), -np.inf)
            np.fmin.at(low, spot, values)
            np.fmax.at(high, spot, values)
            differ = high > low
            out[differ] = high[differ]
            outcome = "have no value" if self.kind in PICKED else "take the larger"
            for kind, twice, text in (
                ("duplicates", (seen > 1) & ~differ, "rows stand there more than once and count once"),
                ("conflicts", (seen > 1) & differ, f"rows are there again with another value; they {outcome}"),
            ):
                self.note(kind, twice[spot], text, int((seen[twice] - 1).sum()))
            if self.kind in PICKED:
                bad[row[differ[spot]]] = True
        table = out.reshape(-1, width)
        if self.edges:
            bad |= torn(table, keys // span)
        return Scrapes(
            series=(keys // span)[~bad],
            times=(keys % span + first)[~bad],
            steps=np.zeros(int((~bad).sum()), dtype=np.int64),
            values=table[~bad],
            edges=self.edges,
        )


def torn(table: NDArray[np.float64], series: NDArray[np.int64]) -> NDArray[np.bool_]:
    """
    Which scrapes of a histogram are torn: they lack what the scrapes of their series beside them have.

    A change of the bucket layout is not torn: there the scrapes on one side have the same columns.
    """
    has = ~np.isnan(table)
    if len(table) < 2:
        return np.zeros(len(table), dtype=bool)
    together = series[1:] == series[:-1]
    differ = together & (has[:-1] != has[1:]).any(axis=1)
    first, last = np.append(True, ~together), np.append(~together, True)
    less_than_previous = np.append(False, differ & (has[1:] <= has[:-1]).all(axis=1))
    less_than_next = np.append(differ & (has[:-1] <= has[1:]).all(axis=1), False)
    cut: NDArray[np.bool_] = (first | less_than_previous) & (last | less_than_next) & ~(first & last)
    return cut


def inside(times: NDArray[np.int64], windows: Sequence[Window]) -> NDArray[np.bool_]:
    """Which times lie in one of the windows, both ends included; all where there are none."""
    keep = np.zeros(len(times), dtype=bool) if windows else np.ones(len(times), dtype=bool)
    for window in windows:
        keep |= (times >= window.start_ms) & (times <= window.end_ms)
    return keep


def usual_step(series: NDArray[np.int64], times: NDArray[np.int64]) -> int:
    """
    The step of a file: the most frequent distance of two rows of a series; 0 where no series has two.

    Scrapes that jitter by some milliseconds have no frequent distance; there it is taken to the full second.
    """
    gaps = np.diff(times)[np.diff(series) == 0]
    if not len(gaps):
        return 0
    distinct, counts = np.unique(gaps, return_counts=True)
    if counts.max() * 3 < len(gaps) and gaps.min() >= 1000:
        distinct, counts = np.unique(np.round(gaps / 1000).astype(np.int64) * 1000, return_counts=True)
    return int(distinct[counts.argmax()])


def joined(
    name: str,
    kind: str,
    found: Iterable[tuple[Rows, Scrapes]],
    numbers: dict[Labels, int],
    notes: list[DataNote],
    source: str,
) -> Samples:
    """All parts of one metric as one: the finer wins inside its span, equal rows once."""
    found = sorted(found, key=lambda pair: int(pair[1].steps[0]) if len(pair[1].steps) else 0)
    edges = tuple(sorted({edge for _, scrapes in found for edge in scrapes.edges}))
    part = np.concatenate([np.full(len(scrapes.times), index) for index, (_, scrapes) in enumerate(found)])
    every = Scrapes(
        series=np.concatenate([scrapes.series for _, scrapes in found]),
        times=np.concatenate([scrapes.times for _, scrapes in found]),
        steps=np.concatenate([scrapes.steps for _, scrapes in found]),
        values=np.concatenate([widened(scrapes, edges) for _, scrapes in found]),
    )
    every = every.at(np.lexsort((part, every.times, every.series)))
    if len(found) > 1:
        every = every.at(once(name, kind, every, notes))
        every = every.at(not_inside_finer(every))
    by_number = {number: labels for labels, number in numbers.items()}
    bounds = np.flatnonzero(np.diff(every.series)) + 1
    columns = (every.series, every.times, every.steps, every.values)
    groups = zip(*(np.split(array, bounds) for array in columns), strict=True)
    made = [
        Series(
            labels=dict(by_number[int(which[0])]),
            times=when,
            steps=step,
            values=with_totals(table) if edges else table[:, 0],
        )
        for which, when, step, table in groups
    ]
    return Samples(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        edges=edges,
        series=tuple(sorted(made, key=lambda one: sorted(one.labels.items()))),
        inputs=tuple(sorted({digest for part, scrapes in found if len(scrapes.times) for digest in part.digests})),
        engine=next((part.engine for part, _ in found if part.engine), ""),
        source=source,
    )


def widened(scrapes: Scrapes, edges: tuple[float, ...]) -> NDArray[np.float64]:
    """The values with a column for every edge that any part has."""
    if scrapes.edges == edges:
        return scrapes.values
    out = np.full((len(scrapes.values), len(edges) + 2), np.nan)
    out[:, [edges.index(edge) for edge in scrapes.edges] + [len(edges), len(edges) + 1]] = scrapes.values
    return out


def with_totals(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """A +Inf bucket and a _count say the same; where one is not exported the other stands in for it."""
    inf, count = table[:, -3], table[:, -1]
    table[:, -3], table[:, -1] = np.where(np.isnan(inf), count, inf), np.where(np.isnan(count), inf, count)
    return table


def once(name: str, kind: str, rows: Scrapes, notes: list[DataNote]) -> NDArray[np.bool_]:
    """Which rows stay when the same series and time comes from several parts; the finest stays, its values mended."""
    values = rows.values
    again = np.concatenate([[False], (np.diff(rows.series) == 0) & (np.diff(rows.times) == 0)])
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(again))))
    at, to = np.flatnonzero(again), first[again]
    differ = ((values[at] != values[to]) & ~np.isnan(values[at]) & ~np.isnan(values[to])).any(axis=1)
    if kind in ("counter", "histogram"):
        np.fmax.at(values, to, values[at])
    if count := int(differ.sum()):
        outcome = "the finer file's value stays" if kind in PICKED else "the larger counts"
        text = f"{count} scrapes stand in two files with different values; {outcome}"
        notes.append(DataNote(kind="conflicts", metric=name, count=count, text=text))
    return ~again


def not_inside_finer(rows: Scrapes) -> NDArray[np.bool_]:
    """
    Without the rows of a coarser file that lie between two rows of a finer one of the same series.

    Where the finer file itself has a hole, longer than the coarser step, the coarser rows fill it.
    """
    keep = np.ones(len(rows.times), dtype=bool)
    span = int(rows.times.max()) - int(rows.times.min()) + 1
    place = rows.series * span + (rows.times - int(rows.times.min()))
    for step in sorted(set(rows.steps.tolist()) - {0})[1:]:
        finer = place[(rows.steps < step) & (rows.steps > 0)]
        at = np.flatnonzero(rows.steps == step)
        after = np.searchsorted(finer, place[at])
        inner = (after > 0) & (after < len(finer))
        at, after = at[inner], after[inner]
        one_series = (finer[after - 1] // span == rows.series[at]) & (finer[after] // span == rows.series[at])
        keep[at[one_series & (finer[after] - finer[after - 1] <= step)]] = False
    return keep
