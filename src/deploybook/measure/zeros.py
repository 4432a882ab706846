"""`missing: zero`: a counter that appears only with its first event counts 0 where `up` shows that its target was there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..model import Matcher, Samples, Series
from .selected import matches


def with_zeros(name: str, samples: Samples | None, up: Samples | None, where: tuple[Matcher, ...]) -> Samples | None:
    """
    The counter with rows added wherever `up` is 1 and it has none: 0 before its first row, unchanged after it.

    A series belongs to the target with which it shares its labels (those that both have, `pod` say). A target
    without any series becomes a series of zeros; which targets belong to a counter that has no series at all, only
    the conditions of the metric can say, as far as `up` has their labels. Without `up` nothing is added.

    An export that was cut off looks the same as a counter that did not come back after a restart: who writes
    `missing: zero` says that it is the latter.
    """
    targets = [one for one in (up.series if up else ()) if _concerned(one, where)]
    if not targets:
        return samples
    series = []
    known = samples.series if samples else ()
    for one in known:
        mine = [target for target in targets if _same(one, target)]
        series.append(_filled(one, mine[0]) if mine else one)
    shared = {name for one in known for name in one.labels}
    for target in targets:
        if (not known or shared & set(target.labels)) and not any(_same(one, target) for one in known):
            series.append(_zeros(target))
    inputs = {*(samples.inputs if samples else ()), *(up.inputs if up else ())}
    base = samples or Samples(name=name, kind="counter")
    return replace(base, series=tuple(series), inputs=tuple(sorted(inputs)))


def _concerned(target: Series, where: tuple[Matcher, ...]) -> bool:
    return all(matches(one, target.labels) for one in where if one.label in target.labels)


def _same(series: Series, target: Series) -> bool:
    both = set(series.labels) & set(target.labels)
    return bool(both) and all(series.labels[name] == target.labels[name] for name in both)


def _zeros(target: Series) -> Series:
    there = target.values == 1
    times = target.times[there]
    return Series(labels=target.labels, times=times, values=np.zeros(len(times)), steps=target.steps[there])


def _filled(series: Series, target: Series) -> Series:
    there = target.values == 1
    times, steps = target.times[there], target.steps[there]
    before = np.searchsorted(series.times, times, side="right") - 1
    last = np.where(before >= 0, series.times[np.maximum(before, 0)], np.iinfo(np.int64).min // 2)
    absent = times - last > steps / 2  # a target's metrics have the time of its scrape, as `up` has
    values = np.where(before >= 0, series.values[np.maximum(before, 0)], 0.0)
    order = np.argsort(np.concatenate([series.times, times[absent]]), kind="stable")
    return Series(
        labels=series.labels,
        times=np.concatenate([series.times, times[absent]])[order],
        values=np.concatenate([series.values, values[absent]])[order],
        steps=np.concatenate([series.steps, steps[absent]])[order],
    )
