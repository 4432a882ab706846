"""What a later pull brings: rows that are new, and history that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..measure.selected import widened
from ..model import DataNote, Samples
from ..times import from_ms, iso
from ..wording import plural


def what_is_new(
    samples: Samples, before: Samples | None, spans: Sequence[tuple[int, int]]
) -> tuple[Samples | None, DataNote | None]:
    """The rows that are not stored yet (None where there are none), and a note where pulled history changed."""
    if before is None or bool(before.edges) != bool(samples.edges):
        return samples, None
    edges = tuple(sorted({*before.edges, *samples.edges}))
    was, now = (
        {series.key: widened(series, each.edges, edges) for series in each.series} for each in (before, samples)
    )
    fresh, changed, first = [], 0, 0
    for labels, series in now.items():
        new, differs = np.ones(len(series.times), dtype=bool), np.ones(len(series.times), dtype=bool)
        if old := was.get(labels):
            at = np.minimum(np.searchsorted(old.times, series.times), len(old.times) - 1)
            there = old.times[at] == series.times
            differs = ~there | ~same_rows(old.values[at], series.values)
            new = differs | (old.steps[at] != series.steps)
            differs &= there | (series.steps >= old.steps[at])  # a finer export of the same time only adds to it
        history = differs & inside(series.times, spans)
        if history.any():
            changed += int(history.sum())
            first = min(first or int(series.times[history][0]), int(series.times[history][0]))
        if new.any():
            fresh.append(replace(series, times=series.times[new], values=series.values[new], steps=series.steps[new]))
    if not fresh:
        return None, None
    note = None
    if changed:
        rows = plural(changed, "row")
        text = (
            f"{samples.name}: {rows} of a time that was pulled before, new or with another value, from "
            f"{iso(from_ms(first))} on; both are kept, the later counts"
        )
        note = DataNote(kind="history_changed", metric=samples.name, count=changed, text=text)
    return replace(samples, edges=edges, series=tuple(fresh)), note


def inside(times: NDArray[np.int64], spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    found = np.zeros(len(times), dtype=bool)
    for start, end in spans:
        found |= (times >= start) & (times <= end)
    return found


def same_rows(old: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = ((old == new) | (np.isnan(old) & np.isnan(new))).reshape(len(old), -1).all(axis=1)
    return same
