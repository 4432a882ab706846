"""Series chosen by their labels, and samples joined: of several names of one metric, of an earlier and a later pull."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

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
    """
    Samples of one metric as one: where two have a row of the same time, that of the first counts.

    Histograms get every edge that one of them has; NaN where a row does not have it. What comes after one of the other
    kind, histogram or not, is left out.
    """
    alike = list(takewhile(lambda one: bool(one.edges) == bool(many[0].edges), many))
    if len(alike) < 2:
        return alike[0] if alike else None
    edges = tuple(sorted({edge for samples in alike for edge in samples.edges}))
    parts: dict[Labels, list[Series]] = {}
    for samples in alike:
        for series in samples.series:
            parts.setdefault(series.key, []).append(widened(series, samples.edges, edges))
    return replace(
        alike[0],
        edges=edges,
        series=tuple(_continued(parts[labels]) for labels in sorted(parts)),
        inputs=tuple(sorted({digest for samples in alike for digest in samples.inputs})),
        engine=next((one.engine for one in alike if one.engine), ""),
    )


def widened(series: Series, has: tuple[float, ...], edges: tuple[float, ...]) -> Series:
    """The series with a column for each of the edges; NaN where it has no such bucket."""
    if has == edges:
        return series
    values = np.full((len(series.times), len(edges) + 2), np.nan)
    values[:, [edges.index(edge) for edge in has] + [-2, -1]] = series.values
    return replace(series, values=values)


def _continued(parts: list[Series]) -> Series:
    if len(parts) == 1:
        return parts[0]
    times, first = np.unique(np.concatenate([part.times for part in parts]), return_index=True)
    values = np.concatenate([part.values for part in parts])[first]
    steps = np.concatenate([part.steps for part in parts])[first]
    return replace(parts[0], times=times, values=values, steps=steps)
