"""Series chosen by their labels, and the samples of several names of one metric joined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..model import Matcher, Samples, Series


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
    Samples of several names of one metric as one: the first name's rows win where two have the same time.

    Histograms get every edge that one of them has; NaN where a row does not have it.
    """
    if len(many) < 2:
        return many[0] if many else None
    edges = tuple(sorted({edge for samples in many for edge in samples.edges}))
    parts: dict[tuple[tuple[str, str], ...], list[Series]] = {}
    for samples in many:
        for series in samples.series:
            parts.setdefault(tuple(sorted(series.labels.items())), []).append(_widened(series, samples.edges, edges))
    return replace(
        many[0],
        edges=edges,
        series=tuple(_continued(parts[labels]) for labels in sorted(parts)),
        inputs=tuple(sorted({digest for samples in many for digest in samples.inputs})),
    )


def _widened(series: Series, has: tuple[float, ...], edges: tuple[float, ...]) -> Series:
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
    return Series(labels=parts[0].labels, times=times, values=values, steps=steps)
