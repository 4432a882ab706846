"""Series chosen by their labels, and samples joined: of several names of one metric, of an earlier and a later pull."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from ..model import Matcher, Samples, Series
from ..model.series import Labels


def matches(matcher: Matcher, labels: Mapping[str, str]) -> bool:
    """One label condition; a label that is not there is '', a regular expression matches the whole value."""
    value = labels.get(matcher.label, "")
    if matcher.op in ("=", "!="):
        return (value == matcher.value) is (matcher.op == "=")
    return (re.fullmatch(matcher.value, value, re.DOTALL) is not None) is (matcher.op == "=~")


def select(samples: Samples, where: tuple[Matcher, ...]) -> Samples:
    """The series that match every condition."""
    kept = tuple(series for series in samples.series if all(matches(one, series.labels) for one in where))
    return replace(samples, series=kept)


def joined(many: Sequence[Samples]) -> Samples | None:
    """Samples of several names of one metric as one: the first name's rows win where two have the same time."""
    return reduce(overlaid, reversed(many)) if many else None


def overlaid(before: Samples, after: Samples) -> Samples:
    """
    Both as one; where both have a row, the later one counts.

    Histograms get every edge that one of them has; NaN where a row does not have it.
    """
    if bool(before.edges) != bool(after.edges):
        return after
    edges, made, now = aligned(before, after)
    for labels, series in now.items():
        made[labels] = _continued(made[labels], series) if labels in made else series
    return replace(
        after,
        edges=edges,
        series=tuple(made[labels] for labels in sorted(made)),
        inputs=tuple(sorted({*before.inputs, *after.inputs})),
        engine=after.engine or before.engine,
    )


def aligned(before: Samples, after: Samples) -> tuple[tuple[float, ...], dict[Labels, Series], dict[Labels, Series]]:
    """Both sets of series by their labels, with the same columns."""
    edges = tuple(sorted({*before.edges, *after.edges}))
    old, new = (
        {series.key: _widened(series, samples.edges, edges) for series in samples.series} for samples in (before, after)
    )
    return edges, old, new


def _widened(series: Series, has: tuple[float, ...], edges: tuple[float, ...]) -> Series:
    if has == edges:
        return series
    values = np.full((len(series.times), len(edges) + 2), np.nan)
    values[:, [edges.index(edge) for edge in has] + [-2, -1]] = series.values
    return replace(series, values=values)


def _continued(old: Series, new: Series) -> Series:
    times = np.concatenate([new.times, old.times])
    times, first = np.unique(times, return_index=True)
    return replace(
        new,
        times=times,
        values=np.concatenate([new.values, old.values])[first],
        steps=np.concatenate([new.steps, old.steps])[first],
    )
